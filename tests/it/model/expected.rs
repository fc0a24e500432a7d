//! What the tables should say, by the reference: a line of text a row, as `tables` writes them.

use std::collections::BTreeMap;

use entity::Money;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::tables::sorted;
use crate::reference::{self, LineState, WithdrawalState, World};

/// What the tables should say.
pub fn expected(world: &World, now: i64, ids: &BTreeMap<String, Uuid>) -> BTreeMap<String, Vec<String>> {
    let lines = world.lines.iter().map(|line| {
        let kind = if line.reverses.is_some() { "REFUND" } else { "TOP_UP" };
        let state = match line.state {
            LineState::Earning => "EARNING",
            LineState::Held => "HELD",
            LineState::Rejected => "REJECTED",
            LineState::NotEarning => "NOT_EARNING",
        };
        format!(
            "{kind} {} of {:?}: {} with {}, occurred {} recorded {}, {} {} {} base {} rate of {} settled {:?} {state} {:?}",
            line.external_id, line.reverses, line.client, line.partner, line.occurred_at, line.recorded_at, line.amount,
            line.currency, line.kind, line.base, line.rate_period, line.settle_period, line.reason,
        )
    });
    let parked = world.parked.iter().map(|parked| {
        let status = match (parked.is_refused, parked.is_expired(now)) {
            (true, _) => "REFUSED",
            (_, true) => "EXPIRED",
            _ => "WAITING",
        };
        let kind = if parked.is_top_up() { "TOP_UP" } else { "REFUND" };
        format!(
            "{kind} {} of {} arrived {} {status}",
            parked.external_id(),
            parked.client(),
            parked.arrived_at
        )
    });
    let balances = world.codes.keys().map(|partner| {
        format!(
            "{partner}: available {} reserved {} carried {} credited {} paid {}",
            world.available(partner),
            world.reserved(partner),
            world.carried(partner),
            world.lifetime_credited(partner),
            world.lifetime_paid(partner),
        )
    });
    let ledger = world.codes.keys().flat_map(|partner| {
        world.movements_of(partner).enumerate().map(move |(place, movement)| {
            let (kind, available, reserved) =
                (movement.kind.word(), movement.available_after, movement.reserved_after);
            format!("{partner} {}: {kind} {} then {available} and {reserved}", place + 1, movement.amount)
        })
    });
    let standings =
        world.standings.iter().filter(|(_, standing)| standing.active_clients > 0 || standing.is_suspended);
    let standings = standings.map(|((period, partner), standing)| {
        let (tier, _, rate) = standing.tier;
        format!(
            "{period} {partner}: {} active {tier} {rate} {}",
            standing.active_clients, standing.is_suspended
        )
    });
    let mut previous: BTreeMap<&str, String> = BTreeMap::new();
    let statements = world.statements.iter().map(|row| {
        let digest = digest(row, ids[&row.partner], previous.get(row.partner.as_str()));
        previous.insert(&row.partner, digest.clone());
        format!(
            "{} {}: {} active {} {} {} top-ups {} {} in {} credited {} out {} {:?} closing {} {digest}",
            row.period,
            row.partner,
            row.active_clients,
            row.tier,
            row.rate,
            row.top_ups,
            row.base,
            row.commission,
            row.carried_in,
            row.credited,
            row.carried_out,
            row.reason,
            row.closing_balance,
        )
    });
    let statements = sorted(statements);
    let money = |name: &'static str, (place, row): (usize, &reference::Withdrawal)| {
        format!("{name} {:?}: {} {}", Some(place), row.amount, word(row.state))
    };
    let requested = world.withdrawals.iter().enumerate().map(|row| money("withdrawal", row));
    let moved = world.transfers.iter().enumerate().map(|row| money("service transfer", row));
    let referrals = world.referrals.iter().map(|referral| {
        let until = Some(referral.until).filter(|until| *until != i64::MAX);
        let (since, hold) = (referral.since.max(0), referral.hold);
        format!("{} with {} from {since} to {until:?} {hold:?}", referral.client, referral.partner)
    });
    [
        ("lines", sorted(lines)),
        ("parked facts", sorted(parked)),
        ("balances", sorted(balances)),
        ("ledger", sorted(ledger)),
        ("standings", sorted(standings)),
        ("statements", statements),
        ("withdrawals", sorted(requested.chain(moved))),
        ("referrals", sorted(referrals)),
    ]
    .map(|(name, rows)| (name.to_owned(), rows))
    .into()
}

/// Rule 21, by hand: the names are in the order of RFC 8785.
fn digest(row: &reference::Statement, partner: Uuid, previous: Option<&String>) -> String {
    let amount = |micros: i64| Money(micros).to_string();
    let quoted = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("\"{text}\""));
    let json = format!(
        "{{\"activeClients\":{},\"base\":\"{}\",\"carriedIn\":\"{}\",\"carriedOut\":\"{}\",\"carryReason\":{},\
         \"commission\":\"{}\",\"credited\":\"{}\",\"partnerId\":\"{partner}\",\"periodEnd\":\"{}\",\"periodStart\":\"{}\",\
         \"previousDigest\":{},\"rateBasisPoints\":{},\"topUpCount\":{}}}",
        row.active_clients,
        amount(row.base),
        amount(row.carried_in),
        amount(row.carried_out),
        quoted(row.reason),
        amount(row.commission),
        amount(row.credited),
        reference::next(row.period),
        row.period,
        quoted(previous.map(String::as_str)),
        row.rate,
        row.top_ups,
    );
    Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn word(state: WithdrawalState) -> &'static str {
    match state {
        WithdrawalState::Requested => "REQUESTED",
        WithdrawalState::Approved => "APPROVED",
        WithdrawalState::Paid => "PAID",
        WithdrawalState::Rejected => "REJECTED",
        WithdrawalState::Cancelled => "CANCELLED",
        WithdrawalState::Failed => "FAILED",
        WithdrawalState::Completed => "COMPLETED",
    }
}

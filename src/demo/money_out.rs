//! Money that leaves: partners who look at their balances, and what becomes of what they ask for.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    ContractStatus, DestinationKind, Moment, Money, Period, ServiceTransferStatus, WithdrawalStatus,
    contract, service_transfer, withdrawal,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::names;
use super::office::{Office, Today};
use super::people::People;
use super::world::{Habit, Lot, PartnerPlan};
use crate::config::SepaConfig;
use crate::domain::balance::Balance;
use crate::domain::payout::PayoutDestination;
use crate::services::error::ServiceError;
use crate::services::service_transfer::{self as transfers, RequestServiceTransfer};
use crate::services::withdrawal::{self as withdrawals, RequestWithdrawal};
use crate::services::{contract as contracts, ledger, payment_batch};

/// What a partner with less has nothing to think about.
const WORTH_A_CONTRACT: Money = Money::from_units(60);
const WORTH_A_TRANSFER: Money = Money::from_units(12);
/// As long as a period, so that there is always one that waits.
const LATE_DAYS: i64 = 15;

#[derive(Debug)]
pub enum MoneyAct {
    AskForContract {
        partner_id: Uuid,
    },
    Withdraw {
        partner_id: Uuid,
        asked: RequestWithdrawal,
    },
    MoveToService {
        partner_id: Uuid,
        asked: RequestServiceTransfer,
    },
    Cancel {
        partner_id: Uuid,
        id: Uuid,
    },
    Approve(Uuid),
    /// Gives the bank a file of all that is approved.
    MakePaymentFile,
    Reject(Uuid),
    MarkPaid(Uuid),
    MarkFailed(Uuid),
    CompleteTransfer(Uuid),
    FailTransfer(Uuid),
}

/// What becomes of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Approved,
    Rejected,
    Cancelled,
}

/// What is due of money on a day.
pub async fn due(
    office: &Office<'_>,
    people: &People,
    today: &Today,
    contracts: &[contract::Model],
) -> Result<Vec<(Moment, MoneyAct)>, ServiceError> {
    let mut acts = looks(office, people, today, contracts).await?;
    let open = withdrawal::Entity::find()
        .filter(withdrawal::Column::Status.is_in([WithdrawalStatus::Requested, WithdrawalStatus::Approved]))
        .order_by_asc(withdrawal::Column::Id)
        .all(office.app.db.reader())
        .await?;
    acts.extend(open.iter().filter_map(|open| step_of(office, people, today, open)));
    if today.is_working_day() && open.iter().any(waits_for_a_file) {
        acts.push((office.office_hour(today, "payment file"), MoneyAct::MakePaymentFile));
    }
    let moving = service_transfer::Entity::find()
        .filter(service_transfer::Column::Status.eq(ServiceTransferStatus::Requested))
        .order_by_asc(service_transfer::Column::Id)
        .all(office.app.db.reader())
        .await?;
    acts.extend(moving.iter().filter_map(|moving| booking_of(office, people, today, moving)));
    Ok(acts)
}

/// Partners look at their balances once a period, each on a day of his own.
async fn looks(
    office: &Office<'_>,
    people: &People,
    today: &Today,
    contracts: &[contract::Model],
) -> Result<Vec<(Moment, MoneyAct)>, ServiceError> {
    let period = Period::holding(today.day.to_date());
    let mut lookers = BTreeMap::new();
    for (number, partner_id) in people.all() {
        let Some(plan) = office.world.partners.get(number) else { continue };
        let mut chance = office.fate(&format!("look {} {period}", plan.account_id));
        let days = (today.day.to_date() - period.start()).num_days();
        if chance.between(0, 12) == days {
            lookers.insert(number, (plan, partner_id, chance.time_of_day(today.midnight)));
        }
    }
    let ids: BTreeSet<Uuid> = lookers.values().map(|(_, id, _)| *id).collect();
    let balances = ledger::balances(office.app.db.reader(), &ids).await?;
    let mut acts = Vec::new();
    for (plan, partner_id, at) in lookers.into_values() {
        let contract = contracts.iter().find(|contract| contract.partner_id == partner_id);
        let status = contract.map_or(ContractStatus::None, |contract| contract.status);
        let Some(balance) = balances.get(&partner_id).map(|held| held.balance) else { continue };
        acts.extend(wish(office, plan, partner_id, status, balance, today)?.map(|act| (at, act)));
    }
    Ok(acts)
}

fn wish(
    office: &Office<'_>,
    plan: &PartnerPlan,
    partner_id: Uuid,
    contract: ContractStatus,
    balance: Balance,
    today: &Today,
) -> Result<Option<MoneyAct>, ServiceError> {
    let mut chance = office.fate(&format!("wish {} {}", plan.account_id, today.day));
    let pays_out = match plan.habit {
        Habit::Withdraws { above } => Some(above),
        Habit::Both => chance.percent(60).then_some(office.app.terms.withdrawal_threshold),
        Habit::MovesToService | Habit::Saves => None,
    };
    let available = balance.available;
    let key = format!("{}-{}", plan.account_id, today.day);
    if let Some(above) = pays_out {
        return Ok(match contract {
            ContractStatus::None if available > WORTH_A_CONTRACT => {
                Some(MoneyAct::AskForContract { partner_id })
            }
            ContractStatus::Active if available > above => {
                let round = Money::from_units(available.0 / 50_000_000 * 50);
                let amount = chance.percent(30).then_some(round);
                let destination = destination(office, plan)?;
                let asked = RequestWithdrawal {
                    amount,
                    destination,
                    idempotency_key: key,
                    only_known_destination: false,
                };
                Some(MoneyAct::Withdraw { partner_id, asked })
            }
            _ => None,
        });
    }
    if plan.habit == Habit::Saves || available < WORTH_A_TRANSFER {
        return Ok(None);
    }
    let amount = if chance.percent(50) { available } else { Money(available.0 / 2) };
    let asked = RequestServiceTransfer { amount: amount.truncate_to(0), idempotency_key: key };
    Ok(Some(MoneyAct::MoveToService { partner_id, asked }))
}

/// Where a partner has his money sent, always the same.
fn destination(office: &Office<'_>, plan: &PartnerPlan) -> Result<PayoutDestination, ServiceError> {
    let mut chance = office.fate(&format!("bank of {}", plan.account_id));
    let holder = chance.one(&names::HOLDERS);
    let destination = match chance.percent(80) {
        true => PayoutDestination::bank_transfer(&german_iban(chance.between(1, 9_999_999_999)), holder),
        false => PayoutDestination::paypal(&format!("{}@example.com", plan.account_id)),
    };
    destination.map_err(|invalid| ServiceError::Refused(invalid.into()))
}

/// An IBAN of a bank that does not exist, with its check digits: 98 less the number modulo 97 (ISO 7064).
fn german_iban(account: i64) -> String {
    let bban = format!("99999999{account:010}");
    // D is 13 and E is 14; the check digits count as 00.
    let remainder =
        format!("{bban}131400").bytes().fold(0, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
    format!("DE{:02}{bban}", 98 - remainder)
}

/// The provider's own account, of a bank that does not exist.
pub fn payer() -> SepaConfig {
    SepaConfig {
        debtor_name: Some("Example Telephony".to_owned()),
        debtor_iban: Some(german_iban(1)),
        debtor_bic: None,
    }
}

/// A bank transfer is paid by a file.
fn waits_for_a_file(open: &withdrawal::Model) -> bool {
    open.status == WithdrawalStatus::Approved
        && open.destination_kind == DestinationKind::BankTransfer
        && open.payment_batch_id.is_none()
}

fn step_of(
    office: &Office<'_>,
    people: &People,
    today: &Today,
    open: &withdrawal::Model,
) -> Option<(Moment, MoneyAct)> {
    let name = people.name(office.world, open.partner_id);
    let asked_on = office.app.terms.calendar.day_of(open.requested_at);
    let mut fate = office.fate(&format!("withdrawal of {name} on {asked_on}"));
    let mut decided_after = fate.weighted(&[(1, 35), (2, 30), (4, 20), (8, 10), (18, 5)]);
    let verdict = fate.weighted(&[(Verdict::Approved, 86), (Verdict::Rejected, 7), (Verdict::Cancelled, 7)]);
    let mut paid_after = fate.weighted(&[(1, 40), (3, 40), (6, 20)]);
    match people.lot(office.world, open.partner_id) {
        Lot::DecidedLate => decided_after = LATE_DAYS,
        Lot::PaidLate => paid_after = LATE_DAYS,
        Lot::Ordinary | Lot::NeverOffered | Lot::NeverAccepts => {}
    }
    let is_paid = fate.percent(92);
    let at = office.office_hour(today, &format!("{name} {asked_on}"));
    let waited = |since: Moment, days: i64| since < at && today.days_since(office.app, since) >= days;
    let act = match (open.status, open.decided_at) {
        (WithdrawalStatus::Requested, _) if waited(open.requested_at, decided_after) => match verdict {
            Verdict::Approved => MoneyAct::Approve(open.id),
            Verdict::Rejected => MoneyAct::Reject(open.id),
            Verdict::Cancelled => MoneyAct::Cancel { partner_id: open.partner_id, id: open.id },
        },
        (WithdrawalStatus::Approved, Some(decided_at))
            if waited(decided_at, paid_after) && !waits_for_a_file(open) =>
        {
            if is_paid {
                MoneyAct::MarkPaid(open.id)
            } else {
                MoneyAct::MarkFailed(open.id)
            }
        }
        _ => return None,
    };
    today.is_working_day().then_some((at, act))
}

/// The provider's billing books most of them at once.
fn booking_of(
    office: &Office<'_>,
    people: &People,
    today: &Today,
    moving: &service_transfer::Model,
) -> Option<(Moment, MoneyAct)> {
    let name = people.name(office.world, moving.partner_id);
    let mut fate = office.fate(&format!("transfer of {name} at {}", moving.requested_at));
    let fails = fate.percent(4);
    let at = fate.office_hour(today.midnight);
    let is_due = moving.requested_at < at && today.days_since(office.app, moving.requested_at) >= 1;
    let act = if fails { MoneyAct::FailTransfer(moving.id) } else { MoneyAct::CompleteTransfer(moving.id) };
    is_due.then_some((at, act))
}

/// Does it.
pub async fn perform(office: &Office<'_>, act: MoneyAct) -> Result<(), ServiceError> {
    let (app, finance) = (office.app, &office.finance);
    match act {
        MoneyAct::AskForContract { partner_id } => {
            let words = "I would like to have my commission paid out. Please send me the contract.";
            contracts::request(app, partner_id, Some(words)).await?;
        }
        MoneyAct::Withdraw { partner_id, asked } => {
            withdrawals::request(app, partner_id, &asked).await?;
        }
        MoneyAct::MoveToService { partner_id, asked } => {
            transfers::request(app, partner_id, &asked).await?;
        }
        MoneyAct::Cancel { partner_id, id } => {
            withdrawals::cancel(app, partner_id, id).await?;
        }
        MoneyAct::Approve(id) => {
            withdrawals::approve(app, finance, id, None).await?;
        }
        MoneyAct::MakePaymentFile => {
            payment_batch::make(app, finance).await?;
        }
        MoneyAct::Reject(id) => {
            withdrawals::reject(app, finance, id, Some("The account's holder is not the partner.")).await?;
        }
        MoneyAct::MarkPaid(id) => {
            withdrawals::mark_paid(app, finance, id, &Office::reference(id)).await?;
        }
        MoneyAct::MarkFailed(id) => {
            withdrawals::mark_failed(app, finance, id, Some("AC04: the account is closed.")).await?;
        }
        MoneyAct::CompleteTransfer(id) => {
            transfers::complete(app, id).await?;
        }
        MoneyAct::FailTransfer(id) => {
            transfers::fail(app, id, "The account's calls are blocked.").await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_of_the_world_is_one() {
        for account in [1, 42, 1_234_567_890, 9_999_999_999] {
            let iban = german_iban(account);
            assert!(PayoutDestination::bank_transfer(&iban, "Jana Weber").is_ok(), "{iban}");
        }
    }
}

//! Records refunds: each takes back part of one top-up, at the rate of its line (rule 13).

use std::collections::{BTreeSet, HashMap};

use entity::{LineKind, ParkedStatus, Period, line};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::client::{self, Client};
use super::error::{ServiceError, retrying};
use super::line::{KnownLine, NewLines, Recording};
use super::parked_fact::{self, Parked};
use super::top_up::{FactOutcome, next_round};
use super::{line as lines, lock};
use crate::app::App;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::refund::{RefundedTopUp, take_back};
use crate::domain::settlement_period::refund_settle_period;
use crate::domain::top_up::{FactLimits, RefundFact, check_refund_amount, validate_refund};

/// Records a batch in one transaction; the outcomes are in the order of the facts.
pub async fn record(app: &App, facts: &[RefundFact]) -> Result<Vec<FactOutcome>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let outcomes = record_in(app, &tx, facts).await?;
        tx.commit().await?;
        Ok(outcomes)
    })
    .await
}

/// The same fact twice in a batch is judged in a second round, when the first is on record.
async fn record_in(
    app: &App,
    tx: &DatabaseTransaction,
    facts: &[RefundFact],
) -> Result<Vec<FactOutcome>, ServiceError> {
    let limits = FactLimits { starts_at: app.terms.starts_at, now: app.clock.now() };
    let mut outcomes: Vec<Option<FactOutcome>> = facts
        .iter()
        .map(|fact| validate_refund(fact, &limits).err().map(|invalid| FactOutcome::Refused(invalid.into())))
        .collect();
    lock::period_shared(tx).await?;
    loop {
        let keys = facts.iter().map(|fact| (fact.source.as_str(), fact.external_id.as_str()));
        let round = next_round(keys, &outcomes);
        if round.is_empty() {
            break;
        }
        let sent: Vec<&RefundFact> = round.iter().map(|index| &facts[*index]).collect();
        let decided = record_round(app, tx, &sent).await?;
        for (index, outcome) in round.into_iter().zip(decided) {
            outcomes[index] = Some(outcome);
        }
    }
    Ok(outcomes.into_iter().flatten().collect())
}

/// What is known when refunds are judged; read under the locks.
struct Known {
    clients: HashMap<String, Client>,
    lines: HashMap<(String, String), KnownLine>,
    parked: HashMap<(String, String), Parked>,
    top_ups: HashMap<(String, String), KnownLine>,
    refunded: Refunded,
}

/// What is taken back of each top-up so far, with the latest settle period of its refunds.
type Refunded = HashMap<Uuid, (RefundedTopUp, Option<Period>)>;

async fn record_round(
    app: &App,
    tx: &DatabaseTransaction,
    facts: &[&RefundFact],
) -> Result<Vec<FactOutcome>, ServiceError> {
    let (recording, mut known) = load(app, tx, facts).await?;
    let mut new = NewLines::default();
    let mut parked = Vec::new();
    let mut outcomes = Vec::with_capacity(facts.len());
    for fact in facts {
        outcomes.push(decide(&recording, &mut known, &mut new, &mut parked, fact));
    }
    let keys = facts.iter().map(|fact| (fact.source.as_str(), fact.external_id.as_str()));
    parked_fact::supersede(tx, &known.parked, keys, &outcomes, recording.now).await?;
    parked_fact::park(tx, &parked).await?;
    new.write(&recording, tx).await?;
    Ok(outcomes)
}

async fn load<'a>(
    app: &'a App,
    tx: &DatabaseTransaction,
    facts: &[&RefundFact],
) -> Result<(Recording<'a>, Known), ServiceError> {
    let top_up_keys = || facts.iter().map(|fact| (fact.source.as_str(), fact.top_up_external_id.as_str()));
    let unlocked = lines::find_by_key(tx, LineKind::TopUp, top_up_keys()).await?;
    let account_ids: BTreeSet<&str> = facts.iter().map(|fact| fact.client_id.as_str()).collect();
    let mut clients = client::find(app, tx, &account_ids).await?;
    let unreported: BTreeSet<&str> = facts
        .iter()
        .filter(|fact| !unlocked.contains_key(&(fact.source.clone(), fact.top_up_external_id.clone())))
        .map(|fact| fact.client_id.as_str())
        .filter(|id| clients.get(*id).is_none_or(|client| client.registered_at.is_none()))
        .collect();
    clients.extend(client::lock_unreported(app, tx, &unreported).await?);
    let mut partner_ids: BTreeSet<Uuid> = clients.values().flat_map(Client::partner_ids).collect();
    // A top-up may lie with a partner the client has no longer.
    partner_ids.extend(unlocked.values().map(|top_up| top_up.line.partner_id));
    lock::partners(tx, &partner_ids).await?;
    let keys = || facts.iter().map(|fact| (fact.source.as_str(), fact.external_id.as_str()));
    let top_ups = lines::find_by_key(tx, LineKind::TopUp, top_up_keys()).await?;
    let refunded =
        lines::refunded(tx, &top_ups.values().map(|known| &known.line).collect::<Vec<_>>()).await?;
    let known = Known {
        clients,
        lines: lines::find_by_key(tx, LineKind::Refund, keys()).await?,
        parked: parked_fact::find_by_key(tx, LineKind::Refund, keys()).await?,
        top_ups,
        refunded,
    };
    Ok((Recording::begin(app, tx).await?, known))
}

fn decide(
    recording: &Recording<'_>,
    known: &mut Known,
    new: &mut NewLines,
    parked: &mut Vec<Parked>,
    fact: &RefundFact,
) -> FactOutcome {
    let key = (fact.source.clone(), fact.external_id.clone());
    let top_up = known.top_ups.get(&(fact.source.clone(), fact.top_up_external_id.clone()));
    let client = known.clients.get(&fact.client_id);
    let account_id = client.map(|client| client.id);
    if let Some(on_record) = known.lines.get(&key) {
        let line = &on_record.line;
        let is_same = account_id == Some(on_record.account_id)
            && line.reverses == top_up.map(|top_up| top_up.line.id)
            && line.amount == fact.amount
            && line.occurred_at == fact.occurred_at;
        return match is_same {
            true => FactOutcome::Replayed(line.clone()),
            false => FactOutcome::Refused(Refusal::Conflict { what: "a refund" }),
        };
    }
    if let Some(waiting) = known.parked.get(&key).filter(|parked| parked.is_waiting(recording.now)) {
        return match account_id == Some(waiting.account_id) && waiting.is_refund(fact) {
            true => FactOutcome::Parked,
            false => FactOutcome::Refused(Refusal::Conflict { what: "a refund" }),
        };
    }
    match (top_up, client) {
        (Some(top_up), _) if account_id != Some(top_up.account_id) => {
            FactOutcome::Refused(Invalid::new("clientId", "is not the client of the top-up").into())
        }
        (Some(top_up), _) => {
            let arrived = Parked::refund(recording, top_up.account_id, fact);
            match refund_line(recording, &mut known.refunded, top_up, &arrived) {
                Ok((line, full)) => {
                    new.push_refund(line.clone(), full.map(|period| (&top_up.line, period)));
                    FactOutcome::Recorded(line)
                }
                Err(refusal) => FactOutcome::Refused(refusal),
            }
        }
        (None, Some(client)) if !client.is_direct() => {
            parked.push(Parked::refund(recording, client.id, fact));
            FactOutcome::Parked
        }
        (None, _) => FactOutcome::NotReferred,
    }
}

/// The line of a refund, and the period in which its top-up is taken back if this makes it full; counts it among what
/// is refunded.
fn refund_line(
    recording: &Recording<'_>,
    refunded: &mut Refunded,
    top_up: &KnownLine,
    fact: &Parked,
) -> Result<(line::Model, Option<Period>), Refusal> {
    if top_up.account_id != fact.account_id {
        return Err(Invalid::new("clientId", "is not the client of the top-up").into());
    }
    let top_up = &top_up.line;
    check_refund_amount(fact.amount, &top_up.currency)?;
    let Some((so_far, last)) = refunded.get_mut(&top_up.id) else {
        return Err(Refusal::NotFound { what: "top-up" });
    };
    let taken_back = take_back(so_far, fact.amount, fact.occurred_at, recording.app.terms.minor_units)?;
    let mut line = line::Model {
        id: recording.app.clock.new_id(),
        kind: LineKind::Refund,
        source: fact.source.clone(),
        external_id: fact.external_id.clone(),
        reverses: Some(top_up.id),
        occurred_at: fact.occurred_at,
        recorded_at: recording.now,
        amount: fact.amount,
        base: taken_back.base,
        settle_period: None,
        checksum: 0,
        released_at: None,
        ..top_up.clone()
    };
    if let Some(settled_in) = top_up.settle_period {
        let occurred_in = recording.period_of(fact.occurred_at);
        line.settle_period =
            Some(refund_settle_period(occurred_in, recording.progress.after_last_closed(), settled_in));
    }
    line.checksum = lines::checksum(&line);
    so_far.refunded = so_far.refunded.checked_add(fact.amount).unwrap_or(so_far.amount);
    so_far.refunded_base = so_far.refunded_base.checked_sub(taken_back.base).unwrap_or(so_far.base);
    *last = (*last).max(line.settle_period);
    let full = line.settle_period.and(*last).filter(|_| taken_back.is_full);
    Ok((line, full))
}

/// Attaches the refunds that waited for these top-ups, in order; one that no longer fits is kept as REFUSED (rule 12).
pub async fn attach_parked(
    recording: &Recording<'_>,
    tx: &DatabaseTransaction,
    top_ups: &[line::Model],
) -> Result<(), ServiceError> {
    let keys = || top_ups.iter().map(|line| (line.source.as_str(), line.external_id.as_str()));
    let waiting = parked_fact::refunds_of(tx, keys(), recording.now).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let known = lines::find_by_key(tx, LineKind::TopUp, keys()).await?;
    let mut refunded =
        lines::refunded(tx, &known.values().map(|known| &known.line).collect::<Vec<_>>()).await?;
    let mut new = NewLines::default();
    let mut refused = Vec::new();
    let mut attached = Vec::new();
    for fact in waiting {
        let key = (fact.source.clone(), fact.top_up_external_id.clone().unwrap_or_default());
        let Some(top_up) = known.get(&key) else { continue };
        match refund_line(recording, &mut refunded, top_up, &fact) {
            Ok((line, full)) => {
                attached.push(fact.id);
                new.push_refund(line, full.map(|period| (&top_up.line, period)));
            }
            Err(refusal) => {
                let reason = Some(refusal.to_string());
                refused.push(Parked { status: ParkedStatus::Refused, reason, ..fact });
            }
        }
    }
    parked_fact::park(tx, &refused).await?;
    parked_fact::remove(tx, attached.into_iter()).await?;
    new.write(recording, tx).await
}

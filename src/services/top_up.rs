//! Records top-ups: each known by (source, external id) and recorded once, whatever is sent (rules 11 and 12).

mod shared;

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{LineKind, LineReason, TopUpKind, line};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::client::{self, Client, Referral};
use super::error::{ServiceError, retrying};
use super::exchange_rate::RateBook;
use super::line::{KnownLine, NewLines, Recording};
use super::lock::LockedPartner;
use super::parked_fact::{self, Parked};
use super::{fingerprint, line as lines, lock, refund};
use crate::app::App;
use crate::domain::error::Refusal;
use crate::domain::settlement_period::settle_period;
use crate::domain::top_up::{FactLimits, TopUpFact, state_of, validate_top_up};

pub use shared::record_shared;

/// What became of a top-up or refund that was sent, in the interface's words.
#[derive(Clone, Debug)]
pub enum FactOutcome {
    Recorded(line::Model),
    Replayed(line::Model),
    NotReferred,
    Parked,
    Refused(Refusal),
}

/// Records a batch in one transaction; the outcomes are in the order of the facts.
pub async fn record(app: &App, facts: &[TopUpFact]) -> Result<Vec<FactOutcome>, ServiceError> {
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
    facts: &[TopUpFact],
) -> Result<Vec<FactOutcome>, ServiceError> {
    let limits = FactLimits { starts_at: app.terms.starts_at, now: app.clock.now() };
    let mut outcomes: Vec<Option<FactOutcome>> = facts
        .iter()
        .map(|fact| validate_top_up(fact, &limits).err().map(|invalid| FactOutcome::Refused(invalid.into())))
        .collect();
    lock::period_shared(tx).await?;
    loop {
        let keys = facts.iter().map(|fact| (fact.source.as_str(), fact.external_id.as_str()));
        let round = next_round(keys, &outcomes);
        if round.is_empty() {
            break;
        }
        let sent: Vec<&TopUpFact> = round.iter().map(|index| &facts[*index]).collect();
        let decided = record_round(app, tx, &sent).await?;
        for (index, outcome) in round.into_iter().zip(decided) {
            outcomes[index] = Some(outcome);
        }
    }
    Ok(outcomes.into_iter().flatten().collect())
}

/// The facts to be judged next: of those without an outcome the first under each key.
pub(super) fn next_round<'a>(
    keys: impl Iterator<Item = (&'a str, &'a str)>,
    outcomes: &[Option<FactOutcome>],
) -> Vec<usize> {
    let mut seen = HashSet::new();
    let open = keys.enumerate().filter(|(index, _)| outcomes[*index].is_none());
    open.filter(|(_, key)| seen.insert(*key)).map(|(index, _)| index).collect()
}

/// What is known when facts are judged; read under the locks.
struct Known {
    clients: HashMap<String, Client>,
    partners: HashMap<Uuid, LockedPartner>,
    lines: HashMap<(String, String), KnownLine>,
    parked: HashMap<(String, String), Parked>,
    rates: RateBook,
    /// The (referral, hash) where the partner's own account is known by that payment instrument (rule 7).
    shared_instruments: HashSet<(Uuid, String)>,
}

async fn record_round(
    app: &App,
    tx: &DatabaseTransaction,
    facts: &[&TopUpFact],
) -> Result<Vec<FactOutcome>, ServiceError> {
    let (recording, known) = load(app, tx, facts).await?;
    let mut new = NewLines::default();
    let mut parked = Vec::new();
    // From the match on (rule 7): the lines after it in this batch too, and only where it came to a line.
    let mut held = HashSet::new();
    let outcomes: Vec<FactOutcome> = facts
        .iter()
        .map(|fact| {
            let decided = decide(&recording, &known, &mut held, fact);
            match decided {
                Decision::Known(outcome) => outcome,
                Decision::Line(line) => {
                    new.push_top_up(line.clone());
                    FactOutcome::Recorded(line)
                }
                Decision::Park(fact) => {
                    parked.push(fact);
                    FactOutcome::Parked
                }
            }
        })
        .collect();
    fingerprint::keep(tx, &recording, instruments(facts, &known, &outcomes)).await?;
    fingerprint::hold(tx, &held, LineReason::SharedPaymentInstrument).await?;
    let keys = facts.iter().map(|fact| (fact.source.as_str(), fact.external_id.as_str()));
    parked_fact::supersede(tx, &known.parked, keys, &outcomes, recording.now).await?;
    parked_fact::park(tx, &parked).await?;
    write(&recording, tx, new).await?;
    Ok(outcomes)
}

/// Writes top-ups, then the refunds that waited for them.
pub async fn write(
    recording: &Recording<'_>,
    tx: &DatabaseTransaction,
    new: NewLines,
) -> Result<(), ServiceError> {
    new.write(recording, tx).await?;
    refund::attach_parked(recording, tx, &new.lines).await
}

async fn load<'a>(
    app: &'a App,
    tx: &DatabaseTransaction,
    facts: &[&TopUpFact],
) -> Result<(Recording<'a>, Known), ServiceError> {
    let account_ids: BTreeSet<&str> = facts.iter().map(|fact| fact.client_id.as_str()).collect();
    let mut clients = client::find(app, tx, &account_ids).await?;
    let rates =
        RateBook::load(tx, &app.terms, facts.iter().map(|fact| (fact.currency.as_str(), fact.occurred_at)))
            .await?;
    let unreported: BTreeSet<&str> = facts
        .iter()
        .filter(|fact| clients.get(&fact.client_id).is_none_or(|client| client.registered_at.is_none()))
        .filter(|fact| rates.base_of(&app.terms, fact.amount, &fact.currency, fact.occurred_at).is_ok())
        .map(|fact| fact.client_id.as_str())
        .collect();
    clients.extend(client::lock_unreported(app, tx, &unreported).await?);
    let partner_ids = clients.values().flat_map(Client::partner_ids).collect();
    let partners = lock::partners(tx, &partner_ids).await?;
    let keys = || facts.iter().map(|fact| (fact.source.as_str(), fact.external_id.as_str()));
    let lines = lines::find_by_key(tx, LineKind::TopUp, keys()).await?;
    let parked = parked_fact::find_by_key(tx, LineKind::TopUp, keys()).await?;
    let hashes = facts.iter().filter_map(|fact| {
        let hash = fact.payment_instrument_hash.as_deref()?;
        let referral = clients.get(&fact.client_id)?.referral_at(fact.occurred_at)?;
        Some((referral.id, partners.get(&referral.partner_id)?.account_id, hash))
    });
    let shared_instruments = fingerprint::shared(tx, hashes).await?;
    let recording = Recording::begin(app, tx).await?;
    Ok((recording, Known { clients, partners, lines, parked, rates, shared_instruments }))
}

enum Decision {
    Known(FactOutcome),
    Line(line::Model),
    Park(Parked),
}

fn decide(recording: &Recording<'_>, known: &Known, held: &mut HashSet<Uuid>, fact: &TopUpFact) -> Decision {
    let key = (fact.source.clone(), fact.external_id.clone());
    let client = known.clients.get(&fact.client_id);
    if let Some(on_record) = known.lines.get(&key) {
        let is_same = client.is_some_and(|client| client.id == on_record.account_id)
            && is_same_payment(fact, &on_record.line);
        return Decision::Known(match is_same {
            true => FactOutcome::Replayed(on_record.line.clone()),
            false => FactOutcome::Refused(Refusal::Conflict { what: "a top-up" }),
        });
    }
    if let Some(parked) = known.parked.get(&key).filter(|parked| parked.is_waiting(recording.now)) {
        let is_same = client.is_some_and(|client| client.id == parked.account_id) && parked.is_top_up(fact);
        return Decision::Known(match is_same {
            true => FactOutcome::Parked,
            false => FactOutcome::Refused(Refusal::Conflict { what: "a top-up" }),
        });
    }
    let is_reported = client.is_some_and(|client| client.registered_at.is_some());
    let referral = client.and_then(|client| client.referral_at(fact.occurred_at));
    if is_reported && referral.is_none() {
        return Decision::Known(FactOutcome::NotReferred);
    }
    let terms = &recording.app.terms;
    let (base, rate) = match known.rates.base_of(terms, fact.amount, &fact.currency, fact.occurred_at) {
        Ok(converted) => converted,
        Err(refusal) => return Decision::Known(FactOutcome::Refused(refusal)),
    };
    let Some(client) = client else {
        return Decision::Known(FactOutcome::Refused(Refusal::NotFound { what: "client" }));
    };
    let arrived = Parked::top_up(recording, client.id, fact, base, rate);
    match referral {
        Some(referral) if is_reported => {
            if shares_instrument(known, referral, fact) {
                held.insert(referral.id);
            }
            let shares = held.contains(&referral.id);
            let is_suspended =
                known.partners.get(&referral.partner_id).is_some_and(LockedPartner::is_suspended);
            Decision::Line(line_of(recording, &arrived, referral, is_suspended, shares))
        }
        _ => Decision::Park(arrived),
    }
}

fn shares_instrument(known: &Known, referral: &Referral, fact: &TopUpFact) -> bool {
    let hash = fact.payment_instrument_hash.as_ref();
    hash.is_some_and(|hash| known.shared_instruments.contains(&(referral.id, hash.clone())))
}

fn is_same_payment(fact: &TopUpFact, line: &line::Model) -> bool {
    line.amount == fact.amount
        && line.currency == fact.currency
        && line.top_up_kind == fact.kind
        && line.occurred_at == fact.occurred_at
}

/// The line of a top-up whose client is reported; its rate and base were fixed when it arrived (rules 10, 12).
pub fn line_of(
    recording: &Recording<'_>,
    fact: &Parked,
    referral: &Referral,
    is_suspended: bool,
    shares_instrument: bool,
) -> line::Model {
    let hold = match shares_instrument {
        true => Some(LineReason::SharedPaymentInstrument),
        false => referral.hold_reason,
    };
    let top_up_kind = fact.top_up_kind.unwrap_or(TopUpKind::Purchase);
    let (state, reason) = state_of(top_up_kind, is_suspended, hold);
    let occurred_in = recording.period_of(fact.occurred_at);
    let mut line = line::Model {
        id: recording.app.clock.new_id(),
        kind: LineKind::TopUp,
        source: fact.source.clone(),
        external_id: fact.external_id.clone(),
        partner_id: referral.partner_id,
        referral_id: referral.id,
        reverses: None,
        top_up_kind,
        occurred_at: fact.occurred_at,
        recorded_at: recording.now,
        amount: fact.amount,
        currency: fact.currency.clone().unwrap_or_default(),
        exchange_rate: fact.exchange_rate.as_ref().map(|rate| rate.rate.to_string()),
        rate_published_on: fact.exchange_rate.as_ref().map(|rate| rate.published_on),
        base: fact.base,
        rate_period: occurred_in,
        settle_period: None,
        state,
        reason,
        checksum: 0,
        released_at: None,
    };
    if lines::is_earning(&line) {
        line.settle_period = Some(settle_period(occurred_in, recording.progress.after_last_closed()));
    }
    line.checksum = lines::checksum(&line);
    line
}

/// The payment instruments of accounts whose top-ups were taken in (rule 7: DIRECT ones included).
fn instruments<'a>(facts: &[&'a TopUpFact], known: &Known, outcomes: &[FactOutcome]) -> Vec<(Uuid, &'a str)> {
    let kept = facts
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| !matches!(outcome, FactOutcome::Refused(_) | FactOutcome::Replayed(_)));
    kept.filter_map(|(fact, _)| {
        Some((known.clients.get(&fact.client_id)?.id, fact.payment_instrument_hash.as_deref()?))
    })
    .collect()
}

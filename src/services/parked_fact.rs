//! Facts that wait for what they belong to (rule 12): a top-up for its account, a refund for its top-up.

use std::collections::HashMap;

use entity::{Day, LineKind, Moment, Money, ParkedStatus, TopUpKind, parked_fact};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::line::Recording;
use super::top_up::FactOutcome;
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::exchange::ExchangeRate;
use crate::domain::top_up::{RefundFact, TopUpFact};

/// What is parked for so long after its arrival expires (rule 12).
pub const EXPIRES_AFTER_DAYS: i64 = 45;

/// A fact as it waits; a top-up's rate and base are fixed on arrival.
#[derive(Clone, Debug)]
pub struct Parked {
    pub id: Uuid,
    pub kind: LineKind,
    pub source: String,
    pub external_id: String,
    pub account_id: Uuid,
    pub top_up_external_id: Option<String>,
    pub top_up_kind: Option<TopUpKind>,
    pub occurred_at: Moment,
    pub amount: Money,
    pub currency: Option<String>,
    pub exchange_rate: Option<ExchangeRate>,
    /// Zero for a refund, whose base follows from its top-up.
    pub base: Money,
    pub arrived_at: Moment,
    pub status: ParkedStatus,
    pub reason: Option<String>,
}

impl Parked {
    pub fn top_up(
        recording: &Recording<'_>,
        account_id: Uuid,
        fact: &TopUpFact,
        base: Money,
        exchange_rate: Option<ExchangeRate>,
    ) -> Parked {
        Parked {
            id: recording.app.clock.new_id(),
            kind: LineKind::TopUp,
            source: fact.source.clone(),
            external_id: fact.external_id.clone(),
            account_id,
            top_up_external_id: None,
            top_up_kind: Some(fact.kind),
            occurred_at: fact.occurred_at,
            amount: fact.amount,
            currency: Some(fact.currency.clone()),
            exchange_rate,
            base,
            arrived_at: recording.now,
            status: ParkedStatus::Waiting,
            reason: None,
        }
    }

    pub fn refund(recording: &Recording<'_>, account_id: Uuid, fact: &RefundFact) -> Parked {
        Parked {
            id: recording.app.clock.new_id(),
            kind: LineKind::Refund,
            source: fact.source.clone(),
            external_id: fact.external_id.clone(),
            account_id,
            top_up_external_id: Some(fact.top_up_external_id.clone()),
            top_up_kind: None,
            occurred_at: fact.occurred_at,
            amount: fact.amount,
            currency: None,
            exchange_rate: None,
            base: Money::ZERO,
            arrived_at: recording.now,
            status: ParkedStatus::Waiting,
            reason: None,
        }
    }

    /// Whether it still waits: neither refused nor past its time, swept or not.
    pub fn is_waiting(&self, now: Moment) -> bool {
        self.status == ParkedStatus::Waiting && self.arrived_at > expiry(now)
    }

    /// Whether the same top-up was sent again, its client apart.
    pub fn is_top_up(&self, fact: &TopUpFact) -> bool {
        self.top_up_kind == Some(fact.kind)
            && self.occurred_at == fact.occurred_at
            && self.amount == fact.amount
            && self.currency.as_deref() == Some(fact.currency.as_str())
    }

    /// Whether the same refund was sent again, its client apart.
    pub fn is_refund(&self, fact: &RefundFact) -> bool {
        self.top_up_external_id.as_deref() == Some(fact.top_up_external_id.as_str())
            && self.occurred_at == fact.occurred_at
            && self.amount == fact.amount
    }
}

/// What arrived at this moment or before has expired.
fn expiry(now: Moment) -> Moment {
    now.minus(chrono::Duration::days(EXPIRES_AFTER_DAYS))
}

fn read(row: &QueryResult) -> Result<Parked, DbErr> {
    let row = parked_fact::Model::from_query_result(row, "")?;
    let exchange_rate = row.exchange_rate.zip(row.rate_published_on).map(|(rate, published_on)| {
        ExchangeRate { rate: rate.parse().unwrap_or_default(), published_on: Day(published_on.0) }
    });
    Ok(Parked {
        id: row.id,
        kind: row.kind,
        source: row.source,
        external_id: row.external_id,
        account_id: row.account_id,
        top_up_external_id: row.top_up_external_id,
        top_up_kind: row.top_up_kind,
        occurred_at: row.occurred_at,
        amount: row.amount,
        currency: row.currency,
        exchange_rate,
        base: row.base.unwrap_or(Money::ZERO),
        arrived_at: row.arrived_at,
        status: row.status,
        reason: row.reason,
    })
}

/// What is on record as parked under (source, external id), whatever became of it.
pub async fn find_by_key(
    db: &impl ConnectionTrait,
    kind: LineKind,
    keys: impl Iterator<Item = (&str, &str)>,
) -> Result<HashMap<(String, String), Parked>, DbErr> {
    let mut rows = Rows::new(&[("source", Column::Text), ("external_id", Column::Text)]);
    keys.for_each(|(source, external_id)| rows.push([source.into(), external_id.into()]));
    let sql = "WITH {rows} SELECT f.* FROM v CROSS JOIN parked_fact f \
               WHERE f.kind = $1 AND f.source = v.source AND f.external_id = v.external_id";
    let found = rows.query(db, sql, vec![<&str>::from(kind).into()]).await?;
    found
        .iter()
        .map(|row| {
            let parked = read(row)?;
            Ok(((parked.source.clone(), parked.external_id.clone()), parked))
        })
        .collect()
}

/// The waiting facts of accounts, in the order in which they are attached.
pub async fn waiting_of(
    db: &impl ConnectionTrait,
    accounts: &[Uuid],
    now: Moment,
) -> Result<Vec<Parked>, DbErr> {
    let sql = "WITH {rows} SELECT f.* FROM v JOIN parked_fact f ON f.account_id = v.account_id \
               WHERE f.status = 'WAITING' AND f.arrived_at > $1";
    let ids = accounts.iter().map(|id| Value::from(*id));
    let rows =
        Rows::of(&[("account_id", Column::Uuid)], ids).query(db, sql, vec![expiry(now).0.into()]).await?;
    in_order(&rows)
}

/// The waiting refunds of top-ups by (source, external id), in the order in which they are attached.
pub async fn refunds_of(
    db: &impl ConnectionTrait,
    top_ups: impl Iterator<Item = (&str, &str)>,
    now: Moment,
) -> Result<Vec<Parked>, DbErr> {
    let mut rows = Rows::new(&[("source", Column::Text), ("external_id", Column::Text)]);
    top_ups.for_each(|(source, external_id)| rows.push([source.into(), external_id.into()]));
    let sql = "WITH {rows} SELECT f.* FROM v CROSS JOIN parked_fact f WHERE f.source = v.source \
               AND f.top_up_external_id = v.external_id AND f.top_up_external_id IS NOT NULL AND f.status = 'WAITING' \
               AND f.arrived_at > $1";
    in_order(&rows.query(db, sql, vec![expiry(now).0.into()]).await?)
}

fn in_order(rows: &[QueryResult]) -> Result<Vec<Parked>, DbErr> {
    let mut parked = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    parked.sort_by(|a, b| (a.occurred_at, &a.external_id).cmp(&(b.occurred_at, &b.external_id)));
    Ok(parked)
}

/// Parks facts; one that expired or was refused before is a new one now.
pub async fn park(tx: &DatabaseTransaction, facts: &[Parked]) -> Result<(), DbErr> {
    let mut rows = Rows::new(&[
        ("id", Column::Uuid),
        ("kind", Column::Text),
        ("source", Column::Text),
        ("external_id", Column::Text),
        ("account_id", Column::Uuid),
        ("top_up_external_id", Column::TextOrNull),
        ("top_up_kind", Column::TextOrNull),
        ("occurred_at", Column::BigInt),
        ("amount", Column::BigInt),
        ("currency", Column::TextOrNull),
        ("exchange_rate", Column::TextOrNull),
        ("rate_published_on", Column::IntOrNull),
        ("base", Column::BigIntOrNull),
        ("arrived_at", Column::BigInt),
        ("status", Column::Text),
        ("reason", Column::TextOrNull),
    ]);
    for fact in facts {
        rows.push([
            fact.id.into(),
            <&str>::from(fact.kind).into(),
            fact.source.as_str().into(),
            fact.external_id.as_str().into(),
            fact.account_id.into(),
            fact.top_up_external_id.clone().into(),
            fact.top_up_kind.map(<&str>::from).into(),
            fact.occurred_at.0.into(),
            fact.amount.0.into(),
            fact.currency.clone().into(),
            fact.exchange_rate.as_ref().map(|rate| rate.rate.to_string()).into(),
            fact.exchange_rate.as_ref().map(|rate| rate.published_on.0).into(),
            Some(fact.base.0).filter(|_| fact.kind == LineKind::TopUp).into(),
            fact.arrived_at.0.into(),
            <&str>::from(fact.status).into(),
            fact.reason.clone().into(),
        ]);
    }
    rows.execute(tx, PARK, vec![]).await.map(|_| ())
}

const PARK: &str = "WITH {rows} INSERT INTO parked_fact (id, kind, source, external_id, account_id, \
    top_up_external_id, top_up_kind, occurred_at, amount, currency, exchange_rate, rate_published_on, base, \
    arrived_at, status, reason) SELECT id, kind, source, external_id, account_id, top_up_external_id, top_up_kind, \
    occurred_at, amount, currency, exchange_rate, rate_published_on, base, arrived_at, status, reason \
    FROM v WHERE true ON CONFLICT (kind, source, external_id) DO UPDATE SET id = excluded.id, \
    account_id = excluded.account_id, top_up_external_id = excluded.top_up_external_id, \
    top_up_kind = excluded.top_up_kind, occurred_at = excluded.occurred_at, amount = excluded.amount, \
    currency = excluded.currency, exchange_rate = excluded.exchange_rate, \
    rate_published_on = excluded.rate_published_on, base = excluded.base, arrived_at = excluded.arrived_at, \
    status = excluded.status, reason = excluded.reason";

/// What expired or was refused and is sent again is a new fact, and the old one makes room for it; a refusal changes
/// nothing. `outcomes` are of the keys in their order.
pub async fn supersede<'a>(
    tx: &DatabaseTransaction,
    known: &HashMap<(String, String), Parked>,
    keys: impl Iterator<Item = (&'a str, &'a str)>,
    outcomes: &[FactOutcome],
    now: Moment,
) -> Result<(), DbErr> {
    let taken_in = keys.zip(outcomes).filter(|(_, outcome)| !matches!(outcome, FactOutcome::Refused(_)));
    let old = taken_in.filter_map(|((source, external_id), _)| {
        known.get(&(source.to_owned(), external_id.to_owned())).filter(|parked| !parked.is_waiting(now))
    });
    remove(tx, old.map(|parked| parked.id)).await
}

/// Takes away what was attached, or turned out to belong to nobody.
pub async fn remove(tx: &DatabaseTransaction, ids: impl Iterator<Item = Uuid>) -> Result<(), DbErr> {
    let sql = "WITH {rows} DELETE FROM parked_fact WHERE id IN (SELECT id FROM v)";
    Rows::of(&[("id", Column::Uuid)], ids.map(Value::from)).execute(tx, sql, vec![]).await.map(|_| ())
}

/// Forgets what waited as long as it may; it stays listed for staff, and is a new fact when it is sent again. Answers
/// how many expired.
pub async fn expire(app: &App) -> Result<u64, ServiceError> {
    let tx = app.begin().await?;
    let sql = "UPDATE parked_fact SET status = 'EXPIRED' WHERE status = 'WAITING' AND arrived_at <= $1";
    let expired = db::execute(&tx, sql, vec![expiry(app.clock.now()).0.into()]).await?.rows_affected();
    tx.commit().await?;
    Ok(expired)
}

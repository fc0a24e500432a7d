//! Writes lines of the commission history with their sums: the one place that does (rules 11 to 15).

use std::collections::HashMap;

use entity::{LineKind, LineState, Moment, Period, line};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::change::Numbers;
use super::error::ServiceError;
use super::lock::Progress;
use super::statistics;
use super::sums::SumChanges;
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::refund::RefundedTopUp;

/// What holds while a transaction writes lines: how far the books have come under the period lock, and the time taken after
/// the partners' rows were locked.
#[derive(Debug)]
pub struct Recording<'a> {
    pub app: &'a App,
    pub progress: Progress,
    pub now: Moment,
}

impl<'a> Recording<'a> {
    /// Takes the time; the period lock and the partners' rows are held.
    pub async fn begin(app: &'a App, tx: &DatabaseTransaction) -> Result<Recording<'a>, DbErr> {
        let progress = Progress::load(tx).await?;
        Ok(Recording { app, progress, now: app.clock.now() })
    }

    pub fn period_of(&self, at: Moment) -> Period {
        self.app.terms.calendar.period_of(at)
    }
}

/// Lines to be written together, and what they change in the sums.
#[derive(Debug, Default)]
pub struct NewLines {
    pub lines: Vec<line::Model>,
    pub sums: SumChanges,
}

impl NewLines {
    /// Adds a top-up; an earning one has its settle period.
    pub fn push_top_up(&mut self, line: line::Model) {
        if let Some(settle_period) = line.settle_period {
            self.sums.add_top_up(&line, settle_period, None);
        }
        self.lines.push(line);
    }

    /// Adds a refund; where it makes its earning top-up full, `full` is that top-up and the period in which that is.
    pub fn push_refund(&mut self, line: line::Model, full: Option<(&line::Model, Period)>) {
        if let Some(settle_period) = line.settle_period {
            self.sums.add_refund(&line, settle_period);
        }
        if let Some((top_up, taken_back)) = full
            && let Some(settled_in) = top_up.settle_period
        {
            self.sums.take_back(top_up, settled_in, taken_back);
        }
        self.lines.push(line);
    }

    /// Writes the lines, then the sums; the first line of all fixes the programme's terms.
    pub async fn write(
        &self,
        recording: &Recording<'_>,
        tx: &DatabaseTransaction,
    ) -> Result<(), ServiceError> {
        let Some(earliest) = self.lines.iter().map(|line| line.rate_period).min() else { return Ok(()) };
        super::programme::fix_terms(recording, tx, earliest).await?;
        let partners = self.lines.iter().map(|line| line.partner_id);
        let numbers = Numbers::draw(recording.app, tx, partners).await?;
        insert(tx, &self.lines, numbers).await?;
        let clients = self.sums.apply(recording, tx).await?;
        statistics::count_lines(&recording.app.terms.calendar, tx, &self.lines, &clients).await?;
        Ok(())
    }
}

async fn insert(tx: &DatabaseTransaction, lines: &[line::Model], mut numbers: Numbers) -> Result<(), DbErr> {
    let mut rows = Rows::new(COLUMNS);
    for line in lines {
        rows.push([
            line.id.into(),
            <&str>::from(line.kind).into(),
            line.source.as_str().into(),
            line.external_id.as_str().into(),
            line.partner_id.into(),
            line.referral_id.into(),
            line.reverses.into(),
            <&str>::from(line.top_up_kind).into(),
            line.occurred_at.0.into(),
            line.recorded_at.0.into(),
            line.amount.0.into(),
            line.currency.as_str().into(),
            line.exchange_rate.clone().into(),
            line.rate_published_on.map(|day| day.0).into(),
            line.base.0.into(),
            line.rate_period.0.into(),
            line.settle_period.map(|period| period.0).into(),
            <&str>::from(line.state).into(),
            line.reason.map(<&str>::from).into(),
            line.checksum.into(),
            numbers.take().into(),
        ]);
    }
    rows.execute(tx, INSERT, vec![]).await.map(|_| ())
}

const COLUMNS: &[(&str, Column)] = &[
    ("id", Column::Uuid),
    ("kind", Column::Text),
    ("source", Column::Text),
    ("external_id", Column::Text),
    ("partner_id", Column::Uuid),
    ("referral_id", Column::Uuid),
    ("reverses", Column::UuidOrNull),
    ("top_up_kind", Column::Text),
    ("occurred_at", Column::BigInt),
    ("recorded_at", Column::BigInt),
    ("amount", Column::BigInt),
    ("currency", Column::Text),
    ("exchange_rate", Column::TextOrNull),
    ("rate_published_on", Column::IntOrNull),
    ("base", Column::BigInt),
    ("rate_period", Column::Int),
    ("settle_period", Column::IntOrNull),
    ("state", Column::Text),
    ("reason", Column::TextOrNull),
    ("checksum", Column::BigInt),
    ("change", Column::BigIntOrNull),
];

const INSERT: &str = "WITH {rows} INSERT INTO line (id, kind, source, external_id, partner_id, referral_id, reverses, \
    top_up_kind, occurred_at, recorded_at, amount, currency, exchange_rate, rate_published_on, base, rate_period, \
    settle_period, state, reason, checksum, change) SELECT id, kind, source, external_id, partner_id, referral_id, reverses, \
    top_up_kind, occurred_at, recorded_at, amount, currency, exchange_rate, rate_published_on, base, rate_period, \
    settle_period, state, reason, checksum, change FROM v";

/// The first eight bytes of SHA-256 over all of a line that never changes: verify sees what was changed behind its back.
pub fn checksum(line: &line::Model) -> i64 {
    let mut hash = Sha256::new();
    let mut text = |value: &str| {
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value.as_bytes());
    };
    text(line.kind.into());
    text(&line.source);
    text(&line.external_id);
    text(line.top_up_kind.into());
    text(&line.currency);
    text(line.exchange_rate.as_deref().unwrap_or(""));
    hash.update(line.id.as_bytes());
    hash.update(line.partner_id.as_bytes());
    hash.update(line.referral_id.as_bytes());
    hash.update(line.reverses.unwrap_or(Uuid::nil()).as_bytes());
    for number in [line.occurred_at.0, line.recorded_at.0, line.amount.0, line.base.0] {
        hash.update(number.to_be_bytes());
    }
    for number in [line.rate_published_on.map_or(0, |day| day.0), line.rate_period.0] {
        hash.update(number.to_be_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// A line on record with the account whose it is.
#[derive(Clone, Debug)]
pub struct KnownLine {
    pub line: line::Model,
    pub account_id: Uuid,
}

fn known(row: &QueryResult) -> Result<KnownLine, DbErr> {
    Ok(KnownLine { line: line::Model::from_query_result(row, "")?, account_id: row.try_get("", "client")? })
}

/// The lines on record under (source, external id).
pub async fn find_by_key(
    db: &impl ConnectionTrait,
    kind: LineKind,
    keys: impl Iterator<Item = (&str, &str)>,
) -> Result<HashMap<(String, String), KnownLine>, DbErr> {
    let mut rows = Rows::new(&[("source", Column::Text), ("external_id", Column::Text)]);
    keys.for_each(|(source, external_id)| rows.push([source.into(), external_id.into()]));
    let sql = "WITH {rows} SELECT l.*, r.account_id AS client FROM v CROSS JOIN line l \
               JOIN referral r ON r.id = l.referral_id \
               WHERE l.kind = $1 AND l.source = v.source AND l.external_id = v.external_id";
    let found = rows.query(db, sql, vec![<&str>::from(kind).into()]).await?;
    found
        .iter()
        .map(|row| {
            let line = known(row)?;
            Ok(((line.line.source.clone(), line.line.external_id.clone()), line))
        })
        .collect()
}

/// What refunds have taken back of top-ups, by the top-up's id, with the latest settle period of those refunds.
pub async fn refunded(
    db: &impl ConnectionTrait,
    top_ups: &[&line::Model],
) -> Result<HashMap<Uuid, (RefundedTopUp, Option<Period>)>, DbErr> {
    let ids = top_ups.iter().map(|line| Value::from(line.id));
    let sql = "WITH {rows} SELECT r.reverses, CAST(SUM(r.amount) AS BIGINT), CAST(SUM(r.base) AS BIGINT), \
               MAX(r.settle_period) FROM v JOIN line r ON r.reverses = v.id GROUP BY r.reverses";
    let mut so_far = HashMap::new();
    for row in Rows::of(&[("id", Column::Uuid)], ids).query(db, sql, vec![]).await? {
        let id: Uuid = row.try_get_by_index(0)?;
        let amount: i64 = row.try_get_by_index(1)?;
        let base: i64 = row.try_get_by_index(2)?;
        let last: Option<Period> = row.try_get_by_index(3)?;
        so_far.insert(id, (amount, base, last));
    }
    let refunded = top_ups.iter().map(|line| {
        let (amount, base, last) = so_far.get(&line.id).copied().unwrap_or((0, 0, None));
        let refunded = RefundedTopUp {
            amount: line.amount,
            base: line.base,
            occurred_at: line.occurred_at,
            refunded: entity::Money(amount),
            refunded_base: entity::Money(-base),
        };
        (line.id, (refunded, last))
    });
    Ok(refunded.collect())
}

/// Whether a line counts in settlements.
pub fn is_earning(line: &line::Model) -> bool {
    line.state == LineState::Earning
}

/// One line by its id.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<line::Model>, DbErr> {
    let row = db::query_one(db, "SELECT * FROM line WHERE id = $1", vec![id.into()]).await?;
    row.map(|row| line::Model::from_query_result(&row, "")).transpose()
}

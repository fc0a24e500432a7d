//! Lines against themselves, and the kept sums against the lines.

use std::collections::{BTreeMap, HashMap};

use entity::{Day, LineKind, LineState, Moment, Money, Period, line};
use futures_util::TryStreamExt;
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult, StreamTrait};
use uuid::Uuid;

use super::{Check, Chunk, Finding, or_none};
use crate::db;
use crate::domain::exchange::{self, ExchangeRate};
use crate::domain::refund::share_refunded;
use crate::services::error::ServiceError;
use crate::services::line::checksum;

/// What lines add up to: base, lines with a positive base, last purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub base: i64,
    pub top_ups: i64,
    pub last: Option<Moment>,
}

impl Sum {
    fn add(&mut self, base: Money, last: Option<Moment>) {
        self.base += base.0;
        self.top_ups += i64::from(base.is_positive());
        self.last = self.last.max(last);
    }

    fn is_empty(&self) -> bool {
        *self == Sum::default()
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} over {} top-ups, last {}", Money(self.base), self.top_ups, or_none(self.last))
    }
}

/// A group of a client's lines: settle period, rate period, and the period in which it was taken back.
pub(super) type Group = (Uuid, Period, Period, Period);

/// What the lines of some partners say.
#[derive(Debug, Default)]
pub(super) struct Recomputed {
    /// By partner, settle period and rate period.
    pub partner: BTreeMap<(Uuid, Period, Period), Sum>,
    pub referral: BTreeMap<Group, Sum>,
    pub total: BTreeMap<Uuid, Sum>,
    pub partner_of: HashMap<Uuid, Uuid>,
}

impl Recomputed {
    fn add(&mut self, line: &line::Model, refunds: Option<&Refunds>) {
        let (LineState::Earning, Some(settle_period)) = (line.state, line.settle_period) else { return };
        let is_top_up = line.kind == LineKind::TopUp;
        let taken_back = refunds.filter(|refunds| is_top_up && refunds.amount >= line.amount.0);
        let taken_back = taken_back.and_then(|refunds| refunds.last_settled).unwrap_or(Period::NEVER);
        let last = is_top_up.then_some(line.occurred_at);
        let standing = last.filter(|_| taken_back == Period::NEVER);
        self.partner_of.insert(line.referral_id, line.partner_id);
        let by_partner = (line.partner_id, settle_period, line.rate_period);
        self.partner.entry(by_partner).or_default().add(line.base, None);
        let group = (line.referral_id, settle_period, line.rate_period, taken_back);
        self.referral.entry(group).or_default().add(line.base, last);
        self.total.entry(line.referral_id).or_default().add(line.base, standing);
    }

    /// How many clients have their last standing purchase on a day, by partner.
    fn active_days(&self) -> BTreeMap<(Uuid, Day), i64> {
        let mut days = BTreeMap::new();
        for (referral_id, total) in &self.total {
            if let (Some(last), Some(partner_id)) = (total.last, self.partner_of.get(referral_id)) {
                *days.entry((*partner_id, last.utc_day())).or_default() += 1;
            }
        }
        days
    }
}

/// What the refunds of one top-up take back.
#[derive(Debug, Default)]
struct Refunds {
    amount: i64,
    last_settled: Option<Period>,
}

impl<F: FnMut(Finding)> Check<'_, F> {
    /// Checks the lines of some partners and what is kept of them; answers what they say.
    pub(super) async fn lines(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
    ) -> Result<Recomputed, ServiceError> {
        let refunds = self.refunds(snapshot, chunk).await?;
        let sql = "SELECT * FROM line WHERE partner_id BETWEEN $1 AND $2";
        let mut recomputed = Recomputed::default();
        let mut rows = snapshot.stream_raw(db::statement(snapshot, sql, chunk.values())).await?;
        while let Some(row) = rows.try_next().await? {
            let line = line::Model::from_query_result(&row, "")?;
            self.line(&line);
            recomputed.add(&line, refunds.get(&line.id));
            self.summary.lines += 1;
        }
        drop(rows);
        self.partner_sums(snapshot, chunk, &recomputed).await?;
        self.referral_sums(snapshot, chunk, &recomputed).await?;
        self.active_days(snapshot, chunk, &recomputed).await?;
        Ok(recomputed)
    }

    /// Each refund's base follows from what was refunded before it (rule 13), in the order of recording.
    async fn refunds(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
    ) -> Result<HashMap<Uuid, Refunds>, ServiceError> {
        let sql = "SELECT r.id, r.reverses, r.amount, r.base, r.settle_period, t.amount, t.base, \
                   r.referral_id, t.referral_id, r.rate_period, t.rate_period, r.state, t.state, t.settle_period \
                   FROM line r JOIN line t ON t.id = r.reverses \
                   WHERE r.partner_id BETWEEN $1 AND $2 AND r.kind = 'REFUND' ORDER BY r.reverses, r.id";
        let mut refunds: HashMap<Uuid, Refunds> = HashMap::new();
        let mut taken = (Uuid::nil(), 0_i64);
        for row in db::query(snapshot, sql, chunk.values()).await? {
            let subject = format!("line {}", row.try_get_by_index::<Uuid>(0)?);
            let reverses: Uuid = row.try_get_by_index(1)?;
            let (amount, base): (Money, Money) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
            let settled: Option<Period> = row.try_get_by_index(4)?;
            let (paid, paid_base): (Money, Money) = (row.try_get_by_index(5)?, row.try_get_by_index(6)?);
            if taken.0 != reverses {
                taken = (reverses, 0);
            }
            let so_far = refunds.entry(reverses).or_default();
            so_far.amount += amount.0;
            so_far.last_settled = so_far.last_settled.max(settled);
            let minor_units = self.app.terms.minor_units;
            let share = share_refunded(paid_base, paid, Money(so_far.amount), minor_units);
            self.compare(&subject, "base", base, Money(taken.1 - share.0));
            taken.1 = share.0;
            if so_far.amount > paid.0 {
                self.report(&subject, "refunds more than its top-up");
            }
            let (referral, of): (Uuid, Uuid) = (row.try_get_by_index(7)?, row.try_get_by_index(8)?);
            let (rate_period, rate_of): (Period, Period) =
                (row.try_get_by_index(9)?, row.try_get_by_index(10)?);
            let (state, state_of): (LineState, LineState) =
                (row.try_get_by_index(11)?, row.try_get_by_index(12)?);
            let earliest: Option<Period> = row.try_get_by_index(13)?;
            self.compare(&subject, "referral", referral, of);
            self.compare(&subject, "rate period", rate_period, rate_of);
            self.compare(&subject, "state", state, state_of);
            if settled < earliest {
                self.report(&subject, "is settled before its top-up");
            }
        }
        Ok(refunds)
    }

    fn line(&mut self, line: &line::Model) {
        if line.checksum != checksum(line) {
            self.report(format!("line {}", line.id), "was changed: its checksum does not fit");
        }
        if line.kind == LineKind::Refund {
            return;
        }
        let occurred_in = self.app.terms.calendar.period_of(line.occurred_at);
        if line.rate_period != occurred_in {
            self.compare(&format!("line {}", line.id), "rate period", line.rate_period, occurred_in);
        }
        let rate = line.exchange_rate.as_deref().zip(line.rate_published_on);
        let rate = rate.map(|(rate, published_on)| ExchangeRate {
            rate: rate.parse().unwrap_or_default(),
            published_on,
        });
        let base = exchange::base_of(line.amount, rate.as_ref(), self.app.terms.minor_units);
        if base != Some(line.base) {
            self.compare(&format!("line {}", line.id), "base", line.base.to_string(), or_none(base));
        }
    }

    async fn partner_sums(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        recomputed: &Recomputed,
    ) -> Result<(), DbErr> {
        let sql = "SELECT partner_id, settle_period, rate_period, base, top_ups FROM partner_sum \
                   WHERE partner_id BETWEEN $1 AND $2";
        let mut kept = BTreeMap::new();
        for row in db::query(snapshot, sql, chunk.values()).await? {
            let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            kept.insert(
                key,
                Sum { base: row.try_get_by_index(3)?, top_ups: row.try_get_by_index(4)?, last: None },
            );
        }
        self.compare_sums(&kept, &recomputed.partner, |(partner, settled, rate)| {
            format!("partner_sum of {partner} settled {settled} at the rate of {rate}")
        });
        Ok(())
    }

    async fn referral_sums(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        recomputed: &Recomputed,
    ) -> Result<(), DbErr> {
        let sql = "SELECT s.referral_id, s.settle_period, s.rate_period, s.taken_back_period, s.base, s.top_ups, \
                   s.last_purchase_at FROM referral r JOIN referral_sum s ON s.referral_id = r.id \
                   WHERE r.partner_id BETWEEN $1 AND $2";
        let mut kept = BTreeMap::new();
        for row in db::query(snapshot, sql, chunk.values()).await? {
            let key = (
                row.try_get_by_index(0)?,
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
                row.try_get_by_index(3)?,
            );
            let sum = Sum {
                base: row.try_get_by_index(4)?,
                top_ups: row.try_get_by_index(5)?,
                last: row.try_get_by_index(6)?,
            };
            kept.insert(key, sum);
        }
        self.compare_sums(&kept, &recomputed.referral, |(referral, settled, rate, taken_back)| {
            format!(
                "referral_sum of {referral} settled {settled} at the rate of {rate}, taken back {}",
                taken_back.0
            )
        });
        Ok(())
    }

    async fn active_days(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        recomputed: &Recomputed,
    ) -> Result<(), DbErr> {
        let sql = "SELECT partner_id, day, clients FROM active_day WHERE partner_id BETWEEN $1 AND $2";
        let mut kept: BTreeMap<(Uuid, Day), i64> = BTreeMap::new();
        for row in db::query(snapshot, sql, chunk.values()).await? {
            kept.insert((row.try_get_by_index(0)?, row.try_get_by_index(1)?), row.try_get_by_index(2)?);
        }
        let expected = recomputed.active_days();
        for key in kept.keys().chain(expected.keys().filter(|key| !kept.contains_key(key))) {
            let subject = format!("active_day of {} on {}", key.0, key.1);
            let (found, expected) = (kept.get(key), expected.get(key));
            self.compare(&subject, "clients", *found.unwrap_or(&0), *expected.unwrap_or(&0));
        }
        Ok(())
    }

    /// A sum that is not kept counts as empty, and so does one that no line stands behind.
    pub(super) fn compare_sums<K: Ord>(
        &mut self,
        kept: &BTreeMap<K, Sum>,
        expected: &BTreeMap<K, Sum>,
        name: impl Fn(&K) -> String,
    ) {
        for (key, found) in kept {
            let sum = expected.get(key).copied().unwrap_or_default();
            if *found != sum {
                self.compare(&name(key), "sum", *found, sum);
            }
        }
        for (key, sum) in expected.iter().filter(|(key, sum)| !sum.is_empty() && !kept.contains_key(key)) {
            self.compare(&name(key), "sum", Sum::default(), *sum);
        }
    }
}

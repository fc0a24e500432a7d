//! The sums kept beside the lines, written in the transaction that writes the line (architecture, Data).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{Day, Moment, Money, Period, line};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

use super::earned::{self, Bases, Counted, Kept};
use super::error::ServiceError;
use super::line::Recording;
use crate::db::{self, Column, Rows};

/// What a group of lines adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    base: i64,
    top_ups: i64,
    /// The first top-up of all, taken back or not.
    first_purchase_at: Option<Moment>,
    last_purchase_at: Option<Moment>,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.base += other.base;
        self.top_ups += other.top_ups;
        self.first_purchase_at = earlier(self.first_purchase_at, other.first_purchase_at);
        self.last_purchase_at = self.last_purchase_at.max(other.last_purchase_at);
    }
}

/// The earlier of two moments that may not be.
fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).min()
}

/// What is known of a client before lines are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownClient {
    /// The link that brought him, if a link did.
    pub link_id: Option<Uuid>,
    pub first_purchase_at: Option<Moment>,
    last_purchase_at: Option<Moment>,
}

/// A group of a client's lines: settle period, rate period, and the period in which its purchases were taken back.
type Group = (Uuid, Period, Period, Period);

/// What lines about to be committed change in the kept sums. Order does not matter; `apply` writes it all.
#[derive(Debug, Default)]
pub struct SumChanges {
    partner_of: HashMap<Uuid, Uuid>,
    partner: BTreeMap<(Uuid, Period, Period), Sum>,
    referral: BTreeMap<Group, Sum>,
    total: BTreeMap<Uuid, Sum>,
    /// Groups and clients that lost a purchase: their last one is looked up again.
    bereft: BTreeSet<Group>,
}

impl SumChanges {
    /// Counts an earning top-up; `taken_back` is the period in which its refunds made it full, if they have.
    pub fn add_top_up(&mut self, line: &line::Model, settle_period: Period, taken_back: Option<Period>) {
        let sum = Sum {
            base: line.base.0,
            top_ups: i64::from(line.base.is_positive()),
            first_purchase_at: Some(line.occurred_at),
            last_purchase_at: Some(line.occurred_at),
        };
        let group = (line.referral_id, settle_period, line.rate_period, taken_back.unwrap_or(Period::NEVER));
        let standing = Sum { last_purchase_at: sum.last_purchase_at.filter(|_| taken_back.is_none()), ..sum };
        self.partner_of.insert(line.referral_id, line.partner_id);
        let by_partner = (line.partner_id, settle_period, line.rate_period);
        self.partner.entry(by_partner).or_default().add(sum);
        self.referral.entry(group).or_default().add(sum);
        self.total.entry(line.referral_id).or_default().add(standing);
    }

    /// Counts an earning refund.
    pub fn add_refund(&mut self, line: &line::Model, settle_period: Period) {
        let sum = Sum { base: line.base.0, ..Sum::default() };
        self.partner_of.insert(line.referral_id, line.partner_id);
        self.partner.entry((line.partner_id, settle_period, line.rate_period)).or_default().add(sum);
        let group = (line.referral_id, settle_period, line.rate_period, Period::NEVER);
        self.referral.entry(group).or_default().add(sum);
        self.total.entry(line.referral_id).or_default().add(sum);
    }

    /// Moves an earning top-up that is on record to the period in which its refunds made it full.
    pub fn take_back(&mut self, top_up: &line::Model, settle_period: Period, taken_back: Period) {
        let sum = Sum {
            base: top_up.base.0,
            top_ups: i64::from(top_up.base.is_positive()),
            last_purchase_at: Some(top_up.occurred_at),
            ..Sum::default()
        };
        let standing = (top_up.referral_id, settle_period, top_up.rate_period, Period::NEVER);
        let group = (top_up.referral_id, settle_period, top_up.rate_period, taken_back);
        self.partner_of.insert(top_up.referral_id, top_up.partner_id);
        let leaving = Sum { base: -sum.base, top_ups: -sum.top_ups, ..Sum::default() };
        self.referral.entry(standing).or_default().add(leaving);
        self.referral.entry(group).or_default().add(sum);
        self.total.entry(top_up.referral_id).or_default();
        self.bereft.insert(standing);
    }

    /// Writes the changes; the lines are written, and their partners' rows locked. Answers what was known of each
    /// client before.
    pub async fn apply(
        &self,
        recording: &Recording<'_>,
        tx: &DatabaseTransaction,
    ) -> Result<HashMap<Uuid, KnownClient>, ServiceError> {
        db::execute_together(tx, [self.partner_sums(), self.referral_sums()]).await?;
        self.look_up_groups(tx).await?;
        self.write_totals(recording, tx).await
    }

    fn partner_sums(&self) -> (Rows, String) {
        let mut rows = Rows::new(&[
            ("partner_id", Column::Uuid),
            ("settle_period", Column::Int),
            ("rate_period", Column::Int),
            ("base", Column::BigInt),
            ("top_ups", Column::BigInt),
        ]);
        for ((partner_id, settle_period, rate_period), sum) in &self.partner {
            rows.push([
                (*partner_id).into(),
                settle_period.0.into(),
                rate_period.0.into(),
                sum.base.into(),
                sum.top_ups.into(),
            ]);
        }
        (rows, PARTNER_SUM.to_owned())
    }

    fn referral_sums(&self) -> (Rows, String) {
        let mut rows = Rows::new(&[
            ("referral_id", Column::Uuid),
            ("settle_period", Column::Int),
            ("rate_period", Column::Int),
            ("taken_back_period", Column::Int),
            ("partner_id", Column::Uuid),
            ("base", Column::BigInt),
            ("top_ups", Column::BigInt),
            ("last_purchase_at", Column::BigIntOrNull),
        ]);
        for ((referral_id, settle_period, rate_period, taken_back), sum) in &self.referral {
            rows.push([
                (*referral_id).into(),
                settle_period.0.into(),
                rate_period.0.into(),
                taken_back.0.into(),
                self.partner_of[referral_id].into(),
                sum.base.into(),
                sum.top_ups.into(),
                sum.last_purchase_at.map(|at| at.0).into(),
            ]);
        }
        (rows, REFERRAL_SUM.to_owned())
    }

    /// The last purchase of a group that lost one: the latest line in it that is not refunded in full.
    async fn look_up_groups(&self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        let mut rows = Rows::new(&[
            ("referral_id", Column::Uuid),
            ("settle_period", Column::Int),
            ("rate_period", Column::Int),
        ]);
        for (referral_id, settle_period, rate_period, _) in &self.bereft {
            rows.push([(*referral_id).into(), settle_period.0.into(), rate_period.0.into()]);
        }
        rows.execute(tx, LAST_OF_GROUP, vec![Period::NEVER.0.into()]).await.map(|_| ())
    }

    async fn write_totals(
        &self,
        recording: &Recording<'_>,
        tx: &DatabaseTransaction,
    ) -> Result<HashMap<Uuid, KnownClient>, ServiceError> {
        let (known, kept) = known_clients(tx, self.total.keys().copied()).await?;
        let closed = recording.progress.closed;
        let earned = earned::count(&recording.app.terms, tx, closed, self.counted(kept)).await?;
        let bereft = self.bereft.iter().map(|(referral_id, ..)| *referral_id).collect();
        let looked_up = last_standing_purchases(tx, &bereft).await?;
        let mut days: BTreeMap<(Uuid, Day), i64> = BTreeMap::new();
        let mut rows = Rows::new(&[
            ("referral_id", Column::Uuid),
            ("base", Column::BigInt),
            ("top_ups", Column::BigInt),
            ("first_purchase_at", Column::BigIntOrNull),
            ("last_purchase_at", Column::BigIntOrNull),
            earned::ROW[0],
            earned::ROW[1],
            earned::ROW[2],
            earned::ROW[3],
        ]);
        for (referral_id, sum) in &self.total {
            let partner_id = self.partner_of[referral_id];
            let before = known.get(referral_id);
            let old = before.and_then(|client| client.last_purchase_at);
            let first = earlier(before.and_then(|client| client.first_purchase_at), sum.first_purchase_at);
            let new = match looked_up.get(referral_id) {
                Some(last) => *last,
                None => old.max(sum.last_purchase_at),
            };
            let (old_day, new_day) = (old.map(Moment::utc_day), new.map(Moment::utc_day));
            if old_day != new_day {
                old_day.into_iter().for_each(|day| *days.entry((partner_id, day)).or_default() -= 1);
                new_day.into_iter().for_each(|day| *days.entry((partner_id, day)).or_default() += 1);
            }
            let Some(kept) = earned.get(referral_id) else { continue };
            let [closed_through, closed_base, closed_commission, open_period] = kept.row();
            rows.push([
                (*referral_id).into(),
                sum.base.into(),
                sum.top_ups.into(),
                first.map(|at| at.0).into(),
                new.map(|at| at.0).into(),
                closed_through,
                closed_base,
                closed_commission,
                open_period,
            ]);
        }
        let (gains, losses) = active_days(days);
        let totals = (rows, REFERRAL_TOTAL.to_owned());
        db::execute_together(tx, [totals, (gains, ACTIVE_DAY_GAIN.to_owned())]).await?;
        losses.execute(tx, ACTIVE_DAY_LOSS, vec![]).await?;
        Ok(known)
    }

    /// The lines of each client by the period whose rate they earn, with what he had earned before.
    fn counted(&self, kept: BTreeMap<Uuid, Kept>) -> BTreeMap<Uuid, Counted> {
        let counted = kept.into_iter().map(|(referral_id, kept)| {
            let (first, last) = (Period::BEGINNING, Period::NEVER);
            let groups = (referral_id, first, first, first)..=(referral_id, last, last, last);
            let mut lines = Bases::new();
            for ((_, _, rate_period, _), sum) in self.referral.range(groups) {
                lines.entry(*rate_period).or_default().0 += sum.base;
            }
            (referral_id, Counted { partner_id: self.partner_of[&referral_id], kept, lines })
        });
        counted.collect()
    }
}

/// What is known of clients before their lines are counted, and what they have earned.
async fn known_clients(
    tx: &DatabaseTransaction,
    referrals: impl Iterator<Item = Uuid>,
) -> Result<(HashMap<Uuid, KnownClient>, BTreeMap<Uuid, Kept>), DbErr> {
    let sql = format!(
        "WITH {{rows}} SELECT t.referral_id, t.link_id, t.first_purchase_at, t.last_purchase_at, {} FROM v \
         JOIN referral_total t ON t.referral_id = v.id",
        Kept::COLUMNS
    );
    let rows = Rows::of(&[("id", Column::Uuid)], referrals.map(Value::from)).query(tx, &sql, vec![]).await?;
    let (mut known, mut kept) = (HashMap::with_capacity(rows.len()), BTreeMap::new());
    for row in &rows {
        let referral_id = row.try_get_by_index(0)?;
        let client = KnownClient {
            link_id: row.try_get_by_index(1)?,
            first_purchase_at: row.try_get_by_index(2)?,
            last_purchase_at: row.try_get_by_index(3)?,
        };
        known.insert(referral_id, client);
        kept.insert(referral_id, Kept::read(row, 4)?);
    }
    Ok((known, kept))
}

/// The last purchase of each client that earns and is not refunded in full, from the lines themselves.
async fn last_standing_purchases(
    tx: &impl ConnectionTrait,
    referrals: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Option<Moment>>, DbErr> {
    let ids = referrals.iter().map(|id| Value::from(*id));
    let rows = Rows::of(&[("referral_id", Column::Uuid)], ids).query(tx, LAST_STANDING, vec![]).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// Gains before losses, each in a statement of its own: the CHECK is made on the row to be inserted too.
fn active_days(days: BTreeMap<(Uuid, Day), i64>) -> (Rows, Rows) {
    const COLUMNS: &[(&str, Column)] =
        &[("partner_id", Column::Uuid), ("day", Column::Int), ("clients", Column::BigInt)];
    let (mut gains, mut losses) = (Rows::new(COLUMNS), Rows::new(COLUMNS));
    for ((partner_id, day), clients) in days {
        let row = [partner_id.into(), day.0.into(), clients.into()];
        match clients {
            1.. => gains.push(row),
            0 => {}
            _ => losses.push(row),
        }
    }
    (gains, losses)
}

/// What a commission of these sums is, at the rate of each rate period.
pub fn commission_of(
    sums: impl IntoIterator<Item = (Period, Money)>,
    rate: impl Fn(Period) -> entity::RateBasisPoints,
) -> Option<Money> {
    sums.into_iter().try_fold(Money::ZERO, |total, (period, base)| total.checked_add(rate(period).of(base)?))
}

const PARTNER_SUM: &str = "WITH {rows} \
    INSERT INTO partner_sum (partner_id, settle_period, rate_period, base, top_ups) \
    SELECT partner_id, settle_period, rate_period, base, top_ups FROM v WHERE true \
    ON CONFLICT (partner_id, settle_period, rate_period) DO UPDATE SET \
        base = partner_sum.base + excluded.base, top_ups = partner_sum.top_ups + excluded.top_ups";

const REFERRAL_SUM: &str = "WITH {rows} \
    INSERT INTO referral_sum (referral_id, settle_period, rate_period, taken_back_period, partner_id, base, top_ups, \
        last_purchase_at) \
    SELECT referral_id, settle_period, rate_period, taken_back_period, partner_id, base, top_ups, last_purchase_at \
    FROM v WHERE true \
    ON CONFLICT (referral_id, settle_period, rate_period, taken_back_period) DO UPDATE SET \
        base = referral_sum.base + excluded.base, top_ups = referral_sum.top_ups + excluded.top_ups, \
        last_purchase_at = CASE \
            WHEN excluded.last_purchase_at IS NULL THEN referral_sum.last_purchase_at \
            WHEN referral_sum.last_purchase_at > excluded.last_purchase_at THEN referral_sum.last_purchase_at \
            ELSE excluded.last_purchase_at END";

/// All but the client is said so that no index answers it: while PostgreSQL has no statistics of a table that just grew,
/// it would have those that begin with the kind or hold the period give it all lines there are, for each client.
const LAST_OF_GROUP: &str = "WITH {rows} \
    UPDATE referral_sum SET last_purchase_at = (\
        SELECT MAX(t.occurred_at) FROM line t WHERE t.referral_id = referral_sum.referral_id \
        AND +t.settle_period = referral_sum.settle_period AND t.rate_period = referral_sum.rate_period \
        AND t.kind <> 'REFUND' AND t.state = 'EARNING' AND t.amount > \
        COALESCE((SELECT CAST(SUM(r.amount) AS BIGINT) FROM line r WHERE r.reverses = t.id), 0)) \
    FROM v WHERE referral_sum.referral_id = v.referral_id AND referral_sum.settle_period = v.settle_period \
        AND referral_sum.rate_period = v.rate_period AND referral_sum.taken_back_period = $1";

/// By the client alone, as [`LAST_OF_GROUP`].
const LAST_STANDING: &str = "WITH {rows} SELECT v.referral_id, (\
        SELECT t.occurred_at FROM line t WHERE t.referral_id = v.referral_id \
        AND t.kind <> 'REFUND' AND t.state = 'EARNING' AND t.amount > \
        COALESCE((SELECT CAST(SUM(r.amount) AS BIGINT) FROM line r WHERE r.reverses = t.id), 0) \
        ORDER BY t.occurred_at DESC LIMIT 1) FROM v";

/// The row came with the client.
const REFERRAL_TOTAL: &str = "WITH {rows} \
    UPDATE referral_total SET base = referral_total.base + v.base, top_up_count = referral_total.top_up_count + v.top_ups, \
        first_purchase_at = v.first_purchase_at, last_purchase_at = v.last_purchase_at, \
        closed_through = v.closed_through, closed_base = v.closed_base, closed_commission = v.closed_commission, \
        open_period = v.open_period \
    FROM v WHERE referral_total.referral_id = v.referral_id";

const ACTIVE_DAY_GAIN: &str = "WITH {rows} INSERT INTO active_day (partner_id, day, clients) \
    SELECT partner_id, day, clients FROM v WHERE true \
    ON CONFLICT (partner_id, day) DO UPDATE SET clients = active_day.clients + excluded.clients";

const ACTIVE_DAY_LOSS: &str = "WITH {rows} UPDATE active_day SET clients = active_day.clients + v.clients \
    FROM v WHERE active_day.partner_id = v.partner_id AND active_day.day = v.day";

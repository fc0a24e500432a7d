//! What clients have earned, as it is kept with their totals: it is counted with every line that is written, and after a
//! settlement.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{Money, Period};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::error::{ServiceError, retrying};
use super::lock::{self, Progress};
use super::standing::RateBook;
use crate::app::{App, Terms};
use crate::db::{self, Column, Columns, Rows, Selected};
use crate::domain::earned::Earned;

/// Bases of lines by the period whose rate they earn.
pub type Bases = BTreeMap<Period, Money>;

/// A client's base and what he has earned, of `referral_total t`; the sums of the open lines only where they are of
/// several periods.
pub const SELECTED: &Selected = &[
    ("t.base", Column::BigInt),
    ("t.closed_through", Column::Int),
    ("t.closed_base", Column::BigInt),
    ("t.closed_commission", Column::BigInt),
    ("t.open_period", Column::Int),
    (
        "CASE WHEN t.open_period = 99999999 THEN (SELECT string_agg(s.rate_period || ':' || s.base, ',') \
         FROM referral_sum s WHERE s.referral_id = t.referral_id AND s.settle_period > t.closed_through \
         AND s.rate_period > t.closed_through) END",
        Column::Text,
    ),
];

/// Reads what was [`SELECTED`], from its first column on.
pub fn read(row: &impl Columns, first: usize) -> Result<(Money, Earned), DbErr> {
    let kept = Kept::read(row, first)?;
    let mut earned = kept.earned;
    let sums: Option<String> = row.column(first + 5)?;
    let broken = || DbErr::Type("what a client has earned cannot be read".to_owned());
    for sum in sums.as_deref().unwrap_or_default().split_terminator(',') {
        let sum =
            sum.split_once(':').and_then(|(period, base)| Some((period.parse().ok()?, base.parse().ok()?)));
        let (period, base) = sum.ok_or_else(broken)?;
        earned.add(Period(period), Money(base)).ok_or_else(broken)?;
    }
    Ok((row.column(first)?, earned))
}

/// What a client has earned while lines of his are counted.
#[derive(Clone, Debug)]
pub struct Kept {
    earned: Earned,
    /// The open lines are of several periods, which only the sums tell apart: there is no need to, as long as none of
    /// the periods is closed.
    is_several: bool,
}

impl Kept {
    /// The columns of `referral_total t` that [`Kept::read`] reads.
    pub const COLUMNS: &str = "t.base, t.closed_through, t.closed_base, t.closed_commission, t.open_period";

    pub fn read(row: &impl Columns, first: usize) -> Result<Kept, DbErr> {
        let (base, closed_base): (Money, Money) = (row.column(first)?, row.column(first + 2)?);
        let open: Option<Period> = row.column(first + 4)?;
        let is_several = open == Some(Period::NEVER);
        let mut earned = Earned::closed(row.column(first + 1)?, closed_base, row.column(first + 3)?);
        if let Some(period) = open.filter(|_| !is_several) {
            let counted = base.checked_sub(closed_base).and_then(|open| earned.add(period, open));
            counted.ok_or_else(|| DbErr::Type("what a client has brought leaves 64 bits".to_owned()))?;
        }
        Ok(Kept { earned, is_several })
    }

    /// The values of the [`ROW`]'s columns.
    pub fn row(&self) -> [Value; ROW.len()] {
        let mut open = self.earned.open().map(|(period, _)| period);
        let open = match (self.is_several, open.next(), open.next()) {
            (true, ..) | (_, Some(_), Some(_)) => Some(Period::NEVER),
            (_, only, _) => only,
        };
        let Earned { closed_through, closed_base, closed_commission, .. } = &self.earned;
        [
            closed_through.0.into(),
            closed_base.0.into(),
            closed_commission.0.into(),
            open.map(|period| period.0).into(),
        ]
    }
}

/// What is written back of a [`Kept`].
pub const ROW: [(&str, Column); 4] = [
    ("closed_through", Column::Int),
    ("closed_base", Column::BigInt),
    ("closed_commission", Column::BigInt),
    ("open_period", Column::IntOrNull),
];

/// Lines of a client that are being written: they are in his sums already.
#[derive(Debug)]
pub struct Counted {
    pub partner_id: Uuid,
    /// Before the lines.
    pub kept: Kept,
    pub lines: Bases,
}

/// Counts lines of clients, by the ids of their referrals, and makes final what is at the rates of closed periods; the
/// period lock and the partners' rows are held.
pub async fn count(
    terms: &Terms,
    tx: &DatabaseTransaction,
    closed: Option<Period>,
    mut clients: BTreeMap<Uuid, Counted>,
) -> Result<BTreeMap<Uuid, Kept>, ServiceError> {
    let Some(closed) = closed else {
        clients.values_mut().try_for_each(Counted::add)?;
        return Ok(clients.into_iter().map(|(id, client)| (id, client.kept)).collect());
    };
    let told_apart = clients
        .iter_mut()
        .filter(|(_, client)| client.kept.is_several && client.kept.earned.closed_through < closed);
    let told_apart: Vec<Uuid> = told_apart.map(|(id, _)| *id).collect();
    for (id, open) in open_bases(tx, &told_apart).await? {
        if let Some(client) = clients.get_mut(&id) {
            // The sums have the lines that are being written too.
            client.lines.extend(open);
            client.kept.is_several = false;
        }
    }
    clients.values_mut().try_for_each(Counted::add)?;
    let closing = clients
        .values()
        .flat_map(|client| client.kept.earned.closing(closed).map(|period| (client.partner_id, period)));
    let closing: BTreeSet<(Uuid, Period)> = closing.collect();
    let rates = match closing.is_empty() {
        true => None,
        false => Some(RateBook::load(tx, terms, &closing, None).await?),
    };
    for (id, Counted { partner_id, kept, .. }) in &mut clients {
        let rate = |period| rates.as_ref().map(|rates| rates.rate(*partner_id, period).rate);
        kept.earned.close(closed, rate).ok_or_else(|| leaves_64_bits(*id))?;
    }
    Ok(clients.into_iter().map(|(id, client)| (id, client.kept)).collect())
}

impl Counted {
    fn add(&mut self) -> Result<(), ServiceError> {
        let broken = || ServiceError::Broken("what a client has brought leaves 64 bits".to_owned());
        std::mem::take(&mut self.lines)
            .into_iter()
            .try_for_each(|(period, base)| self.kept.earned.add(period, base).ok_or_else(broken))
    }
}

/// The bases of the lines that are not counted as final, from the sums; every client that is asked for has an answer.
async fn open_bases(tx: &DatabaseTransaction, clients: &[Uuid]) -> Result<HashMap<Uuid, Bases>, DbErr> {
    let sql = "WITH {rows} SELECT t.referral_id, s.rate_period, CAST(SUM(s.base) AS BIGINT) FROM v \
               JOIN referral_total t ON t.referral_id = v.id JOIN referral_sum s ON s.referral_id = t.referral_id \
               AND s.settle_period > t.closed_through AND s.rate_period > t.closed_through \
               GROUP BY t.referral_id, s.rate_period";
    let rows = Rows::of(&[("id", Column::Uuid)], clients.iter().map(|id| Value::from(*id)));
    let mut bases: HashMap<Uuid, Bases> = clients.iter().map(|id| (*id, Bases::new())).collect();
    for row in rows.query(tx, sql, vec![]).await? {
        let of_client = bases.entry(row.try_get_by_index(0)?).or_default();
        of_client.insert(row.try_get_by_index(1)?, row.try_get_by_index(2)?);
    }
    Ok(bases)
}

fn leaves_64_bits(client: Uuid) -> ServiceError {
    ServiceError::Broken(format!("what client {client} has earned leaves 64 bits"))
}

/// How many clients a transaction makes final.
const BATCH: usize = 1_000;

/// Makes final what clients have earned who had lines of several open periods, once those are closed: what they have
/// earned can be read without their sums from then on. They are few, unless a long history was settled at once. Others
/// wait for their next line.
pub async fn close_several(app: &App) -> Result<(), ServiceError> {
    loop {
        let Some(closed) = Progress::load(app.db.reader()).await?.closed else { return Ok(()) };
        let sql = format!(
            "SELECT referral_id, partner_id FROM referral_total WHERE open_period = 99999999 \
             AND closed_through < $1 ORDER BY closed_through, referral_id LIMIT {BATCH}"
        );
        let rows = db::query(app.db.reader(), &sql, vec![closed.0.into()]).await?;
        let clients = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
        let clients = clients.collect::<Result<Vec<(Uuid, Uuid)>, DbErr>>()?;
        if clients.is_empty() {
            return Ok(());
        }
        retrying(async || close_all(app, &clients).await).await?;
    }
}

async fn close_all(app: &App, clients: &[(Uuid, Uuid)]) -> Result<(), ServiceError> {
    let tx = app.begin().await?;
    lock::period_shared(&tx).await?;
    lock::partners(&tx, &clients.iter().map(|(_, partner_id)| *partner_id).collect()).await?;
    let closed = Progress::load(&tx).await?.closed;
    let sql = format!(
        "WITH {{rows}} SELECT t.referral_id, t.partner_id, {} FROM v JOIN referral_total t ON t.referral_id = v.id",
        Kept::COLUMNS
    );
    let ids = Rows::of(&[("id", Column::Uuid)], clients.iter().map(|(id, _)| Value::from(*id)));
    let read = |row: &QueryResult| {
        let (partner_id, kept) = (row.try_get_by_index(1)?, Kept::read(row, 2)?);
        Ok((row.try_get_by_index(0)?, Counted { partner_id, kept, lines: Bases::new() }))
    };
    let found = ids.query(&tx, &sql, vec![]).await?;
    let found = found.iter().map(read).collect::<Result<_, DbErr>>()?;
    let mut rows = Rows::new(&[("referral_id", Column::Uuid), ROW[0], ROW[1], ROW[2], ROW[3]]);
    for (id, kept) in count(&app.terms, &tx, closed, found).await? {
        let [through, base, commission, open] = kept.row();
        rows.push([id.into(), through, base, commission, open]);
    }
    let sql = "WITH {rows} UPDATE referral_total SET closed_through = v.closed_through, closed_base = v.closed_base, \
               closed_commission = v.closed_commission, open_period = v.open_period \
               FROM v WHERE referral_total.referral_id = v.referral_id";
    rows.execute(&tx, sql, vec![]).await?;
    tx.commit().await?;
    Ok(())
}

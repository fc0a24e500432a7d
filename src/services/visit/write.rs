//! Writes visits, many in one transaction, and tells duplicates from what counts.

use std::collections::{BTreeMap, HashMap};

use entity::{Moment, VisitVerdict};
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::NewVisit;
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::visit::{DUPLICATE_WITHIN, is_duplicate};
use crate::services::error::{ServiceError, retrying};
use crate::services::statistics::{CountedVisit, visit_counts};

/// Writes what was gathered; what the database does not take is counted and lost, since nobody waits for it.
pub(super) async fn record_or_count(
    app: &App,
    visits: &[NewVisit],
) -> Vec<Result<Option<VisitVerdict>, ServiceError>> {
    match record_all(app, visits).await {
        Ok(verdicts) => verdicts.into_iter().map(|verdict| Ok(Some(verdict))).collect(),
        Err(error) => {
            tracing::error!(%error, count = visits.len(), "visits could not be recorded");
            count_lost(visits.len());
            visits.iter().map(|_| Ok(None)).collect()
        }
    }
}

/// Counts visits that were answered and could not be recorded.
pub fn count_lost(visits: usize) {
    metrics::counter!("visits_not_recorded_total").increment(visits as u64);
}

/// Writes visits in one transaction; the verdicts are in their order.
pub async fn record_all(app: &App, visits: &[NewVisit]) -> Result<Vec<VisitVerdict>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let verdicts = record_in(app, &tx, visits).await?;
        tx.commit().await?;
        Ok(verdicts)
    })
    .await
}

/// What became of a visit.
#[derive(Clone, Copy)]
struct Decided {
    verdict: VisitVerdict,
    is_first_of_day: bool,
}

pub(super) async fn record_in(
    app: &App,
    tx: &DatabaseTransaction,
    visits: &[NewVisit],
) -> Result<Vec<VisitVerdict>, ServiceError> {
    let decided = decide(tx, visits).await?;
    // A prefetch counts nowhere; it is kept all the same, so that the partner sees why.
    let counted: Vec<CountedVisit> = visits
        .iter()
        .zip(&decided)
        .filter(|(_, decided)| decided.verdict != VisitVerdict::Prefetch)
        .map(|(visit, decided)| CountedVisit {
            partner_id: visit.partner_id,
            link_id: visit.link_id,
            at: visit.at,
            verdict: decided.verdict,
            is_first_of_day: decided.is_first_of_day,
        })
        .collect();
    let mut written = vec![insertion(app, visits, &decided)];
    written.extend(visit_counts(&app.terms.calendar, &counted));
    db::execute_together(tx, written).await?;
    Ok(decided.into_iter().map(|decided| decided.verdict).collect())
}

/// Gives each visit its verdict. The visitor's row is locked by the first of two transactions that see him at once, so
/// that he counts once.
async fn decide(tx: &DatabaseTransaction, visits: &[NewVisit]) -> Result<Vec<Decided>, DbErr> {
    let duplicate = Decided { verdict: VisitVerdict::Duplicate, is_first_of_day: false };
    let mut decided: Vec<Option<Decided>> = visits
        .iter()
        .map(|visit| match visit.screened {
            Some(verdict) => Some(Decided { verdict, is_first_of_day: false }),
            None => {
                let came_at = visit.visitor.first_came_at;
                came_at.filter(|came_at| is_duplicate(*came_at, visit.at)).map(|_| duplicate)
            }
        })
        .collect();
    // Of one visitor's visits together the first is looked at; a later one may be a duplicate of it.
    loop {
        let mut round: BTreeMap<(Uuid, Uuid), usize> = BTreeMap::new();
        for (index, visit) in visits.iter().enumerate().filter(|(index, _)| decided[*index].is_none()) {
            round.entry((visit.link_id, visit.visitor.id)).or_insert(index);
        }
        if round.is_empty() {
            break;
        }
        let counted = remember(tx, visits, &round).await?;
        for (visitor, index) in &round {
            let visit = &visits[*index];
            decided[*index] = Some(match counted.get(visitor) {
                None => duplicate,
                Some(is_first_of_day) => Decided {
                    verdict: VisitVerdict::Counted,
                    is_first_of_day: *is_first_of_day
                        && visit.visitor.first_came_at.is_none_or(|came_at| !is_same_day(came_at, visit.at)),
                },
            });
        }
        for (index, visit) in visits.iter().enumerate() {
            let first = round.get(&(visit.link_id, visit.visitor.id));
            let of_same = first.is_some_and(|first| is_duplicate(visits[*first].at, visit.at));
            if decided[index].is_none() && of_same {
                decided[index] = Some(duplicate);
            }
        }
    }
    Ok(decided.into_iter().map(|decided| decided.unwrap_or(duplicate)).collect())
}

fn is_same_day(one: Moment, other: Moment) -> bool {
    one.utc_day() == other.utc_day()
}

/// Remembers visitors who count, in the order of their keys; answers which of them do, and whether it is for the first
/// time on their UTC day.
async fn remember(
    tx: &DatabaseTransaction,
    visits: &[NewVisit],
    round: &BTreeMap<(Uuid, Uuid), usize>,
) -> Result<HashMap<(Uuid, Uuid), bool>, DbErr> {
    let columns = &[("link_id", Column::Uuid), ("visitor", Column::Uuid), ("at", Column::BigInt)];
    let mut rows = Rows::new(columns);
    for ((link_id, visitor), index) in round {
        rows.push([(*link_id).into(), (*visitor).into(), visits[*index].at.0.into()]);
    }
    let within = DUPLICATE_WITHIN.num_microseconds().unwrap_or(i64::MAX);
    let found = rows.query(tx, REMEMBER, vec![within.into(), within.into()]).await?;
    let counted: HashMap<(Uuid, Uuid), bool> = found
        .iter()
        .map(|row| {
            let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Ok((key, row.try_get_by_index(2)?))
        })
        .collect::<Result<_, DbErr>>()?;
    // Who came without a token comes again with the one he was given now.
    let mut next = BTreeMap::new();
    for (key, index) in round.iter().filter(|(key, _)| counted.contains_key(*key)) {
        if let Some(next_id) = visits[*index].visitor.next_id {
            next.insert((key.0, next_id), visits[*index].at);
        }
    }
    let mut rows = Rows::new(columns);
    next.iter().for_each(|((link_id, id), at)| rows.push([(*link_id).into(), (*id).into(), at.0.into()]));
    rows.execute(tx, REMEMBER_NEXT, vec![]).await?;
    Ok(counted)
}

/// `$1` is the hour in which a visitor counts once. A visitor who does not count is not in the answer.
const REMEMBER: &str = "WITH {rows} INSERT INTO recent_visitor (link_id, visitor, counted_at, is_first_of_day) \
    SELECT link_id, visitor, at, true FROM v WHERE true ON CONFLICT (link_id, visitor) DO UPDATE SET \
    is_first_of_day = (recent_visitor.counted_at / 86400000000 <> excluded.counted_at / 86400000000), \
    counted_at = CASE WHEN excluded.counted_at > recent_visitor.counted_at THEN excluded.counted_at \
    ELSE recent_visitor.counted_at END WHERE recent_visitor.counted_at <= excluded.counted_at - $1 \
    OR recent_visitor.counted_at >= excluded.counted_at + $2 RETURNING link_id, visitor, is_first_of_day";

const REMEMBER_NEXT: &str = "WITH {rows} INSERT INTO recent_visitor (link_id, visitor, counted_at, is_first_of_day) \
    SELECT link_id, visitor, at, true FROM v WHERE true ON CONFLICT (link_id, visitor) DO NOTHING";

fn insertion(app: &App, visits: &[NewVisit], decided: &[Decided]) -> (Rows, String) {
    let mut rows = Rows::new(&[
        ("id", Column::Uuid),
        ("link_id", Column::Uuid),
        ("at", Column::BigInt),
        ("verdict", Column::Text),
        ("referrer", Column::TextOrNull),
    ]);
    for (visit, decided) in visits.iter().zip(decided) {
        rows.push([
            app.clock.new_id().into(),
            visit.link_id.into(),
            visit.at.0.into(),
            decided.verdict.as_str().into(),
            visit.referrer.as_deref().into(),
        ]);
    }
    let sql = "WITH {rows} INSERT INTO visit (id, link_id, at, verdict, referrer) \
               SELECT id, link_id, at, verdict, referrer FROM v";
    (rows, sql.to_owned())
}

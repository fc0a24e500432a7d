//! Recomputes every sum, standing, statement, balance and digest from the recorded facts, by a code path of its own, and
//! names what differs. Works on one snapshot, a hundred partners at a time, at flat memory.

mod clients;
mod ledger;
mod lines;
mod payments;
mod settlements;
mod statements;
mod statistics;
mod visits;

use std::collections::BTreeMap;

use entity::{Period, settlement};
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, QueryOrder};
use uuid::Uuid;

use super::error::ServiceError;
use super::programme::TierTables;
use crate::app::App;
use crate::db;

/// How many partners are checked together.
const CHUNK: i64 = 100;

/// Something that is not as the facts say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The table, and which row of it.
    pub subject: String,
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// How much was checked, and how much of it was off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub partners: u64,
    pub lines: u64,
    pub statements: u64,
    pub transfers: u64,
    pub findings: u64,
}

/// Checks everything; `on_finding` is told of each thing that is off as it is found.
pub async fn verify(app: &App, on_finding: impl FnMut(Finding)) -> Result<Summary, ServiceError> {
    let snapshot = app.db.begin_snapshot().await?;
    let mut check = Check::begin(app, &snapshot, on_finding).await?;
    let visits_since = visits::kept_since(&snapshot).await?;
    let mut after = Uuid::nil();
    loop {
        let partners = partners_after(&snapshot, after).await?;
        let Some((first, last)) = partners.first().copied().zip(partners.last().copied()) else { break };
        let chunk = Chunk { first, last };
        let recomputed = check.lines(&snapshot, chunk).await?;
        check.statements(&snapshot, chunk, &partners, &recomputed).await?;
        check.ledger(&snapshot, chunk, &partners).await?;
        check.statistics(&snapshot, chunk).await?;
        check.visits(&snapshot, chunk, visits_since).await?;
        check.summary.partners += partners.len() as u64;
        after = last;
    }
    check.settlements(&snapshot).await?;
    check.parked(&snapshot).await?;
    check.payments(&snapshot).await?;
    let summary = check.summary;
    snapshot.rollback().await?;
    Ok(summary)
}

/// Partners from one id to another, both included.
#[derive(Clone, Copy)]
struct Chunk {
    first: Uuid,
    last: Uuid,
}

impl Chunk {
    fn values(self) -> Vec<sea_orm::Value> {
        vec![self.first.into(), self.last.into()]
    }
}

struct Check<'a, F> {
    app: &'a App,
    tables: TierTables,
    settlements: BTreeMap<Period, settlement::Model>,
    summary: Summary,
    on_finding: F,
}

impl<'a, F: FnMut(Finding)> Check<'a, F> {
    async fn begin(
        app: &'a App,
        snapshot: &DatabaseTransaction,
        on_finding: F,
    ) -> Result<Self, ServiceError> {
        let tables = TierTables::load(snapshot, &app.terms).await?;
        let settlements =
            settlement::Entity::find().order_by_asc(settlement::Column::Period).all(snapshot).await?;
        let settlements = settlements.into_iter().map(|settlement| (settlement.period, settlement)).collect();
        Ok(Check { app, tables, settlements, summary: Summary::default(), on_finding })
    }

    fn report(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.summary.findings += 1;
        (self.on_finding)(Finding { subject: subject.into(), message: message.into() });
    }

    /// Reports where what is on record is not what was recomputed.
    fn compare<T: PartialEq + std::fmt::Display>(
        &mut self,
        subject: &str,
        what: &str,
        found: T,
        expected: T,
    ) {
        if found != expected {
            self.report(subject, format!("{what} is {found}, the facts say {expected}"));
        }
    }

    /// Whether a partner's statement of a period is to be there already.
    fn is_written(&self, period: Period, partner_id: Uuid) -> bool {
        self.settlements.get(&period).is_some_and(|settlement| {
            settlement.completed_at.is_some()
                || settlement.settled_through.is_some_and(|through| partner_id <= through)
        })
    }
}

async fn partners_after(snapshot: &DatabaseTransaction, after: Uuid) -> Result<Vec<Uuid>, DbErr> {
    let sql = "SELECT id FROM partner WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = db::query(snapshot, sql, vec![after.into(), CHUNK.into()]).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// An amount, or that there is none, for a message.
fn or_none<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

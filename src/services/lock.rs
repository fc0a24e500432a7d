//! The locks under which facts are read and written (architecture, Data). On SQLite BEGIN IMMEDIATE does them all.

use std::collections::{BTreeSet, HashMap};

use entity::{PartnerStatus, Period};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};
use uuid::Uuid;

use crate::db::{self, Column, Rows};

/// Any number that no other program in the database uses for an advisory lock.
const PERIOD_LOCK: i64 = 7_242_741_010;

/// Held by whoever writes a line, a release, a rate, a tier table or a suspension: no period closes meanwhile.
pub async fn period_shared(tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    advisory(tx, "SELECT pg_advisory_xact_lock_shared($1)").await
}

/// Held by whoever closes a period, or changes whose client somebody is: no line is written meanwhile.
pub async fn period_exclusive(tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    advisory(tx, "SELECT pg_advisory_xact_lock($1)").await
}

async fn advisory(tx: &impl ConnectionTrait, sql: &str) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        db::execute(tx, sql, vec![PERIOD_LOCK.into()]).await?;
    }
    Ok(())
}

/// What ends a SELECT that locks the rows of `table` against writers.
pub fn for_update(tx: &impl ConnectionTrait, table: &str) -> String {
    match tx.get_database_backend() {
        DbBackend::Postgres => format!(" FOR NO KEY UPDATE OF {table}"),
        _ => String::new(),
    }
}

/// A partner whose row is locked.
#[derive(Clone, Copy, Debug)]
pub struct LockedPartner {
    pub account_id: Uuid,
    pub status: PartnerStatus,
}

impl LockedPartner {
    pub fn is_suspended(&self) -> bool {
        self.status == PartnerStatus::Suspended
    }
}

/// Locks partners in the order of their ids, against a suspension and against each other's sums.
pub async fn partners(
    tx: &impl ConnectionTrait,
    ids: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, LockedPartner>, DbErr> {
    let rows = Rows::of(&[("id", Column::Uuid)], ids.iter().map(|id| Value::from(*id)));
    let sql = format!(
        "WITH {{rows}} SELECT p.id, p.account_id, p.status FROM v JOIN partner p ON p.id = v.id ORDER BY p.id{}",
        for_update(tx, "p")
    );
    let mut locked = HashMap::with_capacity(ids.len());
    for row in rows.query(tx, &sql, vec![]).await? {
        let partner =
            LockedPartner { account_id: row.try_get_by_index(1)?, status: row.try_get_by_index(2)? };
        locked.insert(row.try_get_by_index(0)?, partner);
    }
    Ok(locked)
}

/// Locks one partner.
pub async fn partner(tx: &impl ConnectionTrait, id: Uuid) -> Result<Option<LockedPartner>, DbErr> {
    Ok(partners(tx, &BTreeSet::from([id])).await?.remove(&id))
}

/// How far the books have come. Stands still only under the period lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The period of the earliest line; none before a first line exists.
    pub first: Option<Period>,
    /// The period closed last.
    pub closed: Option<Period>,
}

impl Progress {
    pub async fn load(db: &impl ConnectionTrait) -> Result<Progress, DbErr> {
        let sql = "SELECT (SELECT MAX(period) FROM settlement), (SELECT first_period FROM programme)";
        let Some(row) = db::query_one(db, sql, vec![]).await? else { return Ok(Progress::default()) };
        Ok(Progress { closed: row.try_get_by_index(0)?, first: row.try_get_by_index(1)? })
    }

    /// The oldest period that is not closed: what follows the last settlement, before the first the period of the
    /// earliest line, none before that.
    pub fn oldest_open(self) -> Option<Period> {
        self.closed.map(Period::next).or(self.first)
    }

    /// The period before which nothing can be settled any more; none while nothing is closed, since a line still
    /// earlier may move the beginning back.
    pub fn after_last_closed(self) -> Option<Period> {
        self.closed.map(Period::next)
    }
}

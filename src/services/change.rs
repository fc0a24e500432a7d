//! A partner's changes in the order in which they were committed: their numbers, and the feed that is read by them.
//!
//! A number is drawn under the lock of the partner's row, which is held until the transaction ends: of two changes of
//! one partner the one with the higher number was committed later. So whoever has read up to a number misses nothing.

use std::collections::HashMap;

use entity::{Moment, SubjectKind, referral};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::notice;
use super::occurrence::{self, bound};
use super::paging::batch::for_each_parent;
use crate::app::App;
use crate::db;
use crate::domain::top_up::CLOCK_SKEW;
use crate::domain::watermark::{Place, Watermark};

/// How many numbers one draw gives, in powers of two: more than a transaction writes.
const DRAWN_AT_ONCE: u32 = 24;

/// Numbers for what a transaction writes.
#[derive(Debug)]
pub struct Numbers {
    next: Option<i64>,
}

impl Numbers {
    /// Draws numbers higher than all that these partners have, whose rows are locked, and tells of them once they are
    /// committed (`services/notice.rs`); none where nobody is told.
    pub async fn draw(
        app: &App,
        tx: &impl ConnectionTrait,
        partners: impl IntoIterator<Item = Uuid>,
    ) -> Result<Numbers, DbErr> {
        if !app.makes_events {
            return Ok(Numbers { next: None });
        }
        let drawn = notice::draw(app, tx, partners).await?;
        Ok(Numbers { next: Some(drawn << DRAWN_AT_ONCE) })
    }

    /// The next one.
    pub fn take(&mut self) -> Option<i64> {
        let number = self.next;
        self.next = number.map(|number| number + 1);
        number
    }
}

/// Makes an event of a referral just written; its partner's row is locked.
pub async fn number_referral(
    app: &App,
    tx: &impl ConnectionTrait,
    referral: &referral::Model,
) -> Result<(), DbErr> {
    let number = Numbers::draw(app, tx, [referral.partner_id]).await?.take();
    let sql = "UPDATE referral SET change = $1 WHERE id = $2";
    db::execute(tx, sql, vec![number.into(), referral.id.into()]).await.map(|_| ())
}

/// Lets a copy go on where the original has come to.
pub async fn continue_from(
    source: &impl ConnectionTrait,
    target: &impl ConnectionTrait,
) -> Result<(), DbErr> {
    let row = db::query_one(source, "SELECT last_value FROM change_number", vec![]).await?;
    let last: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    let sql = match target.get_database_backend() {
        DbBackend::Postgres => "SELECT setval('change_number', GREATEST($1, 1))",
        _ => "UPDATE change_number SET last_value = $1",
    };
    db::execute(target, sql, vec![last.into()]).await.map(|_| ())
}

/// What changed, and where to read on.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Oldest first, each object once.
    pub changed: Vec<(SubjectKind, Uuid)>,
    pub watermark: Watermark,
    /// Whether nothing had changed after it when this was read.
    pub is_complete: bool,
}

/// Whose changes are asked for, from where on and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChangesKey {
    pub partner_id: Uuid,
    pub watermark: Watermark,
    pub first: u32,
}

/// What changed for a partner after a watermark, at most `first` changes; from the beginning without one: first what
/// imports brought, which is no event, then every event.
pub async fn after(
    app: &App,
    partner_id: Uuid,
    watermark: Option<Watermark>,
    first: u32,
) -> Result<Feed, ServiceError> {
    let watermark = watermark.unwrap_or(Watermark::BEGINNING);
    let mut feeds = of_partners(app, &[partner_id], watermark, first).await?;
    let gone = || ServiceError::Broken(format!("partner {partner_id} has no changes"));
    feeds.remove(&partner_id).ok_or_else(gone)
}

/// What changed for partners: one look for all that are asked about alike.
pub async fn feeds(app: App, keys: Vec<ChangesKey>) -> Result<HashMap<ChangesKey, Feed>, ServiceError> {
    let mut alike: HashMap<(Watermark, u32), Vec<Uuid>> = HashMap::new();
    for key in keys {
        alike.entry((key.watermark, key.first)).or_default().push(key.partner_id);
    }
    let mut found = HashMap::new();
    for ((watermark, first), partners) in alike {
        let feeds = of_partners(&app, &partners, watermark, first).await?;
        let keyed = |(partner_id, feed)| (ChangesKey { partner_id, watermark, first }, feed);
        found.extend(feeds.into_iter().map(keyed));
    }
    Ok(found)
}

async fn of_partners(
    app: &App,
    partners: &[Uuid],
    watermark: Watermark,
    first: u32,
) -> Result<HashMap<Uuid, Feed>, ServiceError> {
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let (mut found, number) = match watermark {
        Watermark::Imported(place) => (imported(app, partners, place, first + 1).await?, 0),
        Watermark::Event(number) => (HashMap::new(), number),
    };
    let goes_on = |partner: &Uuid| found.get(partner).is_none_or(|imported| imported.len() <= first);
    let read_on: Vec<Uuid> = partners.iter().copied().filter(goes_on).collect();
    let mut events = events(app, &read_on, number, first + 1).await?;
    let feed = |partner: &Uuid| {
        let (mut found, events) = (found.remove(partner).unwrap_or_default(), events.remove(partner));
        let reached = if read_on.contains(partner) { Watermark::Event(number) } else { watermark };
        found.extend(events.into_iter().flatten());
        (*partner, Feed::of(found, reached, first))
    };
    Ok(partners.iter().map(feed).collect())
}

type Found = (SubjectKind, Uuid, Watermark);

impl Feed {
    /// The first so many of what was found, up to a watermark that was reached if these are all.
    fn of(mut found: Vec<Found>, reached: Watermark, first: usize) -> Feed {
        let is_complete = found.len() <= first;
        found.truncate(first);
        let watermark = found.last().map_or(reached, |(_, _, at)| *at);
        // What was left out at the end of the imported part must not be passed over.
        let watermark = if is_complete { watermark.max(reached) } else { watermark };
        let mut changed: Vec<(SubjectKind, Uuid)> = Vec::with_capacity(found.len());
        for (kind, id, _) in found {
            if !changed.contains(&(kind, id)) {
                changed.push((kind, id));
            }
        }
        Feed { changed, watermark, is_complete }
    }
}

async fn events(
    app: &App,
    partners: &[Uuid],
    after: i64,
    limit: usize,
) -> Result<HashMap<Uuid, Vec<Found>>, DbErr> {
    read_each(app, partners, occurrence::AFTER, vec![after.into(), bound(limit)], |row| {
        let found = occurrence::read(row)?;
        Ok((found.subject.0, found.subject.1, Watermark::Event(found.number)))
    })
    .await
}

/// What has no number, in the order in which it happened. Nothing that an import brought happened after it by more than
/// a clock may be ahead: without that bound a long history would be searched to its end.
const IMPORTED: &str = "SELECT kind, id, at FROM (\
    SELECT * FROM (SELECT 'CLIENT' AS kind, id, registered_at AS at FROM referral WHERE partner_id = $1 \
        AND change IS NULL AND (registered_at, id) > ($2, $3) AND registered_at <= $4 \
        ORDER BY registered_at, id LIMIT $5) AS r \
    UNION ALL SELECT * FROM (SELECT 'LINE' AS kind, id, occurred_at AS at FROM line WHERE partner_id = $1 \
        AND change IS NULL AND (occurred_at, id) > ($2, $3) AND occurred_at <= $4 \
        ORDER BY occurred_at, id LIMIT $5) AS l\
    ) AS c ORDER BY at, id LIMIT $5";

async fn imported(
    app: &App,
    partners: &[Uuid],
    after: Place,
    limit: usize,
) -> Result<HashMap<Uuid, Vec<Found>>, DbErr> {
    let last = "SELECT MAX(COALESCE(ended_at, lease_until)) FROM import_run";
    let row = db::query_one(app.db.reader(), last, vec![]).await?;
    let last: Option<Moment> = row.map_or(Ok(None), |row| row.try_get_by_index(0))?;
    let Some(last) = last else { return Ok(HashMap::new()) };
    let until = last.plus(CLOCK_SKEW);
    let values = vec![after.at.0.into(), after.id.into(), until.0.into(), bound(limit)];
    read_each(app, partners, IMPORTED, values, |row| {
        let id = row.try_get_by_index(1)?;
        let place = Place { at: row.try_get_by_index(2)?, id };
        Ok((row.try_get_by_index(0)?, id, Watermark::Imported(place)))
    })
    .await
}

/// What a SELECT finds of each partner, in the order of its watermarks; the partner is `$1`.
async fn read_each(
    app: &App,
    partners: &[Uuid],
    sql: &str,
    values: Vec<Value>,
    read: impl Fn(&QueryResult) -> Result<Found, DbErr>,
) -> Result<HashMap<Uuid, Vec<Found>>, DbErr> {
    let db = app.db.reader();
    let rows = match partners {
        [] => HashMap::new(),
        [partner] => {
            let values = std::iter::once((*partner).into()).chain(values).collect();
            HashMap::from([(*partner, db::query(db, sql, values).await?)])
        }
        partners => {
            let values: Vec<Value> = std::iter::once(Uuid::nil().into()).chain(values).collect();
            for_each_parent(db, partners, sql, &values).await?
        }
    };
    let read = |(partner, rows): (Uuid, Vec<QueryResult>)| {
        let mut found = rows.iter().map(&read).collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|(_, _, at)| *at);
        Ok((partner, found))
    };
    rows.into_iter().map(read).collect()
}

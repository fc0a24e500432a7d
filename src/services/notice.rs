//! Wakes whoever follows changes as soon as they are committed, on whichever instance that was.
//!
//! A notice is a hint and holds nothing: what happened is read from the tables. On PostgreSQL it is a NOTIFY in the very
//! statement that draws a change's number, so that it costs no round trip and goes out with the commit. On SQLite the
//! number drawn last is looked at: soon after one was drawn in this process, and each half second for other processes.
//! News that could have been missed are made good by news of anybody.

mod listen;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::app::App;
use crate::db;

/// The channel of PostgreSQL.
const CHANNEL: &str = "parrain_changes";
/// How many partners a notice names: PostgreSQL takes 7,999 bytes. A change of more concerns anybody.
const MAX_NAMED: usize = 240;
/// How many are remembered for a follower who is busy.
const MAX_REMEMBERED: usize = 5_000;
/// What a notice says where it is about a settlement.
const SETTLEMENT: &str = "settlement";

/// Whose changes were committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// It is not known whose: anybody's.
    Anybodys,
    /// Of these partners, and of no others.
    These(HashSet<Uuid>),
}

/// What was committed since a follower was woken last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub partners: Whose,
    /// Whether a settlement went on.
    pub settlement: bool,
}

impl News {
    fn none() -> News {
        News { partners: Whose::These(HashSet::new()), settlement: false }
    }

    fn of_anything() -> News {
        News { partners: Whose::Anybodys, settlement: true }
    }

    /// What a notice of PostgreSQL's says; one that cannot be read may concern anything.
    fn read(payload: &str) -> News {
        if payload == SETTLEMENT {
            return News { settlement: true, ..News::none() };
        }
        let ids = payload.as_bytes().chunks(32).map(Uuid::try_parse_ascii);
        match ids.collect::<Result<HashSet<Uuid>, _>>() {
            Ok(ids) if !ids.is_empty() => News { partners: Whose::These(ids), settlement: false },
            _ => News::of_anything(),
        }
    }

    fn add(&mut self, other: &News) {
        self.settlement |= other.settlement;
        match (&mut self.partners, &other.partners) {
            (Whose::These(known), Whose::These(more)) if known.len() + more.len() <= MAX_REMEMBERED => {
                known.extend(more);
            }
            (known, _) => *known = Whose::Anybodys,
        }
    }
}

/// Whoever follows in this process. The one task that listens runs as long as there is any.
#[derive(Debug, Default)]
struct Followers {
    state: Mutex<State>,
    /// A number was drawn in this process, and will be committed soon.
    drawn: Notify,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Weak<Slot>>,
    listens: bool,
}

impl Followers {
    fn of(app: &App) -> Arc<Followers> {
        app.memory.of(Followers::default)
    }

    fn tell(&self, news: &News) {
        for slot in self.lock().slots.iter().filter_map(Weak::upgrade) {
            slot.lock().get_or_insert_with(News::none).add(news);
            slot.woken.notify_one();
        }
    }

    /// Whether the listener goes on; where nobody follows it is over, in the same step: whoever comes starts another.
    fn goes_on(&self) -> bool {
        let mut state = self.lock();
        state.slots.retain(|slot| slot.strong_count() > 0);
        state.listens = !state.slots.is_empty();
        state.listens
    }

    /// Whoever panicked under it left it whole: it is changed in single steps.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits for one follower.
#[derive(Debug, Default)]
struct Slot {
    news: Mutex<Option<News>>,
    woken: Notify,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<News>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The news of one follower. It holds up nobody and misses nothing: while he is busy they are put together.
#[derive(Debug)]
pub struct Subscription(Arc<Slot>);

impl Subscription {
    /// Waits for news. May be given up at any time without losing any.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(news) = self.0.lock().take() {
                return news;
            }
            self.0.woken.notified().await;
        }
    }
}

/// Follows what is committed from now on. The first news, of anybody, come as soon as one listens.
pub fn subscribe(app: &App) -> Subscription {
    let followers = Followers::of(app);
    let slot = Arc::new(Slot::default());
    let starts = {
        let mut state = followers.lock();
        state.slots.push(Arc::downgrade(&slot));
        !std::mem::replace(&mut state.listens, true)
    };
    if starts {
        tokio::spawn(listen::listen(app.clone(), followers));
    } else {
        // The one that listens may have told the others before.
        *slot.lock() = Some(News::of_anything());
    }
    Subscription(slot)
}

/// Draws the number that follows all others, and tells whose changes it is for once they are committed.
pub(super) async fn draw(
    app: &App,
    tx: &impl ConnectionTrait,
    partners: impl IntoIterator<Item = Uuid>,
) -> Result<i64, DbErr> {
    let row = match tx.get_database_backend() {
        DbBackend::Postgres => {
            let sql = "SELECT nextval('change_number'), pg_notify($1, $2)";
            db::query_one(tx, sql, vec![CHANNEL.into(), payload(partners).into()]).await?
        }
        _ => {
            let sql = "UPDATE change_number SET last_value = last_value + 1 RETURNING last_value";
            let row = db::query_one(tx, sql, vec![]).await?;
            Followers::of(app).drawn.notify_one();
            row
        }
    };
    row.ok_or_else(|| DbErr::RecordNotFound("change_number".to_owned()))?.try_get_by_index(0)
}

/// Tells that a settlement has gone on, once the transaction is committed.
pub(super) async fn settlement_went_on(app: &App, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    match tx.get_database_backend() {
        DbBackend::Postgres => {
            let sql = "SELECT pg_notify($1, $2)";
            db::execute(tx, sql, vec![CHANNEL.into(), SETTLEMENT.into()]).await.map(|_| ())
        }
        _ => draw(app, tx, []).await.map(|_| ()),
    }
}

/// The ids one after another; none where they are too many to be named.
fn payload(partners: impl IntoIterator<Item = Uuid>) -> String {
    let partners: HashSet<Uuid> = partners.into_iter().collect();
    if partners.len() > MAX_NAMED {
        return String::new();
    }
    partners.iter().map(|id| id.simple().to_string()).collect()
}

#[cfg(test)]
mod tests;

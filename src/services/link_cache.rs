//! The links that visitors follow, kept in memory: a change is seen within five seconds on every instance, and a
//! database that does not answer is not noticed by who follows a known link.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::error::ServiceError;
use super::referral_link::{self, LinkTarget};
use crate::app::App;
use crate::domain::link::code_key;

/// Up to this age what is in memory is as good as the database's.
const FRESH: Duration = Duration::from_secs(2);
/// Up to this age it may be used while it is read again; beyond, it is read first.
const USABLE: Duration = Duration::from_millis(4_500);
/// How long reading a known link may take; then what is in memory holds.
const READ_WITHIN: Duration = Duration::from_millis(80);
/// How long reading an unknown one may take; then there is none.
const FIRST_READ_WITHIN: Duration = Duration::from_secs(2);
/// How long the database is left alone, for known links, after it did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How many links are read when an instance starts.
const PRELOADED: usize = 200_000;
/// How many of them by one statement: their rows take more memory than they do.
const PRELOADED_AT_ONCE: i64 = 2_000;

/// Links by the code in lower case. Unknown codes are not kept: there is no end of them.
#[derive(Debug, Default)]
pub struct LinkCache {
    links: RwLock<HashMap<String, Known>>,
    /// When the database did not answer last.
    failed_at: Mutex<Option<Instant>>,
}

#[derive(Clone, Debug)]
struct Known {
    link: Arc<LinkTarget>,
    read_at: Instant,
    /// When somebody began to read it again.
    reading_since: Instant,
}

/// The links in this process's memory.
pub fn of(app: &App) -> Arc<LinkCache> {
    app.memory.of(LinkCache::default)
}

/// The link of a code that is not archived.
///
/// # Errors
/// Where the link is not in memory and the database does not answer.
pub async fn find(app: &App, code: &str) -> Result<Option<Arc<LinkTarget>>, ServiceError> {
    let (links, key, now) = (of(app), code_key(code), Instant::now());
    let Some(known) = links.get(&key) else {
        return match tokio::time::timeout(FIRST_READ_WITHIN, read(app, &key)).await {
            Ok(found) => found,
            Err(_) => Err(ServiceError::NoAnswer),
        };
    };
    let age = now - known.read_at;
    if age < FRESH {
        return Ok(Some(known.link));
    }
    if age < USABLE {
        if links.is_first_to_read(&key, now) {
            let app = app.clone();
            tokio::spawn(async move { read(&app, &key).await.map(|_| ()) });
        }
        return Ok(Some(known.link));
    }
    if links.has_failed_just_now(now) {
        return Ok(Some(known.link));
    }
    match tokio::time::timeout(READ_WITHIN, read(app, &key)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) | Err(_) => {
            links.has_failed(Instant::now());
            Ok(Some(known.link))
        }
    }
}

/// Reads all links that are not archived, so that they are known when the database fails.
///
/// # Errors
/// Where the database does.
pub async fn preload(app: &App) -> Result<usize, ServiceError> {
    let (links, mut count, mut before) = (of(app), 0, Uuid::max());
    loop {
        let now = Instant::now();
        let found = referral_link::next_for_redirect(app, before, PRELOADED_AT_ONCE).await?;
        let Some((_, last)) = found.last() else { return Ok(count) };
        before = last.link_id;
        count += found.len();
        found.into_iter().for_each(|(key, link)| links.put(key, Arc::new(link), now));
        if count >= PRELOADED {
            return Ok(count);
        }
    }
}

async fn read(app: &App, key: &str) -> Result<Option<Arc<LinkTarget>>, ServiceError> {
    // Taken before: what is changed meanwhile is not taken for newer than it is.
    let began = Instant::now();
    let found = referral_link::find_for_redirect(app, key).await;
    match found {
        Ok(Some(link)) => {
            let link = Arc::new(link);
            of(app).put(key.to_owned(), link.clone(), began);
            Ok(Some(link))
        }
        Ok(None) => {
            of(app).forget(key);
            Ok(None)
        }
        Err(error) => {
            of(app).has_failed(Instant::now());
            Err(error)
        }
    }
}

impl LinkCache {
    fn get(&self, key: &str) -> Option<Known> {
        self.links.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: String, link: Arc<LinkTarget>, read_at: Instant) {
        let known = Known { link, read_at, reading_since: read_at };
        self.links.write().unwrap_or_else(PoisonError::into_inner).insert(key, known);
    }

    /// Forgets a link that was changed here: this instance sees it at once.
    pub fn forget(&self, code: &str) {
        self.links.write().unwrap_or_else(PoisonError::into_inner).remove(&code_key(code));
    }

    /// Forgets the links of a partner.
    pub fn forget_partner(&self, partner_id: Uuid) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, known| known.link.partner_id != partner_id);
    }

    /// Whether nobody else is reading a link again; from now on somebody is.
    fn is_first_to_read(&self, key: &str, now: Instant) -> bool {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        match links.get_mut(key) {
            Some(known) if now - known.reading_since >= FRESH => {
                known.reading_since = now;
                true
            }
            _ => false,
        }
    }

    fn has_failed_just_now(&self, now: Instant) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|failed_at| now.saturating_duration_since(failed_at) < PAUSE)
    }

    fn has_failed(&self, now: Instant) {
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db;
    use crate::services::partner::{self, Joining};
    use crate::services::referral_link::{LinkChange, NewLink};
    use crate::services::testing::{app_in, empty_database};

    /// Time that passes for the links alone: the database's own waiting needs the real one.
    fn age(app: &App, by: Duration) {
        for known in of(app).links.write().unwrap().values_mut() {
            known.read_at = known.read_at.checked_sub(by).unwrap();
            known.reading_since = known.reading_since.checked_sub(by).unwrap();
        }
    }

    async fn archive(app: &App) {
        let tx = app.begin().await.unwrap();
        db::execute(&tx, "UPDATE link SET is_own = false, archived_at = 1", vec![]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn with_a_link() -> (crate::services::testing::Folder, App) {
        let (folder, url) = empty_database();
        let app = app_in(&url).await;
        let joining =
            Joining { account_id: "p".to_owned(), code: Some("Code".to_owned()), joined_at: app.clock.now() };
        partner::join(&app, &[joining]).await.unwrap();
        (folder, app)
    }

    #[tokio::test]
    async fn a_change_is_seen_within_five_seconds_and_at_once_where_it_was_made() {
        let (_folder, app) = with_a_link().await;
        assert!(find(&app, "cODE").await.unwrap().is_some() && find(&app, "other").await.unwrap().is_none());
        archive(&app).await;
        assert!(find(&app, "code").await.unwrap().is_some(), "from memory");
        age(&app, Duration::from_secs(5));
        assert!(find(&app, "code").await.unwrap().is_none(), "read again");
    }

    #[tokio::test]
    async fn what_a_partner_changes_or_archives_is_followed_at_once_where_he_did_it() {
        let (_folder, app) = with_a_link().await;
        let partner_id = find(&app, "code").await.unwrap().unwrap().partner_id;
        let new = NewLink { code: Some("Blog".to_owned()), ..NewLink::default() };
        let link = referral_link::create(&app, partner_id, &new).await.unwrap();
        let target = async || find(&app, "blog").await.unwrap().map(|link| link.target.clone());
        assert!(target().await.is_some_and(|target| !target.ends_with("/docs")));
        let moved = LinkChange { target: Some(Some("/docs".to_owned())), ..LinkChange::default() };
        referral_link::update(&app, partner_id, link.id, &moved).await.unwrap();
        assert!(target().await.is_some_and(|target| target.ends_with("/docs")));
        referral_link::archive(&app, partner_id, link.id).await.unwrap();
        assert_eq!(target().await, None);
    }

    #[tokio::test]
    async fn what_is_half_old_is_used_and_read_again_meanwhile() {
        let (_folder, app) = with_a_link().await;
        find(&app, "code").await.unwrap();
        archive(&app).await;
        age(&app, Duration::from_secs(3));
        assert!(find(&app, "code").await.unwrap().is_some());
        for _ in 0..500 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if of(&app).get("code").is_none() {
                return;
            }
        }
        panic!("it was not read again");
    }

    #[tokio::test]
    async fn a_known_link_stays_known_when_the_database_is_gone() {
        let (_folder, app) = with_a_link().await;
        assert_eq!(preload(&app).await.unwrap(), 1);
        app.db.clone().close().await.unwrap();
        age(&app, Duration::from_secs(3_600));
        assert!(find(&app, "code").await.unwrap().is_some());
        assert!(find(&app, "other").await.is_err());
        of(&app).forget("CODE");
        assert!(find(&app, "code").await.is_err(), "forgotten here");
    }
}

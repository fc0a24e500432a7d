//! A look-up that waits a moment for others of its kind: whoever asks meanwhile is answered from the same statement.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::app::App;
use crate::graphql::error::{Failure, Result};
use crate::services::error::ServiceError;

pub type Fetched<K, V> = BoxFuture<'static, Result<HashMap<K, V>, ServiceError>>;
type Fetch<K, V> = fn(App, Vec<K>) -> Fetched<K, V>;

/// How often whoever began a batch lets others go first: those who were answered in one moment ask for the next in one
/// moment, but not all take the same number of steps in between.
const TURNS: usize = 4;

/// Keeps what it has looked up for as long as it lives: for a request.
pub struct Batched<K, V> {
    app: Arc<App>,
    fetch: Fetch<K, V>,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    known: HashMap<K, Result<Option<V>>>,
    /// What is asked for next, until it is asked for.
    open: Option<Arc<Batch<K>>>,
}

struct Batch<K> {
    keys: Mutex<HashSet<K>>,
    /// Set when all of it is known; everybody is woken at once, so that what they ask next meets again.
    is_known: OnceCell<()>,
}

impl<K: Eq + Hash + Clone + Send + Sync, V: Clone + Send + Sync> Batched<K, V> {
    pub fn new(app: &Arc<App>, fetch: Fetch<K, V>) -> Batched<K, V> {
        let state = Mutex::new(State { known: HashMap::new(), open: None });
        Batched { app: app.clone(), fetch, state }
    }

    /// What there is under a key, if there is something.
    ///
    /// Boxed, as is all that waits for a database below a field: a field's future is as large as that of the largest
    /// field of its type, and is made for each field that is selected.
    pub fn get(&self, key: K) -> BoxFuture<'_, Result<Option<V>>>
    where
        K: 'static,
    {
        Box::pin(async move {
            match self.known_or_asked(&key) {
                Ok(known) => known,
                Err(batch) => {
                    batch.is_known.get_or_init(|| self.look_up(&batch)).await;
                    lock(&self.state).known.get(&key).cloned().unwrap_or(Ok(None))
                }
            }
        })
    }

    async fn look_up(&self, batch: &Arc<Batch<K>>) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let keys = self.close(batch);
        let found = (self.fetch)(App::clone(&self.app), keys.clone()).await.map_err(Failure::from);
        self.learn(keys, found);
    }

    /// What is known, or the batch that the key is looked up with.
    fn known_or_asked(&self, key: &K) -> Result<Result<Option<V>>, Arc<Batch<K>>> {
        let mut state = lock(&self.state);
        if let Some(known) = state.known.get(key) {
            return Ok(known.clone());
        }
        let batch = state.open.get_or_insert_with(Batch::new).clone();
        lock(&batch.keys).insert(key.clone());
        Err(batch)
    }

    /// The keys of a batch; whoever asks from now on begins another one.
    fn close(&self, batch: &Arc<Batch<K>>) -> Vec<K> {
        lock(&self.state).open.take_if(|open| Arc::ptr_eq(open, batch));
        lock(&batch.keys).iter().cloned().collect()
    }

    fn learn(&self, keys: Vec<K>, found: Result<HashMap<K, V>>) {
        let mut state = lock(&self.state);
        match found {
            Ok(mut found) => state.known.extend(keys.into_iter().map(|key| {
                let value = found.remove(&key);
                (key, Ok(value))
            })),
            Err(failure) => state.known.extend(keys.into_iter().map(|key| (key, Err(failure.clone())))),
        }
    }
}

impl<K> Batch<K> {
    fn new() -> Arc<Batch<K>> {
        Arc::new(Batch { keys: Mutex::new(HashSet::new()), is_known: OnceCell::new() })
    }
}

/// Nothing that holds a lock can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What a use case answers when it does not do what was asked.

use sea_orm::DbErr;

use crate::db;
use crate::domain::error::Refusal;

/// A refusal is the business's own answer; the rest is ours to mend.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Database(#[from] DbErr),
    /// The lease under which a settlement was written has gone to another worker (hardening, fault 3).
    #[error("the settlement's lease is held by another worker")]
    LeaseLost,
    /// The database did not take it in time, or too much waits for it; it may be sent again.
    #[error("the database did not answer in time")]
    NoAnswer,
    /// What is recorded contradicts itself; nothing was written.
    #[error("the books are broken: {0}")]
    Broken(String),
    /// The configuration says otherwise than what the first line fixed (interface, Configuration).
    #[error("{0}")]
    Misconfigured(String),
}

impl ServiceError {
    /// Whether two transactions got in each other's way and the whole use case may be tried again.
    pub fn is_conflict(&self) -> bool {
        matches!(self, ServiceError::Database(error) if db::is_conflict(error))
    }
}

/// How often a use case is tried when it conflicts with another.
const ATTEMPTS: u32 = 8;

/// Runs a use case, whole, again while it conflicts with another transaction.
///
/// Not an `AsyncFnMut`: of its futures the compiler cannot tell that they may be sent to another thread.
pub async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, ServiceError>
where
    F: Future<Output = Result<T, ServiceError>>,
{
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_conflict() => tokio::task::yield_now().await,
            done => return done,
        }
    }
    attempt().await
}

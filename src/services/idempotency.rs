//! Idempotency keys: a mutation that moves money happens once (rule 28).
//!
//! Looked up and kept in the transaction of the effect, under the lock of whoever's money it is: a key is there
//! exactly when its effect is, and of many at once the second waits and finds the first.

use entity::{Moment, idempotency_key};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use uuid::Uuid;

use super::error::ServiceError;
use crate::app::App;
use crate::db;
use crate::domain::error::Refusal;
use crate::domain::idempotency::{check_key, fingerprint};

/// A key with the values it was sent with.
#[derive(Clone, Debug)]
pub struct IdempotencyKey<'a> {
    /// The partner's id; for staff the subject.
    owner: String,
    mutation: &'static str,
    key: &'a str,
    values: Vec<String>,
}

impl<'a> IdempotencyKey<'a> {
    /// Checks the key. `values` are all that the mutation was sent with, each in one canonical form.
    pub fn new(
        owner: impl Into<String>,
        mutation: &'static str,
        key: &'a str,
        values: Vec<String>,
    ) -> Result<IdempotencyKey<'a>, Refusal> {
        check_key(key)?;
        Ok(IdempotencyKey { owner: owner.into(), mutation, key, values })
    }

    fn fingerprint(&self, secret: &[u8; 32]) -> String {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        fingerprint(secret, self.mutation, &values)
    }

    /// The object that this key has made; nothing where it is new.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` where it was sent with other values.
    pub async fn find(&self, app: &App, tx: &impl ConnectionTrait) -> Result<Option<Uuid>, ServiceError> {
        let id = (self.owner.clone(), self.mutation.to_owned(), self.key.to_owned());
        let Some(on_record) = idempotency_key::Entity::find_by_id(id).one(tx).await? else { return Ok(None) };
        let mut secrets = app.keys.idempotency.iter();
        if secrets.any(|secret| self.fingerprint(secret.bytes()) == on_record.fingerprint) {
            return Ok(Some(on_record.object_id));
        }
        Err(Refusal::IdempotencyKeyReused.into())
    }

    /// Keeps the key with what it made, for ever.
    pub async fn keep(
        &self,
        app: &App,
        tx: &impl ConnectionTrait,
        object_id: Uuid,
        now: Moment,
    ) -> Result<(), ServiceError> {
        let secret = app.keys.idempotency.first();
        let secret = secret.ok_or_else(|| ServiceError::Misconfigured("there is no key".to_owned()))?;
        self.insert(tx, self.fingerprint(secret.bytes()), object_id, now).await?;
        Ok(())
    }

    async fn insert(
        &self,
        tx: &impl ConnectionTrait,
        fingerprint: String,
        object_id: Uuid,
        now: Moment,
    ) -> Result<(), DbErr> {
        let sql = "INSERT INTO idempotency_key (owner, mutation, key, fingerprint, object_id, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let values = vec![
            self.owner.as_str().into(),
            self.mutation.into(),
            self.key.into(),
            fingerprint.into(),
            object_id.into(),
            now.0.into(),
        ];
        db::execute(tx, sql, values).await.map(|_| ())
    }
}

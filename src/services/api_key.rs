//! API keys: made and revoked by their partner, and recognised with each request.

use std::collections::HashMap;

use chrono::Duration;
use entity::{Moment, api_key};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::{ServiceError, retrying};
use super::listing::grouped;
use super::lock;
use crate::app::App;
use crate::db;
use crate::domain::api_key::{self as rules, MAX_KEYS, MAX_LABEL, Scope};
use crate::domain::caller::Caller;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::text::check_text;

/// How often a key's last use is written.
const NOTED_EVERY: Duration = Duration::minutes(1);

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub label: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<Moment>,
}

/// Makes a key. Answers it with what is kept of it: it is shown this once.
pub async fn create(
    app: &App,
    partner_id: Uuid,
    new: &NewApiKey,
) -> Result<(api_key::Model, String), ServiceError> {
    check_text("label", &new.label, MAX_LABEL).map_err(Refusal::from)?;
    if new.scopes.is_empty() {
        return Err(Refusal::Required { field: "scopes" }.into());
    }
    if new.expires_at.is_some_and(|at| at <= app.clock.now()) {
        return Err(Refusal::from(Invalid::new("expiresAt", "is not in the future")).into());
    }
    let key = rules::draw(&mut rand::random::<u32>);
    let scopes: Vec<&str> =
        Scope::ALL.into_iter().filter(|scope| new.scopes.contains(scope)).map(Scope::as_str).collect();
    retrying(async || {
        let tx = app.begin().await?;
        // Against other keys of his, made in the same moment: they count to one limit.
        lock::partner(&tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
        let now = app.clock.now();
        let sql = "SELECT COUNT(*) FROM api_key WHERE partner_id = $1 AND revoked_at IS NULL \
                   AND (expires_at IS NULL OR expires_at > $2)";
        let row = db::query_one(&tx, sql, vec![partner_id.into(), now.0.into()]).await?;
        let in_force: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        if in_force >= i64::from(MAX_KEYS) {
            return Err(Refusal::LimitReached { limit: MAX_KEYS }.into());
        }
        let made = api_key::Model {
            id: app.clock.new_id(),
            partner_id,
            hash: hash(&key),
            prefix: rules::shown(&key).to_owned(),
            label: new.label.clone(),
            scopes: scopes.join(" "),
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        api_key::Entity::insert(made.clone().into_active_model()).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok((made, key.clone()))
    })
    .await
}

/// Ends a key of the partner's, from the next request on and on every instance.
pub async fn revoke(app: &App, partner_id: Uuid, id: Uuid) -> Result<api_key::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        lock::partner(&tx, partner_id).await?;
        let found = api_key::Entity::find_by_id(id).one(&tx).await?;
        let found = found.filter(|key| key.partner_id == partner_id);
        let before = found.ok_or(Refusal::NotFound { what: "API key" })?;
        if before.revoked_at.is_some() {
            return Err(Refusal::AlreadyDone.into());
        }
        let after = api_key::Model { revoked_at: Some(app.clock.now()), ..before };
        api_key::Entity::update(after.clone().into_active_model().reset_all()).exec(&tx).await?;
        tx.commit().await?;
        Ok(after)
    })
    .await
}

/// The keys of partners, newest first, those that have ended as well.
pub async fn of_partners(
    app: App,
    partner_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<api_key::Model>>, ServiceError> {
    let sql = "WITH {rows} SELECT k.* FROM v JOIN api_key k ON k.partner_id = v.id \
               ORDER BY k.created_at DESC, k.id DESC";
    grouped(&app, sql, partner_ids, |key: &api_key::Model| key.partner_id).await
}

/// What a key that is kept may do.
pub fn scopes_of(key: &api_key::Model) -> Vec<Scope> {
    key.scopes.split(' ').filter_map(|word| word.parse().ok()).collect()
}

/// Who stands behind a key; nobody behind one that is not known, was revoked or has expired. It is looked up each time,
/// so that a revocation holds at once on every instance.
pub async fn authenticate(app: &App, key: &str) -> Result<Option<Caller>, ServiceError> {
    if !rules::is_well_formed(key) {
        return Ok(None);
    }
    let sql = "SELECT k.*, a.account_id AS account FROM api_key k JOIN partner p ON p.id = k.partner_id \
               JOIN account a ON a.id = p.account_id WHERE k.hash = $1 AND k.revoked_at IS NULL";
    let Some(row) = db::query_one(app.db.reader(), sql, vec![hash(key).into()]).await? else {
        return Ok(None);
    };
    let known = api_key::Model::from_query_result(&row, "")?;
    let now = app.clock.now();
    if known.expires_at.is_some_and(|at| at <= now) {
        return Ok(None);
    }
    if known.last_used_at.is_none_or(|at| at <= now.minus(NOTED_EVERY)) {
        note_use(app, known.id, now).await?;
    }
    let account_id = row.try_get("", "account")?;
    Ok(Some(Caller::ApiKey { account_id, scopes: scopes_of(&known) }))
}

/// Once a minute, whoever is first.
async fn note_use(app: &App, id: Uuid, now: Moment) -> Result<(), DbErr> {
    let tx = app.begin().await?;
    let sql =
        "UPDATE api_key SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at <= $3)";
    let values = vec![now.0.into(), id.into(), now.minus(NOTED_EVERY).0.into()];
    db::execute(&tx, sql, values).await?;
    tx.commit().await
}

fn hash(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

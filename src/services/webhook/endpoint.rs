//! A partner's endpoints: made, changed and deleted by him, and their secrets.

use std::collections::HashMap;

use entity::{EventType, Moment, WebhookStatus, webhook_endpoint};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult};
use sea_orm::{IntoActiveModel, Value};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{PROVIDERS, is_allowed, written};
use crate::app::App;
use crate::db;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::webhook::address::check_url;
use crate::domain::webhook::signature::SigningSecret;
use crate::domain::webhook::{MAX_ENDPOINTS, ROTATION};
use crate::services::error::{ServiceError, retrying};
use crate::services::listing::grouped;
use crate::services::lock;
use crate::services::payout::{Sealed, open, seal};

/// What a partner wants of an endpoint; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    pub url: Option<String>,
    pub events: Option<Vec<EventType>>,
    pub status: Option<WebhookStatus>,
}

/// Makes an endpoint, which is told of what happens from now on. Answers it with its secret, which is shown this once.
pub async fn create(
    app: &App,
    partner_id: Uuid,
    url: &str,
    events: &[EventType],
) -> Result<(webhook_endpoint::Model, String), ServiceError> {
    let url = checked_url(app, url)?;
    let events = checked_events(events)?;
    let (id, secret) = (app.clock.new_id(), draw());
    let sealed = seal(&app.keys.encryption, id, &secret)?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against other endpoints of his, made in the same moment, and against changes of his: none lies between.
        lock::partner(&tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
        let sql = "SELECT COUNT(*) FROM webhook_endpoint WHERE partner_id = $1 AND status <> 'DELETED'";
        let row = db::query_one(&tx, sql, vec![partner_id.into()]).await?;
        let there_are: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        if there_are >= i64::from(MAX_ENDPOINTS) {
            return Err(Refusal::LimitReached { limit: MAX_ENDPOINTS }.into());
        }
        let made = webhook_endpoint::Model {
            id,
            partner_id: Some(partner_id),
            url: Some(url.clone()),
            events: events.clone(),
            status: WebhookStatus::Active,
            secret_key_id: Some(sealed.key_id.clone()),
            secret_sealed: Some(sealed.bytes.clone()),
            previous_key_id: None,
            previous_sealed: None,
            previous_until: None,
            created_at: app.clock.now(),
            told_until: latest_change(&tx, partner_id).await?,
            failing_since: None,
            not_before: Moment(0),
            lease_epoch: 0,
            lease_until: Moment(0),
        };
        let row = made.clone().into_active_model();
        webhook_endpoint::Entity::insert(row).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok((made, secret.clone()))
    })
    .await
}

/// Changes an endpoint. One that becomes ACTIVE again is told of what happens from now on, and of what waited to be sent
/// when it was disabled.
pub async fn update(
    app: &App,
    partner_id: Uuid,
    id: Uuid,
    change: &EndpointChange,
) -> Result<webhook_endpoint::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let mut endpoint = lock_own(&tx, partner_id, id).await?;
        if let Some(url) = &change.url {
            endpoint.url = Some(checked_url(app, url)?);
        }
        if let Some(events) = &change.events {
            endpoint.events = checked_events(events)?;
        }
        match change.status {
            Some(WebhookStatus::Deleted) => {
                let by_its_mutation = Invalid::new("status", "is DELETED by deleteWebhookEndpoint");
                return Err(Refusal::from(by_its_mutation).into());
            }
            Some(WebhookStatus::Active) if endpoint.status == WebhookStatus::Disabled => {
                endpoint.status = WebhookStatus::Active;
                endpoint.told_until = latest_change(&tx, partner_id).await?;
                endpoint.failing_since = None;
                endpoint.not_before = Moment(0);
            }
            Some(status) => endpoint.status = status,
            None => {}
        }
        save(&tx, &endpoint).await?;
        tx.commit().await?;
        Ok(endpoint)
    })
    .await
}

/// Ends an endpoint for ever, and what waited to be sent to it.
pub async fn delete(app: &App, partner_id: Uuid, id: Uuid) -> Result<webhook_endpoint::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let mut endpoint = lock_own(&tx, partner_id, id).await?;
        endpoint.status = WebhookStatus::Deleted;
        forget_secrets(&mut endpoint);
        save(&tx, &endpoint).await?;
        let sql = "UPDATE webhook_delivery SET status = 'FAILED', next_attempt_at = NULL \
                   WHERE endpoint_id = $1 AND status = 'PENDING'";
        db::execute(&tx, sql, vec![id.into()]).await?;
        tx.commit().await?;
        Ok(endpoint)
    })
    .await
}

/// Gives an endpoint another secret; the one before signs beside it for a day. Answers the new one, shown this once.
pub async fn rotate(
    app: &App,
    partner_id: Uuid,
    id: Uuid,
) -> Result<(webhook_endpoint::Model, String), ServiceError> {
    let secret = draw();
    let sealed = seal(&app.keys.encryption, id, &secret)?;
    retrying(async || {
        let tx = app.begin().await?;
        let mut endpoint = lock_own(&tx, partner_id, id).await?;
        endpoint.previous_key_id = endpoint.secret_key_id.replace(sealed.key_id.clone());
        endpoint.previous_sealed = endpoint.secret_sealed.replace(sealed.bytes.clone());
        endpoint.previous_until = Some(app.clock.now().plus(ROTATION));
        save(&tx, &endpoint).await?;
        tx.commit().await?;
        Ok((endpoint, secret.clone()))
    })
    .await
}

/// The endpoints of partners that are not deleted, oldest first.
pub async fn of_partners(
    app: App,
    partner_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<webhook_endpoint::Model>>, ServiceError> {
    let sql = "WITH {rows} SELECT e.* FROM v JOIN webhook_endpoint e ON e.partner_id = v.id \
               WHERE e.status <> 'DELETED' ORDER BY e.created_at, e.id";
    grouped(&app, sql, partner_ids, |endpoint: &webhook_endpoint::Model| {
        endpoint.partner_id.unwrap_or_default()
    })
    .await
}

/// One endpoint of a partner's by its id.
pub async fn find(app: &App, id: Uuid) -> Result<Option<webhook_endpoint::Model>, ServiceError> {
    let found = webhook_endpoint::Entity::find_by_id(id).one(app.db.reader()).await?;
    Ok(found.filter(|endpoint| endpoint.partner_id.is_some()))
}

/// An endpoint of the partner's that is not deleted; his row is locked, and with it the endpoint against his own hand.
pub(super) async fn lock_own(
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    id: Uuid,
) -> Result<webhook_endpoint::Model, ServiceError> {
    let unknown = || ServiceError::from(Refusal::NotFound { what: "webhook endpoint" });
    lock::partner(tx, partner_id).await?.ok_or_else(unknown)?;
    // And against whoever sends to it, so that what is written back is what was read.
    let sql = format!("SELECT e.* FROM webhook_endpoint e WHERE e.id = $1{}", lock::for_update(tx, "e"));
    let row = db::query_one(tx, sql, vec![id.into()]).await?.ok_or_else(unknown)?;
    let endpoint = webhook_endpoint::Model::from_query_result(&row, "")?;
    let is_own = endpoint.partner_id == Some(partner_id) && endpoint.status != WebhookStatus::Deleted;
    if is_own { Ok(endpoint) } else { Err(unknown()) }
}

async fn save(tx: &DatabaseTransaction, endpoint: &webhook_endpoint::Model) -> Result<(), DbErr> {
    let row = endpoint.clone().into_active_model().reset_all();
    webhook_endpoint::Entity::update(row).exec(tx).await.map(|_| ())
}

fn forget_secrets(endpoint: &mut webhook_endpoint::Model) {
    (endpoint.secret_key_id, endpoint.secret_sealed) = (None, None);
    (endpoint.previous_key_id, endpoint.previous_sealed, endpoint.previous_until) = (None, None, None);
}

/// The number of a partner's last change; his row is locked, so that none is under way.
async fn latest_change(tx: &impl ConnectionTrait, partner_id: Uuid) -> Result<i64, DbErr> {
    const LATEST: &str = "SELECT COALESCE(MAX(n), 0) FROM (\
        SELECT MAX(change) AS n FROM line WHERE partner_id = $1 AND change IS NOT NULL \
        UNION ALL SELECT MAX(change) FROM referral WHERE partner_id = $1 AND change IS NOT NULL \
        UNION ALL SELECT MAX(change) FROM statement WHERE partner_id = $1 AND change IS NOT NULL \
        UNION ALL SELECT MAX(number) FROM event WHERE partner_id = $1) AS c";
    let row = db::query_one(tx, LATEST, vec![Value::from(partner_id)]).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}

fn checked_url(app: &App, url: &str) -> Result<String, Refusal> {
    Ok(check_url(url, |address| is_allowed(app, address))?.to_string())
}

fn checked_events(events: &[EventType]) -> Result<String, Refusal> {
    if events.is_empty() {
        return Err(Refusal::Required { field: "events" });
    }
    Ok(written(events))
}

fn draw() -> String {
    SigningSecret::new(rand::random()).encode()
}

/// What deliveries to an endpoint are signed with now, the newest first.
pub(super) fn secrets_of(
    app: &App,
    endpoint: &webhook_endpoint::Model,
) -> Result<Vec<SigningSecret>, ServiceError> {
    let broken = || ServiceError::Broken(format!("endpoint {} has no secret", endpoint.id));
    if endpoint.id == PROVIDERS {
        let secret = app.config.webhooks.secret.as_ref();
        let secret = secret.and_then(|secret| SigningSecret::decode(secret.expose_secret()));
        return Ok(vec![secret.ok_or_else(broken)?]);
    }
    let read = |key_id: &Option<String>, bytes: &Option<Vec<u8>>| -> Result<_, ServiceError> {
        let Some((key_id, bytes)) = key_id.clone().zip(bytes.clone()) else { return Ok(None) };
        let text: String = open(&app.keys.encryption, endpoint.id, &Sealed { key_id, bytes })?;
        Ok(SigningSecret::decode(&text))
    };
    let mut secrets = vec![read(&endpoint.secret_key_id, &endpoint.secret_sealed)?.ok_or_else(broken)?];
    if endpoint.previous_until.is_some_and(|until| app.clock.now() < until) {
        secrets.extend(read(&endpoint.previous_key_id, &endpoint.previous_sealed)?);
    }
    Ok(secrets)
}

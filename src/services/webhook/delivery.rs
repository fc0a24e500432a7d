//! Deliveries as their partner sees them: listed, sent again by hand, tried with a test; and forgotten in their time.

use entity::{DeliveryStatus, EventType, SubjectKind, WebhookStatus, webhook_delivery, webhook_endpoint};
use sea_orm::{EntityTrait, FromQueryResult, IntoActiveModel};
use uuid::Uuid;

use super::endpoint::lock_own;
use super::events_of;
use crate::app::App;
use crate::db;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::webhook::{KEPT, MAX_WAITING_TESTS};
use crate::services::error::{ServiceError, retrying};
use crate::services::paging::List;

/// Rows that one transaction deletes.
const BATCH: i64 = 2_000;

/// The deliveries to an endpoint, newest first.
pub fn of_endpoint(endpoint_id: Uuid) -> List {
    List {
        columns: "d.*",
        from: "webhook_delivery d".to_owned(),
        condition: "d.endpoint_id = $1".to_owned(),
        values: vec![endpoint_id.into()],
        key: "d.created_at",
        id: "d.id",
        is_descending: true,
    }
}

/// One delivery by its id, with the partner whose endpoint it goes to; the provider's are none of them.
pub async fn find(app: &App, id: Uuid) -> Result<Option<webhook_delivery::Model>, ServiceError> {
    let sql = "SELECT d.* FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id \
               WHERE d.id = $1 AND e.partner_id IS NOT NULL";
    let row = db::query_one(app.db.reader(), sql, vec![id.into()]).await?;
    Ok(row.map(|row| webhook_delivery::Model::from_query_result(&row, "")).transpose()?)
}

/// Has a test sent: signed and listed as any delivery, and about the partner himself.
pub async fn send_test(
    app: &App,
    partner_id: Uuid,
    endpoint_id: Uuid,
) -> Result<webhook_endpoint::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let endpoint = lock_own(&tx, partner_id, endpoint_id).await?;
        check_active(&endpoint, "id")?;
        let sql = "SELECT COUNT(*) FROM webhook_delivery WHERE endpoint_id = $1 AND status = 'PENDING' AND number = 0";
        let row = db::query_one(&tx, sql, vec![endpoint_id.into()]).await?;
        let waiting: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        if waiting >= i64::from(MAX_WAITING_TESTS) {
            return Err(Refusal::LimitReached { limit: MAX_WAITING_TESTS }.into());
        }
        let now = app.clock.now();
        let test = webhook_delivery::Model {
            id: app.clock.new_id(),
            endpoint_id,
            partner_id,
            number: 0,
            event_type: events_of(&endpoint.events).first().copied().unwrap_or(EventType::TierChanged),
            subject_kind: SubjectKind::Partner,
            subject_id: partner_id,
            occurred_at: now,
            created_at: now,
            status: DeliveryStatus::Pending,
            attempts: 0,
            failures: 0,
            last_attempt_at: None,
            response_status: None,
            response: None,
            next_attempt_at: Some(now),
        };
        webhook_delivery::Entity::insert(test.into_active_model()).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(endpoint)
    })
    .await
}

/// Has a delivery sent again at once, under the same id, whatever came of it before.
pub async fn redeliver(
    app: &App,
    partner_id: Uuid,
    id: Uuid,
) -> Result<webhook_endpoint::Model, ServiceError> {
    let unknown = || ServiceError::from(Refusal::NotFound { what: "webhook delivery" });
    retrying(async || {
        let tx = app.begin().await?;
        let row = webhook_delivery::Entity::find_by_id(id).one(&tx).await?.ok_or_else(unknown)?;
        if row.partner_id != partner_id {
            return Err(unknown());
        }
        let endpoint = match lock_own(&tx, partner_id, row.endpoint_id).await {
            // It is the delivery that was asked for.
            Err(ServiceError::Refused(Refusal::NotFound { .. })) => return Err(unknown()),
            found => found?,
        };
        check_active(&endpoint, "deliveryId")?;
        let sql = "UPDATE webhook_delivery SET status = 'PENDING', failures = 0, next_attempt_at = $2 WHERE id = $1";
        db::execute(&tx, sql, vec![id.into(), app.clock.now().0.into()]).await?;
        tx.commit().await?;
        Ok(endpoint)
    })
    .await
}

fn check_active(endpoint: &webhook_endpoint::Model, field: &'static str) -> Result<(), Refusal> {
    if endpoint.status == WebhookStatus::Active {
        return Ok(());
    }
    Err(Invalid::new(field, "is of an endpoint that is disabled: make it ACTIVE first").into())
}

/// Deletes what was delivered or given up long ago, and deleted endpoints to which nothing is on record any more.
/// Answers how many rows went.
pub async fn clean_up(app: &App) -> Result<u64, ServiceError> {
    let before = app.clock.now().minus(KEPT).0;
    let mut gone = 0;
    loop {
        let tx = app.begin().await?;
        let sql = "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery \
                   WHERE created_at < $1 AND status <> 'PENDING' LIMIT $2)";
        let deleted = db::execute(&tx, sql, vec![before.into(), BATCH.into()]).await?.rows_affected();
        tx.commit().await?;
        gone += deleted;
        if deleted == 0 {
            break;
        }
    }
    let tx = app.begin().await?;
    let sql = "DELETE FROM webhook_endpoint WHERE status = 'DELETED' AND created_at < $1 AND NOT EXISTS \
               (SELECT 1 FROM webhook_delivery d WHERE d.endpoint_id = webhook_endpoint.id)";
    gone += db::execute(&tx, sql, vec![before.into()]).await?.rows_affected();
    tx.commit().await?;
    Ok(gone)
}

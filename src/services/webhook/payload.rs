//! What a delivery says: the event's type and time, and the object as the interface shows it to whoever is told.

use std::sync::Arc;

use entity::{EventType, SubjectKind, webhook_delivery};
use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::PROVIDERS;
use crate::app::App;
use crate::db;
use crate::domain::caller::Caller;
use crate::services::error::ServiceError;

/// The form of what is said. Fields may be added to a version, never taken away or changed.
const VERSION: u32 = 1;

/// Shows an object to a caller as the interface does: null where it is not there for him. It is handed in, since the
/// interface lies above this layer.
pub type Show =
    Arc<dyn Fn(Caller, (SubjectKind, Uuid)) -> BoxFuture<'static, Result<Json, ServiceError>> + Send + Sync>;

/// The body of a delivery, of the object as it is now.
pub async fn body(
    app: &App,
    show: &Show,
    delivery: &webhook_delivery::Model,
) -> Result<Vec<u8>, ServiceError> {
    let account_id = account_of(app, delivery.partner_id).await?;
    let is_providers = delivery.endpoint_id == PROVIDERS;
    let caller = match is_providers {
        // Without a scope: what staff may see that need not decide anything.
        true => Caller::Staff { subject: "webhooks".to_owned(), scopes: Some(Vec::new()) },
        false => Caller::Partner { account_id: account_id.clone() },
    };
    let mut data = show(caller, (delivery.subject_kind, delivery.subject_id)).await?;
    leave_out(&mut data, delivery);
    let event_type = if delivery.number == 0 { "TEST" } else { delivery.event_type.as_str() };
    let at = delivery.occurred_at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let mut body = json!({ "type": event_type, "timestamp": at, "version": VERSION, "data": data });
    if is_providers {
        body["partner"] = json!({ "accountId": account_id });
    }
    serde_json::to_vec(&body).map_err(|error| ServiceError::Broken(error.to_string()))
}

/// Of the partner himself that alone is told which the event is about: an API key that made the endpoint may read no more.
fn leave_out(data: &mut Json, delivery: &webhook_delivery::Model) {
    let others: &[&str] = match delivery.event_type {
        _ if delivery.number == 0 => &["standing", "contract"],
        EventType::TierChanged => &["contract"],
        EventType::ContractChanged => &["standing"],
        _ => &[],
    };
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|name, _| !others.contains(&name.as_str()));
    }
}

async fn account_of(app: &App, partner_id: Uuid) -> Result<String, ServiceError> {
    let sql = "SELECT a.account_id FROM partner p JOIN account a ON a.id = p.account_id WHERE p.id = $1";
    let row = db::query_one(app.db.reader(), sql, vec![partner_id.into()]).await?;
    let row = row.ok_or_else(|| ServiceError::Broken(format!("partner {partner_id} has no account")))?;
    Ok(row.try_get_by_index(0)?)
}

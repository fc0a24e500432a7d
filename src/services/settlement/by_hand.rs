//! A settlement that staff asks for: put on record, and waited for only so long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use entity::settlement;
use serde_json::json;

use super::{Occasion, running, settle_due};
use crate::app::App;
use crate::services::audit::{self, Actor, AuditEntry};
use crate::services::error::ServiceError;

/// Settles every period that ends on or before `until` (today if there is none). Answers what is done after `patience`
/// at the latest, and with it the one that is still being settled: that goes on by itself.
pub async fn settle(
    app: &App,
    actor: &Actor,
    until: Option<NaiveDate>,
    patience: Duration,
) -> Result<Vec<settlement::Model>, ServiceError> {
    put_on_record(app, actor, until).await?;
    let settled: Arc<Mutex<Vec<settlement::Model>>> = Arc::default();
    let (task_app, done) = (app.clone(), Arc::clone(&settled));
    let mut task = tokio::spawn(async move {
        let keep = |settlement: &settlement::Model| {
            done.lock().unwrap_or_else(PoisonError::into_inner).push(settlement.clone());
        };
        settle_due(&task_app, Occasion::ByHand { until }, keep).await.map(|_| ())
    });
    let so_far = || settled.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match tokio::time::timeout(patience, &mut task).await {
        Ok(Ok(ended)) => ended.map(|()| so_far()),
        Ok(Err(broken)) => Err(ServiceError::Broken(format!("the settlement's task ended: {broken}"))),
        Err(_) => {
            let mut settlements = so_far();
            settlements.extend(running(app.db.reader()).await?);
            Ok(settlements)
        }
    }
}

/// Puts on record that somebody has periods settled, before any is.
pub async fn put_on_record(app: &App, actor: &Actor, until: Option<NaiveDate>) -> Result<(), ServiceError> {
    let entry = AuditEntry {
        at: app.clock.now(),
        actor,
        action: "settle",
        subject_id: None,
        reason: None,
        before: serde_json::Value::Null,
        after: json!({ "until": until.map(|day| day.to_string()) }),
    };
    Ok(audit::record_alone(app, &entry).await?)
}

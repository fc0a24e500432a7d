//! Suspends and reinstates partners (rule 27).

use entity::{Moment, PartnerStatus, partner};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::{link_cache, lock, partner as partners};
use crate::app::App;
use crate::db;
use crate::domain::error::Refusal;
use crate::domain::reason;

/// Suspends a partner: what is recorded from now on earns nothing, and no money of his moves.
pub async fn suspend(
    app: &App,
    actor: &Actor,
    partner_id: Uuid,
    reason: &str,
) -> Result<partner::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        let (before, now) = lock_partner(app, &tx, partner_id, PartnerStatus::Suspended).await?;
        let sql = "INSERT INTO suspension (id, partner_id, since, reason) VALUES ($1, $2, $3, $4)";
        let values = vec![app.clock.new_id().into(), partner_id.into(), now.0.into(), reason.into()];
        db::execute(&tx, sql, values).await?;
        let status_reason = Some(reason.to_owned());
        let after = partner::Model { status: PartnerStatus::Suspended, status_reason, ..before.clone() };
        record(app, &tx, actor, "suspendPartner", reason, (&before, &after), now).await?;
        tx.commit().await?;
        link_cache::of(app).forget_partner(partner_id);
        Ok(after)
    })
    .await
}

/// Reinstates a partner: he goes on; what was not earned stays so.
pub async fn reinstate(
    app: &App,
    actor: &Actor,
    partner_id: Uuid,
    reason: &str,
) -> Result<partner::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        let (before, now) = lock_partner(app, &tx, partner_id, PartnerStatus::Active).await?;
        // A clock that was set back does not make it end before it began.
        let sql = "UPDATE suspension SET until = CASE WHEN since > $1 THEN since ELSE $1 END, \
                   reinstated_reason = $2 WHERE partner_id = $3 AND until IS NULL";
        db::execute(&tx, sql, vec![now.0.into(), reason.into(), partner_id.into()]).await?;
        let after = partner::Model { status: PartnerStatus::Active, status_reason: None, ..before.clone() };
        record(app, &tx, actor, "reinstatePartner", reason, (&before, &after), now).await?;
        tx.commit().await?;
        link_cache::of(app).forget_partner(partner_id);
        Ok(after)
    })
    .await
}

/// The partner under his lock, against lines that are being written and a period that is being closed; the time is
/// taken after it, so that what was recorded before the suspension has an earlier one.
async fn lock_partner(
    app: &App,
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    to: PartnerStatus,
) -> Result<(partner::Model, Moment), ServiceError> {
    lock::period_shared(tx).await?;
    lock::partner(tx, partner_id).await?;
    let partner = partners::find(tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
    if partner.status == to {
        return Err(Refusal::AlreadyDone.into());
    }
    Ok((partner, app.clock.now()))
}

async fn record(
    app: &App,
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    reason: &str,
    (before, after): (&partner::Model, &partner::Model),
    at: Moment,
) -> Result<(), DbErr> {
    partner::Entity::update(after.clone().into_active_model().reset_all()).exec(tx).await?;
    let entry = AuditEntry {
        at,
        actor,
        action,
        subject_id: Some(after.id),
        reason: Some(reason),
        before: json!({ "status": before.status }),
        after: json!({ "status": after.status }),
    };
    audit::record(app, tx, &entry).await?;
    event::record(app, tx, &[Event::partner_changed(after.id)], at).await
}

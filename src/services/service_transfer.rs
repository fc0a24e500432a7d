//! Service transfers: commission that becomes credit for calls (rules 24 and 27).

use entity::{Money, ServiceTransferStatus, service_transfer};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::idempotency::IdempotencyKey;
use super::{ledger, lock};
use crate::app::App;
use crate::domain::error::Refusal;
use crate::domain::reason;
use crate::domain::service_transfer as rules;

/// What a partner asks for.
#[derive(Clone, Debug)]
pub struct RequestServiceTransfer {
    pub amount: Money,
    pub idempotency_key: String,
}

/// Moves money to the service balance, once for a key; sent again, it answers the transfer as it stands.
pub async fn request(
    app: &App,
    partner_id: Uuid,
    asked: &RequestServiceTransfer,
) -> Result<service_transfer::Model, ServiceError> {
    let (owner, values) = (partner_id.to_string(), vec![asked.amount.to_string()]);
    let key = IdempotencyKey::new(owner, "transferToServiceBalance", &asked.idempotency_key, values)?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a suspension and another request for the same money.
        let partner = lock::partner(&tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
        if let Some(id) = key.find(app, &tx).await? {
            return find(&tx, id).await?.ok_or_else(|| ServiceError::Broken(format!("no transfer {id}")));
        }
        let balance = ledger::lock_balance(&tx, partner_id).await?;
        let id = app.clock.new_id();
        let minor_units = app.terms.minor_units;
        let moved = rules::request(&balance, asked.amount, partner.is_suspended(), minor_units, id)?;
        let now = app.clock.now();
        let transfer = service_transfer::Model {
            id,
            partner_id,
            amount: moved.amount(),
            status: ServiceTransferStatus::Requested,
            requested_at: now,
            completed_at: None,
            reason: None,
        };
        let row = transfer.clone().into_active_model();
        service_transfer::Entity::insert(row).exec_without_returning(&tx).await?;
        ledger::post(app, &tx, partner_id, moved, now).await?;
        key.keep(app, &tx, id, now).await?;
        event::record(app, &tx, &[Event::service_transfer_changed(partner_id, id)], now).await?;
        tx.commit().await?;
        Ok(transfer)
    })
    .await
}

/// The provider's billing has booked it.
pub async fn complete(app: &App, id: Uuid) -> Result<service_transfer::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let before = lock_transfer(&tx, id).await?;
        let status = rules::complete(before.status)?;
        let now = app.clock.now();
        let after = service_transfer::Model { status, completed_at: Some(now), ..before };
        service_transfer::Entity::update(after.clone().into_active_model().reset_all()).exec(&tx).await?;
        event::record(app, &tx, &[Event::service_transfer_changed(after.partner_id, id)], now).await?;
        tx.commit().await?;
        Ok(after)
    })
    .await
}

/// The provider's billing could not book it, and says why: the money is available again.
pub async fn fail(app: &App, id: Uuid, reason: &str) -> Result<service_transfer::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        let before = lock_transfer(&tx, id).await?;
        let (status, returned) = rules::fail(before.status, id, before.amount)?;
        let after = service_transfer::Model { status, reason: Some(reason.to_owned()), ..before };
        service_transfer::Entity::update(after.clone().into_active_model().reset_all()).exec(&tx).await?;
        let now = app.clock.now();
        ledger::post(app, &tx, after.partner_id, returned, now).await?;
        event::record(app, &tx, &[Event::service_transfer_changed(after.partner_id, id)], now).await?;
        tx.commit().await?;
        Ok(after)
    })
    .await
}

/// One service transfer by its id.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<service_transfer::Model>, DbErr> {
    service_transfer::Entity::find_by_id(id).one(db).await
}

/// A transfer under its partner's lock, against the other answer of the billing.
async fn lock_transfer(tx: &DatabaseTransaction, id: Uuid) -> Result<service_transfer::Model, ServiceError> {
    let not_found = Refusal::NotFound { what: "service transfer" };
    let Some(unlocked) = find(tx, id).await? else { return Err(not_found.into()) };
    lock::partner(tx, unlocked.partner_id).await?;
    Ok(find(tx, id).await?.ok_or(not_found)?)
}

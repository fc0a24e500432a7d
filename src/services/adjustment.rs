//! Adjustments: what staff adds to a partner's available balance, or takes from it.

use entity::{Money, partner};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::idempotency::IdempotencyKey;
use super::{ledger, lock, partner as partners};
use crate::app::App;
use crate::domain::currency::check_size;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::reason;
use crate::domain::transfer;

/// What staff asks for.
#[derive(Clone, Debug)]
pub struct AdjustBalance {
    pub partner_id: Uuid,
    /// Signed, to the micro-unit: a commission can leave fractions of a cent that have to be put right.
    pub amount: Money,
    pub reason: String,
    pub idempotency_key: String,
}

/// Moves money between a partner's available balance and the programme, once for a key, never below zero. Answers
/// the partner as he stands.
pub async fn adjust_balance(
    app: &App,
    actor: &Actor,
    asked: &AdjustBalance,
) -> Result<partner::Model, ServiceError> {
    let reason = reason::required(Some(&asked.reason))?;
    check_adjustment(asked.amount)?;
    let partner_id = asked.partner_id;
    let values = vec![partner_id.to_string(), asked.amount.to_string(), reason.to_owned()];
    let key = IdempotencyKey::new(&actor.subject, "adjustBalance", &asked.idempotency_key, values)?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against another movement of the same money.
        lock::partner(&tx, partner_id).await?;
        let partner = partners::find(&tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
        if key.find(app, &tx).await?.is_some() {
            return Ok(partner);
        }
        let before = ledger::lock_balance(&tx, partner_id).await?;
        let id = app.clock.new_id();
        let adjusted = transfer::adjustment(id, asked.amount)
            .and_then(|transfer| Some((transfer, transfer.apply(before)?)));
        let (transfer, after) =
            adjusted.ok_or(Refusal::InsufficientBalance { available: before.available })?;
        let now = app.clock.now();
        ledger::post(app, &tx, partner_id, transfer, now).await?;
        key.keep(app, &tx, id, now).await?;
        let entry = AuditEntry {
            at: now,
            actor,
            action: "adjustBalance",
            subject_id: Some(partner_id),
            reason: Some(reason),
            before: json!({ "available": before.available.to_string() }),
            after: json!({ "available": after.available.to_string(), "adjustmentId": id }),
        };
        audit::record(app, &tx, &entry).await?;
        event::record(app, &tx, &[Event::partner_changed(partner_id)], now).await?;
        tx.commit().await?;
        Ok(partner)
    })
    .await
}

/// Not zero, and at most 10^9 units either way.
fn check_adjustment(amount: Money) -> Result<(), Refusal> {
    if amount == Money::ZERO {
        return Err(Invalid::new("amount", "is zero").into());
    }
    Ok(check_size("amount", Money(amount.0.saturating_abs()))?)
}

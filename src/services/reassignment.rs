//! Reassigns a client: what occurs from now on is another partner's (rule 6).

use std::collections::{BTreeSet, HashSet};

use entity::{BroughtBy, LineReason, Moment, referral};
use sea_orm::{DatabaseTransaction, EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::client::{self, Client};
use super::error::{ServiceError, retrying};
use super::lock::LockedPartner;
use super::{change, fingerprint, hold, lock, referred_client};
use crate::app::App;
use crate::db;
use crate::domain::error::Refusal;
use crate::domain::{reason, reference};

/// Ends a client's referral now and begins one with another partner; a DIRECT client has none to end. Lines on record
/// stay where they are.
pub async fn reassign_client(
    app: &App,
    actor: &Actor,
    client_id: &str,
    partner_id: Uuid,
    reason: &str,
) -> Result<referral::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a line that is being written: it reads whose the client is before it locks anything else.
        lock::period_exclusive(&tx).await?;
        let client = client::find(app, &tx, &BTreeSet::from([client_id])).await?.remove(client_id);
        let client = client.ok_or(Refusal::NotFound { what: "client" })?;
        let registered_at = client.registered_at.ok_or(Refusal::NotFound { what: "client" })?;
        let partner = lock::partner(&tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
        if partner.account_id == client.id {
            return Err(Refusal::SelfReferral.into());
        }
        let before = hold::current(&tx, &client).await?;
        if before.as_ref().is_some_and(|before| before.partner_id == partner_id) {
            return Err(Refusal::AlreadyDone.into());
        }
        let now = app.clock.now();
        let since = before.as_ref().map_or(now, |before| now.max(before.since));
        end(&tx, before.as_ref(), since).await?;
        let after = referral::Model {
            id: app.clock.new_id(),
            partner_id,
            account_id: client.id,
            link_id: None,
            brought_by: BroughtBy::Staff,
            visitor_id: None,
            visited_at: None,
            registered_at,
            recorded_at: now,
            since,
            until: None,
            hold_reason: hold_of(&tx, &client, &partner, before.as_ref()).await?,
        };
        referral::Entity::insert(after.clone().into_active_model()).exec_without_returning(&tx).await?;
        let totals = referred_client::WithoutLines {
            referral_id: after.id,
            partner_id,
            link_id: None,
            registered_at,
            reference: &reference::shown(&account_id(&tx, client.id).await?),
        };
        referred_client::open_totals(&tx, std::iter::once(totals)).await?;
        change::number_referral(app, &tx, &after).await?;
        let entry = AuditEntry {
            at: now,
            actor,
            action: "reassignClient",
            subject_id: Some(after.id),
            reason: Some(reason),
            before: json!({
                "referralId": before.as_ref().map(|before| before.id),
                "partnerId": before.as_ref().map(|before| before.partner_id),
            }),
            after: json!({ "referralId": after.id, "partnerId": after.partner_id, "since": since.to_string() }),
        };
        audit::record(app, &tx, &entry).await?;
        tx.commit().await?;
        Ok(after)
    })
    .await
}

/// As it is on record: that of an erased account is a pseudonym, whatever it was called by.
async fn account_id(tx: &DatabaseTransaction, id: Uuid) -> Result<String, ServiceError> {
    let row = db::query_one(tx, "SELECT account_id FROM account WHERE id = $1", vec![id.into()]).await?;
    let row = row.ok_or_else(|| ServiceError::Broken(format!("account {id} is gone")))?;
    Ok(row.try_get_by_index(0)?)
}

async fn end(
    tx: &DatabaseTransaction,
    referral: Option<&referral::Model>,
    until: Moment,
) -> Result<(), ServiceError> {
    let Some(referral) = referral else { return Ok(()) };
    let sql = "UPDATE referral SET until = $1 WHERE id = $2";
    db::execute(tx, sql, vec![until.0.into(), referral.id.into()]).await?;
    Ok(())
}

/// A hold for review is the client's and goes with him until he is cleared; a shared fingerprint is the pair's, and
/// is looked at anew (rule 7).
async fn hold_of(
    tx: &DatabaseTransaction,
    client: &Client,
    partner: &LockedPartner,
    before: Option<&referral::Model>,
) -> Result<Option<LineReason>, ServiceError> {
    let pair = std::iter::once((client.id, partner.account_id));
    let shared: HashSet<Uuid> = fingerprint::shared_by_accounts(tx, pair).await?;
    if !shared.is_empty() {
        return Ok(Some(LineReason::SharedPaymentInstrument));
    }
    let held = before.and_then(|before| before.hold_reason);
    Ok(held.filter(|reason| *reason == LineReason::UnderReview))
}

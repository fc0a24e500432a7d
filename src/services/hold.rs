//! Holds a client's lines for review, and clears him again (rules 7 and 22).

use std::collections::{BTreeSet, HashSet};

use entity::{LineReason, referral};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::client::{self, Client};
use super::error::{ServiceError, retrying};
use super::line::Recording;
use super::{fingerprint, lock, review};
use crate::app::App;
use crate::db;
use crate::domain::error::Refusal;
use crate::domain::reason;
use crate::domain::review::Verdict;

/// Holds what is recorded of a client from now on, whoever's he was when it occurred, until he is cleared.
pub async fn hold_client(
    app: &App,
    actor: &Actor,
    client_id: &str,
    reason: &str,
) -> Result<referral::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a line that is being written: it reads the hold before it locks anything else.
        lock::period_exclusive(&tx).await?;
        let client = referred(app, &tx, client_id).await?;
        let free: HashSet<Uuid> = client
            .referrals
            .iter()
            .filter(|referral| referral.hold_reason.is_none())
            .map(|referral| referral.id)
            .collect();
        if free.is_empty() {
            return Err(Refusal::AlreadyDone.into());
        }
        fingerprint::hold(&tx, &free, LineReason::UnderReview).await?;
        let after = record(app, &tx, actor, "holdClient", reason, &client).await?;
        tx.commit().await?;
        Ok(after)
    })
    .await
}

/// Ends the hold of a client, whatever it came from; where asked, releases all that was held of him. What he shares with
/// his partner by now has been looked at, and holds him no more (rule 7).
pub async fn clear_client(
    app: &App,
    actor: &Actor,
    client_id: &str,
    release_held: bool,
    reason: &str,
) -> Result<referral::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a line that is being written: it reads the hold before it locks anything else.
        lock::period_exclusive(&tx).await?;
        let client = referred(app, &tx, client_id).await?;
        let referrals = || client.referrals.iter().map(|referral| referral.id);
        let held = if release_held { review::held_of(&tx, referrals()).await? } else { Vec::new() };
        let is_held = client.referrals.iter().any(|referral| referral.hold_reason.is_some());
        if !is_held && held.is_empty() {
            return Err(Refusal::AlreadyDone.into());
        }
        let sql = "UPDATE referral SET hold_reason = NULL WHERE account_id = $1 AND hold_reason IS NOT NULL";
        db::execute(&tx, sql, vec![client.id.into()]).await?;
        fingerprint::clear(&tx, client.id, app.clock.now()).await?;
        let partners: BTreeSet<Uuid> = held.iter().map(|line| line.partner_id).collect();
        lock::partners(&tx, &partners).await?;
        let recording = Recording::begin(app, &tx).await?;
        review::judge_all(&recording, &tx, actor, &held, Verdict::Release, reason).await?;
        let after = record(app, &tx, actor, "clearClient", reason, &client).await?;
        tx.commit().await?;
        Ok(after)
    })
    .await
}

/// A client who is, or was, somebody's.
async fn referred(app: &App, tx: &DatabaseTransaction, client_id: &str) -> Result<Client, ServiceError> {
    let client = client::find(app, tx, &BTreeSet::from([client_id])).await?.remove(client_id);
    let client = client.filter(|client| !client.referrals.is_empty());
    Ok(client.ok_or(Refusal::NotFound { what: "client" })?)
}

/// The referral of a client that has not ended.
pub(super) async fn current(
    db: &impl ConnectionTrait,
    client: &Client,
) -> Result<Option<referral::Model>, DbErr> {
    let open = client.referrals.iter().find(|referral| referral.until.is_none());
    let Some(open) = open else { return Ok(None) };
    referral::Entity::find_by_id(open.id).one(db).await
}

async fn record(
    app: &App,
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    reason: &str,
    before: &Client,
) -> Result<referral::Model, ServiceError> {
    let after = current(tx, before).await?;
    let after = after.ok_or_else(|| ServiceError::Broken(format!("client {} has no partner", before.id)))?;
    let held_before = before.referrals.iter().find(|referral| referral.id == after.id);
    let entry = AuditEntry {
        at: app.clock.now(),
        actor,
        action,
        subject_id: Some(after.id),
        reason: Some(reason),
        before: json!({ "holdReason": held_before.and_then(|referral| referral.hold_reason) }),
        after: json!({ "holdReason": after.hold_reason }),
    };
    audit::record(app, tx, &entry).await?;
    Ok(after)
}

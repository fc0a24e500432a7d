//! Takes away what is personal of an account, client or partner; the books stay as they are (hardening, What a partner
//! may see).

use sea_orm::{DatabaseTransaction, DbErr};
use serde_json::Value as Json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::{client, link_cache, lock, partner};
use crate::app::App;
use crate::db;
use crate::domain::erasure::{ERASED, pseudonym};
use crate::domain::error::{Invalid, Refusal};
use crate::domain::link::draw_code;
use crate::domain::{reason, reference};

/// Removes or replaces by pseudonyms all that is personal of an account. What is sent of it again finds it by an HMAC of
/// its id: facts on record are REPLAYED, and it is no new client.
///
/// The answer is the writing anew of the database's files, which goes on after the commit.
///
/// # Errors
/// NOT_FOUND, ALREADY_DONE, and INVALID while a withdrawal of his is open: its destination is still needed.
pub async fn erase(
    app: &App,
    actor: &Actor,
    account_id: &str,
    reason: Option<&str>,
) -> Result<JoinHandle<()>, ServiceError> {
    let reason = reason::optional(reason)?;
    let partner_id = retrying(async || {
        let tx = app.begin().await?;
        // Against facts of this account that are being recorded: they would make a new row of its id.
        lock::period_exclusive(&tx).await?;
        let account = find(app, &tx, account_id).await?;
        let partner_id = partner::find_by_account(&tx, account_id).await?.map(|partner| partner.id);
        if let Some(partner_id) = partner_id {
            refuse_open_withdrawals(&tx, partner_id).await?;
            forget_partner(app, &tx, partner_id).await?;
        }
        forget_account(app, &tx, account, account_id).await?;
        forget_reasons(&tx, account, partner_id).await?;
        let entry = AuditEntry {
            at: app.clock.now(),
            actor,
            action: "eraseAccount",
            subject_id: Some(partner_id.unwrap_or(account)),
            reason,
            before: Json::Null,
            after: Json::Null,
        };
        audit::record(app, &tx, &entry).await?;
        tx.commit().await?;
        Ok(partner_id)
    })
    .await?;
    if let Some(partner_id) = partner_id {
        link_cache::of(app).forget_partner(partner_id);
    }
    let app = app.clone();
    Ok(tokio::spawn(async move {
        if let Err(error) = app.db.scrub().await {
            tracing::error!(%error, "what was erased may still be in the free space of the database's files");
        }
    }))
}

/// The account's own id, of one that is known and not erased yet.
async fn find(app: &App, tx: &DatabaseTransaction, account_id: &str) -> Result<Uuid, ServiceError> {
    let sql = "SELECT id FROM account WHERE account_id = $1";
    if let Some(row) = db::query_one(tx, sql, vec![account_id.into()]).await? {
        return Ok(row.try_get_by_index(0)?);
    }
    let is_erased = client::find(app, tx, &[account_id].into()).await?.contains_key(account_id);
    Err(if is_erased { Refusal::AlreadyDone } else { Refusal::NotFound { what: "account" } }.into())
}

async fn refuse_open_withdrawals(tx: &DatabaseTransaction, partner_id: Uuid) -> Result<(), ServiceError> {
    let sql =
        "SELECT 1 FROM withdrawal WHERE partner_id = $1 AND status IN ('REQUESTED', 'APPROVED') LIMIT 1";
    match db::query_one(tx, sql, vec![partner_id.into()]).await? {
        None => Ok(()),
        Some(_) => {
            let open = Invalid::new("accountId", "has a withdrawal that is not decided or not paid yet");
            Err(Refusal::from(open).into())
        }
    }
}

async fn forget_account(
    app: &App,
    tx: &DatabaseTransaction,
    account: Uuid,
    account_id: &str,
) -> Result<(), ServiceError> {
    let key = app.keys.erasure.first();
    let key = key.ok_or_else(|| ServiceError::Broken("there is no key to erase with".to_owned()))?;
    let pseudonym = pseudonym(key.bytes(), account_id);
    let sql = "UPDATE referral_total SET reference = $1 \
               WHERE referral_id IN (SELECT id FROM referral WHERE account_id = $2)";
    db::execute(tx, sql, vec![reference::shown(&pseudonym).into(), account.into()]).await?;
    let sql = "UPDATE account SET account_id = $1 WHERE id = $2";
    db::execute(tx, sql, vec![pseudonym.into(), account.into()]).await?;
    for sql in [
        "DELETE FROM account_fingerprint WHERE account_id = $1",
        "DELETE FROM cleared_fingerprint WHERE referral_id IN (SELECT id FROM referral WHERE account_id = $1)",
        "UPDATE referral SET visitor_id = NULL, visited_at = NULL WHERE account_id = $1",
    ] {
        db::execute(tx, sql, vec![account.into()]).await?;
    }
    Ok(())
}

/// What a partner or staff wrote of him, and where his money went. `$1` is the partner.
const OF_A_PARTNER: [&str; 15] = [
    "UPDATE webhook_delivery SET response = NULL, next_attempt_at = NULL, status = CASE status WHEN 'PENDING' \
     THEN 'FAILED' ELSE status END WHERE partner_id = $1",
    "UPDATE webhook_endpoint SET url = 'erased', status = 'DELETED', secret_key_id = NULL, secret_sealed = NULL, \
     previous_key_id = NULL, previous_sealed = NULL, previous_until = NULL WHERE partner_id = $1",
    "UPDATE api_key SET label = 'erased' WHERE partner_id = $1",
    "DELETE FROM site WHERE partner_id = $1",
    // Before the visits: what is counted in the meantime is found among them.
    "UPDATE arrived_visit SET referrer = NULL WHERE partner_id = $1",
    "UPDATE visit SET referrer = NULL WHERE link_id IN (SELECT id FROM link WHERE partner_id = $1)",
    "UPDATE link SET label = NULL, campaign = NULL WHERE partner_id = $1",
    "UPDATE suspension SET reason = 'erased', reinstated_reason = CASE WHEN reinstated_reason IS NULL THEN NULL \
     ELSE 'erased' END WHERE partner_id = $1",
    "UPDATE individual_rate SET reason = 'erased' WHERE partner_id = $1",
    "UPDATE withdrawal SET destination_masked = 'erased', destination_key_id = NULL, destination_sealed = NULL \
     WHERE partner_id = $1",
    "UPDATE withdrawal SET reason = 'erased' WHERE partner_id = $1 AND reason IS NOT NULL",
    "UPDATE service_transfer SET reason = 'erased' WHERE partner_id = $1 AND reason IS NOT NULL",
    "UPDATE ticket_message SET text = 'erased' WHERE ticket_id IN (SELECT id FROM ticket WHERE partner_id = $1)",
    "UPDATE ticket SET subject = 'erased' WHERE partner_id = $1",
    "UPDATE partner SET status_reason = 'erased' WHERE id = $1 AND status_reason IS NOT NULL",
];

async fn forget_partner(app: &App, tx: &DatabaseTransaction, partner_id: Uuid) -> Result<(), ServiceError> {
    lock::partner(tx, partner_id).await?;
    for sql in OF_A_PARTNER {
        db::execute(tx, sql, vec![partner_id.into()]).await?;
    }
    // Codes are of his own choosing: the old ones are nobody's from now on, and lead to the front page.
    let sql = "SELECT id FROM link WHERE partner_id = $1";
    for row in db::query(tx, sql, vec![partner_id.into()]).await? {
        let (link_id, code): (Uuid, String) = (row.try_get_by_index(0)?, draw_code(&mut rand::random::<u32>));
        let sql = "UPDATE link SET code = $1, code_key = $2 WHERE id = $3";
        db::execute(tx, sql, vec![code.as_str().into(), code.as_str().into(), link_id.into()]).await?;
    }
    let now = app.clock.now().0;
    let sql = "UPDATE api_key SET revoked_at = $2 WHERE partner_id = $1 AND revoked_at IS NULL";
    db::execute(tx, sql, vec![partner_id.into(), now.into()]).await?;
    let sql = "UPDATE link SET archived_at = $2 WHERE partner_id = $1 AND NOT is_own AND archived_at IS NULL";
    db::execute(tx, sql, vec![partner_id.into(), now.into()]).await?;
    Ok(())
}

/// The records stay; what somebody typed as a reason is the one thing in them that may name a person.
async fn forget_reasons(
    tx: &DatabaseTransaction,
    account: Uuid,
    partner_id: Option<Uuid>,
) -> Result<(), DbErr> {
    const SUBJECTS: &str = "SELECT id FROM account WHERE id = $1 \
        UNION ALL SELECT id FROM referral WHERE account_id = $1 \
        UNION ALL SELECT l.id FROM line l JOIN referral r ON r.id = l.referral_id WHERE r.account_id = $1 \
        UNION ALL SELECT id FROM partner WHERE id = $2 \
        UNION ALL SELECT id FROM withdrawal WHERE partner_id = $2 \
        UNION ALL SELECT id FROM service_transfer WHERE partner_id = $2 \
        UNION ALL SELECT id FROM ticket WHERE partner_id = $2";
    let sql = format!(
        "UPDATE audit_record SET reason = '{ERASED}' WHERE reason IS NOT NULL AND subject_id IN ({SUBJECTS})"
    );
    // A partner who is none has no rows.
    let values = vec![account.into(), partner_id.unwrap_or_default().into()];
    db::execute(tx, sql, values).await.map(|_| ())
}

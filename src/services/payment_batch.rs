//! Payment files: the approved bank transfers as one SEPA credit transfer file, each in one file at the most (rule 25).

mod pain001;

use std::collections::{BTreeMap, BTreeSet};

use entity::{DestinationKind, Moment, Money, PartnerStatus, WithdrawalStatus, payment_batch, withdrawal};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::lock::{self, LockedPartner};
use super::payout::{self, Sealed, destination_of};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::digest::hex;
use crate::domain::error::Refusal;
use crate::domain::payout::PayoutDestination;
use crate::domain::sepa::{self, Debtor, Unreachable};
use crate::domain::withdrawal::check_four_eyes;

/// A payment file and what is on record of it.
#[derive(Clone, Debug)]
pub struct PaymentFile {
    pub batch: payment_batch::Model,
    pub bytes: Vec<u8>,
}

/// What came of asking for a new file.
#[derive(Clone, Debug)]
pub struct Made {
    /// None where there is nothing to pay.
    pub file: Option<PaymentFile>,
    /// How many approved bank transfers are not in it, by why.
    pub left_out: BTreeMap<LeftOut, usize>,
}

/// Why an approved bank transfer is in no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    PartnerSuspended,
    FourEyes,
    Unreachable(Unreachable),
    DestinationErased,
}

/// What of a file does not follow from its withdrawals, as it stood when the file was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    debtor: Debtor,
    /// What every payee reads.
    remittance: String,
    /// The local day of payment: `2026-11-22`.
    execution_date: String,
}

/// A withdrawal as the file pays it.
struct Transfer {
    id: Uuid,
    amount: Money,
    iban: String,
    holder: String,
}

/// Puts every approved bank transfer that is in no file yet into a new one, but those of suspended partners (rule 27), and
/// where four eyes are required those that the same person approved.
pub async fn make(app: &App, actor: &Actor) -> Result<Made, ServiceError> {
    let debtor = debtor_of(app)?;
    retrying(async || {
        let tx = app.begin().await?;
        let (waiting, partners) = lock_waiting(&tx).await?;
        let mut left_out = BTreeMap::new();
        let mut transfers = Vec::with_capacity(waiting.len());
        for withdrawal in &waiting {
            let Some(partner) = partners.get(&withdrawal.partner_id) else { continue };
            match transfer_of(app, actor, partner, withdrawal)? {
                Ok(transfer) => transfers.push(transfer),
                Err(why) => *left_out.entry(why).or_insert(0) += 1,
            }
        }
        if transfers.is_empty() {
            return Ok(Made { file: None, left_out });
        }
        let now = app.clock.now();
        let execution_date = app.terms.calendar.day_of(now).to_string();
        let remittance = sepa::latin(&app.terms.name, sepa::MAX_REMITTANCE);
        let head = Head { debtor: debtor.clone(), remittance, execution_date };
        let file = write(app, &tx, actor, &head, &transfers, now).await?;
        tx.commit().await?;
        Ok(Made { file: Some(file), left_out })
    })
    .await
}

/// The same bytes again. Whoever asks reads destinations, and is put on record for it.
pub async fn again(app: &App, actor: &Actor, id: Uuid) -> Result<PaymentFile, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let batch = payment_batch::Entity::find_by_id(id).one(&tx).await?;
        let batch = batch.ok_or(Refusal::NotFound { what: "payment batch" })?;
        let sealed = Sealed { key_id: batch.head_key_id.clone(), bytes: batch.head_sealed.clone() };
        let head: Head = payout::open(&app.keys.encryption, id, &sealed)?;
        let mut transfers = Vec::new();
        for withdrawal in of_batch(&tx, id).await? {
            let Some(PayoutDestination::BankTransfer { iban, holder }) = destination_of(app, &withdrawal)?
            else {
                return Err(ServiceError::Broken(format!("the destination of {} is erased", withdrawal.id)));
            };
            transfers.push(Transfer { id: withdrawal.id, amount: withdrawal.amount, iban, holder });
        }
        let bytes = pain001::write(id, batch.created_at, &head, &transfers)?;
        if digest_of(&bytes) != batch.digest {
            return Err(ServiceError::Broken(format!("payment batch {id} is not what it was")));
        }
        let entry = AuditEntry {
            at: app.clock.now(),
            actor,
            action: "readPaymentFile",
            subject_id: Some(id),
            reason: None,
            before: json!(null),
            after: json!(null),
        };
        audit::record(app, &tx, &entry).await?;
        tx.commit().await?;
        Ok(PaymentFile { batch, bytes })
    })
    .await
}

/// The withdrawals of a file, in its order.
pub async fn of_batch(db: &impl ConnectionTrait, id: Uuid) -> Result<Vec<withdrawal::Model>, DbErr> {
    withdrawal::Entity::find()
        .filter(withdrawal::Column::PaymentBatchId.eq(id))
        .order_by_asc(withdrawal::Column::RequestedAt)
        .order_by_asc(withdrawal::Column::Id)
        .all(db)
        .await
}

fn debtor_of(app: &App) -> Result<Debtor, ServiceError> {
    let missing = |key: &str| {
        ServiceError::Misconfigured(format!("sepa.{key} is not configured: a payment file names who pays"))
    };
    if app.terms.currency != sepa::CURRENCY {
        let message =
            format!("a SEPA credit transfer is in EUR, and the programme in {}", app.terms.currency);
        return Err(ServiceError::Misconfigured(message));
    }
    let sepa = &app.config.sepa;
    let name = sepa.debtor_name.as_deref().ok_or_else(|| missing("debtor_name"))?;
    let iban = sepa.debtor_iban.as_deref().ok_or_else(|| missing("debtor_iban"))?;
    Debtor::new(name, iban, sepa.debtor_bic.as_deref())
        .map_err(|invalid| ServiceError::Misconfigured(format!("sepa.{invalid}")))
}

/// What waits to be paid, under its partners' locks: against a suspension, another step of a withdrawal and another file.
async fn lock_waiting(
    tx: &DatabaseTransaction,
) -> Result<(Vec<withdrawal::Model>, BTreeMap<Uuid, LockedPartner>), DbErr> {
    let waiting = || {
        withdrawal::Entity::find()
            .filter(withdrawal::Column::Status.eq(WithdrawalStatus::Approved))
            .filter(withdrawal::Column::DestinationKind.eq(DestinationKind::BankTransfer))
            .filter(withdrawal::Column::PaymentBatchId.is_null())
            .order_by_asc(withdrawal::Column::RequestedAt)
            .order_by_asc(withdrawal::Column::Id)
    };
    let unlocked = waiting().all(tx).await?;
    let partners: BTreeSet<Uuid> = unlocked.iter().map(|withdrawal| withdrawal.partner_id).collect();
    let locked = lock::partners(tx, &partners).await?.into_iter().collect();
    // What was approved since then of a partner who is not locked waits for the next file.
    Ok((waiting().all(tx).await?, locked))
}

fn transfer_of(
    app: &App,
    actor: &Actor,
    partner: &LockedPartner,
    withdrawal: &withdrawal::Model,
) -> Result<Result<Transfer, LeftOut>, ServiceError> {
    if partner.status == PartnerStatus::Suspended {
        return Ok(Err(LeftOut::PartnerSuspended));
    }
    let is_required = app.config.withdrawals.four_eyes;
    if check_four_eyes(is_required, withdrawal.decided_by.as_deref(), &actor.subject).is_err() {
        return Ok(Err(LeftOut::FourEyes));
    }
    let Some(PayoutDestination::BankTransfer { iban, holder }) = destination_of(app, withdrawal)? else {
        return Ok(Err(LeftOut::DestinationErased));
    };
    if let Err(why) = sepa::check_reach(&iban, withdrawal.amount) {
        return Ok(Err(LeftOut::Unreachable(why)));
    }
    Ok(Ok(Transfer { id: withdrawal.id, amount: withdrawal.amount, iban, holder }))
}

async fn write(
    app: &App,
    tx: &DatabaseTransaction,
    actor: &Actor,
    head: &Head,
    transfers: &[Transfer],
    now: Moment,
) -> Result<PaymentFile, ServiceError> {
    let id = app.clock.new_id();
    let bytes = pain001::write(id, now, head, transfers)?;
    let sealed = payout::seal(&app.keys.encryption, id, head)?;
    let batch = payment_batch::Model {
        id,
        created_at: now,
        created_by: actor.subject.clone(),
        transfers: i64::try_from(transfers.len()).unwrap_or(i64::MAX),
        amount: transfers.iter().map(|transfer| transfer.amount).sum(),
        head_key_id: sealed.key_id,
        head_sealed: sealed.bytes,
        digest: digest_of(&bytes),
    };
    payment_batch::Entity::insert(batch.clone().into_active_model()).exec_without_returning(tx).await?;
    put_into(tx, id, transfers).await?;
    record(app, tx, actor, &batch, transfers).await?;
    Ok(PaymentFile { batch, bytes })
}

async fn put_into(
    tx: &DatabaseTransaction,
    batch_id: Uuid,
    transfers: &[Transfer],
) -> Result<(), ServiceError> {
    let ids = transfers.iter().map(|transfer| transfer.id.into());
    let sql = "WITH {rows} UPDATE withdrawal SET payment_batch_id = $1 FROM v WHERE withdrawal.id = v.id \
               AND withdrawal.payment_batch_id IS NULL AND withdrawal.status = 'APPROVED'";
    let rows = Rows::of(&[("id", Column::Uuid)], ids);
    let put = rows.execute(tx, sql, vec![batch_id.into()]).await?;
    if usize::try_from(put).is_ok_and(|put| put == transfers.len()) {
        return Ok(());
    }
    Err(ServiceError::Broken("a withdrawal was put into another file meanwhile".to_owned()))
}

/// One record of the file, and one of each withdrawal in it.
async fn record(
    app: &App,
    tx: &DatabaseTransaction,
    actor: &Actor,
    batch: &payment_batch::Model,
    transfers: &[Transfer],
) -> Result<(), DbErr> {
    let entry = |action, subject_id, before, after| AuditEntry {
        at: batch.created_at,
        actor,
        action,
        subject_id: Some(subject_id),
        reason: None,
        before,
        after,
    };
    let (count, amount) = (batch.transfers, batch.amount.to_string());
    let made = json!({ "withdrawals": count, "amount": amount, "digest": batch.digest });
    let mut entries = vec![entry("makePaymentFile", batch.id, json!(null), made)];
    entries.extend(transfers.iter().map(|transfer| {
        let (before, after) = (json!({ "paymentBatchId": null }), json!({ "paymentBatchId": batch.id }));
        entry("putIntoPaymentFile", transfer.id, before, after)
    }));
    audit::record_all(app, tx, &entries).await
}

fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The payment file of an id of its own, if there is one: for whoever looks up what the bank calls its message.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<payment_batch::Model>, DbErr> {
    payment_batch::Entity::find_by_id(id).one(db).await
}

/// How many withdrawals each file holds, and what they add up to, for the check of the books.
pub async fn totals(db: &impl ConnectionTrait) -> Result<Vec<(Uuid, i64, Money)>, DbErr> {
    let sql = "SELECT payment_batch_id, COUNT(*), CAST(SUM(amount) AS BIGINT) FROM withdrawal \
               WHERE payment_batch_id IS NOT NULL GROUP BY payment_batch_id";
    let rows = db::query(db, sql, vec![]).await?;
    let read = |row: &sea_orm::QueryResult| {
        Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?))
    };
    rows.iter().map(read).collect()
}

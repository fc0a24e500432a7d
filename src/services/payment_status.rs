//! The bank's answers to a payment file, each recorded once (rules 25 and 27).

use entity::{WithdrawalStatus, withdrawal};
use uuid::Uuid;

use super::audit::Actor;
use super::error::ServiceError;
use super::{payment_batch, withdrawal as withdrawals};
use crate::app::App;
use crate::domain::error::Refusal;
use crate::domain::payment_status::PaymentStatus;
use crate::domain::sepa;

/// What the bank says of one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAnswer {
    pub end_to_end_id: String,
    pub status: PaymentStatus,
    /// The bank's own; the end-to-end id stands for one that it does not give.
    pub reference: Option<String>,
    /// Why the transfer failed.
    pub reason: Option<String>,
}

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Recorded,
    /// It was on record.
    Replayed,
}

/// Records an answer. The same one again changes nothing, another one than is on record is refused.
pub async fn record(app: &App, actor: &Actor, answer: &BankAnswer) -> Result<Answered, ServiceError> {
    let id = sepa::withdrawal_of(&answer.end_to_end_id).unwrap_or_default();
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let reference = given(&answer.reference);
    let done = match answer.status {
        PaymentStatus::Paid => {
            let reference = reference.clone().unwrap_or_else(|| sepa::end_to_end_id(id));
            withdrawals::bank_has_paid(app, actor, id, &reference).await
        }
        PaymentStatus::Failed => {
            withdrawals::bank_has_failed(app, actor, id, given(&answer.reason).as_deref()).await
        }
    };
    match done {
        Ok(_) => Ok(Answered::Recorded),
        Err(ServiceError::Refused(Refusal::AlreadyDone)) => {
            let on_record = withdrawals::find(app.db.reader(), id).await?;
            if on_record.is_some_and(|row| is_same(&row, reference.as_deref())) {
                return Ok(Answered::Replayed);
            }
            Err(Refusal::Conflict { what: "the payment" }.into())
        }
        Err(error) => Err(error),
    }
}

/// A failure is the same whatever its words; a payment has one reference.
fn is_same(on_record: &withdrawal::Model, reference: Option<&str>) -> bool {
    match reference {
        Some(reference) if on_record.status == WithdrawalStatus::Paid => {
            on_record.payment_reference.as_deref() == Some(reference)
        }
        _ => true,
    }
}

/// The end-to-end ids of a whole file, by what the bank calls its message: for an answer that names no transfer.
pub async fn end_to_end_ids(app: &App, message_id: &str) -> Result<Option<Vec<String>>, ServiceError> {
    let id = Uuid::try_parse(message_id.trim()).unwrap_or_default();
    if payment_batch::find(app.db.reader(), id).await?.is_none() {
        return Ok(None);
    }
    let withdrawals = payment_batch::of_batch(app.db.reader(), id).await?;
    Ok(Some(withdrawals.iter().map(|row| sepa::end_to_end_id(row.id)).collect()))
}

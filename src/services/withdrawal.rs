//! Withdrawals: money asked for, decided on, paid (rules 24, 25 and 27).

use entity::{DestinationKind, Money, WithdrawalStatus, withdrawal};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::idempotency::IdempotencyKey;
use super::lock::LockedPartner;
use super::{contract, ledger, lock, payout};
use crate::app::App;
use crate::domain::error::Refusal;
use crate::domain::payout::{PayoutDestination, without_ibans};
use crate::domain::reason;
use crate::domain::text::check_text;
use crate::domain::withdrawal::{WithdrawalStep, check_four_eyes, decide, reserve};

/// The longest payment reference, in characters: what a SEPA transfer can carry.
pub const MAX_PAYMENT_REFERENCE: usize = 140;

/// What a partner asks for.
#[derive(Clone, Debug)]
pub struct RequestWithdrawal {
    /// All that is available, in whole minor units, if left out.
    pub amount: Option<Money>,
    pub destination: PayoutDestination,
    pub idempotency_key: String,
    /// Set for an API key, which may withdraw only to a destination used before with a token. Since whatever is on
    /// record was first used with one, it is looked for there.
    pub only_known_destination: bool,
}

/// Reserves money to be paid out, once for a key; sent again, it answers the withdrawal as it stands.
pub async fn request(
    app: &App,
    partner_id: Uuid,
    asked: &RequestWithdrawal,
) -> Result<withdrawal::Model, ServiceError> {
    let owner = partner_id.to_string();
    let key = IdempotencyKey::new(owner, "requestWithdrawal", &asked.idempotency_key, values_of(asked))?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a suspension, a change of the contract and another request for the same money.
        let partner = lock_partner(&tx, partner_id).await?;
        if let Some(id) = key.find(app, &tx).await? {
            return find(&tx, id).await?.ok_or_else(|| ServiceError::Broken(format!("no withdrawal {id}")));
        }
        if asked.only_known_destination {
            payout::check_known(app, &tx, partner_id, &asked.destination).await?;
        }
        let has_contract = contract::is_in_force(&tx, partner_id).await?;
        let balance = ledger::lock_balance(&tx, partner_id).await?;
        let id = app.clock.new_id();
        let terms = app.terms.withdrawal();
        let reserved = reserve(&balance, asked.amount, has_contract, partner.is_suspended(), &terms, id)?;
        let now = app.clock.now();
        let sealed = payout::seal(&app.keys.encryption, id, &asked.destination)?;
        let withdrawal = withdrawal::Model {
            id,
            partner_id,
            amount: reserved.amount(),
            status: WithdrawalStatus::Requested,
            destination_kind: kind_of(&asked.destination),
            destination_masked: asked.destination.masked(),
            destination_key_id: Some(sealed.key_id),
            destination_sealed: Some(sealed.bytes),
            requested_at: now,
            decided_at: None,
            decided_by: None,
            paid_at: None,
            reason: None,
            payment_reference: None,
            payment_batch_id: None,
        };
        withdrawal::Entity::insert(withdrawal.clone().into_active_model())
            .exec_without_returning(&tx)
            .await?;
        ledger::post(app, &tx, partner_id, reserved, now).await?;
        key.keep(app, &tx, id, now).await?;
        event::record(app, &tx, &[Event::withdrawal_changed(partner_id, id)], now).await?;
        tx.commit().await?;
        Ok(withdrawal)
    })
    .await
}

fn values_of(asked: &RequestWithdrawal) -> Vec<String> {
    let amount = asked.amount.map_or_else(String::new, |amount| amount.to_string());
    let destination = match &asked.destination {
        PayoutDestination::BankTransfer { iban, holder } => [iban.clone(), holder.clone()],
        PayoutDestination::Paypal { email } => [email.clone(), String::new()],
    };
    let kind = <&str>::from(kind_of(&asked.destination)).to_owned();
    [amount, kind].into_iter().chain(destination).collect()
}

fn kind_of(destination: &PayoutDestination) -> DestinationKind {
    match destination {
        PayoutDestination::BankTransfer { .. } => DestinationKind::BankTransfer,
        PayoutDestination::Paypal { .. } => DestinationKind::Paypal,
    }
}

/// The partner takes his request back.
pub async fn cancel(app: &App, partner_id: Uuid, id: Uuid) -> Result<withdrawal::Model, ServiceError> {
    take(app, id, &Step { owner: Some(partner_id), ..Step::new(WithdrawalStep::Cancel) }).await
}

/// Staff approves.
pub async fn approve(
    app: &App,
    actor: &Actor,
    id: Uuid,
    reason: Option<&str>,
) -> Result<withdrawal::Model, ServiceError> {
    let reason = reason::optional(reason)?;
    take(app, id, &Step { actor: Some(actor), reason, ..Step::new(WithdrawalStep::Approve) }).await
}

/// Staff rejects, with a reason: the money is available again.
pub async fn reject(
    app: &App,
    actor: &Actor,
    id: Uuid,
    reason: Option<&str>,
) -> Result<withdrawal::Model, ServiceError> {
    let reason = Some(reason::required(reason)?);
    take(app, id, &Step { actor: Some(actor), reason, ..Step::new(WithdrawalStep::Reject) }).await
}

/// The bank has paid, as staff says.
pub async fn mark_paid(
    app: &App,
    actor: &Actor,
    id: Uuid,
    payment_reference: &str,
) -> Result<withdrawal::Model, ServiceError> {
    check_text("paymentReference", payment_reference, MAX_PAYMENT_REFERENCE).map_err(Refusal::from)?;
    let payment_reference = Some(payment_reference);
    take(app, id, &Step { actor: Some(actor), payment_reference, ..Step::new(WithdrawalStep::MarkPaid) })
        .await
}

/// The bank has paid, as its own answer says: whoever brings that pays nobody by it.
pub async fn bank_has_paid(
    app: &App,
    actor: &Actor,
    id: Uuid,
    payment_reference: &str,
) -> Result<withdrawal::Model, ServiceError> {
    check_text("reference", payment_reference, MAX_PAYMENT_REFERENCE).map_err(Refusal::from)?;
    let payment_reference = Some(payment_reference);
    let step = Step::new(WithdrawalStep::MarkPaid);
    take(app, id, &Step { actor: Some(actor), payment_reference, is_banks_own: true, ..step }).await
}

/// The bank has not paid, as its own answer says: the money is available again.
pub async fn bank_has_failed(
    app: &App,
    actor: &Actor,
    id: Uuid,
    reason: Option<&str>,
) -> Result<withdrawal::Model, ServiceError> {
    let reason = Some(reason::required(reason)?);
    let step = Step::new(WithdrawalStep::MarkFailed);
    take(app, id, &Step { actor: Some(actor), reason, is_banks_own: true, ..step }).await
}

/// The bank has not paid, as staff says with a reason: the money is available again.
pub async fn mark_failed(
    app: &App,
    actor: &Actor,
    id: Uuid,
    reason: Option<&str>,
) -> Result<withdrawal::Model, ServiceError> {
    let reason = Some(reason::required(reason)?);
    take(app, id, &Step { actor: Some(actor), reason, ..Step::new(WithdrawalStep::MarkFailed) }).await
}

/// A step about to be taken.
#[derive(Clone, Copy, Debug)]
struct Step<'a> {
    step: WithdrawalStep,
    /// Whoever is not the partner.
    actor: Option<&'a Actor>,
    /// The partner, where he takes it himself.
    owner: Option<Uuid>,
    reason: Option<&'a str>,
    payment_reference: Option<&'a str>,
    /// The bank's answer in its own words, not as somebody enters it.
    is_banks_own: bool,
}

impl Step<'_> {
    fn new(step: WithdrawalStep) -> Step<'static> {
        Step { step, actor: None, owner: None, reason: None, payment_reference: None, is_banks_own: false }
    }
}

/// Takes one step; each happens once. An IBAN in what somebody says of it is kept masked.
async fn take(app: &App, id: Uuid, step: &Step<'_>) -> Result<withdrawal::Model, ServiceError> {
    let reason = step.reason.map(without_ibans);
    let payment_reference = step.payment_reference.map(without_ibans);
    retrying(async || {
        let tx = app.begin().await?;
        // Against another step of the same withdrawal, and against a suspension.
        let (partner, before) = lock_withdrawal(&tx, id, step.owner).await?;
        let (status, transfer) = decide(before.status, step.step, partner.is_suspended(), id, before.amount)?;
        if matches!(step.step, WithdrawalStep::MarkPaid | WithdrawalStep::MarkFailed) && !step.is_banks_own {
            let now_by = step.actor.map_or("", |actor| &actor.subject);
            check_four_eyes(app.config.withdrawals.four_eyes, before.decided_by.as_deref(), now_by)?;
        }
        let now = app.clock.now();
        let mut after = withdrawal::Model { status, ..before.clone() };
        match step.step {
            WithdrawalStep::Approve | WithdrawalStep::Reject | WithdrawalStep::Cancel => {
                after.decided_at = Some(now);
                after.decided_by = step.actor.map(|actor| actor.subject.clone());
            }
            WithdrawalStep::MarkPaid => after.paid_at = Some(now),
            WithdrawalStep::MarkFailed => {}
        }
        after.reason = reason.clone().or(after.reason);
        after.payment_reference = payment_reference.clone();
        withdrawal::Entity::update(after.clone().into_active_model().reset_all()).exec(&tx).await?;
        if let Some(transfer) = transfer {
            ledger::post(app, &tx, after.partner_id, transfer, now).await?;
        }
        if let Some(actor) = step.actor {
            let entry = AuditEntry {
                at: now,
                actor,
                action: action_of(step.step),
                subject_id: Some(id),
                reason: reason.as_deref(),
                before: json!({ "status": before.status }),
                after: json!({ "status": after.status }),
            };
            audit::record(app, &tx, &entry).await?;
        }
        event::record(app, &tx, &[Event::withdrawal_changed(after.partner_id, id)], now).await?;
        tx.commit().await?;
        Ok(after)
    })
    .await
}

const fn action_of(step: WithdrawalStep) -> &'static str {
    match step {
        WithdrawalStep::Approve => "approveWithdrawal",
        WithdrawalStep::Reject => "rejectWithdrawal",
        WithdrawalStep::Cancel => "cancelWithdrawal",
        WithdrawalStep::MarkPaid => "markWithdrawalPaid",
        WithdrawalStep::MarkFailed => "markWithdrawalFailed",
    }
}

/// One withdrawal by its id.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<withdrawal::Model>, DbErr> {
    withdrawal::Entity::find_by_id(id).one(db).await
}

async fn lock_partner(tx: &DatabaseTransaction, partner_id: Uuid) -> Result<LockedPartner, ServiceError> {
    Ok(lock::partner(tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?)
}

/// A withdrawal under its partner's lock; another partner's does not exist for `owner`.
async fn lock_withdrawal(
    tx: &DatabaseTransaction,
    id: Uuid,
    owner: Option<Uuid>,
) -> Result<(LockedPartner, withdrawal::Model), ServiceError> {
    let not_found = Refusal::NotFound { what: "withdrawal" };
    let unlocked = find(tx, id).await?.filter(|row| owner.is_none_or(|owner| row.partner_id == owner));
    let Some(unlocked) = unlocked else { return Err(not_found.into()) };
    let partner = lock_partner(tx, unlocked.partner_id).await?;
    let locked = find(tx, id).await?.ok_or(not_found)?;
    Ok((partner, locked))
}

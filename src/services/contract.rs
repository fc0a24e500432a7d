//! The contract that a partner needs before money is paid out; what led to it is in its ticket's thread (rule 26).

use entity::{ContractStatus, Moment, TicketAuthor, TicketKind, TicketStatus, contract};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::lock;
use super::ticket::{self, NewTicket};
use crate::app::App;
use crate::domain::contract::{
    self as rules, ContractAcceptance, ContractDocument, ContractOffer, ContractState,
};
use crate::domain::error::Refusal;
use crate::domain::reason;
use crate::domain::ticket::check_words;

/// The partner asks for the contract: REQUESTED, and a ticket is opened with what he writes.
pub async fn request(
    app: &App,
    partner_id: Uuid,
    message: Option<&str>,
) -> Result<contract::Model, ServiceError> {
    if let Some(message) = message {
        check_words("message", message).map_err(Refusal::from)?;
    }
    retrying(async || {
        let tx = app.begin().await?;
        let on_record = lock_contract(&tx, partner_id).await?;
        let now = app.clock.now();
        let state = rules::request(&state_of(on_record.as_ref()), now)?;
        let mut thread = vec![(TicketAuthor::System, "The contract was asked for.".to_owned())];
        thread.extend(message.map(|message| (TicketAuthor::Partner, message.to_owned())));
        let change = Change { state, thread, leaves: TicketStatus::Open, terminated_at: None };
        let changed = write(app, &tx, partner_id, on_record, change, now).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await
}

/// A ticket that the partner opens about the contract asks for it, where he has none and none is under way: it is the
/// contract's thread from then on.
pub(super) async fn ask_in(
    app: &App,
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    ticket_id: Uuid,
    now: Moment,
) -> Result<(), ServiceError> {
    let on_record = lock_contract(tx, partner_id).await?;
    let Ok(state) = rules::request(&state_of(on_record.as_ref()), now) else { return Ok(()) };
    let thread = vec![(TicketAuthor::System, "The contract was asked for.".to_owned())];
    let change = Change { state, thread, leaves: TicketStatus::Open, terminated_at: None };
    write_in(app, tx, ticket_id, partner_id, on_record, change, now).await?;
    Ok(())
}

/// Staff offers a version, asked or unasked. What was accepted stays in force until this is accepted.
pub async fn offer(
    app: &App,
    actor: &Actor,
    partner_id: Uuid,
    document: &ContractDocument,
    reason: Option<&str>,
) -> Result<contract::Model, ServiceError> {
    let reason = reason::optional(reason)?;
    retrying(async || {
        let tx = app.begin().await?;
        let on_record = lock_contract(&tx, partner_id).await?;
        let now = app.clock.now();
        let before = audited(on_record.as_ref());
        let state = rules::offer(&state_of(on_record.as_ref()), document.clone(), now)?;
        let offered = format!(
            "Version {} was offered: {} (SHA-256 {}).",
            document.version, document.url, document.digest
        );
        let mut thread = vec![(TicketAuthor::System, offered)];
        thread.extend(reason.map(|reason| (TicketAuthor::Staff, reason.to_owned())));
        let change = Change { state, thread, leaves: TicketStatus::Answered, terminated_at: None };
        let changed = write(app, &tx, partner_id, on_record, change, now).await?;
        record(app, &tx, actor, "offerContract", reason, before, &changed, now).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await
}

/// The partner accepts exactly the offered document, named by its digest: ACTIVE.
pub async fn accept(app: &App, partner_id: Uuid, digest: &str) -> Result<contract::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let on_record = lock_contract(&tx, partner_id).await?;
        let now = app.clock.now();
        // Who accepted is kept by the partner's own id: account ids stand in their one table alone.
        let state = rules::accept(&state_of(on_record.as_ref()), digest, &partner_id.to_string(), now)?;
        let version = state.acceptance.as_ref().map_or("", |accepted| accepted.document.version.as_str());
        let accepted = format!("Version {version} was accepted (SHA-256 {digest}).");
        let thread = vec![(TicketAuthor::System, accepted)];
        let change = Change { state, thread, leaves: TicketStatus::Closed, terminated_at: None };
        let changed = write(app, &tx, partner_id, on_record, change, now).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await
}

/// Staff ends the contract, or what has begun of it: TERMINATED.
pub async fn terminate(
    app: &App,
    actor: &Actor,
    partner_id: Uuid,
    reason: &str,
) -> Result<contract::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        let on_record = lock_contract(&tx, partner_id).await?;
        let now = app.clock.now();
        let before = audited(on_record.as_ref());
        let state = rules::terminate(&state_of(on_record.as_ref()))?;
        let thread = vec![
            (TicketAuthor::System, "The contract was ended.".to_owned()),
            (TicketAuthor::Staff, reason.to_owned()),
        ];
        let change = Change { state, thread, leaves: TicketStatus::Closed, terminated_at: Some(now) };
        let changed = write(app, &tx, partner_id, on_record, change, now).await?;
        record(app, &tx, actor, "terminateContract", Some(reason), before, &changed, now).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await
}

/// A partner's contract; nothing where it was never asked for or offered.
pub async fn find(db: &impl ConnectionTrait, partner_id: Uuid) -> Result<Option<contract::Model>, DbErr> {
    contract::Entity::find_by_id(partner_id).one(db).await
}

/// Whether a partner has a contract in force, also while a newer version waits to be accepted.
pub async fn is_in_force(db: &impl ConnectionTrait, partner_id: Uuid) -> Result<bool, DbErr> {
    Ok(state_of(find(db, partner_id).await?.as_ref()).is_in_force())
}

/// A contract as the rules read it; no row is no contract.
pub fn state_of(on_record: Option<&contract::Model>) -> ContractState {
    let Some(row) = on_record else { return ContractState::default() };
    let document = |version: &Option<String>, url: &Option<String>, digest: &str| ContractDocument {
        version: version.clone().unwrap_or_default(),
        url: url.clone().unwrap_or_default(),
        digest: digest.to_owned(),
    };
    let offer = row.offer_digest.as_deref().zip(row.offered_at);
    let acceptance = row.accepted_digest.as_deref().zip(row.accepted_at);
    ContractState {
        status: row.status,
        requested_at: row.requested_at,
        offer: offer.map(|(digest, offered_at)| ContractOffer {
            document: document(&row.offer_version, &row.offer_url, digest),
            offered_at,
        }),
        acceptance: acceptance.map(|(digest, accepted_at)| ContractAcceptance {
            document: document(&row.accepted_version, &row.accepted_url, digest),
            accepted_at,
            by: row.accepted_by.clone().unwrap_or_default(),
        }),
    }
}

fn row_of(partner_id: Uuid, ticket_id: Uuid, change: Change) -> contract::Model {
    let state = change.state;
    let (offer, offered_at) = state.offer.map(|offer| (offer.document, offer.offered_at)).unzip();
    let accepted_at = state.acceptance.as_ref().map(|acceptance| acceptance.accepted_at);
    let accepted_by = state.acceptance.as_ref().map(|acceptance| acceptance.by.clone());
    let accepted = state.acceptance.map(|acceptance| acceptance.document);
    contract::Model {
        partner_id,
        status: state.status,
        ticket_id: Some(ticket_id),
        requested_at: state.requested_at,
        offer_version: offer.as_ref().map(|offer| offer.version.clone()),
        offer_url: offer.as_ref().map(|offer| offer.url.clone()),
        offer_digest: offer.map(|offer| offer.digest),
        offered_at,
        accepted_version: accepted.as_ref().map(|accepted| accepted.version.clone()),
        accepted_url: accepted.as_ref().map(|accepted| accepted.url.clone()),
        accepted_digest: accepted.map(|accepted| accepted.digest),
        accepted_at,
        accepted_by,
        terminated_at: change.terminated_at,
    }
}

/// The contract under its partner's lock: against another change of it, and against a withdrawal that needs it.
async fn lock_contract(
    tx: &DatabaseTransaction,
    partner_id: Uuid,
) -> Result<Option<contract::Model>, ServiceError> {
    lock::partner(tx, partner_id).await?.ok_or(Refusal::NotFound { what: "partner" })?;
    Ok(find(tx, partner_id).await?)
}

/// A contract's new state, what the thread says of it, and whose turn it is then.
struct Change {
    state: ContractState,
    thread: Vec<(TicketAuthor, String)>,
    leaves: TicketStatus,
    terminated_at: Option<Moment>,
}

async fn write(
    app: &App,
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    on_record: Option<contract::Model>,
    change: Change,
    now: Moment,
) -> Result<contract::Model, DbErr> {
    let ticket_id = thread_of(app, tx, partner_id, on_record.as_ref(), &change, now).await?;
    write_in(app, tx, ticket_id, partner_id, on_record, change, now).await
}

async fn write_in(
    app: &App,
    tx: &DatabaseTransaction,
    ticket_id: Uuid,
    partner_id: Uuid,
    on_record: Option<contract::Model>,
    change: Change,
    now: Moment,
) -> Result<contract::Model, DbErr> {
    for (author, text) in &change.thread {
        ticket::say(app, tx, ticket_id, *author, text, now).await?;
    }
    ticket::set_status(tx, ticket_id, change.leaves).await?;
    let row = row_of(partner_id, ticket_id, change);
    let active = row.clone().into_active_model();
    match on_record {
        None => contract::Entity::insert(active).exec_without_returning(tx).await.map(|_| ())?,
        Some(_) => contract::Entity::update(active.reset_all()).exec(tx).await.map(|_| ())?,
    }
    let events = [Event::contract_changed(partner_id), Event::ticket_changed(partner_id, ticket_id)];
    event::record(app, tx, &events, now).await?;
    Ok(row)
}

/// The ticket in which the contract is talked about. One that begins anew, or is offered unasked, has a new one.
async fn thread_of(
    app: &App,
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    on_record: Option<&contract::Model>,
    change: &Change,
    now: Moment,
) -> Result<Uuid, DbErr> {
    let has_ended = |row: &&contract::Model| {
        row.status == ContractStatus::Terminated && change.state.status != ContractStatus::Terminated
    };
    let going_on = on_record.filter(|row| !has_ended(row)).and_then(|row| row.ticket_id);
    if let Some(ticket_id) = going_on {
        return Ok(ticket_id);
    }
    let new = NewTicket { partner_id, kind: TicketKind::Contract, subject: "Contract", about_id: None };
    Ok(ticket::insert(app, tx, &new, now).await?.id)
}

fn audited(on_record: Option<&contract::Model>) -> Json {
    on_record.map_or(Json::Null, |row| {
        json!({
            "status": row.status,
            "offeredVersion": row.offer_version,
            "offeredDigest": row.offer_digest,
            "acceptedVersion": row.accepted_version,
            "acceptedDigest": row.accepted_digest,
        })
    })
}

#[expect(clippy::too_many_arguments, reason = "what a record of the audit log says")]
async fn record(
    app: &App,
    tx: &DatabaseTransaction,
    actor: &Actor,
    action: &'static str,
    reason: Option<&str>,
    before: Json,
    after: &contract::Model,
    at: Moment,
) -> Result<(), DbErr> {
    let subject_id = Some(after.partner_id);
    let entry = AuditEntry { at, actor, action, subject_id, reason, before, after: audited(Some(after)) };
    audit::record(app, tx, &entry).await
}

//! Tickets: a partner's conversations with staff, and the thread of his contract.

use entity::{Moment, TicketAuthor, TicketKind, TicketStatus, ticket};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::{contract, lock};
use crate::app::App;
use crate::db;
use crate::domain::error::Refusal;
use crate::domain::{reason, ticket as rules};

/// What a partner writes to begin a conversation.
#[derive(Clone, Debug)]
pub struct OpenTicket {
    pub kind: TicketKind,
    pub subject: String,
    pub text: String,
    /// One of the partner's own objects.
    pub about_id: Option<Uuid>,
}

/// Opens a ticket with the partner's first message. One about the contract asks for it, where that can be (rule 26).
pub async fn open(app: &App, partner_id: Uuid, asked: &OpenTicket) -> Result<ticket::Model, ServiceError> {
    rules::check_subject(&asked.subject).map_err(Refusal::from)?;
    rules::check_words("text", &asked.text).map_err(Refusal::from)?;
    retrying(async || {
        let tx = app.begin().await?;
        if let Some(id) = asked.about_id
            && !is_own(&tx, partner_id, asked.kind, id).await?
        {
            return Err(Refusal::NotFound { what: "object" }.into());
        }
        // The changes of a partner are numbered under the lock of his row.
        lock::partner(&tx, partner_id).await?;
        let now = app.clock.now();
        let new =
            NewTicket { partner_id, kind: asked.kind, subject: &asked.subject, about_id: asked.about_id };
        let ticket = insert(app, &tx, &new, now).await?;
        say(app, &tx, ticket.id, TicketAuthor::Partner, &asked.text, now).await?;
        if asked.kind == TicketKind::Contract {
            contract::ask_in(app, &tx, partner_id, ticket.id, now).await?;
        }
        event::record(app, &tx, &[Event::ticket_changed(partner_id, ticket.id)], now).await?;
        tx.commit().await?;
        Ok(ticket)
    })
    .await
}

/// A partner writes in one of his own tickets, which is then OPEN.
pub async fn reply(
    app: &App,
    partner_id: Uuid,
    ticket_id: Uuid,
    text: &str,
) -> Result<ticket::Model, ServiceError> {
    rules::check_words("text", text).map_err(Refusal::from)?;
    retrying(async || {
        let tx = app.begin().await?;
        let ticket = lock_ticket(&tx, ticket_id, Some(partner_id)).await?;
        let replied = write_reply(app, &tx, &ticket, TicketAuthor::Partner, text).await?;
        tx.commit().await?;
        Ok(replied)
    })
    .await
}

/// Staff writes in any ticket, which is then ANSWERED.
pub async fn answer(
    app: &App,
    actor: &Actor,
    ticket_id: Uuid,
    text: &str,
) -> Result<ticket::Model, ServiceError> {
    rules::check_words("text", text).map_err(Refusal::from)?;
    retrying(async || {
        let tx = app.begin().await?;
        let ticket = lock_ticket(&tx, ticket_id, None).await?;
        let answered = write_reply(app, &tx, &ticket, TicketAuthor::Staff, text).await?;
        record(app, &tx, actor, "replyToTicket", None, &ticket, &answered).await?;
        tx.commit().await?;
        Ok(answered)
    })
    .await
}

/// Staff closes a ticket, which its thread says; a reason is the last message.
pub async fn close(
    app: &App,
    actor: &Actor,
    ticket_id: Uuid,
    reason: Option<&str>,
) -> Result<ticket::Model, ServiceError> {
    let reason = reason::optional(reason)?;
    retrying(async || {
        let tx = app.begin().await?;
        let ticket = lock_ticket(&tx, ticket_id, None).await?;
        let closed = ticket::Model { status: rules::close(ticket.status)?, ..ticket.clone() };
        let now = app.clock.now();
        say(app, &tx, ticket.id, TicketAuthor::System, "The ticket was closed.", now).await?;
        if let Some(reason) = reason {
            say(app, &tx, ticket.id, TicketAuthor::Staff, reason, now).await?;
        }
        set_status(&tx, closed.id, closed.status).await?;
        let changed = [Event::ticket_changed(closed.partner_id, closed.id)];
        event::record(app, &tx, &changed, app.clock.now()).await?;
        record(app, &tx, actor, "closeTicket", reason, &ticket, &closed).await?;
        tx.commit().await?;
        Ok(closed)
    })
    .await
}

/// One ticket by its id.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<ticket::Model>, DbErr> {
    ticket::Entity::find_by_id(id).one(db).await
}

/// A ticket of this partner, of anybody where none is named, under its partner's lock: against another message and
/// against a change of the contract, which both set its status.
async fn lock_ticket(
    tx: &impl ConnectionTrait,
    id: Uuid,
    of_partner: Option<Uuid>,
) -> Result<ticket::Model, ServiceError> {
    let not_found = Refusal::NotFound { what: "ticket" };
    let unlocked = find(tx, id).await?.filter(|ticket| of_partner.is_none_or(|own| ticket.partner_id == own));
    let Some(unlocked) = unlocked else { return Err(not_found.into()) };
    lock::partner(tx, unlocked.partner_id).await?;
    Ok(find(tx, id).await?.ok_or(not_found)?)
}

async fn write_reply(
    app: &App,
    tx: &impl ConnectionTrait,
    ticket: &ticket::Model,
    author: TicketAuthor,
    text: &str,
) -> Result<ticket::Model, ServiceError> {
    let replied = ticket::Model { status: rules::reply(ticket.status, author)?, ..ticket.clone() };
    let now = app.clock.now();
    say(app, tx, ticket.id, author, text, now).await?;
    set_status(tx, replied.id, replied.status).await?;
    event::record(app, tx, &[Event::ticket_changed(ticket.partner_id, ticket.id)], now).await?;
    Ok(replied)
}

async fn record(
    app: &App,
    tx: &impl ConnectionTrait,
    actor: &Actor,
    action: &'static str,
    reason: Option<&str>,
    before: &ticket::Model,
    after: &ticket::Model,
) -> Result<(), DbErr> {
    let entry = AuditEntry {
        at: app.clock.now(),
        actor,
        action,
        subject_id: Some(after.id),
        reason,
        before: json!({ "status": before.status }),
        after: json!({ "status": after.status }),
    };
    audit::record(app, tx, &entry).await
}

/// A ticket about to be opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewTicket<'a> {
    pub partner_id: Uuid,
    pub kind: TicketKind,
    pub subject: &'a str,
    pub about_id: Option<Uuid>,
}

/// Makes the row of a ticket, OPEN and without a message.
pub(super) async fn insert(
    app: &App,
    tx: &impl ConnectionTrait,
    new: &NewTicket<'_>,
    now: Moment,
) -> Result<ticket::Model, DbErr> {
    let ticket = ticket::Model {
        id: app.clock.new_id(),
        partner_id: new.partner_id,
        kind: new.kind,
        subject: new.subject.to_owned(),
        status: TicketStatus::Open,
        about_id: new.about_id,
        opened_at: now,
    };
    ticket::Entity::insert(ticket.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(ticket)
}

/// Adds a message to a thread, whatever the ticket's status.
pub(super) async fn say(
    app: &App,
    tx: &impl ConnectionTrait,
    ticket_id: Uuid,
    author: TicketAuthor,
    text: &str,
    now: Moment,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO ticket_message (id, ticket_id, author, text, at) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![
        app.clock.new_id().into(),
        ticket_id.into(),
        <&str>::from(author).into(),
        text.into(),
        now.0.into(),
    ];
    db::execute(tx, sql, values).await.map(|_| ())
}

/// Sets whose turn it is.
pub(super) async fn set_status(
    tx: &impl ConnectionTrait,
    ticket_id: Uuid,
    status: TicketStatus,
) -> Result<(), DbErr> {
    let sql = "UPDATE ticket SET status = $1 WHERE id = $2";
    db::execute(tx, sql, vec![<&str>::from(status).into(), ticket_id.into()]).await.map(|_| ())
}

/// Whether an object belongs to a partner, and a ticket of this kind can be about it: a dispute is over money that was
/// earned or paid. Ids are unique over all tables.
async fn is_own(
    tx: &impl ConnectionTrait,
    partner_id: Uuid,
    kind: TicketKind,
    id: Uuid,
) -> Result<bool, DbErr> {
    let tables: &[&str] = match kind {
        TicketKind::Dispute => &["line", "statement", "withdrawal"],
        TicketKind::Question | TicketKind::Contract => {
            &["line", "statement", "withdrawal", "referral", "link", "service_transfer", "ledger_transfer"]
        }
    };
    let of_table = |table: &&str| format!("SELECT 1 FROM {table} WHERE id = $1 AND partner_id = $2");
    let sql = tables.iter().map(of_table).collect::<Vec<_>>().join(" UNION ALL ");
    Ok(db::query_one(tx, sql, vec![id.into(), partner_id.into()]).await?.is_some())
}

//! Tickets: opened, replied to, closed.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::ticket;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::{Tag, decode};
use super::request::app;
use super::ticket::{Ticket, TicketKind};
use crate::domain::caller::StaffScope;
use crate::services::error::ServiceError;
use crate::services::ticket::{self as service, OpenTicket};

#[derive(Debug, Default)]
pub struct TicketMutation;

#[Object]
impl TicketMutation {
    /// Begins a conversation with staff.
    async fn open_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is about.")] input: OpenTicketInput,
    ) -> Result<TicketPayload> {
        let partner = authority::partner(context).await?;
        TicketPayload::of(service::open(app(context)?, partner.id, &input.read()).await)
    }

    /// A partner on his own tickets; staff on any, which are then ANSWERED.
    async fn reply_to_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which ticket, and what to say.")] input: ReplyToTicketInput,
    ) -> Result<TicketPayload> {
        let (id, text) = (id_of(&input.id), &input.text);
        if authority::known(context)?.is_staff() {
            let actor = authority::actor(context, StaffScope::Support)?;
            return TicketPayload::of(service::answer(app(context)?, &actor, id, text).await);
        }
        let partner = authority::partner(context).await?;
        TicketPayload::of(service::reply(app(context)?, partner.id, id, text).await)
    }

    /// Staff: closes a ticket.
    async fn close_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which ticket.")] input: CloseTicketInput,
    ) -> Result<TicketPayload> {
        let actor = authority::actor(context, StaffScope::Support)?;
        let (id, reason) = (id_of(&input.id), input.reason.as_deref());
        TicketPayload::of(service::close(app(context)?, &actor, id, reason).await)
    }
}

/// What names no ticket is the id of none.
fn id_of(id: &ID) -> uuid::Uuid {
    Tag::Ticket.uuid(id).unwrap_or_default()
}

/// A ticket to be opened.
#[derive(Clone, Debug, InputObject)]
pub struct OpenTicketInput {
    /// What it is for.
    pub kind: TicketKind,
    /// Its subject line, of at most 200 characters.
    pub subject: String,
    /// The first message, of at most 10,000 characters.
    pub text: String,
    /// An object of the partner's own that it is about.
    pub about_id: Option<ID>,
}

impl OpenTicketInput {
    fn read(self) -> OpenTicket {
        OpenTicket {
            kind: self.kind.into(),
            subject: self.subject,
            text: self.text,
            // What was never given out is the id of nothing.
            about_id: self.about_id.map(|id| decode(&id).map(|(_, uuid)| uuid).unwrap_or_default()),
        }
    }
}

/// A message to be added.
#[derive(Clone, Debug, InputObject)]
pub struct ReplyToTicketInput {
    /// The ticket.
    pub id: ID,
    /// The message, of at most 10,000 characters.
    pub text: String,
}

/// A ticket to be closed.
#[derive(Clone, Debug, InputObject)]
pub struct CloseTicketInput {
    /// The ticket.
    pub id: ID,
    /// The last message.
    pub reason: Option<String>,
}

/// The ticket, or why nothing was done.
#[derive(SimpleObject)]
pub struct TicketPayload {
    /// The ticket as it is now.
    pub ticket: Option<Ticket>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl TicketPayload {
    fn of(answer: Result<ticket::Model, ServiceError>) -> Result<TicketPayload> {
        let (ticket, user_errors) = outcome(answer, &["input"])?;
        Ok(TicketPayload { ticket: ticket.map(Ticket), user_errors })
    }
}

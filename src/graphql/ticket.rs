//! Tickets as the interface shows them.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::{ticket, ticket_message};

use super::authority;
use super::connection::{Connection, page_request};
use super::error::Result;
use super::id::Tag;
use super::node::{self, Node};
use super::referred_client::read_id;
use super::request::loaders;
use super::scalar::DateTime;
use crate::services::listing::{self, TicketFilter as Filter};
use crate::services::paging::{List, PageRequest};

pub struct Ticket(pub ticket::Model);

/// A conversation between a partner and staff.
#[Object]
impl Ticket {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Ticket.id(self.0.id)
    }

    /// What it is for.
    async fn kind(&self) -> TicketKind {
        self.0.kind.into()
    }

    /// Its subject line.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Whose turn it is.
    async fn status(&self) -> TicketStatus {
        self.0.status.into()
    }

    /// When it was opened.
    async fn opened_at(&self) -> DateTime {
        DateTime(self.0.opened_at)
    }

    /// The partner's object that it is about.
    async fn about(&self, context: &Context<'_>) -> Option<Result<Node>> {
        let about_id = self.0.about_id?;
        node::of_partner(context, self.0.partner_id, about_id).await.transpose()
    }

    /// What was written, oldest first.
    async fn messages(&self, context: &Context<'_>) -> Result<Vec<TicketMessage>> {
        let messages = loaders(context)?.messages.get(self.0.id).await?;
        Ok(messages.unwrap_or_default().into_iter().map(TicketMessage::from).collect())
    }
}

/// One message of a ticket.
#[derive(Clone, Debug, SimpleObject)]
pub struct TicketMessage {
    /// Who wrote it.
    pub author: TicketAuthor,
    /// What was written.
    pub text: String,
    /// When.
    pub at: DateTime,
}

impl From<ticket_message::Model> for TicketMessage {
    fn from(message: ticket_message::Model) -> TicketMessage {
        TicketMessage { author: message.author.into(), text: message.text, at: DateTime(message.at) }
    }
}

/// A page of tickets, newest first.
pub async fn tickets(context: &Context<'_>, list: List, request: PageRequest) -> Result<Connection<Ticket>> {
    Connection::load(context, list, request, Ticket).await
}

#[derive(Debug, Default)]
pub struct TicketQuery;

#[Object]
impl TicketQuery {
    /// Staff: the tickets of all partners, newest first.
    async fn tickets(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Those alone for which this holds.")] filter: Option<TicketFilter>,
    ) -> Result<Connection<Ticket>> {
        authority::staff(context)?;
        let request = page_request(first, after, last, before)?;
        match filter.unwrap_or_default().read() {
            Some(filter) => tickets(context, listing::tickets(&filter), request).await,
            None => Ok(Connection::empty()),
        }
    }
}

/// Which tickets are listed: those for which all that is given holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct TicketFilter {
    /// In this status.
    pub status: Option<TicketStatus>,
    /// Of this kind.
    pub kind: Option<TicketKind>,
    /// Of this partner.
    pub partner_id: Option<ID>,
}

impl TicketFilter {
    /// None where an id names nothing that could be found.
    fn read(self) -> Option<Filter> {
        Some(Filter {
            status: self.status.map(entity::TicketStatus::from),
            kind: self.kind.map(entity::TicketKind::from),
            partner_id: read_id(Tag::Partner, self.partner_id.as_ref())?,
        })
    }
}

/// What a ticket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::TicketKind")]
pub enum TicketKind {
    /// The partner asks for the contract.
    Contract,
    /// The partner does not agree with what was recorded or decided.
    Dispute,
    /// Anything else.
    Question,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::TicketStatus")]
pub enum TicketStatus {
    /// Staff has to answer.
    Open,
    /// Staff has answered.
    Answered,
    /// It is done.
    Closed,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::TicketAuthor")]
pub enum TicketAuthor {
    /// The partner.
    Partner,
    /// Somebody of the provider's staff.
    Staff,
    /// The service itself.
    System,
}

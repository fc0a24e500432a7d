//! The audit log as staff reads it.

use async_graphql::{Context, ID, InputObject, Object};
use entity::audit_record;

use super::authority;
use super::connection::{Connection, page_request};
use super::error::Result;
use super::id::{Tag, decode};
use super::node::{self, Node};
use super::scalar::DateTime;
use crate::services::audit_log::{self as service, AuditFilter as Filter};

pub struct AuditRecord(pub audit_record::Model);

/// One change by staff or from the command line, never changed itself.
#[Object]
impl AuditRecord {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::AuditRecord.id(self.0.id)
    }

    /// When it was made.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Who made it: the subject of the token, or the user of the command line.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// In what capacity: STAFF, SERVICE or CLI.
    async fn role(&self) -> &str {
        &self.0.role
    }

    /// What was done, as the interface calls the mutation: approveWithdrawal.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// What was changed; null where it is no object of its own.
    async fn subject(&self, context: &Context<'_>) -> Option<Result<Node>> {
        node::by_uuid(context, self.0.subject_id?).await.transpose()
    }

    /// Why.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// What was changed as it was before: JSON, without personal data. Null where there was nothing.
    async fn before(&self) -> Option<&str> {
        self.0.before.as_deref()
    }

    /// The same as it was after.
    async fn after(&self) -> Option<&str> {
        self.0.after.as_deref()
    }

    /// The address that the request came from, or the host of the command.
    async fn origin(&self) -> Option<&str> {
        self.0.origin.as_deref()
    }

    /// The id of the request behind it, as the log names it.
    async fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }
}

/// Which records are listed: those for which all that is given holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AuditFilter {
    /// A mutation, by its name here.
    pub action: Option<String>,
    /// The subject of a token, or a user of the command line.
    pub actor: Option<String>,
    /// What was changed.
    pub subject_id: Option<ID>,
    /// Made then or later.
    pub from: Option<DateTime>,
    /// Made before then.
    pub before: Option<DateTime>,
}

impl AuditFilter {
    /// None where the id names nothing that could be found.
    fn read(self) -> Option<Filter> {
        let subject_id = match &self.subject_id {
            None => None,
            Some(id) => Some(decode(id)?.1),
        };
        Some(Filter {
            action: self.action,
            actor: self.actor,
            subject_id,
            from: self.from.map(|at| at.0),
            before: self.before.map(|at| at.0),
        })
    }
}

#[derive(Debug, Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Staff: every change by staff or from the command line, newest first.
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Those alone for which this holds.")] filter: Option<AuditFilter>,
    ) -> Result<Connection<AuditRecord>> {
        authority::staff(context)?;
        let request = page_request(first, after, last, before)?;
        let Some(filter) = filter.unwrap_or_default().read() else { return Ok(Connection::empty()) };
        let list = service::records(filter);
        Connection::load(context, list, request, AuditRecord).await
    }
}

//! The audit log: every change by staff or from the command line, with the state before and after.
//!
//! It holds internal ids and no personal value: no account id of a partner or client, no destination, no message.

use entity::Moment;
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::app::App;
use crate::db::{Column, Rows};

/// Who does something that is put on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The subject of the token, or the user of the command line; never an account id.
    pub subject: String,
    pub role: ActorRole,
    /// Of the request behind it, if there is one.
    pub request_id: Option<String>,
    /// The address that the request came from, or the host of the command.
    pub origin: Option<String>,
}

/// In what capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorRole {
    Staff,
    Service,
    Cli,
}

impl ActorRole {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            ActorRole::Staff => "STAFF",
            ActorRole::Service => "SERVICE",
            ActorRole::Cli => "CLI",
        }
    }
}

/// One change to be put on record.
#[derive(Clone, Debug)]
pub struct AuditEntry<'a> {
    pub at: Moment,
    pub actor: &'a Actor,
    /// The mutation, as the interface calls it: `approveWithdrawal`.
    pub action: &'static str,
    pub subject_id: Option<Uuid>,
    pub reason: Option<&'a str>,
    /// Null where there was nothing before.
    pub before: Json,
    pub after: Json,
}

/// Puts a change on record, in the transaction that makes it.
pub async fn record(app: &App, tx: &impl ConnectionTrait, entry: &AuditEntry<'_>) -> Result<(), DbErr> {
    record_all(app, tx, std::slice::from_ref(entry)).await
}

/// Puts on record what a command did that has transactions of its own.
pub async fn record_alone(app: &App, entry: &AuditEntry<'_>) -> Result<(), DbErr> {
    let tx = app.begin().await?;
    record(app, &tx, entry).await?;
    tx.commit().await
}

/// Puts many on record.
pub async fn record_all(
    app: &App,
    tx: &impl ConnectionTrait,
    entries: &[AuditEntry<'_>],
) -> Result<(), DbErr> {
    let mut rows = Rows::new(COLUMNS);
    for entry in entries {
        let text = |state: &Json| (!state.is_null()).then(|| state.to_string());
        rows.push([
            app.clock.new_id().into(),
            entry.at.0.into(),
            entry.actor.subject.as_str().into(),
            entry.actor.role.as_str().into(),
            entry.action.into(),
            entry.subject_id.into(),
            entry.reason.into(),
            text(&entry.before).into(),
            text(&entry.after).into(),
            entry.actor.request_id.as_deref().into(),
            entry.actor.origin.as_deref().into(),
        ]);
    }
    rows.execute(tx, INSERT, vec![]).await.map(|_| ())
}

const COLUMNS: &[(&str, Column)] = &[
    ("id", Column::Uuid),
    ("at", Column::BigInt),
    ("actor", Column::Text),
    ("role", Column::Text),
    ("action", Column::Text),
    ("subject_id", Column::UuidOrNull),
    ("reason", Column::TextOrNull),
    ("before", Column::TextOrNull),
    ("after", Column::TextOrNull),
    ("request_id", Column::TextOrNull),
    ("origin", Column::TextOrNull),
];

const INSERT: &str = "WITH {rows} INSERT INTO audit_record (id, at, actor, role, action, subject_id, reason, before, \
    after, request_id, origin) SELECT id, at, actor, role, action, subject_id, reason, before, after, request_id, \
    origin FROM v";

//! Addresses of a partner's exports as the interface shows them.

use async_graphql::{Context, Enum};
use uuid::Uuid;

use super::error::Result;
use super::request::app;
use super::scalar::Date;
use crate::services::export::{Book, signed_address};

/// A history that can be had as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ExportKind {
    /// The commission history, by when it occurred.
    Commissions,
    /// Statements, by the first day of their period.
    Statements,
    /// Every movement of money, by its time.
    Ledger,
}

/// The address of a file, good for five minutes without a token.
pub fn export_url(
    context: &Context<'_>,
    partner_id: Uuid,
    kind: ExportKind,
    from: Option<Date>,
    until: Option<Date>,
) -> Result<String> {
    let book = match kind {
        ExportKind::Commissions => Book::Commissions,
        ExportKind::Statements => Book::Statements,
        ExportKind::Ledger => Book::Ledger,
    };
    Ok(signed_address(app(context)?, partner_id, book, from.map(|date| date.0), until.map(|date| date.0)))
}

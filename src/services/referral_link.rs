//! Referral links as the redirect sees them.

use uuid::Uuid;

use super::error::ServiceError;
use crate::app::App;
use crate::db;
use crate::domain::link::code_key;

/// Where a link leads, and whether a visit over it can count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    pub link_id: Uuid,
    /// As stored; the redirect checks it again.
    pub target: String,
    /// Of the partner: his links lead on, but count for nobody (rule 27).
    pub is_suspended: bool,
}

/// The link of a code that is not archived.
pub async fn find_for_redirect(app: &App, code: &str) -> Result<Option<LinkTarget>, ServiceError> {
    let sql = "SELECT l.id, l.target, p.status FROM link l JOIN partner p ON p.id = l.partner_id \
               WHERE l.code_key = $1 AND l.archived_at IS NULL";
    let row = db::query_one(app.db.reader(), sql, vec![code_key(code).into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let status: String = row.try_get("", "status")?;
    let is_suspended = status != entity::PartnerStatus::Active.as_str();
    Ok(Some(LinkTarget { link_id: row.try_get("", "id")?, target: row.try_get("", "target")?, is_suspended }))
}

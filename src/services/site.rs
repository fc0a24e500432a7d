//! The sites that partners declare (abuse rules).

use entity::site;
use sea_orm::{EntityTrait, FromQueryResult};
use uuid::Uuid;

use super::error::{ServiceError, retrying};
use super::lock;
use super::paging::List;
use crate::app::App;
use crate::db;
use crate::domain::error::Refusal;
use crate::domain::site::{MAX_SITES, check_site};

/// Puts a site on a partner's list; declared again it is the same one.
pub async fn declare(app: &App, partner_id: Uuid, url: &str) -> Result<site::Model, ServiceError> {
    let host = check_site(&app.terms.site, url).map_err(Refusal::from)?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against other sites of his, declared in the same moment: they count to one limit.
        let locked = lock::partner(&tx, partner_id).await?;
        locked.ok_or(Refusal::NotFound { what: "partner" })?;
        let sql = "SELECT * FROM site WHERE partner_id = $1 AND host = $2";
        let known = db::query_one(&tx, sql, vec![partner_id.into(), host.as_str().into()]).await?;
        if let Some(row) = known {
            return Ok(site::Model::from_query_result(&row, "")?);
        }
        let sql = "SELECT COUNT(*) FROM site WHERE partner_id = $1";
        let row = db::query_one(&tx, sql, vec![partner_id.into()]).await?;
        let declared: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        if declared >= i64::from(MAX_SITES) {
            return Err(Refusal::LimitReached { limit: MAX_SITES }.into());
        }
        let site = site::Model {
            id: app.clock.new_id(),
            partner_id,
            host: host.clone(),
            declared_at: app.clock.now(),
        };
        site::Entity::insert(site::ActiveModel::from(site.clone())).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(site)
    })
    .await
}

/// The sites of a partner, oldest first.
pub fn of_partner(partner_id: Uuid) -> List {
    List {
        columns: "s.*",
        from: "site s".to_owned(),
        condition: "s.partner_id = $1".to_owned(),
        values: vec![partner_id.into()],
        key: "s.declared_at",
        id: "s.id",
        is_descending: false,
    }
}

//! Referral links: made by a partner, read by him, and followed by visitors (rule 1).

use std::collections::HashMap;

use entity::link;
use qrcode::QrCode;
use qrcode::render::svg;
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, QueryResult, Value};
use uuid::Uuid;

use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::link_cache;
use super::listing::rows_by_id;
use super::lock;
use super::owner::Owner;
use super::paging::{AskedPage, List, Page, PageRequest};
use crate::app::App;
use crate::db::{self, Answer, Column, Columns, Rows, Selected, Together};
use crate::domain::error::Refusal;
use crate::domain::link::{MAX_LINKS, check_code, check_target, code_key, draw_code};
use crate::domain::text::check_text;

/// The longest label or campaign, in characters.
const MAX_LABEL: usize = 100;

/// A link to be made.
#[derive(Clone, Debug, Default)]
pub struct NewLink {
    /// The front page if left out.
    pub target: Option<String>,
    pub label: Option<String>,
    pub campaign: Option<String>,
    /// Drawn if left out.
    pub code: Option<String>,
}

/// Makes a link of a partner.
pub async fn create(app: &App, partner_id: Uuid, new: &NewLink) -> Result<link::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        // Against other links of his, made in the same moment: they count to one limit.
        let locked = lock::partner(&tx, partner_id).await?;
        locked.ok_or(Refusal::NotFound { what: "partner" })?;
        let link = check(app, &tx, partner_id, new).await?;
        link::Entity::insert(link::ActiveModel::from(link.clone())).exec_without_returning(&tx).await?;
        event::record(app, &tx, &[Event::link_changed(partner_id, link.id)], link.created_at).await?;
        tx.commit().await?;
        Ok(link)
    })
    .await
}

async fn check(
    app: &App,
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    new: &NewLink,
) -> Result<link::Model, ServiceError> {
    let target = check_target(&app.terms.site, new.target.as_deref()).map_err(Refusal::from)?;
    check_label("label", new.label.as_deref())?;
    check_label("campaign", new.campaign.as_deref())?;
    if let Some(code) = &new.code {
        check_code("code", code).map_err(Refusal::from)?;
    }
    let code = new.code.clone().unwrap_or_else(|| draw_code(&mut rand::random::<u32>));
    let sql = "SELECT (SELECT COUNT(*) FROM link WHERE partner_id = $1), \
               (SELECT COUNT(*) FROM link WHERE code_key = $2)";
    let row = db::query_one(tx, sql, vec![partner_id.into(), code_key(&code).into()]).await?;
    let (links, taken): (i64, i64) = match row {
        Some(row) => (row.try_get_by_index(0)?, row.try_get_by_index(1)?),
        None => (0, 0),
    };
    if links >= i64::from(MAX_LINKS) {
        return Err(Refusal::LimitReached { limit: MAX_LINKS }.into());
    }
    if taken > 0 {
        return Err(Refusal::CodeTaken.into());
    }
    Ok(link::Model {
        id: app.clock.new_id(),
        partner_id,
        code_key: code_key(&code),
        code,
        target: target.into(),
        label: new.label.clone(),
        campaign: new.campaign.clone(),
        is_own: false,
        created_at: app.clock.now(),
        archived_at: None,
    })
}

/// What of a link is to be changed: what is none stays, and `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct LinkChange {
    pub target: Option<Option<String>>,
    pub label: Option<Option<String>>,
    pub campaign: Option<Option<String>>,
}

/// Changes where a partner's link leads or what he calls it.
pub async fn update(
    app: &App,
    partner_id: Uuid,
    id: Uuid,
    change: &LinkChange,
) -> Result<link::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let mut link = lock_link(&tx, partner_id, id).await?;
        if let Some(target) = &change.target {
            link.target = check_target(&app.terms.site, target.as_deref()).map_err(Refusal::from)?.into();
        }
        for (field, new, kept) in
            [("label", &change.label, &mut link.label), ("campaign", &change.campaign, &mut link.campaign)]
        {
            if let Some(new) = new {
                check_label(field, new.as_deref())?;
                kept.clone_from(new);
            }
        }
        let sql = "UPDATE link SET target = $1, label = $2, campaign = $3 WHERE id = $4";
        let (label, campaign) = (link.label.as_deref(), link.campaign.as_deref());
        db::execute(&tx, sql, vec![link.target.as_str().into(), label.into(), campaign.into(), id.into()])
            .await?;
        event::record(app, &tx, &[Event::link_changed(partner_id, id)], app.clock.now()).await?;
        tx.commit().await?;
        // Whoever follows it to this instance is led by the change at once, to others within five seconds.
        link_cache::of(app).forget(&link.code);
        Ok(link)
    })
    .await
}

/// Takes a partner's link out of use for good. His own code is never taken from him (rule 1).
pub async fn archive(app: &App, partner_id: Uuid, id: Uuid) -> Result<link::Model, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let mut link = lock_link(&tx, partner_id, id).await?;
        if link.is_own {
            return Err(Refusal::IllegalTransition { from: "OWN", to: "ARCHIVED" }.into());
        }
        if link.archived_at.is_some() {
            return Err(Refusal::AlreadyDone.into());
        }
        let now = app.clock.now();
        link.archived_at = Some(now);
        db::execute(&tx, "UPDATE link SET archived_at = $1 WHERE id = $2", vec![now.0.into(), id.into()])
            .await?;
        event::record(app, &tx, &[Event::link_changed(partner_id, id)], now).await?;
        tx.commit().await?;
        link_cache::of(app).forget(&link.code);
        Ok(link)
    })
    .await
}

/// A link of this partner's, locked with him against other changes of it.
async fn lock_link(
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    id: Uuid,
) -> Result<link::Model, ServiceError> {
    lock::partner(tx, partner_id).await?;
    let link = link::Entity::find_by_id(id).one(tx).await?;
    let own = link.filter(|link| link.partner_id == partner_id);
    Ok(own.ok_or(Refusal::NotFound { what: "link" })?)
}

fn check_label(field: &'static str, text: Option<&str>) -> Result<(), Refusal> {
    Ok(text.map_or(Ok(()), |text| check_text(field, text, MAX_LABEL))?)
}

/// Which of a partner's links are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinksAsked {
    pub request: PageRequest,
    pub include_archived: bool,
}

impl LinksAsked {
    /// Oldest first: his own comes before all others.
    pub fn list(&self, owner: Owner) -> List {
        let open = if self.include_archived { "" } else { " AND l.archived_at IS NULL" };
        List {
            columns: "l.*",
            from: "link l".to_owned(),
            condition: format!("l.partner_id = {}{open}", owner.sql()),
            values: owner.values(),
            key: "l.created_at",
            id: "l.id",
            is_descending: false,
        }
    }

    /// Asks for the page together with other queries.
    pub fn ask(&self, together: &mut Together, owner: Owner) -> AskedPage {
        self.list(owner).ask(together, self.request, SELECTED)
    }

    /// Reads what was asked for.
    pub fn read(asked: &AskedPage, found: &[Vec<Answer>]) -> Result<Page<link::Model>, DbErr> {
        asked.read(found, |row, first| {
            Ok(link::Model {
                id: row.column(first)?,
                partner_id: row.column(first + 1)?,
                code: row.column(first + 2)?,
                code_key: row.column(first + 3)?,
                target: row.column(first + 4)?,
                label: row.column(first + 5)?,
                campaign: row.column(first + 6)?,
                is_own: row.column(first + 7)?,
                created_at: row.column(first + 8)?,
                archived_at: row.column(first + 9)?,
            })
        })
    }
}

const SELECTED: &Selected = &[
    ("l.id", Column::Uuid),
    ("l.partner_id", Column::Uuid),
    ("l.code", Column::Text),
    ("l.code_key", Column::Text),
    ("l.target", Column::Text),
    ("l.label", Column::Text),
    ("l.campaign", Column::Text),
    ("l.is_own", Column::Bool),
    ("l.created_at", Column::BigInt),
    ("l.archived_at", Column::BigInt),
];

pub async fn by_id(app: App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, link::Model>, ServiceError> {
    let found: Vec<link::Model> = rows_by_id(app.db.reader(), "link", ids).await?;
    Ok(found.into_iter().map(|link| (link.id, link)).collect())
}

/// The own codes of partners: those of their first links.
pub async fn own_codes(app: App, partner_ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, ServiceError> {
    let sql =
        "WITH {rows} SELECT l.partner_id, l.code FROM v JOIN link l ON l.partner_id = v.id AND l.is_own";
    let rows = Rows::of(&[("id", Column::Uuid)], partner_ids.into_iter().map(Value::from));
    let found = rows.query(app.db.reader(), sql, vec![]).await?;
    let codes = found.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    codes.collect::<Result<_, DbErr>>().map_err(ServiceError::from)
}

/// The address to publish.
pub fn url_of(app: &App, link: &link::Model) -> String {
    format!("{}/r/{}", app.config.public_url.as_str().trim_end_matches('/'), link.code)
}

/// The QR code of a link's address as an SVG document, with the quiet zone that readers need.
pub fn qr_code_svg(app: &App, link: &link::Model) -> Result<String, ServiceError> {
    let code = QrCode::new(url_of(app, link)).map_err(|error| {
        ServiceError::Broken(format!("the address of link {} is too long: {error}", link.id))
    })?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(256, 256).build())
}

/// Where a link leads, and whether a visit over it can count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    pub link_id: Uuid,
    pub partner_id: Uuid,
    /// As stored; the redirect checks it again.
    pub target: String,
    /// Of the partner: his links lead on, but count for nobody (rule 27).
    pub is_suspended: bool,
}

impl LinkTarget {
    fn read(row: &QueryResult) -> Result<LinkTarget, DbErr> {
        let status: String = row.try_get("", "status")?;
        Ok(LinkTarget {
            link_id: row.try_get("", "id")?,
            partner_id: row.try_get("", "partner_id")?,
            target: row.try_get("", "target")?,
            is_suspended: status != entity::PartnerStatus::Active.as_str(),
        })
    }
}

/// What a redirect asks of the links that are not archived.
const FOR_REDIRECT: &str = "SELECT l.id, l.partner_id, l.target, l.code_key, p.status FROM link l \
    JOIN partner p ON p.id = l.partner_id WHERE l.archived_at IS NULL";

/// The link of a code that is not archived.
pub async fn find_for_redirect(app: &App, code: &str) -> Result<Option<LinkTarget>, ServiceError> {
    let sql = format!("{FOR_REDIRECT} AND l.code_key = $1");
    let row = db::query_one(app.db.reader(), sql, vec![code_key(code).into()]).await?;
    Ok(row.map(|row| LinkTarget::read(&row)).transpose()?)
}

/// So many of the links that are not archived, the newest first and older than `before`, by the code in lower case.
pub async fn next_for_redirect(
    app: &App,
    before: Uuid,
    at_most: i64,
) -> Result<Vec<(String, LinkTarget)>, ServiceError> {
    let sql = format!("{FOR_REDIRECT} AND l.id < $1 ORDER BY l.id DESC LIMIT $2");
    let rows = db::query(app.db.reader(), sql, vec![before.into(), at_most.into()]).await?;
    let links = rows.iter().map(|row| Ok((row.try_get("", "code_key")?, LinkTarget::read(row)?)));
    Ok(links.collect::<Result<_, DbErr>>()?)
}

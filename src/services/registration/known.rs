//! What is known when accounts are judged, read under the locks.

use std::collections::{BTreeSet, HashMap};

use entity::{Moment, PartnerStatus};
use sea_orm::{DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

use super::{CodePolicy, Registration};
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::attribution::{Candidate, CodeLookup, RegistrationFacts, TokenFacts};
use crate::domain::link::{check_code, code_key};
use crate::domain::visitor_token::{self, VisitorToken};
use crate::services::client::{self, Client};
use crate::services::error::ServiceError;
use crate::services::lock::{self, LockedPartner};

/// The accounts, what their tokens and codes name, and the partners behind them.
pub(super) struct Known {
    pub clients: HashMap<String, Client>,
    pub tokens: HashMap<String, VisitorToken>,
    links: Links,
    pub partners: HashMap<Uuid, LockedPartner>,
    pub bound_before: HashMap<Uuid, u32>,
}

pub(super) async fn load(
    app: &App,
    tx: &DatabaseTransaction,
    registrations: &[&Registration],
) -> Result<Known, ServiceError> {
    let account_ids: BTreeSet<&str> = registrations.iter().map(|sent| sent.client_id.as_str()).collect();
    let clients = client::lock_unreported(app, tx, &account_ids).await?;
    let tokens: HashMap<String, VisitorToken> = registrations
        .iter()
        .filter_map(|sent| sent.visitor_token.as_deref())
        .filter_map(|text| Some((text.to_owned(), visitor_token::verify(&app.keys.visitor, text)?)))
        .collect();
    let codes = registrations
        .iter()
        .filter_map(|sent| sent.code.as_deref())
        .filter(|code| check_code("code", code).is_ok())
        .map(code_key)
        .collect();
    let links = Links::load(tx, &tokens, &codes).await?;
    let partner_ids = links.by_id.values().map(|link| link.partner_id).collect();
    let partners = lock::partners(tx, &partner_ids).await?;
    let bound_before = bound_before(tx, &tokens).await?;
    Ok(Known { clients, tokens, links, partners, bound_before })
}

/// A link as far as attribution asks.
#[derive(Clone, Copy, Debug)]
struct Link {
    id: Uuid,
    partner_id: Uuid,
    is_archived: bool,
}

#[derive(Debug)]
struct Links {
    by_id: HashMap<Uuid, Link>,
    by_code: HashMap<String, Link>,
}

impl Links {
    async fn load(
        tx: &DatabaseTransaction,
        tokens: &HashMap<String, VisitorToken>,
        codes: &BTreeSet<String>,
    ) -> Result<Links, DbErr> {
        let (mut by_id, mut by_code) = (HashMap::new(), HashMap::new());
        let ids: BTreeSet<Uuid> = tokens.values().map(|token| token.link_id).collect();
        let select = "SELECT l.id, l.code_key, l.partner_id, l.archived_at FROM v JOIN link l";
        let by_ids = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
        let by_codes =
            Rows::of(&[("code_key", Column::Text)], codes.iter().map(|code| Value::from(code.as_str())));
        let mut rows = by_ids.query(tx, &format!("WITH {{rows}} {select} ON l.id = v.id"), vec![]).await?;
        let on_code = format!("WITH {{rows}} {select} ON l.code_key = v.code_key");
        rows.extend(by_codes.query(tx, &on_code, vec![]).await?);
        for row in rows {
            let archived_at: Option<Moment> = row.try_get_by_index(3)?;
            let link = Link {
                id: row.try_get_by_index(0)?,
                partner_id: row.try_get_by_index(2)?,
                is_archived: archived_at.is_some(),
            };
            by_id.insert(link.id, link);
            by_code.insert(row.try_get_by_index(1)?, link);
        }
        Ok(Links { by_id, by_code })
    }
}

/// How many accounts each visitor id has bound.
async fn bound_before(
    tx: &DatabaseTransaction,
    tokens: &HashMap<String, VisitorToken>,
) -> Result<HashMap<Uuid, u32>, DbErr> {
    let ids: BTreeSet<Uuid> = tokens.values().map(visitor_id).collect();
    let sql = "WITH {rows} SELECT r.visitor_id, COUNT(*) FROM v JOIN referral r ON r.visitor_id = v.id \
               GROUP BY r.visitor_id";
    let rows =
        Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from)).query(tx, sql, vec![]).await?;
    rows.iter()
        .map(|row| {
            let bound: i64 = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, u32::try_from(bound).unwrap_or(u32::MAX)))
        })
        .collect()
}

pub(super) fn visitor_id(token: &VisitorToken) -> Uuid {
    Uuid::from_bytes(token.visitor_id)
}

pub(super) fn facts_of(
    known: &Known,
    client: &Client,
    registration: &Registration,
    policy: CodePolicy,
) -> RegistrationFacts {
    let candidate = |link: &Link| Candidate {
        partner_id: link.partner_id,
        link_id: link.id,
        is_the_client: known
            .partners
            .get(&link.partner_id)
            .is_some_and(|partner| partner.account_id == client.id),
    };
    let token = registration.visitor_token.as_deref().and_then(|text| {
        let token = known.tokens.get(text)?;
        let link = known.links.by_id.get(&token.link_id)?;
        Some(TokenFacts { candidate: candidate(link), visited_at: token.visited_at })
    });
    let code = match registration.code.as_deref().filter(|code| !code.is_empty()) {
        None => CodeLookup::NotGiven,
        Some(code) => match known.links.by_code.get(&code_key(code)) {
            None => CodeLookup::Unknown,
            Some(link) if link.is_archived => CodeLookup::Archived,
            Some(link) => {
                let status = known.partners.get(&link.partner_id).map(|partner| partner.status);
                match (status, policy) {
                    (Some(PartnerStatus::Suspended), CodePolicy::Typed) => CodeLookup::OfSuspended,
                    _ => CodeLookup::Partner(candidate(link)),
                }
            }
        },
    };
    RegistrationFacts { registered_at: registration.registered_at, token, code }
}

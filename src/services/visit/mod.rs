//! Visits over links: judged by the domain, written by group commit, listed for the partner (rules 3 to 5).

mod arrival;
mod clean_up;
mod quality;
mod salt;
mod write;

use std::net::IpAddr;
use std::sync::Arc;

use entity::{Moment, VisitVerdict};
use uuid::Uuid;

use super::error::ServiceError;
use super::group_commit::GroupCommit;
use super::link_cache;
use super::paging::List;
use super::referral_link::LinkTarget;
use crate::app::App;
use crate::config::Attribution;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::link::check_code;
use crate::domain::top_up::FactLimits;
use crate::domain::visit::{VisitFacts, host_of, leaves_attribution, screen, visitor_without_token};
use crate::domain::visitor_token::{AttributionPolicy, VisitorToken, renew, sign, verify};

pub use arrival::{arrive, count_arrived};
pub use clean_up::{CleanedUp, clean_up};
pub use quality::qualities;
pub use write::{count_lost, record_all};

/// The longest host that is kept of a referrer.
const MAX_HOST: usize = 253;

/// A visit to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVisit {
    pub link_id: Uuid,
    pub partner_id: Uuid,
    pub at: Moment,
    /// Why it does not count, whoever the visitor is.
    pub screened: Option<VisitVerdict>,
    pub visitor: Visitor,
    /// The host of the page it came from.
    pub referrer: Option<String>,
}

/// Who came, as far as it takes to tell a second visit from a first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The id of his token or, without one, an HMAC of the day.
    pub id: Uuid,
    /// The id under which he will come again, where nothing else tells that he was here.
    pub next_id: Option<Uuid>,
    /// His token, if it came from this very link: when it did.
    pub first_came_at: Option<Moment>,
}

/// A visit as it was judged before it is written: enough to answer the visitor.
#[derive(Clone, Debug)]
pub struct Judged {
    pub visit: NewVisit,
    /// The token that the visitor has from now on; `None` where this visit leaves none.
    pub token: Option<VisitorToken>,
}

/// Judges a visit over a link. Only whether it is a DUPLICATE is left to the database, and changes nothing for the visitor.
pub async fn judge(
    app: &App,
    link: &LinkTarget,
    facts: &VisitFacts<'_>,
    existing: Option<VisitorToken>,
    address: Option<IpAddr>,
    at: Moment,
) -> Judged {
    let screened = screen(&app.terms.visits, facts);
    let new_visitor_id: [u8; 16] = rand::random();
    let token = leaves_attribution(screened)
        .then(|| renew(existing, policy_of(app), link.link_id, new_visitor_id, at));
    let visitor = match existing {
        Some(token) => Visitor {
            id: Uuid::from_bytes(token.visitor_id),
            next_id: None,
            first_came_at: Some(token.visited_at).filter(|_| token.link_id == link.link_id),
        },
        // Whether somebody without a token has been here matters to nobody where his visit does not count.
        None if screened.is_some() => Visitor { id: Uuid::nil(), next_id: None, first_came_at: None },
        None => {
            let new_id = Uuid::from_bytes(new_visitor_id);
            let salt = salt::of_today(app).await;
            let id = salt.map_or(new_id, |salt| visitor_without_token(&salt, address, facts.user_agent));
            // Under first touch his new token says itself that he came over this link, and when.
            let next_id = Some(new_id).filter(|_| policy_of(app) == AttributionPolicy::LastTouch);
            Visitor { id, next_id, first_came_at: None }
        }
    };
    let referrer = host_of(facts.referrer).filter(|host| host.len() <= MAX_HOST);
    let visit =
        NewVisit { link_id: link.link_id, partner_id: link.partner_id, at, screened, visitor, referrer };
    Judged { visit, token }
}

fn policy_of(app: &App) -> AttributionPolicy {
    match app.config.programme.attribution {
        Attribution::FirstTouch => AttributionPolicy::FirstTouch,
        Attribution::LastTouch => AttributionPolicy::LastTouch,
    }
}

/// Visits in wait for their commit; one that the database did not take has no verdict.
type Group = GroupCommit<NewVisit, Option<VisitVerdict>>;

/// Writes a visit together with whatever others come, and answers its verdict after the commit. What could not be
/// written is counted.
///
/// # Errors
/// `NoAnswer`.
pub async fn record(app: &App, visit: NewVisit) -> Result<VisitVerdict, ServiceError> {
    let group: Arc<Group> = app.memory.of(|| GroupCommit::new(app.db.writers()));
    let writer = app.clone();
    // A partner's visits are counted in the same rows.
    let key = visit.partner_id.as_bytes()[15];
    let written = group.write(key, visit, 1, move |visits: Vec<NewVisit>| {
        let app = writer.clone();
        async move { write::record_or_count(&app, &visits).await }
    });
    match written.await {
        Ok(verdict) => verdict.ok_or(ServiceError::NoAnswer),
        Err(error) => {
            write::count_lost(1);
            Err(error)
        }
    }
}

/// A visit that the provider's own landing page reports.
#[derive(Clone, Debug, Default)]
pub struct ReportedVisit {
    pub code: String,
    /// The page that was opened, with its query.
    pub url: String,
    pub user_agent: String,
    pub referrer: Option<String>,
    pub visitor_token: Option<String>,
    pub address: Option<String>,
    pub occurred_at: Option<Moment>,
}

/// What the reporting page passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedVisit {
    pub verdict: VisitVerdict,
    /// The token that the visitor has now, if any.
    pub visitor_token: Option<String>,
}

/// Records a visit to the provider's own landing page, with the same verdicts and the same token as the redirect's.
pub async fn record_reported(app: &App, reported: &ReportedVisit) -> Result<RecordedVisit, ServiceError> {
    let now = app.clock.now();
    let at = reported.occurred_at.unwrap_or(now);
    FactLimits { starts_at: app.terms.starts_at, now }.check("occurredAt", at).map_err(Refusal::from)?;
    let invalid = |field, reason: &str| Refusal::from(Invalid::new(field, reason));
    let address = match reported.address.as_deref() {
        None | Some("") => None,
        Some(address) => Some(address.parse().map_err(|_| invalid("address", "is not an IP address"))?),
    };
    let url = url::Url::parse(&reported.url).map_err(|_| invalid("url", "is not an address"))?;
    check_code("code", &reported.code).map_err(|_| Refusal::NotFound { what: "code" })?;
    let link = link_cache::find(app, &reported.code).await?.ok_or(Refusal::NotFound { what: "code" })?;
    let existing = reported.visitor_token.as_deref().and_then(|text| verify(&app.keys.visitor, text));
    let facts = VisitFacts {
        user_agent: &reported.user_agent,
        query: url.query().unwrap_or_default(),
        referrer: reported.referrer.as_deref().unwrap_or_default(),
        is_suspended: link.is_suspended,
        ..VisitFacts::default()
    };
    let Judged { visit, token } = judge(app, &link, &facts, existing, address, at).await;
    let verdict = record(app, visit).await?;
    let visitor_token = token.or(existing).map(|token| sign(&app.keys.visitor, &token));
    Ok(RecordedVisit { verdict, visitor_token })
}

/// The visits over a link, newest first. (`v` is what lists that are looked up together call their parents.)
pub fn of_link(link_id: Uuid, verdict: Option<VisitVerdict>) -> List {
    let mut values = vec![link_id.into()];
    let condition = match verdict {
        None => "seen.link_id = $1".to_owned(),
        Some(verdict) => {
            values.push(verdict.as_str().into());
            "seen.link_id = $1 AND seen.verdict = $2".to_owned()
        }
    };
    List {
        columns: "seen.*",
        from: "visit seen".to_owned(),
        condition,
        values,
        key: "seen.at",
        id: "seen.id",
        is_descending: true,
    }
}

#[cfg(test)]
mod tests;

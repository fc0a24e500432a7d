//! Visits over links: what each was taken for, and those that the provider's own pages report.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::visit;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use super::scalar::DateTime;
use super::statistics::VisitVerdict;
use crate::domain::caller::ServiceScope;
use crate::services::visit::{self as service, ReportedVisit};

pub struct Visit(pub visit::Model);

/// Somebody followed a link. No address of his is kept.
#[Object]
impl Visit {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Visit.id(self.0.id)
    }

    /// When it was.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// What it was taken for.
    async fn verdict(&self) -> VisitVerdict {
        self.0.verdict.into()
    }

    /// Host of the page it came from.
    async fn referrer(&self) -> Option<&str> {
        self.0.referrer.as_deref()
    }
}

#[derive(Debug, Default)]
pub struct VisitMutation;

#[Object]
impl VisitMutation {
    /// Service: records a visit to a landing page of the provider's own that serves `?ref=CODE` itself.
    async fn record_visit(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The visit.")] input: RecordVisitInput,
    ) -> Result<RecordVisitPayload> {
        authority::service(context, ServiceScope::Visits)?;
        let recorded = service::record_reported(app(context)?, &input.into()).await;
        let (recorded, user_errors) = outcome(recorded, &["input"])?;
        let (verdict, visitor_token) =
            recorded.map(|recorded| (recorded.verdict.into(), recorded.visitor_token)).unzip();
        Ok(RecordVisitPayload { verdict, visitor_token: visitor_token.flatten(), user_errors })
    }
}

/// A visit to a page of the provider's own.
#[derive(Clone, Debug, InputObject)]
pub struct RecordVisitInput {
    /// Of a link.
    pub code: String,
    /// The page that was opened, with its query.
    pub url: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// The address of the page it came from; its host alone is kept.
    pub referrer: Option<String>,
    /// The token that the visitor already has.
    pub visitor_token: Option<String>,
    /// The visitor's address: used for the daily hash, never stored.
    pub address: Option<String>,
    /// Now if left out.
    pub occurred_at: Option<DateTime>,
}

impl From<RecordVisitInput> for ReportedVisit {
    fn from(sent: RecordVisitInput) -> ReportedVisit {
        ReportedVisit {
            code: sent.code,
            url: sent.url,
            user_agent: sent.user_agent,
            referrer: sent.referrer,
            visitor_token: sent.visitor_token,
            address: sent.address,
            occurred_at: sent.occurred_at.map(|at| at.0),
        }
    }
}

/// What the visit was taken for, and what the visitor carries from now on.
#[derive(SimpleObject)]
pub struct RecordVisitPayload {
    /// What it was taken for.
    pub verdict: Option<VisitVerdict>,
    /// To be kept with the visitor and sent with his registration; null where he has none.
    pub visitor_token: Option<String>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

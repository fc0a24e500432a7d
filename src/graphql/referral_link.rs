//! Referral links as the interface shows them.

use async_graphql::{Context, ID, Object};
use entity::link;

use super::connection::{Connection, page_request};
use super::error::Result;
use super::id::Tag;
use super::request::app;
use super::scalar::{Date, DateTime};
use super::statistics::{StatisticsPoint, VisitVerdict, of_link};
use super::visit::Visit;
use crate::services::referral_link as service;
use crate::services::visit;

pub struct ReferralLink(pub link::Model);

/// An address that a partner publishes: whoever follows it and opens an account stays his client.
#[Object]
impl ReferralLink {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::ReferralLink.id(self.0.id)
    }

    /// Unique over all partners, read without regard to case.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// The address to publish.
    async fn url(&self, context: &Context<'_>) -> Result<String> {
        Ok(service::url_of(app(context)?, &self.0))
    }

    /// The QR code of `url` as an SVG document.
    async fn qr_code_svg(&self, context: &Context<'_>) -> Result<String> {
        Ok(service::qr_code_svg(app(context)?, &self.0)?)
    }

    /// The provider's page that it opens.
    async fn target(&self) -> &str {
        &self.0.target
    }

    /// The partner's own name for it.
    async fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// The campaign that it belongs to.
    async fn campaign(&self) -> Option<&str> {
        self.0.campaign.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// What came over it on days from one to before another, of the programme's time zone; at most three years.
    async fn statistics(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The day after the last.")] to: Date,
    ) -> Result<StatisticsPoint> {
        of_link(context, &self.0, (from, to)).await
    }

    /// When it was archived: since then it leads to the front page and counts for nobody.
    async fn archived_at(&self) -> Option<DateTime> {
        self.0.archived_at.map(DateTime)
    }

    /// The visits over it, newest first, each with what it was taken for; kept for a time, while the figures stay.
    async fn visits(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(desc = "Those alone that were taken for this.")] verdict: Option<VisitVerdict>,
    ) -> Result<Connection<Visit>> {
        let request = page_request(first, after, last, before)?;
        let list = visit::of_link(self.0.id, verdict.map(Into::into));
        Connection::load(context, list, request, Visit).await
    }
}

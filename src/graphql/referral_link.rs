//! Referral links: read and made.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::link;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use super::scalar::DateTime;
use crate::services::referral_link as service;

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

    /// When it was archived: since then it leads to the front page and counts for nobody.
    async fn archived_at(&self) -> Option<DateTime> {
        self.0.archived_at.map(DateTime)
    }
}

/// A link to be made.
#[derive(Clone, Debug, InputObject)]
pub struct CreateReferralLinkInput {
    /// A page of the provider's site: a path, or an address on an allowed host. The site's front page if left out.
    pub target: Option<String>,
    /// A name of at most 100 characters, for the partner alone.
    pub label: Option<String>,
    /// A campaign of at most 100 characters, to group figures by.
    pub campaign: Option<String>,
    /// 3 to 32 characters of A-Z a-z 0-9 _ -. Drawn if left out.
    pub code: Option<String>,
}

/// The link, or why there is none.
#[derive(SimpleObject)]
pub struct ReferralLinkPayload {
    /// The link as it is now.
    pub referral_link: Option<ReferralLink>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub struct ReferralLinkMutation;

#[Object]
impl ReferralLinkMutation {
    /// Makes a link; a partner may have 1,000.
    async fn create_referral_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link to be made.")] input: CreateReferralLinkInput,
    ) -> Result<ReferralLinkPayload> {
        let partner = authority::partner(context).await?;
        let CreateReferralLinkInput { target, label, campaign, code } = input;
        let new = service::NewLink { target, label, campaign, code };
        let made = service::create(app(context)?, partner.id, &new).await;
        let (link, user_errors) = outcome(made, &["input"])?;
        Ok(ReferralLinkPayload { referral_link: link.map(ReferralLink), user_errors })
    }
}

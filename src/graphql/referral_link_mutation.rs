//! Referral links: made, changed and archived by their partner.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::link;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::referral_link::ReferralLink;
use super::request::app;
use crate::services::error::ServiceError;
use crate::services::referral_link as service;

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

/// What of a link is to be changed. What is left out stays; null takes it away.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateReferralLinkInput {
    /// The link.
    pub id: ID,
    /// A page of the provider's site: a path, or an address on an allowed host. Null is the site's front page.
    pub target: MaybeUndefined<String>,
    /// A name of at most 100 characters, for the partner alone.
    pub label: MaybeUndefined<String>,
    /// A campaign of at most 100 characters, to group figures by.
    pub campaign: MaybeUndefined<String>,
}

/// A link to be archived.
#[derive(Clone, Debug, InputObject)]
pub struct ArchiveReferralLinkInput {
    /// The link.
    pub id: ID,
}

/// The link, or why there is none.
#[derive(SimpleObject)]
pub struct ReferralLinkPayload {
    /// The link as it is now.
    pub referral_link: Option<ReferralLink>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl ReferralLinkPayload {
    fn of(changed: Result<link::Model, ServiceError>) -> Result<ReferralLinkPayload> {
        let (link, user_errors) = outcome(changed, &["input"])?;
        Ok(ReferralLinkPayload { referral_link: link.map(ReferralLink), user_errors })
    }
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
        ReferralLinkPayload::of(service::create(app(context)?, partner.id, &new).await)
    }

    /// Changes where a link leads, or what the partner calls it; its code and address stay.
    async fn update_referral_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link, and what is to be changed.")] input: UpdateReferralLinkInput,
    ) -> Result<ReferralLinkPayload> {
        let partner = authority::partner(context).await?;
        let id = Tag::ReferralLink.uuid(&input.id).unwrap_or_default();
        let UpdateReferralLinkInput { target, label, campaign, .. } = input;
        let change =
            service::LinkChange { target: target.into(), label: label.into(), campaign: campaign.into() };
        ReferralLinkPayload::of(service::update(app(context)?, partner.id, id, &change).await)
    }

    /// Takes a link out of use for good: it leads to the site's front page from then on and counts for nobody. A
    /// partner's own, his first, stays.
    async fn archive_referral_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link.")] input: ArchiveReferralLinkInput,
    ) -> Result<ReferralLinkPayload> {
        let partner = authority::partner(context).await?;
        let id = Tag::ReferralLink.uuid(&input.id).unwrap_or_default();
        ReferralLinkPayload::of(service::archive(app(context)?, partner.id, id).await)
    }
}

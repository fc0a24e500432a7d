//! What staff does to a client: reassigns, holds and clears him.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::referral;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::referred_client::ReferredClient;
use super::request::{app, loaders};
use crate::domain::caller::StaffScope;
use crate::services::error::ServiceError;
use crate::services::{hold, reassignment};

#[derive(Debug, Default)]
pub struct ReferredClientMutation;

#[Object]
impl ReferredClientMutation {
    /// Staff: what occurs from now on is the new partner's.
    async fn reassign_client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, to whom, and why.")] input: ReassignClientInput,
    ) -> Result<ReferredClientPayload> {
        let actor = authority::actor(context, StaffScope::Support)?;
        let ReassignClientInput { client_id, partner_id, reason } = &input;
        let partner_id = Tag::Partner.uuid(partner_id).unwrap_or_default();
        let reassigned =
            reassignment::reassign_client(app(context)?, &actor, client_id, partner_id, reason).await;
        ReferredClientPayload::of(context, reassigned).await
    }

    /// Staff: lines recorded from now on are held for review, until the client is cleared.
    async fn hold_client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and why.")] input: HoldClientInput,
    ) -> Result<ReferredClientPayload> {
        let actor = authority::actor(context, StaffScope::Support)?;
        let held = hold::hold_client(app(context)?, &actor, &input.client_id, &input.reason).await;
        ReferredClientPayload::of(context, held).await
    }

    /// Staff: lines recorded from now on are held no longer; what was held is released where asked.
    async fn clear_client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and why.")] input: ClearClientInput,
    ) -> Result<ReferredClientPayload> {
        let actor = authority::actor(context, StaffScope::Support)?;
        let ClearClientInput { client_id, release_held, reason } = &input;
        let cleared = hold::clear_client(app(context)?, &actor, client_id, *release_held, reason).await;
        ReferredClientPayload::of(context, cleared).await
    }
}

/// A client to be reassigned.
#[derive(Clone, Debug, InputObject)]
pub struct ReassignClientInput {
    /// The provider's own id of the client; a DIRECT one can be reassigned too.
    pub client_id: String,
    /// The new partner.
    pub partner_id: ID,
    /// Why.
    pub reason: String,
}

/// A client to be held.
#[derive(Clone, Debug, InputObject)]
pub struct HoldClientInput {
    /// The provider's own id of the client.
    pub client_id: String,
    /// Why.
    pub reason: String,
}

/// A client to be cleared.
#[derive(Clone, Debug, InputObject)]
pub struct ClearClientInput {
    /// The provider's own id of the client.
    pub client_id: String,
    /// Whether all that is held of him is released too.
    #[graphql(default = false)]
    pub release_held: bool,
    /// Why.
    pub reason: String,
}

/// The client, or why nothing was done.
#[derive(SimpleObject)]
pub struct ReferredClientPayload {
    /// The client with his partner as it is now.
    pub referred_client: Option<ReferredClient>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl ReferredClientPayload {
    async fn of(
        context: &Context<'_>,
        answer: Result<referral::Model, ServiceError>,
    ) -> Result<ReferredClientPayload> {
        let (referral, user_errors) = outcome(answer, &["input"])?;
        let referred_client = match referral {
            Some(referral) => loaders(context)?.clients.get(referral.id).await?.map(ReferredClient::from),
            None => None,
        };
        Ok(ReferredClientPayload { referred_client, user_errors })
    }
}

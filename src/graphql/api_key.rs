//! API keys as the interface shows them, and the partner's own hand on them.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::api_key;
use uuid::Uuid;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use super::scalar::DateTime;
use crate::domain::api_key as rules;
use crate::services::api_key::{self as service, NewApiKey};
use crate::services::error::ServiceError;

pub struct ApiKey(pub api_key::Model);

/// A key for a partner's own programs: it may do what its scopes say and nothing else.
#[Object]
impl ApiKey {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::ApiKey.id(self.0.id)
    }

    /// What the partner calls it.
    async fn label(&self) -> &str {
        &self.0.label
    }

    /// How it begins, to know it again.
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// What it may do.
    async fn scopes(&self) -> Vec<Scope> {
        service::scopes_of(&self.0).into_iter().map(Scope::from).collect()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Until when it holds; for ever if null.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// When it was last used, to the minute.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }

    /// When it was revoked.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}

/// What an API key may do. `changes` shows what the other scopes allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "rules::Scope")]
pub enum Scope {
    /// Links and their visits.
    ReadLinks,
    /// Links made, changed and archived.
    WriteLinks,
    /// Referred clients.
    ReadClients,
    /// Commissions, statements, standing, forecast, whyNot.
    ReadCommissions,
    /// Statistics.
    ReadStatistics,
    /// Balance, ledger, contract.
    ReadBalance,
    /// Withdrawals and service transfers.
    ReadWithdrawals,
    /// Withdrawals, only to destinations used before with a token, and service transfers.
    WriteWithdrawals,
    /// Tickets.
    ReadTickets,
    /// Tickets opened and replied to, and the contract asked for.
    WriteTickets,
    /// Webhook endpoints and their deliveries.
    ReadWebhooks,
    /// Webhook endpoints made and changed.
    WriteWebhooks,
}

/// A key to be made.
#[derive(Clone, Debug, InputObject)]
pub struct CreateApiKeyInput {
    /// A name of at most 100 characters, for the partner alone.
    pub label: String,
    /// What it may do: at least one.
    pub scopes: Vec<Scope>,
    /// Until when it holds; for ever if left out.
    pub expires_at: Option<DateTime>,
}

/// A key to be revoked.
#[derive(Clone, Debug, InputObject)]
pub struct RevokeApiKeyInput {
    /// Which key.
    pub id: ID,
}

/// The key, or why there is none.
#[derive(SimpleObject)]
pub struct ApiKeyPayload {
    /// The key as it is now.
    pub api_key: Option<ApiKey>,
    /// The key itself: shown this once, when it is made.
    pub secret: Option<String>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl ApiKeyPayload {
    fn of(answer: Result<(api_key::Model, Option<String>), ServiceError>) -> Result<ApiKeyPayload> {
        let (made, user_errors) = outcome(answer, &["input"])?;
        let (api_key, secret) = made.unzip();
        Ok(ApiKeyPayload { api_key: api_key.map(ApiKey), secret: secret.flatten(), user_errors })
    }
}

#[derive(Debug, Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes an API key; a partner may have 20 in force. Never by a key.
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key to be made.")] input: CreateApiKeyInput,
    ) -> Result<ApiKeyPayload> {
        let partner = authority::partner_himself(context).await?;
        let scopes = input.scopes.into_iter().map(rules::Scope::from).collect();
        let new = NewApiKey { label: input.label, scopes, expires_at: input.expires_at.map(|at| at.0) };
        let made = service::create(app(context)?, partner.id, &new).await;
        ApiKeyPayload::of(made.map(|(key, secret)| (key, Some(secret))))
    }

    /// Ends an API key at once. Never by a key.
    async fn revoke_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which key.")] input: RevokeApiKeyInput,
    ) -> Result<ApiKeyPayload> {
        let partner = authority::partner_himself(context).await?;
        let id = Tag::ApiKey.uuid(&input.id).unwrap_or(Uuid::nil());
        let revoked = service::revoke(app(context)?, partner.id, id).await;
        ApiKeyPayload::of(revoked.map(|key| (key, None)))
    }
}

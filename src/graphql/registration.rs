//! Reports of new accounts, from the provider's own systems.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use super::authority;
use super::error::{Failure, Result, UserError};
use super::request::app;
use super::scalar::DateTime;
use crate::domain::caller::ServiceScope;
use crate::services::registration::{self as service, CodePolicy, Registration};

/// How many items a batch takes.
pub const MAX_BATCH: usize = 1_000;

/// Refuses a batch that is too long.
///
/// # Errors
/// BAD_USER_INPUT.
pub fn check_batch(items: usize) -> Result<()> {
    if items <= MAX_BATCH {
        return Ok(());
    }
    Err(Failure::bad_input(format!("a batch has at most {MAX_BATCH} items")))
}

#[derive(Debug, Default)]
pub struct RegistrationMutation;

#[Object]
impl RegistrationMutation {
    /// Service: reports new accounts, each once; the same again changes nothing.
    async fn register_clients(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new accounts.")] input: RegisterClientsInput,
    ) -> Result<RegisterClientsPayload> {
        authority::service(context, ServiceScope::Registrations)?;
        check_batch(input.clients.len())?;
        let reported: Vec<Registration> = input.clients.into_iter().map(Registration::from).collect();
        let outcomes = service::register(app(context)?, &reported, CodePolicy::Typed).await?;
        let results = reported.into_iter().zip(outcomes).enumerate();
        let results = results.map(|(index, (sent, outcome))| result(index, sent.client_id, outcome));
        Ok(RegisterClientsPayload { results: results.collect() })
    }
}

fn result(index: usize, client_id: String, outcome: service::RegistrationOutcome) -> RegisterClientResult {
    let index = index.to_string();
    let user_error = |refusal| vec![UserError::of(&refusal, &["input", "clients", &index])];
    let (outcome, user_errors) = match outcome {
        service::RegistrationOutcome::Attributed => (RegistrationOutcome::Attributed, Vec::new()),
        service::RegistrationOutcome::Direct(None) => (RegistrationOutcome::Direct, Vec::new()),
        service::RegistrationOutcome::Direct(Some(why)) => (RegistrationOutcome::Direct, user_error(why)),
        service::RegistrationOutcome::Replayed => (RegistrationOutcome::Replayed, Vec::new()),
        service::RegistrationOutcome::Refused(why) => (RegistrationOutcome::Refused, user_error(why)),
    };
    RegisterClientResult { client_id, outcome, user_errors }
}

/// New accounts.
#[derive(Clone, Debug, InputObject)]
pub struct RegisterClientsInput {
    /// At most 1,000.
    pub clients: Vec<RegisterClientInput>,
}

/// A new account.
#[derive(Clone, Debug, InputObject)]
pub struct RegisterClientInput {
    /// The provider's own id of the account.
    pub client_id: String,
    /// When it was opened.
    pub registered_at: DateTime,
    /// The token that the redirect left with the visitor.
    pub visitor_token: Option<String>,
    /// A referral code that the client typed; the visitor token wins.
    pub code: Option<String>,
    /// Opaque fingerprint for the abuse rules: equal means same. Never the raw value.
    pub payment_instrument_hash: Option<String>,
    /// Opaque fingerprint for the abuse rules: equal means same. Never the raw value.
    pub device_hash: Option<String>,
}

impl From<RegisterClientInput> for Registration {
    fn from(sent: RegisterClientInput) -> Registration {
        Registration {
            client_id: sent.client_id,
            registered_at: sent.registered_at.0,
            visitor_token: sent.visitor_token,
            code: sent.code,
            payment_instrument_hash: sent.payment_instrument_hash,
            device_hash: sent.device_hash,
        }
    }
}

/// What became of the accounts.
#[derive(SimpleObject)]
pub struct RegisterClientsPayload {
    /// In the order of the input.
    pub results: Vec<RegisterClientResult>,
}

/// What became of one account.
#[derive(SimpleObject)]
pub struct RegisterClientResult {
    /// As it was sent.
    pub client_id: String,
    /// What became of it.
    pub outcome: RegistrationOutcome,
    /// Why it was refused, or why it is nobody's client where the report named somebody.
    pub user_errors: Vec<UserError>,
}

/// What became of a reported account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum RegistrationOutcome {
    /// Bound to a partner, for ever.
    Attributed,
    /// Nobody's client, for ever.
    Direct,
    /// Reported before; nothing has changed.
    Replayed,
    /// Not recorded.
    Refused,
}

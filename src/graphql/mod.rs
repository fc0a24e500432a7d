//! The interface: GraphQL over the use cases.

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::{
    Data, Executor, ID, MergedObject, MergedSubscription, Request, Response, SDLExportOptions, SchemaBuilder,
    ValidationMode,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::app::App;
use request::RequestLoaders;

mod ahead;
mod api_key;
mod audit_log;
mod authority;
mod balance;
mod change;
mod commission;
mod commission_mutation;
mod connection;
mod contract;
mod contract_mutation;
mod erasure;
mod error;
mod event_type;
mod exchange_rate;
mod explanation;
mod export;
mod forecast;
mod id;
mod in_place;
mod individual_rate;
mod ledger;
mod loader;
mod money;
mod node;
mod parked_fact;
mod partner;
mod partner_event;
mod partner_mutation;
mod period;
mod programme;
mod programme_mutation;
mod referral_link;
mod referral_link_mutation;
mod referred_client;
mod referred_client_mutation;
mod refund;
mod registration;
mod request;
mod scalar;
mod service_transfer;
mod service_transfer_mutation;
mod settlement;
mod settlement_progress;
mod site;
mod standing;
mod statement;
mod statistics;
mod ticket;
mod ticket_mutation;
mod tier;
mod top_up;
mod visit;
mod visit_quality;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_mutation;
mod withdrawal;
mod withdrawal_mutation;

pub mod code;
pub mod cost;
pub mod key_scope;
pub mod limits;
pub mod live;
pub mod rate_limit;
pub mod webhook_payload;

pub use request::{Origin, RequestId};

/// What can be asked.
#[derive(Debug, Default, MergedObject)]
pub struct Query(
    node::NodeQuery,
    programme::ProgrammeQuery,
    partner::PartnerQuery,
    withdrawal::WithdrawalQuery,
    ticket::TicketQuery,
    commission::CommissionQuery,
    settlement::SettlementQuery,
    parked_fact::ParkedFactQuery,
    audit_log::AuditQuery,
    rate_limit::RateLimitQuery,
);

/// What can be changed. A business refusal is a userError, never a top-level error: the payload's object is then null.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    referral_link_mutation::ReferralLinkMutation,
    registration::RegistrationMutation,
    top_up::TopUpMutation,
    refund::RefundMutation,
    exchange_rate::ExchangeRateMutation,
    settlement::SettlementMutation,
    withdrawal_mutation::WithdrawalMutation,
    service_transfer_mutation::ServiceTransferMutation,
    contract_mutation::ContractMutation,
    ticket_mutation::TicketMutation,
    partner_mutation::PartnerMutation,
    commission_mutation::CommissionMutation,
    referred_client_mutation::ReferredClientMutation,
    programme_mutation::ProgrammeMutation,
    visit::VisitMutation,
    site::SiteMutation,
    erasure::ErasureMutation,
    api_key::ApiKeyMutation,
    webhook_mutation::WebhookMutation,
);

/// What can be followed: server-sent events (the graphql-sse protocol, one connection a subscription) and WebSockets
/// (graphql-transport-ws) on the same path. A subscription has one field at its root.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(partner_event::PartnerSubscription, settlement_progress::SettlementSubscription);

pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema over an app, which is its data. Requests go through [`Api`].
pub fn build(app: App) -> Schema {
    finish(builder(), app)
}

fn finish(schema: SchemaBuilder<Query, Mutation, Subscription>, app: App) -> Schema {
    let introspection = app.config.introspection;
    let schema = schema.data(app);
    if introspection { schema.finish() } else { schema.disable_introspection().finish() }
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .override_output_type_description::<ID>("The id of an object: opaque, and the same for ever.")
}

/// The schema's text: the same for every app.
pub fn sdl() -> String {
    let schema = builder().finish();
    let options =
        SDLExportOptions::new().prefer_single_line_descriptions().use_space_ident().include_specified_by();
    schema.sdl_with_options(options)
}

/// Runs requests, each with look-ups of its own. A request brings its
/// [`Caller`](crate::domain::caller::Caller) and [`RequestId`] as data.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
    /// The same, for what is [`Valid`]: it does not go through the rules of validation again.
    of_valid: Schema,
    app: App,
}

/// The data of a query that was found valid before, word by word and with the same variables.
#[derive(Clone, Copy, Debug)]
pub struct Valid;

impl Api {
    pub fn new(app: App) -> Api {
        let of_valid = builder().validation_mode(ValidationMode::Fast);
        Api { schema: build(app.clone()), of_valid: finish(of_valid, app.clone()), app }
    }
}

impl Executor for Api {
    async fn execute(&self, mut request: Request) -> Response {
        if let Some(denied) = authority::roots::denied(&mut request) {
            return denied;
        }
        let is_valid = request.data.contains_key(&TypeId::of::<Valid>());
        let schema = if is_valid { &self.of_valid } else { &self.schema };
        schema.execute(request.data(RequestLoaders::new(&self.app))).await
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        if let Some(denied) = authority::roots::denied(&mut request) {
            return futures_util::stream::once(std::future::ready(denied)).boxed();
        }
        Executor::execute_stream(&self.schema, request.data(RequestLoaders::new(&self.app)), session_data)
    }
}

#[cfg(test)]
mod mutation_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

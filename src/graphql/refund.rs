//! Reports of refunds, from the provider's own systems.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::authority;
use super::commission::Commission;
use super::error::{Result, UserError};
use super::registration::check_batch;
use super::request::app;
use super::scalar::{DateTime, Decimal};
use super::top_up::{TopUpOutcome, answer, join, split};
use crate::domain::caller::ServiceScope;
use crate::domain::error::Invalid;
use crate::domain::top_up::RefundFact;
use crate::services::refund as service;

#[derive(Debug, Default)]
pub struct RefundMutation;

#[Object]
impl RefundMutation {
    /// Service: records refunds, each once by source and external id, whatever is sent again.
    async fn record_refunds(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The refunds.")] input: RecordRefundsInput,
    ) -> Result<RecordRefundsPayload> {
        authority::service(context, ServiceScope::TopUps)?;
        check_batch(input.refunds.len())?;
        let keys: Vec<_> =
            input.refunds.iter().map(|sent| (sent.source.clone(), sent.external_id.clone())).collect();
        let (facts, slots) = split(input.refunds.into_iter().map(RefundInput::read));
        let recorded = service::record(app(context)?, &facts).await?;
        let results = keys.into_iter().zip(join(slots, recorded)).enumerate();
        let results = results.map(|(index, ((source, external_id), outcome))| {
            let (outcome, commission, user_errors) = answer(outcome, "refunds", index);
            RefundResult { source, external_id, outcome, commission, user_errors }
        });
        Ok(RecordRefundsPayload { results: results.collect() })
    }
}

/// Refunds.
#[derive(Clone, Debug, InputObject)]
pub struct RecordRefundsInput {
    /// At most 1,000.
    pub refunds: Vec<RefundInput>,
}

/// Money that a client was paid back: part of one top-up, or all of it.
#[derive(Clone, Debug, InputObject)]
pub struct RefundInput {
    /// The system that knows it and its top-up.
    pub source: String,
    /// Its id there: unique among that system's refunds.
    pub external_id: String,
    /// The external id of the top-up.
    pub top_up_external_id: String,
    /// The provider's own id of the account: the top-up's.
    pub client_id: String,
    /// When it was paid back.
    pub occurred_at: DateTime,
    /// In the top-up's currency.
    pub amount: Decimal,
}

impl RefundInput {
    fn read(self) -> Result<RefundFact, Invalid> {
        Ok(RefundFact {
            amount: self.amount.to_money("amount")?,
            source: self.source,
            external_id: self.external_id,
            top_up_external_id: self.top_up_external_id,
            client_id: self.client_id,
            occurred_at: self.occurred_at.0,
        })
    }
}

/// What became of the refunds.
#[derive(SimpleObject)]
pub struct RecordRefundsPayload {
    /// In the order of the input.
    pub results: Vec<RefundResult>,
}

/// What became of one refund.
#[derive(SimpleObject)]
pub struct RefundResult {
    /// As it was sent.
    pub source: String,
    /// As it was sent.
    pub external_id: String,
    /// What became of it.
    pub outcome: TopUpOutcome,
    /// Its line of the commission history.
    pub commission: Option<Commission>,
    /// Why it was refused.
    pub user_errors: Vec<UserError>,
}

//! Reports of top-ups, from the provider's own systems.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use super::authority;
use super::commission::Commission;
use super::error::{Result, UserError};
use super::registration::check_batch;
use super::request::app;
use super::scalar::{CurrencyCode, DateTime, Decimal};
use crate::domain::caller::ServiceScope;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::top_up::TopUpFact;
use crate::services::gathered_top_ups;
use crate::services::top_up::FactOutcome;

#[derive(Debug, Default)]
pub struct TopUpMutation;

#[Object]
impl TopUpMutation {
    /// Service: records top-ups, each once by source and external id, whatever is sent again.
    async fn record_top_ups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The top-ups.")] input: RecordTopUpsInput,
    ) -> Result<RecordTopUpsPayload> {
        authority::service(context, ServiceScope::TopUps)?;
        check_batch(input.top_ups.len())?;
        let keys: Vec<_> =
            input.top_ups.iter().map(|sent| (sent.source.clone(), sent.external_id.clone())).collect();
        let (facts, slots) = split(input.top_ups.into_iter().map(TopUpInput::read));
        let recorded = gathered_top_ups::record(app(context)?, facts).await?;
        let results = keys.into_iter().zip(join(slots, recorded)).enumerate();
        let results = results.map(|(index, ((source, external_id), outcome))| {
            let (outcome, commission, user_errors) = answer(outcome, "topUps", index);
            TopUpResult { source, external_id, outcome, commission, user_errors }
        });
        Ok(RecordTopUpsPayload { results: results.collect() })
    }
}

/// Parts facts that can be read from those that cannot; the slots remember where each was.
pub fn split<T>(sent: impl Iterator<Item = Result<T, Invalid>>) -> (Vec<T>, Vec<Option<Invalid>>) {
    let mut facts = Vec::new();
    let slots = sent.map(|fact| fact.map(|fact| facts.push(fact)).err()).collect();
    (facts, slots)
}

/// Puts outcomes where their facts were.
pub fn join(slots: Vec<Option<Invalid>>, recorded: Vec<FactOutcome>) -> impl Iterator<Item = FactOutcome> {
    let mut recorded = recorded.into_iter();
    slots.into_iter().filter_map(move |slot| match slot {
        Some(invalid) => Some(FactOutcome::Refused(invalid.into())),
        None => recorded.next(),
    })
}

/// What became of a fact, in the interface's words. `list` is the input's field that it was sent in.
pub fn answer(
    outcome: FactOutcome,
    list: &str,
    index: usize,
) -> (TopUpOutcome, Option<Commission>, Vec<UserError>) {
    let index = index.to_string();
    let user_error = |refusal: Refusal| vec![UserError::of(&refusal, &["input", list, &index])];
    match outcome {
        FactOutcome::Recorded(line) => (TopUpOutcome::Recorded, Some(line.into()), Vec::new()),
        FactOutcome::Replayed(line) => (TopUpOutcome::Replayed, Some(line.into()), Vec::new()),
        FactOutcome::NotReferred => (TopUpOutcome::NotReferred, None, Vec::new()),
        FactOutcome::Parked => (TopUpOutcome::Parked, None, Vec::new()),
        FactOutcome::Refused(refusal) => (TopUpOutcome::Refused, None, user_error(refusal)),
    }
}

/// Top-ups.
#[derive(Clone, Debug, InputObject)]
pub struct RecordTopUpsInput {
    /// At most 1,000.
    pub top_ups: Vec<TopUpInput>,
}

/// Money that a client paid in.
#[derive(Clone, Debug, InputObject)]
pub struct TopUpInput {
    /// The system that knows it.
    pub source: String,
    /// Its id there: unique among that system's top-ups.
    pub external_id: String,
    /// The provider's own id of the account.
    pub client_id: String,
    /// When it was paid.
    pub occurred_at: DateTime,
    /// Above zero, with no more decimals than the currency has.
    pub amount: Decimal,
    /// The currency that it was paid in.
    pub currency_code: CurrencyCode,
    /// What it was.
    #[graphql(default_with = "TopUpKind::Purchase")]
    pub kind: TopUpKind,
    /// Opaque fingerprint for the abuse rules: equal means same. Never the raw value.
    pub payment_instrument_hash: Option<String>,
}

impl TopUpInput {
    fn read(self) -> Result<TopUpFact, Invalid> {
        Ok(TopUpFact {
            amount: self.amount.to_money("amount")?,
            source: self.source,
            external_id: self.external_id,
            client_id: self.client_id,
            occurred_at: self.occurred_at.0,
            currency: self.currency_code.0,
            kind: self.kind.into(),
            payment_instrument_hash: self.payment_instrument_hash,
        })
    }
}

/// What a client's payment was. Only PURCHASE earns: bonus credit, transfers between accounts and commission moved to a
/// service balance do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::TopUpKind")]
pub enum TopUpKind {
    /// Real money.
    Purchase,
    /// Credit that the provider gave.
    Bonus,
    /// From another account.
    Transfer,
    /// Commission moved to a service balance.
    Commission,
}

/// What became of the top-ups.
#[derive(SimpleObject)]
pub struct RecordTopUpsPayload {
    /// In the order of the input.
    pub results: Vec<TopUpResult>,
}

/// What became of one top-up.
#[derive(SimpleObject)]
pub struct TopUpResult {
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

/// What became of a top-up or a refund that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum TopUpOutcome {
    /// Written.
    Recorded,
    /// Sent before, unchanged.
    Replayed,
    /// Of nobody's client: nothing is kept.
    NotReferred,
    /// It waits for what it belongs to.
    Parked,
    /// Not recorded.
    Refused,
}

//! Reports of exchange rates, from the provider's own systems.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::Day;

use super::authority;
use super::error::{Result, UserError};
use super::registration::check_batch;
use super::request::app;
use super::scalar::{CurrencyCode, Date, Decimal};
use crate::domain::caller::ServiceScope;
use crate::domain::error::{Invalid, Refusal};
use crate::services::exchange_rate::{self as service, PublishedRate, RateOutcome};

#[derive(Debug, Default)]
pub struct ExchangeRateMutation;

#[Object]
impl ExchangeRateMutation {
    /// Service: records the rates of a day, each once; the same value again changes nothing, another is a CONFLICT.
    async fn record_exchange_rates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rates of a day.")] input: RecordExchangeRatesInput,
    ) -> Result<RecordExchangeRatesPayload> {
        authority::service(context, ServiceScope::ExchangeRates)?;
        check_batch(input.rates.len())?;
        let published_on = Day::from_date(input.published_on.0);
        let (mut rates, mut places, mut user_errors) = (Vec::new(), Vec::new(), Vec::new());
        for (index, sent) in input.rates.into_iter().enumerate() {
            match sent.read(published_on) {
                Ok(rate) => {
                    places.push(index);
                    rates.push(rate);
                }
                Err(invalid) => user_errors.push((index, Refusal::from(invalid))),
            }
        }
        let outcomes = service::record(app(context)?, &rates).await?;
        let recorded = outcomes.iter().filter(|outcome| matches!(outcome, RateOutcome::Recorded)).count();
        user_errors.extend(places.into_iter().zip(outcomes).filter_map(|(index, outcome)| match outcome {
            RateOutcome::Recorded | RateOutcome::Replayed => None,
            RateOutcome::Refused(refusal) => Some((index, refusal)),
        }));
        user_errors.sort_by_key(|(index, _)| *index);
        Ok(RecordExchangeRatesPayload {
            recorded: i32::try_from(recorded).unwrap_or(i32::MAX),
            user_errors: user_errors.iter().map(|(index, refusal)| user_error(*index, refusal)).collect(),
        })
    }
}

/// The day is said once, for all.
fn user_error(index: usize, refusal: &Refusal) -> UserError {
    match refusal {
        Refusal::Invalid(Invalid { field: "publishedOn", .. }) => UserError::of(refusal, &["input"]),
        _ => UserError::of(refusal, &["input", "rates", &index.to_string()]),
    }
}

/// The rates that were published for a day.
#[derive(Clone, Debug, InputObject)]
pub struct RecordExchangeRatesInput {
    /// The day for which they were published.
    pub published_on: Date,
    /// At most 1,000. Units of each currency for one unit of the programme's, as the ECB publishes them.
    pub rates: Vec<CurrencyRateInput>,
}

/// The rate of one currency.
#[derive(Clone, Debug, InputObject)]
pub struct CurrencyRateInput {
    /// Another currency than the programme's.
    pub currency_code: CurrencyCode,
    /// Units of it for one unit of the programme's: above zero, with at most 12 decimals.
    pub rate: Decimal,
}

impl CurrencyRateInput {
    fn read(self, published_on: Day) -> Result<PublishedRate, Invalid> {
        Ok(PublishedRate { rate: self.rate.to_number("rate")?, currency: self.currency_code.0, published_on })
    }
}

/// What became of the rates.
#[derive(SimpleObject)]
pub struct RecordExchangeRatesPayload {
    /// How many are new.
    pub recorded: i32,
    /// Why others were refused.
    pub user_errors: Vec<UserError>,
}

//! Amounts and rates of exchange as the interface shows them.

use async_graphql::{Context, Object, SimpleObject};

use super::error::Result;
use super::in_place::InPlace;
use super::request::app;
use super::scalar::{CurrencyCode, Date, Decimal};

/// An amount of one currency, as every object hands it out.
pub type Money = InPlace<Amount>;

/// An amount of one currency.
pub struct Amount {
    amount: entity::Money,
    /// None is the programme's.
    currency: Option<String>,
}

impl Money {
    pub fn in_currency(amount: entity::Money, currency: String) -> Money {
        InPlace(Amount { amount, currency: Some(currency) })
    }
}

/// In the programme's currency.
impl From<entity::Money> for Money {
    fn from(amount: entity::Money) -> Money {
        InPlace(Amount { amount, currency: None })
    }
}

/// An exact amount in one currency.
#[Object(name = "Money")]
impl Amount {
    /// With six decimals.
    async fn amount(&self) -> Decimal {
        self.amount.into()
    }

    /// The currency that it is in.
    async fn currency_code(&self, context: &Context<'_>) -> Result<CurrencyCode> {
        Ok(CurrencyCode(match &self.currency {
            Some(code) => code.clone(),
            None => app(context)?.terms.currency.clone(),
        }))
    }
}

/// The rate by which a top-up in another currency became its base.
#[derive(Clone, Debug, SimpleObject)]
pub struct ExchangeRate {
    /// The programme's currency.
    pub from: CurrencyCode,
    /// The top-up's currency.
    pub to: CurrencyCode,
    /// Units of `to` for one unit of `from`.
    pub rate: Decimal,
    /// The day on which the rate was published: the last on or before the top-up's.
    pub published_on: Date,
}

//! The programme's public terms.

use async_graphql::{Context, Object, SimpleObject};

use super::authority;
use super::error::Result;
use super::money::Money;
use super::period::Period;
use super::request::{app, loaders};
use super::scalar::{CurrencyCode, DateTime};
use super::tier::{Tier, TierTable};
use crate::domain::programme_rules;
use crate::services::forecast::next_settlement_at;

#[derive(Debug, Default)]
pub struct ProgrammeQuery;

#[Object]
impl ProgrammeQuery {
    /// The programme's public terms; needs no token.
    async fn programme(&self) -> Programme {
        Programme
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Programme;

/// The programme's public terms.
#[Object]
impl Programme {
    /// What it is called.
    async fn name<'a>(&self, context: &Context<'a>) -> Result<&'a str> {
        Ok(&app(context)?.terms.name)
    }

    /// The currency in which commission is counted and paid.
    async fn currency_code(&self, context: &Context<'_>) -> Result<CurrencyCode> {
        Ok(CurrencyCode(app(context)?.terms.currency.clone()))
    }

    /// The zone at whose midnight periods change: "Europe/Paris".
    async fn time_zone(&self, context: &Context<'_>) -> Result<&str> {
        Ok(app(context)?.terms.calendar.zone().name())
    }

    /// Lowest first. The first tier's floor is 0 and its rate the programme's minimum, 10 %.
    async fn tiers(&self, context: &Context<'_>) -> Result<Vec<Tier>> {
        let app = app(context)?;
        let period = app.terms.calendar.period_of(app.clock.now());
        let loaders = loaders(context)?;
        let tables = loaders.tables().await?;
        Ok(tables.in_force(period).iter().cloned().map(Tier).collect())
    }

    /// Staff: the tables that hold from a later period on, the nearest first.
    async fn coming_tiers(&self, context: &Context<'_>) -> Option<Result<Vec<TierTable>>> {
        authority::staff(context).ok()?;
        let coming = async || {
            let app = app(context)?;
            let period = app.terms.calendar.period_of(app.clock.now());
            let loaders = loaders(context)?;
            let tables = loaders.tables().await?;
            Ok(tables.after(period).map(|(from, tiers)| TierTable { from, tiers: tiers.clone() }).collect())
        };
        Some(coming().await)
    }

    /// Active clients a partner needs before commission is credited.
    async fn minimum_active_clients(&self, context: &Context<'_>) -> Result<u32> {
        Ok(app(context)?.terms.minimum_active_clients)
    }

    /// A client is active for this many days after a top-up.
    async fn active_client_window_days(&self, context: &Context<'_>) -> Result<u32> {
        Ok(app(context)?.terms.window_days)
    }

    /// The available balance must exceed this before money can be withdrawn.
    async fn withdrawal_threshold(&self, context: &Context<'_>) -> Result<Money> {
        Ok(app(context)?.terms.withdrawal_threshold.into())
    }

    /// The rules in plain words, in an order in which they can be read.
    async fn rules(&self, context: &Context<'_>) -> Result<Vec<ProgrammeRule>> {
        Ok(app(context)?.rules().into_iter().map(ProgrammeRule::from).collect())
    }

    /// The half-month that holds this moment.
    async fn current_period(&self, context: &Context<'_>) -> Result<Period> {
        let app = app(context)?;
        Ok(Period(app.terms.calendar.period_of(app.clock.now())))
    }

    /// When the oldest open period is settled by itself: after its end and a grace. In the past where it is overdue.
    async fn next_settlement_at(&self, context: &Context<'_>) -> Result<DateTime> {
        let app = app(context)?;
        let oldest_open = loaders(context)?.books().await?.oldest_open();
        Ok(DateTime(next_settlement_at(&app.terms, oldest_open, app.clock.now())))
    }
}

/// One of the programme's rules.
#[derive(SimpleObject)]
pub struct ProgrammeRule {
    /// A name that stays when the words change: NO_SELF_REFERRAL.
    pub code: &'static str,
    /// What it says, in plain English, with the figures in force.
    pub text: String,
}

impl From<programme_rules::ProgrammeRule> for ProgrammeRule {
    fn from(rule: programme_rules::ProgrammeRule) -> ProgrammeRule {
        ProgrammeRule { code: rule.code, text: rule.text }
    }
}

//! What staff does to a partner: his rate, his balance, his standing with the programme.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::partner;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::partner::Partner;
use super::request::app;
use super::scalar::Decimal;
use crate::domain::caller::StaffScope;
use crate::domain::error::{Invalid, Refusal};
use crate::services::adjustment::{self, AdjustBalance};
use crate::services::error::ServiceError;
use crate::services::{individual_rate, suspension};

#[derive(Debug, Default)]
pub struct PartnerMutation;

#[Object]
impl PartnerMutation {
    /// Staff: sets a partner's own rate from the oldest open period on, never below the programme's minimum.
    async fn set_individual_rate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose, which, and why.")] input: SetIndividualRateInput,
    ) -> Result<PartnerPayload> {
        let actor = authority::actor(context, StaffScope::Admin)?;
        let partner_id = id_of(&input.partner_id);
        let rate = input.rate_percent.map(|percent| percent.to_rate("ratePercent")).transpose();
        let set = match rate {
            Ok(rate) => individual_rate::set(app(context)?, &actor, partner_id, rate, &input.reason).await,
            Err(invalid) => Err(Refusal::from(invalid).into()),
        };
        PartnerPayload::of(set)
    }

    /// Staff: suspends a partner: his links count for nobody, what is recorded earns nothing, no money of his moves.
    async fn suspend_partner(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and why.")] input: SuspendPartnerInput,
    ) -> Result<PartnerPayload> {
        let actor = authority::actor(context, StaffScope::Admin)?;
        let partner_id = id_of(&input.partner_id);
        PartnerPayload::of(suspension::suspend(app(context)?, &actor, partner_id, &input.reason).await)
    }

    /// Staff: reinstates a partner; what was not earned meanwhile stays so.
    async fn reinstate_partner(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and why.")] input: ReinstatePartnerInput,
    ) -> Result<PartnerPayload> {
        let actor = authority::actor(context, StaffScope::Admin)?;
        let partner_id = id_of(&input.partner_id);
        PartnerPayload::of(suspension::reinstate(app(context)?, &actor, partner_id, &input.reason).await)
    }

    /// Staff: adds to a partner's available balance, or takes from it, never below zero.
    async fn adjust_balance(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose, how much, and why.")] input: AdjustBalanceInput,
    ) -> Result<PartnerPayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let adjusted = match input.read() {
            Ok(asked) => adjustment::adjust_balance(app(context)?, &actor, &asked).await,
            Err(invalid) => Err(Refusal::from(invalid).into()),
        };
        PartnerPayload::of(adjusted)
    }
}

/// What names no partner is the id of none.
fn id_of(id: &ID) -> uuid::Uuid {
    Tag::Partner.uuid(id).unwrap_or_default()
}

/// A rate for one partner.
#[derive(Clone, Debug, InputObject)]
pub struct SetIndividualRateInput {
    /// The partner.
    pub partner_id: ID,
    /// Null takes it away.
    pub rate_percent: Option<Decimal>,
    /// Why; the partner reads it.
    pub reason: String,
}

/// A partner to be suspended.
#[derive(Clone, Debug, InputObject)]
pub struct SuspendPartnerInput {
    /// The partner.
    pub partner_id: ID,
    /// Why; the partner reads it.
    pub reason: String,
}

/// A partner to be reinstated.
#[derive(Clone, Debug, InputObject)]
pub struct ReinstatePartnerInput {
    /// The partner.
    pub partner_id: ID,
    /// Why.
    pub reason: String,
}

/// A balance to be put right.
#[derive(Clone, Debug, InputObject)]
pub struct AdjustBalanceInput {
    /// The partner.
    pub partner_id: ID,
    /// Signed.
    pub amount: Decimal,
    /// Why.
    pub reason: String,
    /// 1 to 128 printable characters: with the same values it happens once.
    pub idempotency_key: String,
}

impl AdjustBalanceInput {
    fn read(self) -> Result<AdjustBalance, Invalid> {
        Ok(AdjustBalance {
            partner_id: id_of(&self.partner_id),
            amount: self.amount.to_money("amount")?,
            reason: self.reason,
            idempotency_key: self.idempotency_key,
        })
    }
}

/// The partner, or why nothing was done.
#[derive(SimpleObject)]
pub struct PartnerPayload {
    /// The partner as he is now.
    pub partner: Option<Partner>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl PartnerPayload {
    fn of(answer: Result<partner::Model, ServiceError>) -> Result<PartnerPayload> {
        let (partner, user_errors) = outcome(answer, &["input"])?;
        Ok(PartnerPayload { partner: partner.map(Partner::from), user_errors })
    }
}

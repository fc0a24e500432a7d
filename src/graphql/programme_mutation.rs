//! What staff changes of the programme's terms.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::authority;
use super::error::{Result, UserError, outcome};
use super::programme::Programme;
use super::request::app;
use super::scalar::Decimal;
use crate::domain::caller::StaffScope;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::tier::Tier;
use crate::services::tier_table as service;

#[derive(Debug, Default)]
pub struct ProgrammeMutation;

#[Object]
impl ProgrammeMutation {
    /// Staff: sets the table of tiers, from the next settlement on.
    async fn set_tiers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The table, and why.")] input: SetTiersInput,
    ) -> Result<ProgrammePayload> {
        let actor = authority::actor(context, StaffScope::Admin)?;
        let mut tiers = Vec::with_capacity(input.tiers.len());
        for (index, tier) in input.tiers.into_iter().enumerate() {
            match tier.read() {
                Ok(tier) => tiers.push(tier),
                Err(invalid) => return Ok(ProgrammePayload::refused(invalid, index)),
            }
        }
        let set = service::set(app(context)?, &actor, &tiers, &input.reason).await;
        let (tiers, user_errors) = outcome(set, &["input"])?;
        Ok(ProgrammePayload { programme: tiers.map(|_| Programme), user_errors })
    }
}

/// A table of tiers.
#[derive(Clone, Debug, InputObject)]
pub struct SetTiersInput {
    /// Lowest first; the first floor is 0, and no rate lies below the programme's minimum.
    pub tiers: Vec<TierInput>,
    /// Why.
    pub reason: String,
}

/// A step of the table.
#[derive(Clone, Debug, InputObject)]
pub struct TierInput {
    /// Its name, unique in its table.
    pub name: String,
    /// From this many active clients on.
    pub minimum_active_clients: u32,
    /// The rate of commission.
    pub rate_percent: Decimal,
}

impl TierInput {
    fn read(self) -> Result<Tier, Invalid> {
        let rate = self.rate_percent.to_rate("ratePercent")?;
        Ok(Tier { name: self.name, minimum_active_clients: self.minimum_active_clients, rate })
    }
}

/// The programme, or why nothing was done.
#[derive(SimpleObject)]
pub struct ProgrammePayload {
    /// The programme as it is now; its tiers change with the next settlement.
    pub programme: Option<Programme>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl ProgrammePayload {
    fn refused(invalid: Invalid, index: usize) -> ProgrammePayload {
        let at = index.to_string();
        let error = UserError::of(&Refusal::from(invalid), &["input", "tiers", &at]);
        ProgrammePayload { programme: None, user_errors: vec![error] }
    }
}

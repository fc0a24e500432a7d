//! The review of commissions that are held.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::line;

use super::authority;
use super::commission::Commission;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use crate::domain::caller::StaffScope;
use crate::services::error::ServiceError;
use crate::services::review as service;

#[derive(Debug, Default)]
pub struct CommissionMutation;

#[Object]
impl CommissionMutation {
    /// Staff: releases a held top-up with all its refunds, to be settled in the oldest open period at the latest.
    async fn release_commission(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which top-up, and why.")] input: ReviewCommissionInput,
    ) -> Result<CommissionPayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let (id, reason) = input.read();
        CommissionPayload::of(service::release(app(context)?, &actor, id, reason).await)
    }

    /// Staff: rejects a held top-up with all its refunds, those still to come as well.
    async fn reject_commission(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which top-up, and why.")] input: ReviewCommissionInput,
    ) -> Result<CommissionPayload> {
        let actor = authority::actor(context, StaffScope::Finance)?;
        let (id, reason) = input.read();
        CommissionPayload::of(service::reject(app(context)?, &actor, id, reason).await)
    }
}

/// A verdict on a held top-up.
#[derive(Clone, Debug, InputObject)]
pub struct ReviewCommissionInput {
    /// The top-up; a refund is reviewed with the top-up it reverses.
    pub id: ID,
    /// Why.
    pub reason: String,
}

impl ReviewCommissionInput {
    /// What names no commission is the id of none.
    fn read(&self) -> (uuid::Uuid, &str) {
        (Tag::Commission.uuid(&self.id).unwrap_or_default(), &self.reason)
    }
}

/// The commission, or why nothing was done.
#[derive(SimpleObject)]
pub struct CommissionPayload {
    /// The top-up as it is now.
    pub commission: Option<Commission>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

impl CommissionPayload {
    fn of(answer: Result<line::Model, ServiceError>) -> Result<CommissionPayload> {
        let (line, user_errors) = outcome(answer, &["input"])?;
        Ok(CommissionPayload { commission: line.map(Commission::from), user_errors })
    }
}

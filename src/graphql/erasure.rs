//! Takes away what is personal of an account.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::authority;
use super::error::{Result, UserError, outcome};
use super::request::app;
use crate::domain::caller::StaffScope;
use crate::services::erase as service;

#[derive(Debug, Default)]
pub struct ErasureMutation;

#[Object]
impl ErasureMutation {
    /// Staff: removes what is personal of an account, client or partner, for ever; the books stay as they are.
    async fn erase_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose, and why.")] input: EraseAccountInput,
    ) -> Result<EraseAccountPayload> {
        let actor = authority::actor(context, StaffScope::Admin)?;
        let EraseAccountInput { account_id, reason } = &input;
        let erased = service::erase(app(context)?, &actor, account_id, Some(reason)).await;
        let (erased, user_errors) = outcome(erased, &["input"])?;
        Ok(EraseAccountPayload { erased: erased.is_some(), user_errors })
    }
}

/// An account to be erased.
#[derive(Clone, Debug, InputObject)]
pub struct EraseAccountInput {
    /// The provider's own id of the account.
    pub account_id: String,
    /// Why; it stays in the audit log, so it must not name a person.
    pub reason: String,
}

/// Whether it was erased.
#[derive(SimpleObject)]
pub struct EraseAccountPayload {
    /// Whether nothing personal of the account is left.
    pub erased: bool,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}

//! Who may read a field or run a mutation: the one place that says so.
//!
//! An operation of another role is FORBIDDEN, for the whole request; another partner's object is not there.

pub mod roots;
pub mod rules;

use async_graphql::Context;
use entity::{EventType, partner};
use uuid::Uuid;

use super::error::{Failure, Result};
use super::id::Tag;
use super::key_scope;
use super::request::{app, forget, loaders, origin, request_id};
use crate::domain::caller::{Caller, ServiceScope, StaffScope};
use crate::services;
use crate::services::audit::{Actor, ActorRole};

/// Who asks. A request that nobody spoke for is anonymous.
pub fn caller<'a>(context: &Context<'a>) -> &'a Caller {
    context.data_opt().unwrap_or(&Caller::Anonymous)
}

/// Anybody with a token.
///
/// # Errors
/// UNAUTHENTICATED.
pub fn known<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    match caller(context) {
        Caller::Anonymous => Err(Failure::unauthenticated()),
        known => Ok(known),
    }
}

/// The partner behind the token, made on first use: for a mutation of his.
///
/// # Errors
/// UNAUTHENTICATED without a token, FORBIDDEN for another role.
pub async fn partner(context: &Context<'_>) -> Result<partner::Model> {
    let account_id = known(context)?.account_id().ok_or_else(Failure::forbidden)?;
    forget(context)?;
    Ok(services::partner::of_account(app(context)?, account_id).await?)
}

/// The partner behind the token, never behind an API key.
///
/// # Errors
/// UNAUTHENTICATED without a token, FORBIDDEN for another role and for a key.
pub async fn partner_himself(context: &Context<'_>) -> Result<partner::Model> {
    if caller(context).is_api_key() {
        return Err(Failure::forbidden());
    }
    partner(context).await
}

/// Staff, whatever the scopes: what only reads.
///
/// # Errors
/// UNAUTHENTICATED without a token, FORBIDDEN for another role.
pub fn staff<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    known(context).and_then(|caller| if caller.is_staff() { Ok(caller) } else { Err(Failure::forbidden()) })
}

/// Staff with this scope: what changes something.
///
/// # Errors
/// UNAUTHENTICATED without a token, FORBIDDEN for another role or without the scope.
pub fn staff_with<'a>(context: &Context<'a>, scope: StaffScope) -> Result<&'a Caller> {
    let caller = known(context)?;
    forget(context)?;
    if caller.staff_may(scope) { Ok(caller) } else { Err(Failure::forbidden()) }
}

/// Staff with this scope, as the audit log names who changes something.
///
/// # Errors
/// As [`staff_with`].
pub fn actor(context: &Context<'_>, scope: StaffScope) -> Result<Actor> {
    let subject = staff_with(context, scope)?.subject().unwrap_or_default().to_owned();
    Ok(Actor {
        subject,
        role: ActorRole::Staff,
        request_id: request_id(context).map(str::to_owned),
        origin: origin(context).map(str::to_owned),
    })
}

/// A system of the provider's with this scope.
///
/// # Errors
/// UNAUTHENTICATED without a token, FORBIDDEN for another role or without the scope.
pub fn service<'a>(context: &Context<'a>, scope: ServiceScope) -> Result<&'a Caller> {
    let caller = known(context)?;
    forget(context)?;
    if caller.may_record(scope) { Ok(caller) } else { Err(Failure::forbidden()) }
}

/// Whether the caller may see an object that was reached by its id: staff any, a partner his own, the provider's
/// systems what they record. `owner` is the partner it belongs to, none for what is staff's alone.
pub async fn may_see(context: &Context<'_>, tag: Tag, owner: Option<Uuid>) -> Result<bool> {
    Ok(match caller(context) {
        Caller::Anonymous => false,
        Caller::Staff { .. } => true,
        caller @ Caller::Service { .. } => match tag {
            Tag::Commission => caller.may_record(ServiceScope::TopUps),
            Tag::ServiceTransfer => caller.may_record(ServiceScope::Transfers),
            _ => false,
        },
        Caller::Partner { account_id } => {
            owner.is_some() && loaders(context)?.own_partner(account_id).await? == owner
        }
        Caller::ApiKey { account_id, scopes } => {
            key_scope::may_see(tag, scopes)
                && owner.is_some()
                && loaders(context)?.own_partner(account_id).await? == owner
        }
    })
}

/// Whether the caller is told of changes of such objects of a partner that he may see: an API key by its scopes.
pub fn may_be_told(context: &Context<'_>, tag: Tag) -> bool {
    match caller(context) {
        Caller::ApiKey { scopes, .. } => key_scope::may_see(tag, scopes),
        _ => true,
    }
}

/// Whether the caller is told of such events of a partner that he may see: an API key by its scopes.
pub fn may_be_told_of(context: &Context<'_>, event_type: EventType) -> bool {
    match caller(context) {
        Caller::ApiKey { scopes, .. } => key_scope::may_be_told(event_type, scopes),
        _ => true,
    }
}

#[cfg(test)]
mod tests;

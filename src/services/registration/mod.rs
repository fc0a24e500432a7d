//! Records new accounts, and whose clients they are, once and for ever (rules 6 to 8).

mod known;
mod write;

use std::collections::HashSet;

use entity::Moment;
use sea_orm::DatabaseTransaction;

use super::error::{ServiceError, retrying};
use super::line::Recording;
use super::lock;
use crate::app::App;
use crate::domain::account::check_account_id;
use crate::domain::attribution::{Attribution, BoundBy, attribute};
use crate::domain::error::{Invalid, Refusal};
use crate::domain::text::check_text;
use crate::domain::top_up::{FactLimits, MAX_HASH};
use known::{facts_of, load};
use write::{bind, write};

/// A new account as the provider reports it.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    pub client_id: String,
    pub registered_at: Moment,
    pub visitor_token: Option<String>,
    pub code: Option<String>,
    pub payment_instrument_hash: Option<String>,
    pub device_hash: Option<String>,
}

/// What an unknown or archived code does: a client who mistyped it is nobody's, a wrong row of a file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePolicy {
    /// As the sign-up site reports it (rule 6).
    Typed,
    /// As a file of the provider's own records says it: a suspended partner's code binds too.
    Recorded,
}

/// What became of a reported account.
#[derive(Clone, Debug)]
pub enum RegistrationOutcome {
    Attributed,
    /// Nobody's client; the refusal says why where the report named somebody.
    Direct(Option<Refusal>),
    Replayed,
    Refused(Refusal),
}

/// Records a batch in one transaction; the outcomes are in its order.
pub async fn register(
    app: &App,
    registrations: &[Registration],
    policy: CodePolicy,
) -> Result<Vec<RegistrationOutcome>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let outcomes = register_in(app, &tx, registrations, policy).await?;
        tx.commit().await?;
        Ok(outcomes)
    })
    .await
}

async fn register_in(
    app: &App,
    tx: &DatabaseTransaction,
    registrations: &[Registration],
    policy: CodePolicy,
) -> Result<Vec<RegistrationOutcome>, ServiceError> {
    let limits = FactLimits { starts_at: app.terms.starts_at, now: app.clock.now() };
    lock::period_shared(tx).await?;
    let mut seen = HashSet::new();
    let invalid: Vec<Option<Invalid>> =
        registrations.iter().map(|registration| check(registration, &limits).err()).collect();
    // An account named twice in a batch is a replay the second time.
    let is_first: Vec<bool> = registrations
        .iter()
        .zip(&invalid)
        .map(|(registration, invalid)| invalid.is_none() && seen.insert(registration.client_id.as_str()))
        .collect();
    let first: Vec<&Registration> =
        registrations.iter().zip(&is_first).filter(|(_, first)| **first).map(|(sent, _)| sent).collect();
    let mut decided = register_each_once(app, tx, &first, policy).await?.into_iter();
    let outcomes = invalid.into_iter().zip(is_first).map(|(invalid, is_first)| match (invalid, is_first) {
        (Some(invalid), _) => RegistrationOutcome::Refused(invalid.into()),
        (None, true) => decided.next().unwrap_or(RegistrationOutcome::Replayed),
        (None, false) => RegistrationOutcome::Replayed,
    });
    Ok(outcomes.collect())
}

fn check(registration: &Registration, limits: &FactLimits) -> Result<(), Invalid> {
    check_account_id("clientId", &registration.client_id)?;
    limits.check("registeredAt", registration.registered_at)?;
    for (field, hash) in [
        ("paymentInstrumentHash", &registration.payment_instrument_hash),
        ("deviceHash", &registration.device_hash),
    ] {
        hash.as_deref().map_or(Ok(()), |hash| check_text(field, hash, MAX_HASH))?;
    }
    Ok(())
}

async fn register_each_once(
    app: &App,
    tx: &DatabaseTransaction,
    registrations: &[&Registration],
    policy: CodePolicy,
) -> Result<Vec<RegistrationOutcome>, ServiceError> {
    let mut known = load(app, tx, registrations).await?;
    let recording = Recording::begin(app, tx).await?;
    let mut bound = Vec::new();
    let mut reported = Vec::new();
    let mut outcomes = Vec::with_capacity(registrations.len());
    for registration in registrations {
        let Some(client) = known.clients.get(&registration.client_id) else {
            return Err(ServiceError::Broken("an account that was just made is not there".to_owned()));
        };
        if client.registered_at.is_some() {
            outcomes.push(RegistrationOutcome::Replayed);
            continue;
        }
        let facts = facts_of(&known, client, registration, policy);
        let attribution = attribute(&facts);
        if let (CodePolicy::Recorded, Attribution::Direct { error: Some(refusal) }) = (policy, &attribution)
            && *refusal != Refusal::SelfReferral
        {
            outcomes.push(RegistrationOutcome::Refused(refusal.clone()));
            continue;
        }
        reported.push((client.id, *registration));
        outcomes.push(match attribution {
            Attribution::Direct { error } => RegistrationOutcome::Direct(error),
            Attribution::Bound { partner_id, link_id, by } => {
                let token = known.tokens.get(registration.visitor_token.as_deref().unwrap_or_default());
                let token = token.filter(|_| by == BoundBy::Token).copied();
                let client_id = client.id;
                bound.push(bind(&recording, &mut known, client_id, registration, partner_id, link_id, token));
                RegistrationOutcome::Attributed
            }
        });
    }
    write(&recording, tx, &known, &reported, bound).await?;
    Ok(outcomes)
}

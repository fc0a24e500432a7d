//! Top-ups and refunds as the provider reports them, and the state of the line that a top-up makes (rules 11 to 13, 22).

use chrono::Duration;
pub use entity::{LineReason, LineState, TopUpKind};
use entity::{Moment, Money};

use super::account::check_account_id;
use super::currency::{check_amount, check_currency, check_size};
pub use super::error::Invalid;
use super::text::check_text;

/// The longest source or external id, in characters.
pub const MAX_EXTERNAL_ID: usize = 128;
/// The longest fingerprint of a payment instrument or device, in characters.
pub const MAX_HASH: usize = 128;
/// How far ahead of the clock a fact may say that it occurred.
pub const CLOCK_SKEW: Duration = Duration::minutes(5);

/// A top-up as it is reported: known by (source, external id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpFact {
    pub source: String,
    pub external_id: String,
    pub client_id: String,
    pub occurred_at: Moment,
    pub amount: Money,
    pub currency: String,
    pub kind: TopUpKind,
    pub payment_instrument_hash: Option<String>,
}

/// A refund as it is reported: known by (source, external id) in a namespace of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundFact {
    pub source: String,
    pub external_id: String,
    pub top_up_external_id: String,
    pub client_id: String,
    pub occurred_at: Moment,
    /// In the top-up's currency.
    pub amount: Money,
}

/// The times between which a fact can have occurred: from the programme's start to five minutes from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactLimits {
    pub starts_at: Moment,
    pub now: Moment,
}

impl FactLimits {
    /// Checks the time of a fact or a registration (rule 12).
    pub fn check(&self, field: &'static str, at: Moment) -> Result<(), Invalid> {
        if at < self.starts_at {
            return Err(Invalid::new(field, format!("is before the programme's start, {}", self.starts_at)));
        }
        if at > self.now.plus(CLOCK_SKEW) {
            return Err(Invalid::new(field, "is more than five minutes in the future"));
        }
        Ok(())
    }
}

/// Checks all that can be said of a top-up by itself.
pub fn validate_top_up(fact: &TopUpFact, limits: &FactLimits) -> Result<(), Invalid> {
    check_text("source", &fact.source, MAX_EXTERNAL_ID)?;
    check_text("externalId", &fact.external_id, MAX_EXTERNAL_ID)?;
    check_account_id("clientId", &fact.client_id)?;
    limits.check("occurredAt", fact.occurred_at)?;
    let minor_units = check_currency("currencyCode", &fact.currency)?;
    check_amount("amount", fact.amount, minor_units)?;
    match &fact.payment_instrument_hash {
        Some(hash) => check_text("paymentInstrumentHash", hash, MAX_HASH),
        None => Ok(()),
    }
}

/// Checks all that can be said of a refund by itself. Its decimals are checked once its top-up is known, with
/// [`check_refund_amount`].
pub fn validate_refund(fact: &RefundFact, limits: &FactLimits) -> Result<(), Invalid> {
    check_text("source", &fact.source, MAX_EXTERNAL_ID)?;
    check_text("externalId", &fact.external_id, MAX_EXTERNAL_ID)?;
    check_text("topUpExternalId", &fact.top_up_external_id, MAX_EXTERNAL_ID)?;
    check_account_id("clientId", &fact.client_id)?;
    limits.check("occurredAt", fact.occurred_at)?;
    check_size("amount", fact.amount)
}

/// Checks a refund's amount against the currency of its top-up.
pub fn check_refund_amount(amount: Money, top_up_currency: &str) -> Result<(), Invalid> {
    check_amount("amount", amount, check_currency("currencyCode", top_up_currency)?)
}

/// The state of a new line: what does not earn is never held (rule 22). A refund shares its top-up's instead.
pub fn state_of(
    kind: TopUpKind,
    partner_suspended: bool,
    hold: Option<LineReason>,
) -> (LineState, Option<LineReason>) {
    if kind != TopUpKind::Purchase {
        return (LineState::NotEarning, Some(LineReason::NotAPurchase));
    }
    if partner_suspended {
        return (LineState::NotEarning, Some(LineReason::PartnerSuspended));
    }
    match hold {
        Some(reason) => (LineState::Held, Some(reason)),
        None => (LineState::Earning, None),
    }
}

/// Why a client's new lines are held, in the order of rule 22.
pub fn hold_of(shares_payment_instrument: bool, is_under_review: bool) -> Option<LineReason> {
    if shares_payment_instrument {
        return Some(LineReason::SharedPaymentInstrument);
    }
    is_under_review.then_some(LineReason::UnderReview)
}

#[cfg(test)]
mod tests;

//! Why the programme says no: every business refusal there is, in business words, with its facts.

use entity::{Day, Money};

use super::refund::RefundRefusal;
use super::target::TargetRefusal;
use super::tier::TierError;

/// A value that no state of the books could make acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct Invalid {
    /// The input's field, as the interface calls it: `occurredAt`.
    pub field: &'static str,
    /// What is wrong, to be read after the field's name: `is empty`.
    pub reason: String,
}

impl Invalid {
    pub fn new(field: &'static str, reason: impl Into<String>) -> Invalid {
        Invalid { field, reason: reason.into() }
    }
}

/// A refusal of the business's own. Each has a code of its own in the interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("{field} is required")]
    Required { field: &'static str },
    #[error("there is no such {what}")]
    NotFound { what: &'static str },
    /// What is on record says otherwise, and stays (rules 10, 11 and 13).
    #[error("{what} is already on record with another value")]
    Conflict { what: &'static str },
    #[error("this is already done")]
    AlreadyDone,
    #[error("a link cannot open this page: {reason}")]
    TargetNotAllowed { reason: TargetRefusal },
    #[error("this code is taken")]
    CodeTaken,
    #[error("there can be at most {limit}")]
    LimitReached { limit: u32 },
    #[error("a withdrawal needs an accepted contract")]
    NoContract,
    #[error("the available balance of {available} is not above {threshold}")]
    BalanceNotAboveThreshold { available: Money, threshold: Money },
    #[error("only {available} is available")]
    InsufficientBalance { available: Money },
    #[error("the partner is suspended")]
    PartnerSuspended,
    #[error("this idempotency key was used with other values")]
    IdempotencyKeyReused,
    #[error("a partner is never his own client")]
    SelfReferral,
    #[error("there is no exchange rate of {currency} on record for {day}")]
    ExchangeRateMissing { currency: String, day: Day },
    #[error("only {left} of the top-up is left to refund")]
    RefundExceedsTopUp { left: Money },
    #[error("what is {from} cannot become {to}")]
    IllegalTransition { from: &'static str, to: &'static str },
    #[error("this step needs another person than the one before")]
    FourEyes,
}

impl From<TargetRefusal> for Refusal {
    fn from(reason: TargetRefusal) -> Refusal {
        Refusal::TargetNotAllowed { reason }
    }
}

/// A time before the top-up's is INVALID, more than is left has a code of its own (rule 13).
impl From<RefundRefusal> for Refusal {
    fn from(refusal: RefundRefusal) -> Refusal {
        match refusal {
            RefundRefusal::ExceedsTopUp { left } => Refusal::RefundExceedsTopUp { left },
            RefundRefusal::BeforeTopUp => Invalid::new("occurredAt", "is before the top-up's").into(),
        }
    }
}

impl From<TierError> for Refusal {
    fn from(error: TierError) -> Refusal {
        Invalid::new("tiers", error.to_string()).into()
    }
}

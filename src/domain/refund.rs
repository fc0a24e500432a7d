//! What a refund takes back (rule 13).

use entity::{Moment, Money};

use super::rounding::{divide_half_to_even, micros_per_minor_unit};

/// A top-up, and what of it is refunded already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundedTopUp {
    /// As the client paid it, in the top-up's currency.
    pub amount: Money,
    /// In the programme's currency.
    pub base: Money,
    pub occurred_at: Moment,
    /// Refunded so far, in the top-up's currency.
    pub refunded: Money,
    /// Taken back from the base so far, as a positive amount.
    pub refunded_base: Money,
}

/// What one more refund does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// The base of the refund's own line: negative, or zero where less than a minor unit falls on it.
    pub base: Money,
    /// Whether nothing of the top-up is left.
    pub is_full: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    #[error("only {left} of the top-up is left to refund")]
    ExceedsTopUp { left: Money },
    #[error("the refund is before its top-up")]
    BeforeTopUp,
}

/// The share of a base that a refunded part of the paid amount takes back: round(base x refunded / paid), half
/// to even to the minor unit. All of the base once all is refunded.
pub fn share_refunded(base: Money, paid: Money, refunded: Money, minor_units: u32) -> Money {
    if refunded >= paid {
        return base;
    }
    let step = micros_per_minor_unit(minor_units);
    let product = i128::from(base.0) * i128::from(refunded.0);
    divide_half_to_even(product, i128::from(paid.0) * step)
        .and_then(|minor| i64::try_from(minor * step).ok())
        .map_or(base, Money)
}

/// Takes back one more refund of a positive amount: the share of all refunds together, less what earlier ones took,
/// so that odd cents never add up and a full refund takes back exactly the base.
pub fn take_back(
    top_up: &RefundedTopUp,
    refund_amount: Money,
    refund_occurred_at: Moment,
    minor_units: u32,
) -> Result<TakenBack, RefundRefusal> {
    if refund_occurred_at < top_up.occurred_at {
        return Err(RefundRefusal::BeforeTopUp);
    }
    let left = Money(top_up.amount.0.saturating_sub(top_up.refunded.0));
    if refund_amount > left {
        return Err(RefundRefusal::ExceedsTopUp { left });
    }
    let refunded = Money(top_up.refunded.0.saturating_add(refund_amount.0));
    let share = share_refunded(top_up.base, top_up.amount, refunded, minor_units);
    let base = Money(top_up.refunded_base.0.saturating_sub(share.0));
    Ok(TakenBack { base, is_full: refunded == top_up.amount })
}

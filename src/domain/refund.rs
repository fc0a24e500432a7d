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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn top_up(amount: &str, base: &str) -> RefundedTopUp {
        RefundedTopUp {
            amount: amount.parse().unwrap(),
            base: base.parse().unwrap(),
            occurred_at: Moment(1_000),
            refunded: Money::ZERO,
            refunded_base: Money::ZERO,
        }
    }

    /// Refunds one amount after the other; answers the bases of their lines.
    fn refund_all(mut top_up: RefundedTopUp, amounts: &[Money], minor_units: u32) -> Vec<TakenBack> {
        amounts
            .iter()
            .map(|amount| {
                let taken = take_back(&top_up, *amount, Moment(2_000), minor_units).unwrap();
                top_up.refunded.0 += amount.0;
                top_up.refunded_base.0 -= taken.base.0;
                taken
            })
            .collect()
    }

    #[test]
    fn odd_cents_never_add_up() {
        for (amount, base, refunds, bases) in [
            ("10.00", "10.00", vec!["3.33", "3.33", "3.34"], vec!["-3.33", "-3.33", "-3.34"]),
            ("49.00", "49.00", vec!["49.00"], vec!["-49.00"]),
            ("100.00", "89.51", vec!["50.00", "50.00"], vec!["-44.76", "-44.75"]),
            ("0.03", "0.01", vec!["0.01", "0.01", "0.01"], vec!["0", "-0.01", "0"]),
            ("0.04", "0.01", vec!["0.02", "0.02"], vec!["0", "-0.01"]),
            ("0.05", "0.00", vec!["0.05"], vec!["0"]),
        ] {
            let money = |text: &&str| text.parse::<Money>().unwrap();
            let taken = refund_all(top_up(amount, base), &refunds.iter().map(money).collect::<Vec<_>>(), 2);
            let found: Vec<_> = taken.iter().map(|taken| taken.base).collect();
            assert_eq!(found, bases.iter().map(money).collect::<Vec<_>>(), "{refunds:?}");
            let full: Vec<_> = taken.iter().map(|taken| taken.is_full).collect();
            assert_eq!(full.iter().position(|full| *full), Some(refunds.len() - 1), "the last alone is full");
        }
    }

    #[test]
    fn a_refund_is_never_more_than_what_is_left_nor_before_its_top_up() {
        let top_up = RefundedTopUp { refunded: Money::from_units(4), ..top_up("10", "10") };
        let refund = |units, at| take_back(&top_up, Money::from_units(units), Moment(at), 2);
        assert_eq!(refund(7, 1_000), Err(RefundRefusal::ExceedsTopUp { left: Money::from_units(6) }));
        assert_eq!(refund(1, 999), Err(RefundRefusal::BeforeTopUp));
        assert!(refund(6, 1_000).is_ok_and(|taken| taken.is_full));
        assert!(refund(5, 1_000).is_ok_and(|taken| !taken.is_full));
    }

    proptest! {
        #[test]
        fn any_split_of_refunds_takes_back_exactly_the_base(
            parts in prop::collection::vec(1_i64..=1_000_000_000, 1..12),
            base in 0_i64..=100_000_000_000,
            minor_units in 0_u32..=2,
        ) {
            let amounts: Vec<_> = parts.iter().map(|part| Money(part * 1_000)).collect();
            let base = Money(base * 10_000).truncate_to(minor_units);
            let paid = amounts.iter().copied().sum();
            let top_up = RefundedTopUp { amount: paid, base, ..top_up("1", "1") };
            let taken = refund_all(top_up, &amounts, minor_units);
            let total: Money = taken.iter().map(|taken| taken.base).sum();
            prop_assert_eq!(total, -base);
            prop_assert!(taken.iter().all(|taken| taken.base <= Money::ZERO && taken.base.is_whole_at(minor_units)));
            prop_assert!(taken.last().is_some_and(|last| last.is_full));
        }
    }
}

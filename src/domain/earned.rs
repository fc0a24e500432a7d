//! What a client's lines have earned, kept so that reading it does not grow with how long he has been a client.

use std::collections::BTreeMap;

use entity::{Money, Period, RateBasisPoints};

/// The commission of lines whose rates can no longer change, and the bases of the others: a rate is set, or fixed by a
/// standing, from the oldest open period on (rules 15 to 18), so that the closed periods' are final.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earned {
    /// The last closed period whose lines are counted in `commission`, with all before it.
    pub closed_through: Period,
    /// What those lines add up to.
    pub closed_base: Money,
    /// What they have earned.
    pub closed_commission: Money,
    /// The bases of the other lines by the period whose rate they earn; none of them is zero.
    open: BTreeMap<Period, Money>,
}

impl Earned {
    /// Of closed periods alone.
    pub fn closed(closed_through: Period, closed_base: Money, closed_commission: Money) -> Earned {
        Earned { closed_through, closed_base, closed_commission, open: BTreeMap::new() }
    }

    /// Counts lines of a rate period; none where the sum leaves 64 bits.
    pub fn add(&mut self, rate_period: Period, base: Money) -> Option<()> {
        let sum = self.open.get(&rate_period).copied().unwrap_or_default().checked_add(base)?;
        match sum {
            Money::ZERO => self.open.remove(&rate_period),
            sum => self.open.insert(rate_period, sum),
        };
        Some(())
    }

    /// The rate periods that would be closed.
    pub fn closing(&self, closed: Period) -> impl Iterator<Item = Period> + '_ {
        self.open.range(..=closed).map(|(period, _)| *period)
    }

    /// Counts as final what is at the rates of periods closed by now; none where a rate is not known, or the sum leaves 64
    /// bits.
    pub fn close(&mut self, closed: Period, rate: impl Fn(Period) -> Option<RateBasisPoints>) -> Option<()> {
        let closing: Vec<Period> = self.closing(closed).collect();
        for period in closing {
            let Some(base) = self.open.remove(&period) else { continue };
            self.closed_base = self.closed_base.checked_add(base)?;
            self.closed_commission = self.closed_commission.checked_add(rate(period)?.of(base)?)?;
        }
        self.closed_through = self.closed_through.max(closed);
        Some(())
    }

    /// The rate periods that are not counted as final, with the bases of their lines.
    pub fn open(&self) -> impl ExactSizeIterator<Item = (Period, Money)> + '_ {
        self.open.iter().map(|(period, base)| (*period, *base))
    }

    /// What all lines have earned, at the rates in force; none where a rate is not known, or the sum leaves 64 bits.
    pub fn commission(&self, rate: impl Fn(Period) -> Option<RateBasisPoints>) -> Option<Money> {
        self.open()
            .try_fold(self.closed_commission, |sum, (period, base)| sum.checked_add(rate(period)?.of(base)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(number: u32) -> Period {
        (0..number).fold(Period(20_260_101), |period, _| period.next())
    }

    /// A rate of its own for each period.
    fn rate(of: Period) -> Option<RateBasisPoints> {
        Some(RateBasisPoints(1_000 + of.0 % 97))
    }

    proptest! {
        #[test]
        fn whenever_periods_are_closed_the_commission_is_that_of_all_lines(
            steps in prop::collection::vec((0..12_u32, -5_000..5_000_i64, 0..12_u32), 0..40)
        ) {
            let (mut earned, mut all, mut closed) = (Earned::default(), 0, 0);
            for (rate_period, units, closes) in steps {
                let (rate_period, base) = (period(rate_period), Money::from_units(units));
                earned.add(rate_period, base).unwrap();
                all += rate(rate_period).unwrap().of(base).unwrap().0;
                prop_assert_eq!(earned.commission(rate).unwrap().0, all);
                closed = closed.max(closes);
                earned.close(period(closed), rate).unwrap();
                prop_assert_eq!(earned.commission(rate).unwrap().0, all);
                prop_assert!(earned.open().all(|(open, base)| open > period(closed) && base != Money::ZERO));
            }
        }
    }

    #[test]
    fn the_rate_of_a_closed_period_is_asked_for_once() {
        let mut earned = Earned::default();
        earned.add(period(0), Money::from_units(100)).unwrap();
        earned.add(period(1), Money::from_units(10)).unwrap();
        assert_eq!(earned.closing(period(0)).collect::<Vec<_>>(), [period(0)]);
        earned.close(period(0), |_| Some(RateBasisPoints(1_000))).unwrap();
        assert_eq!(earned.closing(period(0)).count(), 0);
        assert_eq!(earned.commission(|_| Some(RateBasisPoints(2_000))), Some(Money::from_units(12)));
    }
}

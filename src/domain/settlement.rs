//! Settlement: what the closing of a period does for one partner, and when it is due (rules 19 and 20).

use chrono::Duration;
pub use entity::CarryReason;
use entity::{Moment, Money, Period, RateBasisPoints};

use super::calendar::Calendar;

/// What a statement is drawn up from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementFacts {
    /// Counted at the period's end (rule 16).
    pub active_clients: u32,
    /// The programme's minimum when the period was closed.
    pub minimum_active_clients: u32,
    /// Whether the partner was suspended when the period was closed.
    pub is_suspended: bool,
    pub carried_in: Money,
    /// The lines settled in this period, a sum for each rate.
    pub sums: Vec<RateSum>,
}

/// The earning lines that one rate applies to, refunds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSum {
    pub base: Money,
    /// Lines with a positive base.
    pub top_ups: i64,
    pub rate: RateBasisPoints,
}

/// A statement's figures. carried_in + commission = credited + carried_out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementFigures {
    pub top_ups: i64,
    pub base: Money,
    pub commission: Money,
    pub carried_in: Money,
    pub credited: Money,
    pub carried_out: Money,
    pub carry_reason: Option<CarryReason>,
}

/// Draws up a statement: all of net is credited, or all of it carried. `None` where an amount leaves 64 bits.
pub fn draw_up(facts: &StatementFacts) -> Option<StatementFigures> {
    let (mut top_ups, mut base, mut commission) = (0_i64, Money::ZERO, Money::ZERO);
    for sum in &facts.sums {
        top_ups = top_ups.checked_add(sum.top_ups)?;
        base = base.checked_add(sum.base)?;
        commission = commission.checked_add(sum.rate.of(sum.base)?)?;
    }
    let net = facts.carried_in.checked_add(commission)?;
    let carry_reason = carry_reason(facts, net);
    let (credited, carried_out) =
        if carry_reason.is_none() { (net, Money::ZERO) } else { (Money::ZERO, net) };
    let carried_in = facts.carried_in;
    Some(StatementFigures { top_ups, base, commission, carried_in, credited, carried_out, carry_reason })
}

/// The first reason not to credit a net, in the order of rule 20; nothing keeps back a net of zero.
fn carry_reason(facts: &StatementFacts, net: Money) -> Option<CarryReason> {
    if net == Money::ZERO {
        return None;
    }
    if facts.is_suspended {
        return Some(CarryReason::PartnerSuspended);
    }
    if net.is_negative() {
        return Some(CarryReason::NegativeNet);
    }
    (facts.active_clients < facts.minimum_active_clients).then_some(CarryReason::TooFewActiveClients)
}

/// The period that is to be settled now: the oldest open one, once it has ended and the grace has passed.
/// `oldest_open` is that of the earliest line while none is closed; `None` before a first line exists (rule 19).
pub fn due_period(
    oldest_open: Option<Period>,
    calendar: &Calendar,
    now: Moment,
    grace: Duration,
) -> Option<Period> {
    oldest_open.filter(|period| calendar.ends_at(*period).plus(grace) <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn sum(base: &str, top_ups: i64, points: i32) -> RateSum {
        RateSum { base: money(base), top_ups, rate: RateBasisPoints(points) }
    }

    fn facts(
        active_clients: u32,
        is_suspended: bool,
        carried_in: &str,
        sums: Vec<RateSum>,
    ) -> StatementFacts {
        StatementFacts {
            active_clients,
            minimum_active_clients: 3,
            is_suspended,
            carried_in: money(carried_in),
            sums,
        }
    }

    #[test]
    fn commission_is_the_exact_sum_of_bases_times_their_rates() {
        for (sums, commission) in [
            (vec![sum("50.00", 1, 1_000)], "5.000000"),
            (vec![sum("33.33", 1, 1_500)], "4.999500"),
            (vec![sum("49.00", 1, 3_000)], "14.7"),
            (vec![sum("-49.00", 0, 3_000)], "-14.7"),
            (vec![sum("50.00", 1, 1_000), sum("33.33", 1, 1_500)], "9.999500"),
            (vec![], "0"),
        ] {
            let figures = draw_up(&facts(3, false, "0", sums.clone())).unwrap();
            assert_eq!(figures.commission, money(commission), "{sums:?}");
            assert_eq!(figures.base, sums.iter().map(|sum| sum.base).sum::<Money>());
            assert_eq!(figures.top_ups, sums.iter().map(|sum| sum.top_ups).sum::<i64>());
        }
    }

    #[test]
    fn all_of_net_is_credited_or_all_of_it_carried() {
        use CarryReason::{NegativeNet, PartnerSuspended, TooFewActiveClients};
        for (active, suspended, carried_in, earned, credited, carried_out, reason) in [
            (2, false, "0", "120.00", "0", "12", Some(TooFewActiveClients)),
            (3, false, "12", "50.00", "17", "0", None),
            (201, false, "0", "-24.76", "0", "-2.476", Some(NegativeNet)),
            (2, false, "0", "-24.76", "0", "-2.476", Some(NegativeNet)),
            (201, true, "0", "-24.76", "0", "-2.476", Some(PartnerSuspended)),
            (201, true, "1", "10.00", "0", "2", Some(PartnerSuspended)),
            (0, true, "-1", "10.00", "0", "0", None),
            (0, false, "0", "0", "0", "0", None),
            (3, false, "0.0001", "0", "0.0001", "0", None),
        ] {
            let figures =
                draw_up(&facts(active, suspended, carried_in, vec![sum(earned, 1, 1_000)])).unwrap();
            let found = (figures.credited, figures.carried_out, figures.carry_reason);
            assert_eq!(
                found,
                (money(credited), money(carried_out), reason),
                "{active} {carried_in} {earned}"
            );
            assert_eq!(
                figures.carried_in.0 + figures.commission.0,
                figures.credited.0 + figures.carried_out.0,
                "nothing is lost"
            );
        }
    }

    #[test]
    fn what_leaves_64_bits_is_no_statement() {
        let most = Money(i64::MAX / 10_000 * 10_000);
        let sum = RateSum { base: most, top_ups: 1, rate: RateBasisPoints(10_000) };
        assert_eq!(draw_up(&facts(3, false, "0", vec![sum, sum])), None);
        let more = StatementFacts { carried_in: most, ..facts(3, false, "0", vec![sum]) };
        assert_eq!(draw_up(&more), None);
    }

    #[test]
    fn a_period_is_due_once_it_has_ended_and_the_grace_has_passed() {
        let calendar = Calendar::new(chrono_tz::Europe::Paris);
        let period = Period(20261001);
        let end = calendar.ends_at(period);
        let hour = Duration::hours(1);
        let due = |now, grace| due_period(Some(period), &calendar, now, grace);
        assert_eq!(due(Moment(end.0 - 1), Duration::zero()), None);
        assert_eq!(due(end, Duration::zero()), Some(period));
        assert_eq!(due(Moment(end.plus(hour).0 - 1), hour), None);
        assert_eq!(due(end.plus(hour), hour), Some(period));
        assert_eq!(due(end.plus(Duration::days(400)), hour), Some(period), "a missed one, the oldest first");
        assert_eq!(due_period(None, &calendar, end, hour), None, "nothing before a first line");
    }
}

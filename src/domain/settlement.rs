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

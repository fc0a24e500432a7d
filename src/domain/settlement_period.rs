//! In which period a line is settled (rule 15).

use entity::Period;

/// A line is settled in the period in which it occurred, or in the oldest one open where that is closed.
/// `oldest_open` is the period after the last closed one; `None` while none is closed.
pub fn settle_period(occurred_in: Period, oldest_open: Option<Period>) -> Period {
    oldest_open.map_or(occurred_in, |oldest| occurred_in.max(oldest))
}

/// A refund is settled likewise, by its own time, and never before its top-up.
pub fn refund_settle_period(
    occurred_in: Period,
    oldest_open: Option<Period>,
    top_up_settle_period: Period,
) -> Period {
    settle_period(occurred_in, oldest_open).max(top_up_settle_period)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Period = Period(20261001);
    const MIDDLE: Period = Period(20261015);
    const LATE: Period = Period(20261101);

    #[test]
    fn a_late_line_is_settled_in_the_oldest_open_period() {
        for (occurred, open, settled) in [
            (EARLY, None, EARLY),
            (EARLY, Some(EARLY), EARLY),
            (EARLY, Some(LATE), LATE),
            (LATE, Some(EARLY), LATE),
        ] {
            assert_eq!(settle_period(occurred, open), settled, "{occurred} {open:?}");
        }
    }

    #[test]
    fn a_refund_is_never_settled_before_its_top_up() {
        for (occurred, open, top_up, settled) in [
            (EARLY, None, EARLY, EARLY),
            (MIDDLE, Some(EARLY), EARLY, MIDDLE),
            (EARLY, Some(MIDDLE), EARLY, MIDDLE),
            (EARLY, Some(MIDDLE), LATE, LATE),
        ] {
            assert_eq!(refund_settle_period(occurred, open, top_up), settled, "{occurred} {open:?} {top_up}");
        }
    }
}

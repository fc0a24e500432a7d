//! The spans of days that statistics are shown by, and the quarters of an hour that any zone's days are made of.

use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};
use entity::{Moment, Period};

use super::error::Invalid;
use super::word::{self, UnknownWord};

/// A quarter of an hour in microseconds: every zone's days since 1972 begin at the beginning of one.
const QUARTER_MICROS: i64 = 900_000_000;
/// The longest span that can be asked for.
const MAX_MONTHS: u32 = 36;
/// No span that can be asked for is divided into more: three years by day, one of them a leap year.
pub const MAX_INTERVALS: usize = 1_096;

/// The quarter of an hour of UTC that holds a moment, counted from 1970.
pub fn quarter_of(at: Moment) -> i32 {
    i32::try_from(at.0.div_euclid(QUARTER_MICROS)).unwrap_or(i32::MAX)
}

/// The moment at which a quarter of an hour begins.
pub fn quarter_begins(quarter: i32) -> Moment {
    Moment(i64::from(quarter) * QUARTER_MICROS)
}

/// How a span of days is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    Day,
    /// From Monday, as ISO 8601 has it.
    Week,
    Month,
    /// From the 1st and from the 15th, as settlements are.
    Period,
}

impl Interval {
    pub const ALL: [Interval; 4] = [Interval::Day, Interval::Week, Interval::Month, Interval::Period];

    /// The name in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Interval::Day => "DAY",
            Interval::Week => "WEEK",
            Interval::Month => "MONTH",
            Interval::Period => "PERIOD",
        }
    }

    /// The first day of the interval after the one that holds `date`.
    fn next_after(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Interval::Day => date.succ_opt(),
            Interval::Week => {
                date.checked_add_days(Days::new(7 - u64::from(date.weekday().num_days_from_monday())))
            }
            Interval::Month => date.with_day(1)?.checked_add_months(Months::new(1)),
            Interval::Period => Some(Period::holding(date).end()),
        }
    }
}

impl FromStr for Interval {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        word::find(&Self::ALL, Self::as_str, word)
    }
}

/// Days from one to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaySpan {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl DaySpan {
    /// A span that can be asked for: at least a day, at most three years.
    ///
    /// # Errors
    /// `Invalid` names the end.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<DaySpan, Invalid> {
        if to <= from {
            return Err(Invalid::new("to", "is not after from"));
        }
        if from.checked_add_months(Months::new(MAX_MONTHS)).is_none_or(|last| to > last) {
            return Err(Invalid::new("to", "is more than three years after from"));
        }
        Ok(DaySpan { from, to })
    }

    /// The span in intervals, the first and the last cut off at its ends: no day is missing and none comes twice.
    pub fn divided(self, interval: Interval) -> Vec<DaySpan> {
        let mut spans = Vec::new();
        let mut from = self.from;
        while from < self.to {
            let to = interval.next_after(from).map_or(self.to, |next| next.min(self.to));
            spans.push(DaySpan { from, to });
            from = to;
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn check(interval: Interval, from: &str, to: &str, starts: &[&str]) {
        let spans = DaySpan::new(date(from), date(to)).unwrap().divided(interval);
        let found: Vec<String> = spans.iter().map(|span| span.from.to_string()).collect();
        assert_eq!(found, starts, "{interval:?}");
        assert_eq!(spans.last().unwrap().to, date(to));
    }

    #[test]
    fn intervals_begin_where_the_calendar_says_and_are_cut_off_at_the_ends() {
        check(Interval::Day, "2024-02-28", "2024-03-02", &["2024-02-28", "2024-02-29", "2024-03-01"]);
        // 1 January 2026 is a Thursday.
        check(Interval::Week, "2026-01-01", "2026-01-13", &["2026-01-01", "2026-01-05", "2026-01-12"]);
        check(Interval::Month, "2025-12-31", "2026-02-02", &["2025-12-31", "2026-01-01", "2026-02-01"]);
        check(Interval::Period, "2026-01-31", "2026-02-16", &["2026-01-31", "2026-02-01", "2026-02-15"]);
    }

    #[test]
    fn a_span_has_a_day_and_at_most_three_years() {
        assert!(DaySpan::new(date("2026-01-01"), date("2026-01-01")).is_err());
        assert!(DaySpan::new(date("2024-02-29"), date("2027-02-28")).is_ok());
        assert!(DaySpan::new(date("2024-02-28"), date("2027-03-01")).is_err());
    }

    #[test]
    fn three_years_by_day_are_the_most_intervals() {
        let leap_year_within = DaySpan::new(date("2023-03-01"), date("2026-03-01")).unwrap();
        assert_eq!(leap_year_within.divided(Interval::Day).len(), MAX_INTERVALS);
    }

    #[test]
    fn a_quarter_holds_its_first_moment_and_not_the_next_ones() {
        for at in [0, 899_999_999, 900_000_000, -1, 1_700_000_000_000_000] {
            let quarter = quarter_of(Moment(at));
            assert!(quarter_begins(quarter) <= Moment(at) && Moment(at) < quarter_begins(quarter + 1));
        }
    }

    proptest! {
        #[test]
        fn no_day_is_missing_and_none_comes_twice(start in 0_u64..20_000, days in 1_u64..1_000, which in 0_usize..4) {
            let from = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap().checked_add_days(Days::new(start)).unwrap();
            let span = DaySpan::new(from, from.checked_add_days(Days::new(days)).unwrap()).unwrap();
            let interval = [Interval::Day, Interval::Week, Interval::Month, Interval::Period][which];
            let spans = span.divided(interval);
            prop_assert_eq!(spans.first().unwrap().from, span.from);
            prop_assert_eq!(spans.last().unwrap().to, span.to);
            prop_assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(spans.iter().all(|span| span.from < span.to));
        }
    }
}

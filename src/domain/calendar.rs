//! Days and half-months of the programme's time zone (rule 14).

use chrono::{LocalResult, NaiveDate, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use entity::{Day, Moment, Period};

/// The longest way of a local clock from UTC, and more than the longest gap in one, in microseconds.
const FARTHEST_MICROS: i64 = 26 * 3_600 * 1_000_000;

/// The programme's calendar: it says in which local day and half-month a moment falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
}

impl Calendar {
    pub fn new(zone: Tz) -> Calendar {
        Calendar { zone }
    }

    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The period that holds a moment: the one p with starts_at(p) <= at < ends_at(p).
    pub fn period_of(&self, at: Moment) -> Period {
        let date = self.local_date(at);
        let period = Period::holding(date);
        // Where clocks go back over midnight the day before comes twice; the period has begun with the first midnight.
        if date.succ_opt() == Some(period.end()) && at >= self.ends_at(period) {
            return period.next();
        }
        period
    }

    /// The first moment of a period.
    pub fn starts_at(&self, period: Period) -> Moment {
        self.local_midnight(period.start())
    }

    /// The first moment after a period.
    pub fn ends_at(&self, period: Period) -> Moment {
        self.local_midnight(period.end())
    }

    /// The local calendar day: the one d with local_midnight(d) <= at < local_midnight(d + 1).
    pub fn day_of(&self, at: Moment) -> Day {
        let date = self.local_date(at);
        // Where clocks go back over midnight the day before comes twice, as in `period_of`.
        let next = date.succ_opt().filter(|next| self.local_midnight(*next) <= at);
        Day::from_date(next.unwrap_or(date))
    }

    /// The moment at which a local day begins: its midnight, the first one where it comes twice, and the first
    /// moment of the day (or after it) where clocks go forward over midnight.
    pub fn local_midnight(&self, date: NaiveDate) -> Moment {
        let midnight = date.and_time(NaiveTime::MIN);
        match self.zone.from_local_datetime(&midnight) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Moment(at.timestamp_micros()),
            LocalResult::None => self.first_moment_on_or_after(date, midnight.and_utc().timestamp_micros()),
        }
    }

    /// Halves the hours around the gap until the moment is found at which the local date becomes `date` or later.
    fn first_moment_on_or_after(&self, date: NaiveDate, around: i64) -> Moment {
        let (mut before, mut after) =
            (around.saturating_sub(FARTHEST_MICROS), around.saturating_add(FARTHEST_MICROS));
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.local_date(Moment(middle)) < date {
                before = middle;
            } else {
                after = middle;
            }
        }
        Moment(after)
    }

    fn local_date(&self, at: Moment) -> NaiveDate {
        let utc = at.to_utc().naive_utc();
        let offset = self.zone.offset_from_utc_datetime(&utc).fix();
        utc.checked_add_offset(offset).unwrap_or(utc).date()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::from_utc(text.parse::<DateTime<chrono::Utc>>().unwrap())
    }

    fn check_period_in(zone: Tz, at: &str, start: &str) {
        assert_eq!(Calendar::new(zone).period_of(moment(at)).to_string(), start, "{at} in {zone}");
    }

    fn check_period(at: &str, start: &str) {
        check_period_in(chrono_tz::Europe::Paris, at, start);
    }

    #[test]
    fn periods_change_at_local_midnight_of_the_1st_and_the_15th() {
        check_period("2026-10-14T21:59:59.999999Z", "2026-10-01");
        check_period("2026-10-14T22:00:00Z", "2026-10-15");
        // Winter time began on the 25th.
        check_period("2026-10-31T22:59:59Z", "2026-10-15");
        check_period("2026-10-31T22:59:59.999999Z", "2026-10-15");
        check_period("2026-10-31T23:00:00Z", "2026-11-01");
        // Summer time began on 29 March.
        check_period("2026-03-14T22:59:59.999999Z", "2026-03-01");
        check_period("2026-03-14T23:00:00Z", "2026-03-15");
        check_period("2026-03-31T21:59:59.999999Z", "2026-03-15");
        check_period("2026-03-31T22:00:00Z", "2026-04-01");
        // Leap day, the day after it, and a year without one.
        check_period("2024-02-29T22:59:59.999999Z", "2024-02-15");
        check_period("2024-02-29T23:00:00Z", "2024-03-01");
        check_period("2025-02-28T23:00:00Z", "2025-03-01");
        // Year end, and January into February.
        check_period("2025-12-31T22:59:59.999999Z", "2025-12-15");
        check_period("2025-12-31T23:00:00Z", "2026-01-01");
        check_period("2026-01-31T22:59:59.999999Z", "2026-01-15");
        check_period("2026-01-31T23:00:00Z", "2026-02-01");
    }

    #[test]
    fn a_period_has_its_zones_own_midnight() {
        check_period_in(chrono_tz::UTC, "2026-10-14T22:00:00Z", "2026-10-01");
        check_period_in(chrono_tz::Asia::Kathmandu, "2026-10-14T18:14:59Z", "2026-10-01");
        check_period_in(chrono_tz::Asia::Kathmandu, "2026-10-14T18:15:00Z", "2026-10-15");
        check_period_in(chrono_tz::America::New_York, "2026-11-01T03:59:59Z", "2026-10-15");
        check_period_in(chrono_tz::America::New_York, "2026-11-01T04:00:00Z", "2026-11-01");
    }

    #[test]
    fn clocks_that_go_back_over_midnight_do_not_open_a_period_again() {
        // St John's, 1 November 2009: at 00:01 clocks went back to 23:01 of 31 October.
        let zone = chrono_tz::America::St_Johns;
        check_period_in(zone, "2009-11-01T02:29:59.999999Z", "2009-10-15");
        check_period_in(zone, "2009-11-01T02:30:00Z", "2009-11-01");
        check_period_in(zone, "2009-11-01T02:45:00Z", "2009-11-01");
        check_period_in(zone, "2009-11-01T03:45:00Z", "2009-11-01");
        let midnight = Calendar::new(zone).starts_at(Period(20091101));
        assert_eq!(midnight, moment("2009-11-01T02:30:00Z"), "the first of two midnights");
        assert_eq!(Calendar::new(zone).day_of(moment("2009-11-01T02:45:00Z")), Day(20091101));
    }

    #[test]
    fn a_day_without_a_midnight_begins_with_its_first_moment() {
        for (zone, date, begins) in [
            (chrono_tz::America::Sao_Paulo, "2018-11-04", "2018-11-04T03:00:00Z"),
            (chrono_tz::Asia::Beirut, "2026-03-29", "2026-03-28T22:00:00Z"),
            (chrono_tz::America::Toronto, "1919-03-31", "1919-03-31T04:30:00Z"),
            (chrono_tz::Pacific::Apia, "2011-12-30", "2011-12-30T10:00:00Z"),
        ] {
            let calendar = Calendar::new(zone);
            assert_eq!(calendar.local_midnight(date.parse().unwrap()), moment(begins), "{zone}");
            assert!(calendar.day_of(Moment(moment(begins).0 - 1)).to_string().as_str() < date, "{zone}");
        }
    }

    #[test]
    fn days_are_local() {
        let calendar = Calendar::new(chrono_tz::Europe::Paris);
        assert_eq!(calendar.day_of(moment("2026-07-01T21:59:59.999999Z")), Day(20260701));
        assert_eq!(calendar.day_of(moment("2026-07-01T22:00:00Z")), Day(20260702));
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_period(seconds in 0_i64..4_102_444_800, zone in 0..chrono_tz::TZ_VARIANTS.len()) {
            let calendar = Calendar::new(chrono_tz::TZ_VARIANTS[zone]);
            let at = Moment(seconds * 1_000_000);
            let period = calendar.period_of(at);
            prop_assert!(calendar.starts_at(period) <= at && at < calendar.ends_at(period));
            let start = calendar.starts_at(period);
            prop_assert_eq!(calendar.period_of(start), period);
            prop_assert_eq!(calendar.period_of(Moment(start.0 - 1)), period.previous());
            let day = calendar.day_of(at).to_date();
            prop_assert!(calendar.local_midnight(day) <= at && at < calendar.local_midnight(day.succ_opt().unwrap()));
        }
    }
}

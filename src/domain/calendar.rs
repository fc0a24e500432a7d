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

    /// The local calendar day.
    pub fn day_of(&self, at: Moment) -> Day {
        Day::from_date(self.local_date(at))
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

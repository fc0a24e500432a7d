//! Half-months of a time zone (rule 14).

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// In which half-month a moment falls, and when one begins.
#[derive(Clone, Copy, Debug)]
pub struct Calendar(pub Tz);

impl Calendar {
    pub fn period_of(self, at: i64) -> NaiveDate {
        let local = utc(at).with_timezone(&self.0).date_naive();
        local.with_day(if local.day() < 15 { 1 } else { 15 }).unwrap()
    }

    /// The midnight with which a day begins.
    pub fn starts_at(self, day: NaiveDate) -> i64 {
        self.0.from_local_datetime(&day.and_time(NaiveTime::MIN)).earliest().unwrap().timestamp_micros()
    }

    pub fn local_day(self, at: i64) -> NaiveDate {
        utc(at).with_timezone(&self.0).date_naive()
    }
}

/// The half-month after one.
pub fn next(period: NaiveDate) -> NaiveDate {
    if period.day() == 1 {
        period.with_day(15).unwrap()
    } else {
        (period.with_day(1).unwrap() + chrono::Months::new(1)).with_day(1).unwrap()
    }
}

pub fn utc(at: i64) -> DateTime<Utc> {
    Utc.timestamp_micros(at).unwrap()
}

pub fn utc_day(at: i64) -> NaiveDate {
    utc(at).date_naive()
}

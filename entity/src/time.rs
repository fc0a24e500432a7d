//! Moments, days and periods as the tables keep them: integers that sort, compare and group alike on both databases.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeZone, Utc};
use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

/// A moment in microseconds since 1970 in UTC: the resolution that both databases keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(DeriveValueType)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// The beginning of time, from which a first attribution holds (rule 6).
    pub const BEGINNING: Moment = Moment(0);
    /// After every moment: "as far as is known".
    pub const END: Moment = Moment(i64::MAX);

    /// Truncates to the microsecond.
    pub fn from_utc(at: DateTime<Utc>) -> Moment {
        Moment(at.timestamp_micros())
    }

    pub fn to_utc(self) -> DateTime<Utc> {
        Utc.timestamp_micros(self.0).single().unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// The calendar day in UTC.
    pub fn utc_day(self) -> Day {
        Day::from_date(self.to_utc().date_naive())
    }

    pub fn plus(self, duration: chrono::Duration) -> Moment {
        Moment(self.0.saturating_add(duration.num_microseconds().unwrap_or(i64::MAX)))
    }

    pub fn minus(self, duration: chrono::Duration) -> Moment {
        Moment(self.0.saturating_sub(duration.num_microseconds().unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC, fractions only where there are any: `2026-11-15T00:00:00Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// A calendar day as the number YYYYMMDD, readable in the table and sorting as the calendar does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(DeriveValueType)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    pub fn from_date(date: NaiveDate) -> Day {
        Day(yyyymmdd(date))
    }

    pub fn to_date(self) -> NaiveDate {
        date_of(self.0)
    }
}

/// Prints `2026-11-15`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_date().fmt(f)
    }
}

/// A half-month of the programme's calendar, named by its first day (rule 14): YYYYMM01 or YYYYMM15. Where a
/// day begins depends on the programme's time zone, which the domain knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(DeriveValueType)]
#[serde(transparent)]
pub struct Period(pub i32);

impl Period {
    /// Before every period: what holds "from the beginning" is kept under it.
    pub const BEGINNING: Period = Period(0);
    /// After every period: "not taken back" in the kept sums.
    pub const NEVER: Period = Period(99_999_999);

    /// The period that holds a local calendar day.
    pub fn holding(date: NaiveDate) -> Period {
        let first = if date.day() < 15 { 1 } else { 15 };
        Period(yyyymmdd(date) / 100 * 100 + first)
    }

    /// The first local day.
    pub fn start(self) -> NaiveDate {
        date_of(self.0)
    }

    /// The first local day after it.
    pub fn end(self) -> NaiveDate {
        self.next().start()
    }

    pub fn next(self) -> Period {
        let (year, month, day) = (self.0 / 10_000, self.0 / 100 % 100, self.0 % 100);
        match (month, day) {
            (_, 1) => Period(self.0 + 14),
            (12, _) => Period((year + 1) * 10_000 + 101),
            _ => Period(year * 10_000 + (month + 1) * 100 + 1),
        }
    }

    pub fn previous(self) -> Period {
        let (year, month, day) = (self.0 / 10_000, self.0 / 100 % 100, self.0 % 100);
        match (month, day) {
            (_, 15) => Period(self.0 - 14),
            (1, _) => Period((year - 1) * 10_000 + 1215),
            _ => Period(year * 10_000 + (month - 1) * 100 + 15),
        }
    }
}

/// Prints its first day: `2026-11-15`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().fmt(f)
    }
}

fn yyyymmdd(date: NaiveDate) -> i32 {
    date.year() * 10_000 + i32::try_from(date.month() * 100 + date.day()).unwrap_or(0)
}

/// A number that is no date (only a changed database could hold one) is the earliest date there is.
fn date_of(number: i32) -> NaiveDate {
    let (month, day) = (number / 100 % 100, number % 100);
    NaiveDate::from_ymd_opt(number / 10_000, month.unsigned_abs(), day.unsigned_abs())
        .unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_one_another_over_month_and_year_ends() {
        for (period, next) in
            [(20240101, 20240115), (20240115, 20240201), (20240215, 20240301), (20241215, 20250101)]
        {
            assert_eq!(Period(period).next(), Period(next));
            assert_eq!(Period(next).previous(), Period(period));
        }
    }

    #[test]
    fn a_period_holds_the_days_from_its_first_to_before_the_next() {
        let holding = |y, m, d| Period::holding(NaiveDate::from_ymd_opt(y, m, d).unwrap()).0;
        assert_eq!(holding(2024, 2, 29), 20240215);
        assert_eq!(holding(2024, 3, 1), 20240301);
        assert_eq!(holding(2024, 3, 14), 20240301);
        assert_eq!(holding(2024, 3, 15), 20240315);
    }

    #[test]
    fn a_moment_prints_as_rfc_3339_in_utc() {
        assert_eq!(Moment(1_700_000_000_000_000).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(Moment(1_700_000_000_000_001).to_string(), "2023-11-14T22:13:20.000001Z");
    }
}

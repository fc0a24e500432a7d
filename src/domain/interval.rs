//! Intervals of time that statistics are shown by, and the quarters of an hour that they are made of.

use entity::Moment;

/// A quarter of an hour in microseconds: every zone's days since 1972 begin at the beginning of one.
const QUARTER_MICROS: i64 = 900_000_000;

/// The quarter of an hour of UTC that holds a moment, counted from 1970.
pub fn quarter_of(at: Moment) -> i32 {
    i32::try_from(at.0.div_euclid(QUARTER_MICROS)).unwrap_or(i32::MAX)
}

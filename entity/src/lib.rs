//! The nouns of the programme: one file a table, and the values they are made of.

mod money;
mod time;

pub use money::{MICROS_PER_UNIT, Money, MoneyError, RateBasisPoints};
pub use time::{Day, Moment, Period};

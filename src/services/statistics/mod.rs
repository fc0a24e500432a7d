//! Figures over time: what is added up as facts arrive, and what is read of it.

mod count;

pub use count::{CountedRegistration, CountedVisit, count_lines, count_registrations, count_visits};

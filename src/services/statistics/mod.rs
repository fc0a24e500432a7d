//! Figures over time: what is added up as facts arrive, and what is read of it.

mod count;
mod read;
mod rebuild;
mod sums;

pub use count::{CountedRegistration, CountedVisit, count_lines, count_registrations, visit_counts};
pub use read::{LinkFigures, LinkKey, Point, Request, Statistics, by_link, of_links, of_partner, time_zone};
pub use rebuild::rebuild;
pub use sums::{Figures, LinkFilter, VERDICTS};

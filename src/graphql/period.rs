//! A half-month as the interface shows it.

use async_graphql::{Context, Enum, Object};
use entity::SettlementStatus;

use super::error::Result;
use super::request::{app, loaders};
use super::scalar::{Date, DateTime};
use crate::services::standing::Books;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub entity::Period);

/// A half-month, [start, end) in the programme's time zone: from the 1st to the 15th, or from the 15th to the 1st.
#[Object]
impl Period {
    /// Its first day.
    async fn start(&self) -> Date {
        Date(self.0.start())
    }

    /// The first day after it.
    async fn end(&self) -> Date {
        Date(self.0.end())
    }

    /// Its first moment.
    async fn starts_at(&self, context: &Context<'_>) -> Result<DateTime> {
        Ok(DateTime(app(context)?.terms.calendar.starts_at(self.0)))
    }

    /// The first moment after it.
    async fn ends_at(&self, context: &Context<'_>) -> Result<DateTime> {
        Ok(DateTime(app(context)?.terms.calendar.ends_at(self.0)))
    }

    /// Whether it is settled.
    async fn status(&self, context: &Context<'_>) -> Result<PeriodStatus> {
        Ok(status_of(self.0, loaders(context)?.books().await?))
    }
}

/// How far the settlement of a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PeriodStatus {
    /// Lines can still fall into it.
    Open,
    /// Closed; its statements are being written.
    Closing,
    /// Closed, and every statement is written.
    Settled,
}

fn status_of(period: entity::Period, books: Books) -> PeriodStatus {
    match books.last {
        Some((closed, SettlementStatus::Running)) if period == closed => PeriodStatus::Closing,
        Some((closed, _)) if period <= closed => PeriodStatus::Settled,
        _ => PeriodStatus::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_open_until_it_is_closed_and_closing_until_its_last_statement() {
        let period = entity::Period(20261001);
        let status = |last| status_of(period, Books { last, ..Books::default() });
        assert_eq!(status(None), PeriodStatus::Open);
        assert_eq!(status(Some((period.previous(), SettlementStatus::Running))), PeriodStatus::Open);
        assert_eq!(status(Some((period, SettlementStatus::Running))), PeriodStatus::Closing);
        assert_eq!(status(Some((period, SettlementStatus::Completed))), PeriodStatus::Settled);
        assert_eq!(status(Some((period.next(), SettlementStatus::Running))), PeriodStatus::Settled);
    }
}

//! Where a partner is heading on today's figures: what the next settlement would do, by the rules that it follows.

use entity::{Moment, Money, PartnerStatus, Period, SettlementStatus};

use super::error::ServiceError;
use super::position::Position;
use crate::app::{App, Terms};
use crate::domain::settlement::{RateSum, StatementFacts, StatementFigures, draw_up};
use crate::domain::tier::{Tier, tier_for};

/// What comes if nothing more happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub active_clients_now: u32,
    /// The tier of the period after the oldest open one.
    pub tier: Tier,
    pub clients_to_next_tier: Option<u32>,
    /// What the next settlement will credit.
    pub next_credit: Money,
    pub next_settlement_at: Moment,
}

/// When a period is settled by itself; `oldest_open` is none before a first line exists.
pub fn next_settlement_at(terms: &Terms, oldest_open: Option<Period>, now: Moment) -> Moment {
    let period = oldest_open.unwrap_or_else(|| terms.calendar.period_of(now));
    terms.calendar.ends_at(period).plus(terms.settlement_grace)
}

/// Draws up the partner's next statement in memory.
pub fn forecast(app: &App, position: &Position) -> Result<Forecast, ServiceError> {
    let now = app.clock.now();
    let oldest_open = position.rates.books().oldest_open();
    let period = oldest_open.unwrap_or_else(|| app.terms.calendar.period_of(now));
    let active_clients = position.active_at_end;
    let tiers = position.rates.table(period.next());
    let tier = tier_for(tiers, active_clients).clone();
    let at_end = AtEnd {
        active_clients,
        minimum_active_clients: app.terms.minimum_active_clients,
        is_suspended: position.partner.status == PartnerStatus::Suspended,
    };
    let next = draw(position, period, at_end, carried_on(position)?)?;
    Ok(Forecast {
        active_clients_now: position.active_now,
        clients_to_next_tier: tiers
            .next_after(&tier)
            .map(|next| next.minimum_active_clients.saturating_sub(active_clients)),
        tier,
        next_credit: next.credited,
        next_settlement_at: next_settlement_at(&app.terms, oldest_open, now),
    })
}

/// What is carried into the oldest open period: while the one before is being settled and his turn has not come, what
/// his statement of that one will carry out.
fn carried_on(position: &Position) -> Result<Money, ServiceError> {
    let books = position.rates.books();
    match books.last {
        Some((closed, SettlementStatus::Running)) if !position.is_settled(closed) => {
            let (active_clients, is_suspended) = position.rates.at_the_end(position.partner.id, closed);
            let at_end = AtEnd { active_clients, minimum_active_clients: books.last_minimum, is_suspended };
            Ok(draw(position, closed, at_end, position.carried)?.carried_out)
        }
        _ => Ok(position.carried),
    }
}

/// What holds at the end of a period.
struct AtEnd {
    active_clients: u32,
    minimum_active_clients: u32,
    is_suspended: bool,
}

/// The partner's statement of a period that has none yet.
fn draw(
    position: &Position,
    period: Period,
    at_end: AtEnd,
    carried_in: Money,
) -> Result<StatementFigures, ServiceError> {
    let id = position.partner.id;
    let settled = position.open_sums.iter().filter(|sum| sum.settle_period == period);
    let facts = StatementFacts {
        active_clients: at_end.active_clients,
        minimum_active_clients: at_end.minimum_active_clients,
        is_suspended: at_end.is_suspended,
        carried_in,
        sums: settled
            .map(|sum| RateSum {
                base: sum.base,
                top_ups: sum.top_ups,
                rate: position.rates.rate(id, sum.rate_period).rate,
            })
            .collect(),
    };
    draw_up(&facts).ok_or_else(|| {
        ServiceError::Broken(format!("the statement of partner {id} for {period} leaves 64 bits"))
    })
}

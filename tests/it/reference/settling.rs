//! Counts, standings and statements (rules 16 to 20).

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::money::MovementKind;
use super::time::next;
use super::{DAY, Line, LineState, Outcome, Tier, World};

/// What is fixed for a partner when the period before is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub active_clients: u32,
    pub tier: Tier,
    pub is_suspended: bool,
}

/// What a settlement did for a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub period: NaiveDate,
    pub partner: String,
    pub active_clients: u32,
    pub tier: &'static str,
    /// Basis points.
    pub rate: i64,
    pub top_ups: i64,
    pub base: i64,
    pub commission: i64,
    pub carried_in: i64,
    pub credited: i64,
    pub carried_out: i64,
    pub reason: Option<&'static str>,
    /// Available right after it.
    pub closing_balance: i64,
}

/// A closed period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub period: NaiveDate,
}

impl World {
    /// Rule 19: what follows the last settlement; at first the period of the earliest line.
    pub fn oldest_open(&self) -> Option<NaiveDate> {
        let first = || self.lines.iter().map(|line| line.rate_period).min();
        self.settlements.last().map(|last| next(last.period)).or_else(first)
    }

    /// Rule 19: strictly in order, never one that has not ended.
    pub fn settle(&mut self, at: i64, until: Option<NaiveDate>, grace: i64) -> Outcome {
        let mut outcome = Outcome::Done("NothingDue");
        while let Some(period) = self.oldest_open() {
            let ends = self.terms.calendar.starts_at(next(period));
            if ends + grace > at || until.is_some_and(|until| next(period) > until) {
                break;
            }
            self.close(period);
            outcome = Outcome::Done("Settled");
        }
        outcome
    }

    fn close(&mut self, period: NaiveDate) {
        let partners: Vec<String> = self.codes.keys().cloned().collect();
        for partner in &partners {
            let active_clients = self.active_clients(partner, period);
            let tier =
                *self.table(next(period)).iter().rfind(|(_, floor, _)| *floor <= active_clients).unwrap();
            let is_suspended = self.suspended.contains(partner);
            let standing = Standing { active_clients, tier, is_suspended };
            self.standings.insert((next(period), partner.clone()), standing);
        }
        self.settlements.push(Settlement { period });
        for partner in &partners {
            self.draw_up(partner, period);
        }
    }

    /// Rule 16, at the end of a period.
    pub fn active_clients(&self, partner: &str, period: NaiveDate) -> u32 {
        let instant = self.terms.calendar.starts_at(next(period));
        let counts = |line: &&Line| {
            line.reverses.is_none()
                && line.partner == partner
                && line.state == LineState::Earning
                && line.settle_period.is_some_and(|settled| settled <= period)
                && (instant - 90 * DAY..instant).contains(&line.occurred_at)
                && self.refunded_by(line, period) < line.amount
        };
        let clients: BTreeSet<&String> = self.lines.iter().filter(counts).map(|line| &line.client).collect();
        u32::try_from(clients.len()).unwrap()
    }

    /// What of a top-up is refunded by refunds settled in a period or before.
    fn refunded_by(&self, top_up: &Line, period: NaiveDate) -> i64 {
        let refunds = self.lines.iter().filter(|line| line.reverses.as_ref() == Some(&top_up.external_id));
        refunds
            .filter(|line| line.settle_period.is_some_and(|settled| settled <= period))
            .map(|line| line.amount)
            .sum()
    }

    /// Rule 17: the table in force in a period.
    pub fn table(&self, period: NaiveDate) -> &[Tier] {
        let set = self.tables.iter().rfind(|(from, _)| *from <= period);
        set.map_or(&self.terms.tiers, |(_, tiers)| tiers)
    }

    /// Rule 17: a partner's tier in a period.
    pub fn tier(&self, partner: &str, period: NaiveDate) -> Tier {
        let standing = self.standings.get(&(period, partner.to_owned()));
        standing.map_or(self.table(period)[0], |standing| standing.tier)
    }

    /// Rule 17: basis points. An individual rate below the first tier gives way to it.
    pub fn rate(&self, partner: &str, period: NaiveDate) -> i64 {
        let first = self.table(period)[0].2;
        self.individual_rate(partner, period).map_or(self.tier(partner, period).2, |rate| rate.max(first))
    }

    pub fn individual_rate(&self, partner: &str, period: NaiveDate) -> Option<i64> {
        let set = self.individual.iter().rfind(|(whose, from, _)| whose == partner && *from <= period);
        set.and_then(|(_, _, rate)| *rate)
    }

    /// What a partner's last statement carried out.
    pub fn carried(&self, partner: &str) -> i64 {
        self.statements
            .iter()
            .rfind(|statement| statement.partner == partner)
            .map_or(0, |last| last.carried_out)
    }

    /// Rule 20.
    fn draw_up(&mut self, partner: &str, period: NaiveDate) {
        let settled = |line: &&Line| line.partner == partner && line.settle_period == Some(period);
        let lines: Vec<Line> = self.lines.iter().filter(settled).cloned().collect();
        let carried_in = self.carried(partner);
        if lines.is_empty() && carried_in == 0 {
            return;
        }
        let commission = lines.iter().map(|line| {
            let product = i128::from(line.base) * i128::from(self.rate(partner, line.rate_period));
            assert_eq!(product % 10_000, 0, "rule 9: never rounded");
            i64::try_from(product / 10_000).unwrap()
        });
        let commission: i64 = commission.sum();
        let at_the_end = self.standings[&(next(period), partner.to_owned())];
        let net = carried_in + commission;
        let reason = if net == 0 {
            None
        } else if at_the_end.is_suspended {
            Some("PARTNER_SUSPENDED")
        } else if net < 0 {
            Some("NEGATIVE_NET")
        } else if at_the_end.active_clients < self.terms.minimum_active_clients {
            Some("TOO_FEW_ACTIVE_CLIENTS")
        } else {
            None
        };
        let (credited, carried_out) = if reason.is_none() { (net, 0) } else { (0, net) };
        if credited > 0 {
            self.move_money(partner, MovementKind::Commission, credited);
        }
        self.statements.push(Statement {
            period,
            partner: partner.to_owned(),
            active_clients: at_the_end.active_clients,
            tier: self.tier(partner, period).0,
            rate: self.rate(partner, period),
            top_ups: i64::try_from(lines.iter().filter(|line| line.base > 0).count()).unwrap(),
            base: lines.iter().map(|line| line.base).sum(),
            commission,
            carried_in,
            credited,
            carried_out,
            reason,
            closing_balance: self.available(partner),
        });
    }
}

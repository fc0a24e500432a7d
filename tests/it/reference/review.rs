//! What staff decides: reviews, holds, another partner, rates and tiers (rules 6, 17, 22).

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::time::next;
use super::{Line, LineState, Outcome, Referral, Tier, World};

impl World {
    /// Rule 22: a held top-up with all its refunds.
    pub fn review(&mut self, top_up: &str, to: LineState) -> Outcome {
        let held = self.lines.iter().find(|line| line.reverses.is_none() && line.external_id == top_up);
        match held.map(|line| line.state) {
            None => return Outcome::Refused("NotFound"),
            Some(state) if state == to => return Outcome::Refused("AlreadyDone"),
            Some(LineState::Held) => {}
            Some(_) => return Outcome::Refused("IllegalTransition"),
        }
        self.judge(top_up, to);
        Outcome::Done("Reviewed")
    }

    fn judge(&mut self, top_up: &str, to: LineState) {
        let is_concerned = |line: &Line| {
            line.reverses.as_deref() == Some(top_up)
                || (line.reverses.is_none() && line.external_id == top_up)
        };
        // The top-up stands before its refunds, which are never settled before it.
        let mut of_top_up = None;
        for place in 0..self.lines.len() {
            if !is_concerned(&self.lines[place]) {
                continue;
            }
            let occurred_in = self.terms.calendar.period_of(self.lines[place].occurred_at);
            let settled_in = Some(self.settled_in(occurred_in)).max(of_top_up);
            of_top_up = of_top_up.or(settled_in);
            let line = &mut self.lines[place];
            line.state = to;
            line.reason = (to == LineState::Rejected).then_some("REJECTED_BY_STAFF");
            line.settle_period = settled_in.filter(|_| to == LineState::Earning);
        }
    }

    pub fn hold(&mut self, client: &str) -> Outcome {
        let mut referrals = self.referrals.iter_mut().filter(|referral| referral.client == client).peekable();
        if referrals.peek().is_none() {
            return Outcome::Refused("NotFound");
        }
        let mut outcome = Outcome::Refused("AlreadyDone");
        for referral in referrals.filter(|referral| referral.hold.is_none()) {
            referral.hold = Some("UNDER_REVIEW");
            outcome = Outcome::Done("Held");
        }
        outcome
    }

    pub fn clear(&mut self, client: &str, release: bool) -> Outcome {
        let mut referrals = self.referrals.iter_mut().filter(|referral| referral.client == client).peekable();
        if referrals.peek().is_none() {
            return Outcome::Refused("NotFound");
        }
        let mut outcome = Outcome::Refused("AlreadyDone");
        for referral in referrals.filter(|referral| referral.hold.is_some()) {
            referral.hold = None;
            outcome = Outcome::Done("Cleared");
        }
        let held: Vec<String> = self
            .lines
            .iter()
            .filter(|line| {
                release && line.client == client && line.reverses.is_none() && line.state == LineState::Held
            })
            .map(|line| line.external_id.clone())
            .collect();
        for top_up in held {
            self.judge(&top_up, LineState::Earning);
            outcome = Outcome::Done("Cleared");
        }
        if outcome == Outcome::Done("Cleared") {
            self.forgive_hashes(client);
        }
        outcome
    }

    /// Rule 7: what the client shares with his partners by now has been looked at.
    fn forgive_hashes(&mut self, client: &str) {
        let of_client: Vec<String> = self
            .hashes
            .iter()
            .filter(|(account, _)| account == client)
            .map(|(_, hash)| hash.clone())
            .collect();
        for referral in self.referrals.iter_mut().filter(|referral| referral.client == client) {
            let shared = of_client
                .iter()
                .filter(|hash| self.hashes.contains(&(referral.partner.clone(), (*hash).clone())));
            referral.cleared.extend(shared.cloned());
        }
    }

    /// Rule 6: what occurs from now on is the new partner's.
    pub fn reassign(&mut self, at: i64, client: &str, partner: &str) -> Outcome {
        if !self.registered.contains(client) {
            return Outcome::Refused("NotFound");
        }
        if client == partner {
            return Outcome::Refused("SelfReferral");
        }
        let current = self
            .referrals
            .iter()
            .position(|referral| referral.client == client && referral.until == i64::MAX);
        let before = current.map(|place| self.referrals[place].clone());
        if before.as_ref().is_some_and(|before| before.partner == partner) {
            return Outcome::Refused("AlreadyDone");
        }
        // A hold for review is the client's and goes with him; a shared hash is the pair's.
        let hold = match self.shares_hash(client, partner) {
            true => Some("SHARED_PAYMENT_INSTRUMENT"),
            false => before.and_then(|before| before.hold).filter(|hold| *hold == "UNDER_REVIEW"),
        };
        if let Some(place) = current {
            self.referrals[place].until = at;
        }
        let (client, partner) = (client.to_owned(), partner.to_owned());
        let cleared = BTreeSet::new();
        self.referrals.push(Referral { client, partner, since: at, until: i64::MAX, hold, cleared });
        Outcome::Done("Reassigned")
    }

    /// Rule 17: from the oldest open period on, from the beginning before a first line exists.
    pub fn set_rate(&mut self, partner: &str, rate: Option<i64>) -> Outcome {
        if rate.is_some_and(|rate| rate < 1_000) {
            return Outcome::Refused("Invalid");
        }
        let from = self.oldest_open().unwrap_or(NaiveDate::MIN);
        let later = self.individual.iter().filter(|(whose, since, _)| whose == partner && *since > from);
        let mut periods = later.map(|(_, since, _)| *since).chain([from]);
        if periods.all(|period| self.individual_rate(partner, period) == rate) {
            return Outcome::Refused("AlreadyDone");
        }
        self.individual.push((partner.to_owned(), from, rate));
        Outcome::Done("RateSet")
    }

    /// Rule 17: from the next settlement on, which fixes the standings of the period after the oldest open one.
    pub fn set_tiers(&mut self, tiers: &[Tier]) -> Outcome {
        let from = self.oldest_open().map_or(NaiveDate::MIN, next);
        let mut periods =
            self.tables.iter().map(|(since, _)| *since).filter(|since| *since > from).chain([from]);
        if periods.all(|period| self.table(period) == tiers) {
            return Outcome::Refused("AlreadyDone");
        }
        self.tables.push((from, tiers.to_vec()));
        Outcome::Done("TiersSet")
    }
}

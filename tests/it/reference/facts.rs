//! Registrations, top-ups and refunds: what is recorded, parked or refused (rules 6 to 15, 22).

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::time::utc_day;
use super::{CENT, DAY, Outcome, Rate, Referral, SECOND, UNIT, World};

/// A top-up as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpFact {
    pub external_id: String,
    pub client: String,
    pub occurred_at: i64,
    pub amount: i64,
    pub currency: String,
    pub kind: &'static str,
    pub hash: Option<String>,
}

/// A refund as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundFact {
    pub external_id: String,
    pub top_up: String,
    pub client: String,
    pub occurred_at: i64,
    pub amount: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineState {
    Earning,
    Held,
    Rejected,
    NotEarning,
}

/// A line of the commission history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub external_id: String,
    /// The external id of the top-up that a refund takes back; none for a top-up.
    pub reverses: Option<String>,
    pub client: String,
    pub partner: String,
    pub occurred_at: i64,
    pub recorded_at: i64,
    pub amount: i64,
    pub currency: String,
    pub kind: &'static str,
    pub base: i64,
    pub rate_period: NaiveDate,
    pub settle_period: Option<NaiveDate>,
    pub state: LineState,
    pub reason: Option<&'static str>,
}

/// A fact that waits, with the base that a top-up had on arrival.
#[derive(Clone, Debug)]
pub struct Parked {
    pub fact: ParkedFact,
    pub arrived_at: i64,
    /// A refund that no longer fitted when its top-up came.
    pub is_refused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParkedFact {
    TopUp(TopUpFact, i64),
    Refund(RefundFact),
}

impl Parked {
    /// Rule 12: 45 days.
    pub fn is_expired(&self, at: i64) -> bool {
        !self.is_refused && at >= self.arrived_at + 45 * DAY
    }

    pub fn waits(&self, at: i64) -> bool {
        !self.is_refused && !self.is_expired(at)
    }

    pub fn client(&self) -> &str {
        match &self.fact {
            ParkedFact::TopUp(fact, _) => &fact.client,
            ParkedFact::Refund(fact) => &fact.client,
        }
    }

    pub fn external_id(&self) -> &str {
        match &self.fact {
            ParkedFact::TopUp(fact, _) => &fact.external_id,
            ParkedFact::Refund(fact) => &fact.external_id,
        }
    }

    pub fn is_top_up(&self) -> bool {
        matches!(self.fact, ParkedFact::TopUp(..))
    }

    fn occurred_at(&self) -> i64 {
        match &self.fact {
            ParkedFact::TopUp(fact, _) => fact.occurred_at,
            ParkedFact::Refund(fact) => fact.occurred_at,
        }
    }
}

/// numerator / denominator, half to even.
pub fn half_to_even(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    match (2 * rest).cmp(&denominator) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Greater => whole + 1,
        std::cmp::Ordering::Equal => whole + whole.rem_euclid(2),
    }
}

fn decimals_of(currency: &str) -> u32 {
    if currency == "JPY" { 0 } else { 2 }
}

impl World {
    /// Rule 10: a rate on record is never overwritten.
    pub fn publish(&mut self, currency: &str, day: NaiveDate, rate: Rate) -> Outcome {
        let key = (currency.to_owned(), day);
        match self.rates.get(&key) {
            Some(known) if *known == rate => Outcome::Done("Replayed"),
            Some(_) => Outcome::Refused("Conflict"),
            None => {
                self.rates.insert(key, rate);
                Outcome::Done("Recorded")
            }
        }
    }

    /// Rules 6 and 7.
    pub fn register(&mut self, at: i64, client: &str, code: Option<&str>, hash: Option<&str>) -> Outcome {
        if !self.registered.insert(client.to_owned()) {
            return Outcome::Done("Replayed");
        }
        self.hashes.extend(hash.map(|hash| (client.to_owned(), hash.to_owned())));
        let partner = code.and_then(|code| self.partner_of_code(code)).cloned();
        let partner = partner.filter(|partner| !self.suspended.contains(partner));
        let waiting: Vec<Parked> = self
            .parked
            .iter()
            .filter(|parked| parked.client() == client && parked.waits(at))
            .cloned()
            .collect();
        let Some(partner) = partner.filter(|partner| partner != client) else {
            // What waited for him belongs to nobody.
            self.parked.retain(|parked| parked.client() != client || !parked.waits(at));
            return Outcome::Done("Direct");
        };
        let hold = self.shares_hash(client, &partner).then_some("SHARED_PAYMENT_INSTRUMENT");
        self.referrals.push(Referral {
            client: client.to_owned(),
            partner,
            since: i64::MIN,
            until: i64::MAX,
            hold,
            cleared: BTreeSet::new(),
        });
        let mut top_ups: Vec<(TopUpFact, i64)> = waiting
            .into_iter()
            .filter_map(|parked| match parked.fact {
                ParkedFact::TopUp(fact, base) => Some((fact, base)),
                ParkedFact::Refund(_) => None,
            })
            .collect();
        top_ups
            .sort_by(|(a, _), (b, _)| (a.occurred_at, &a.external_id).cmp(&(b.occurred_at, &b.external_id)));
        for (fact, base) in top_ups {
            self.parked.retain(|parked| !parked.is_top_up() || parked.external_id() != fact.external_id);
            self.record_top_up(at, &fact, base, false);
        }
        Outcome::Done("Attributed")
    }

    /// Rule 7: some hash of the client is known of the partner's own account.
    pub fn shares_hash(&self, client: &str, partner: &str) -> bool {
        let of_client = self.hashes.iter().filter(|(account, _)| account == client);
        of_client.into_iter().any(|(_, hash)| self.hashes.contains(&(partner.to_owned(), hash.clone())))
    }

    /// Rule 12.
    fn is_impossible(&self, at: i64, occurred_at: i64) -> bool {
        occurred_at < self.terms.starts_at || occurred_at > at + 300 * SECOND
    }

    fn is_no_amount(amount: i64, currency: &str) -> bool {
        let finest = UNIT / 10_i64.pow(decimals_of(currency));
        amount <= 0 || amount > 1_000_000_000 * UNIT || amount % finest != 0
    }

    /// Rules 11 and 12.
    pub fn top_up(&mut self, at: i64, fact: &TopUpFact) -> Outcome {
        if self.is_impossible(at, fact.occurred_at) || Self::is_no_amount(fact.amount, &fact.currency) {
            return Outcome::Refused("Invalid");
        }
        let known =
            self.lines.iter().find(|line| line.reverses.is_none() && line.external_id == fact.external_id);
        if let Some(known) = known {
            let sent = (&fact.client, fact.occurred_at, fact.amount, &fact.currency, fact.kind);
            let same = sent == (&known.client, known.occurred_at, known.amount, &known.currency, known.kind);
            return if same { Outcome::Done("Replayed") } else { Outcome::Refused("Conflict") };
        }
        let parked =
            self.parked.iter().find(|parked| parked.is_top_up() && parked.external_id() == fact.external_id);
        if let Some(Parked { fact: ParkedFact::TopUp(known, _), .. }) =
            parked.filter(|parked| parked.waits(at))
        {
            let same = TopUpFact { hash: None, ..known.clone() } == TopUpFact { hash: None, ..fact.clone() };
            return if same { Outcome::Done("ParkedAgain") } else { Outcome::Refused("Conflict") };
        }
        let is_registered = self.registered.contains(&fact.client);
        let referral = self.referral_at(&fact.client, fact.occurred_at);
        if is_registered && referral.is_none() {
            self.keep_hash(fact);
            return Outcome::Done("NotReferred");
        }
        let Some(base) = self.base_of(fact) else { return Outcome::Refused("ExchangeRateMissing") };
        // What expired and is sent again is a new fact.
        self.parked.retain(|parked| !parked.is_top_up() || parked.external_id() != fact.external_id);
        let Some(referral) = referral.filter(|_| is_registered) else {
            self.keep_hash(fact);
            let fact = ParkedFact::TopUp(fact.clone(), base);
            self.parked.push(Parked { fact, arrived_at: at, is_refused: false });
            return Outcome::Done("Parked");
        };
        let partner = self.referrals[referral].partner.clone();
        let cleared = &self.referrals[referral].cleared;
        let shares = fact
            .hash
            .clone()
            .is_some_and(|hash| !cleared.contains(&hash) && self.hashes.contains(&(partner, hash)));
        self.keep_hash(fact);
        if shares {
            self.referrals[referral].hold.get_or_insert("SHARED_PAYMENT_INSTRUMENT");
        }
        self.record_top_up(at, fact, base, shares);
        Outcome::Done("Recorded")
    }

    fn keep_hash(&mut self, fact: &TopUpFact) {
        self.hashes.extend(fact.hash.clone().map(|hash| (fact.client.clone(), hash)));
    }

    /// Rule 10: whole cents at the rate published last in the ten days up to the top-up's.
    fn base_of(&self, fact: &TopUpFact) -> Option<i64> {
        if fact.currency == "EUR" {
            return Some(fact.amount);
        }
        let day = utc_day(fact.occurred_at);
        let published = self.rates.iter().filter(|((currency, on), _)| {
            *currency == fact.currency && *on <= day && (day - *on).num_days() <= 10
        });
        let (_, rate) = published.max_by_key(|((_, on), _)| *on)?;
        let numerator = i128::from(fact.amount) * 10_i128.pow(rate.decimals);
        let cents = half_to_even(numerator, i128::from(rate.mantissa) * i128::from(CENT));
        Some(i64::try_from(cents).unwrap() * CENT)
    }

    /// Rules 15, 22 and 27, then the refunds that waited for it.
    fn record_top_up(&mut self, at: i64, fact: &TopUpFact, base: i64, shares_instrument: bool) {
        let referral = &self.referrals[self.referral_at(&fact.client, fact.occurred_at).unwrap()];
        let hold = if shares_instrument { Some("SHARED_PAYMENT_INSTRUMENT") } else { referral.hold };
        let (state, reason) = if fact.kind != "PURCHASE" {
            (LineState::NotEarning, Some("NOT_A_PURCHASE"))
        } else if self.suspended.contains(&referral.partner) {
            (LineState::NotEarning, Some("PARTNER_SUSPENDED"))
        } else if hold.is_some() {
            (LineState::Held, hold)
        } else {
            (LineState::Earning, None)
        };
        let rate_period = self.terms.calendar.period_of(fact.occurred_at);
        self.lines.push(Line {
            external_id: fact.external_id.clone(),
            reverses: None,
            client: fact.client.clone(),
            partner: referral.partner.clone(),
            occurred_at: fact.occurred_at,
            recorded_at: at,
            amount: fact.amount,
            currency: fact.currency.clone(),
            kind: fact.kind,
            base,
            rate_period,
            settle_period: (state == LineState::Earning).then(|| self.settled_in(rate_period)),
            state,
            reason,
        });
        let mut waiting: Vec<Parked> = self
            .parked
            .iter()
            .filter(|parked| parked.waits(at))
            .filter(|parked| matches!(&parked.fact, ParkedFact::Refund(refund) if refund.top_up == fact.external_id))
            .cloned()
            .collect();
        waiting.sort_by(|a, b| (a.occurred_at(), a.external_id()).cmp(&(b.occurred_at(), b.external_id())));
        for parked in waiting {
            let ParkedFact::Refund(refund) = &parked.fact else { continue };
            let outcome = self.attach(at, refund);
            let place = self.parked.iter().position(|other| other.fact == parked.fact).unwrap();
            match outcome {
                Ok(()) => drop(self.parked.remove(place)),
                Err(_) => self.parked[place].is_refused = true,
            }
        }
    }

    /// Rule 15: where its own period is closed, the oldest one open.
    pub fn settled_in(&self, occurred_in: NaiveDate) -> NaiveDate {
        self.settlements.last().map_or(occurred_in, |last| occurred_in.max(super::time::next(last.period)))
    }

    /// Rules 12 and 13.
    pub fn refund(&mut self, at: i64, fact: &RefundFact) -> Outcome {
        let too_much = fact.amount <= 0 || fact.amount > 1_000_000_000 * UNIT;
        if self.is_impossible(at, fact.occurred_at) || too_much {
            return Outcome::Refused("Invalid");
        }
        let known =
            self.lines.iter().find(|line| line.reverses.is_some() && line.external_id == fact.external_id);
        if let Some(known) = known {
            let sent = (&fact.client, Some(&fact.top_up), fact.occurred_at, fact.amount);
            let same = sent == (&known.client, known.reverses.as_ref(), known.occurred_at, known.amount);
            return if same { Outcome::Done("Replayed") } else { Outcome::Refused("Conflict") };
        }
        let parked =
            self.parked.iter().find(|parked| !parked.is_top_up() && parked.external_id() == fact.external_id);
        if let Some(parked) = parked.filter(|parked| parked.waits(at)) {
            let same = parked.fact == ParkedFact::Refund(fact.clone());
            return if same { Outcome::Done("ParkedAgain") } else { Outcome::Refused("Conflict") };
        }
        let is_known =
            self.lines.iter().any(|line| line.reverses.is_none() && line.external_id == fact.top_up);
        let outcome = if is_known {
            match self.attach(at, fact) {
                Ok(()) => Outcome::Done("Recorded"),
                Err(refusal) => return Outcome::Refused(refusal),
            }
        } else if self.is_direct(&fact.client) {
            return Outcome::Done("NotReferred");
        } else {
            Outcome::Done("Parked")
        };
        // What expired or was refused and is sent again is a new fact.
        self.parked.retain(|parked| parked.is_top_up() || parked.external_id() != fact.external_id);
        if outcome == Outcome::Done("Parked") {
            let fact = ParkedFact::Refund(fact.clone());
            self.parked.push(Parked { fact, arrived_at: at, is_refused: false });
        }
        outcome
    }

    /// Rule 13: a line that takes back part of a top-up on record, or why not.
    fn attach(&mut self, at: i64, fact: &RefundFact) -> Result<(), &'static str> {
        let top_up =
            self.lines.iter().find(|line| line.reverses.is_none() && line.external_id == fact.top_up);
        let top_up = top_up.unwrap().clone();
        if top_up.client != fact.client || Self::is_no_amount(fact.amount, &top_up.currency) {
            return Err("Invalid");
        }
        if fact.occurred_at < top_up.occurred_at {
            return Err("Invalid");
        }
        let earlier = || self.lines.iter().filter(|line| line.reverses.as_ref() == Some(&top_up.external_id));
        let refunded: i64 = earlier().map(|line| line.amount).sum::<i64>() + fact.amount;
        let taken_back: i64 = earlier().map(|line| -line.base).sum();
        if refunded > top_up.amount {
            return Err("RefundExceedsTopUp");
        }
        let product = i128::from(top_up.base) * i128::from(refunded);
        let share = half_to_even(product, i128::from(top_up.amount) * i128::from(CENT));
        let base = taken_back - i64::try_from(share).unwrap() * CENT;
        let occurred_in = self.terms.calendar.period_of(fact.occurred_at);
        self.lines.push(Line {
            external_id: fact.external_id.clone(),
            reverses: Some(fact.top_up.clone()),
            occurred_at: fact.occurred_at,
            recorded_at: at,
            amount: fact.amount,
            base,
            settle_period: top_up.settle_period.map(|own| self.settled_in(occurred_in).max(own)),
            ..top_up
        });
        Ok(())
    }
}

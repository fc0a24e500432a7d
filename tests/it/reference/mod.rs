//! A naive reference of the programme in memory, written from its rules alone: one flat list of what happened, worked
//! through from the beginning each time; exact whole numbers; nothing is kept that can be added up again.
//!
//! It shares no code with the program. Amounts are micro-units, moments microseconds in UTC, periods their first days.

mod facts;
mod money;
mod review;
mod settling;
mod time;

pub use facts::{Line, LineState, Parked, RefundFact, TopUpFact};
pub use money::{Movement, Step, Withdrawal, WithdrawalState};
pub use settling::{Settlement, Standing, Statement};
pub use time::{Calendar, next};

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

/// Micro-units in a unit of a currency.
pub const UNIT: i64 = 1_000_000;
/// Micro-units in a cent.
pub const CENT: i64 = 10_000;
pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

/// A tier: name, floor of active clients, basis points.
pub type Tier = (&'static str, u32, i64);

/// The programme's terms.
#[derive(Clone, Debug)]
pub struct Terms {
    pub calendar: Calendar,
    pub starts_at: i64,
    pub minimum_active_clients: u32,
    pub threshold: i64,
    /// Lowest first.
    pub tiers: Vec<Tier>,
}

/// Something that is asked of the programme. Partners and clients go by their account ids.
#[derive(Clone, Debug)]
pub enum Act {
    Join {
        account: String,
        code: String,
    },
    Register {
        client: String,
        code: Option<String>,
        hash: Option<String>,
    },
    Publish {
        currency: String,
        day: NaiveDate,
        rate: Rate,
    },
    TopUp(TopUpFact),
    Refund(RefundFact),
    /// Every period that has ended, on or before a day; with the grace where the background task asks.
    Settle {
        until: Option<NaiveDate>,
        grace: i64,
    },
    Suspend {
        partner: String,
    },
    Reinstate {
        partner: String,
    },
    /// Of a top-up, by its external id.
    Release {
        top_up: String,
    },
    Reject {
        top_up: String,
    },
    Hold {
        client: String,
    },
    Clear {
        client: String,
        release: bool,
    },
    Reassign {
        client: String,
        partner: String,
    },
    SetRate {
        partner: String,
        rate: Option<i64>,
    },
    SetTiers {
        tiers: Vec<Tier>,
    },
    GrantContract {
        partner: String,
    },
    Withdraw {
        partner: String,
        amount: Option<i64>,
    },
    /// The withdrawal asked for as the n-th.
    Decide {
        withdrawal: usize,
        step: Step,
    },
    Transfer {
        partner: String,
        amount: i64,
    },
    AnswerTransfer {
        transfer: usize,
        booked: bool,
    },
}

/// Units of a currency for one of the programme's: a whole number over a power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub mantissa: i64,
    pub decimals: u32,
}

/// Something asked at a moment.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: i64,
    pub act: Act,
}

/// What came of it: a word for what was done, or the name of the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done(&'static str),
    Refused(&'static str),
}

impl Outcome {
    /// Whether nothing at all may have changed.
    pub fn changes_nothing(self) -> bool {
        matches!(self, Outcome::Refused(_) | Outcome::Done("Replayed" | "ParkedAgain" | "NothingDue"))
    }
}

/// One client with one partner for a time.
#[derive(Clone, Debug)]
pub struct Referral {
    pub client: String,
    pub partner: String,
    pub since: i64,
    pub until: i64,
    pub hold: Option<&'static str>,
    /// Hashes that staff has looked at.
    pub cleared: BTreeSet<String>,
}

/// The programme after all that happened.
#[derive(Clone, Debug)]
pub struct World {
    pub terms: Terms,
    /// By account.
    pub codes: BTreeMap<String, String>,
    pub suspended: BTreeSet<String>,
    pub contracts: BTreeSet<String>,
    /// Reported accounts.
    pub registered: BTreeSet<String>,
    pub referrals: Vec<Referral>,
    /// (account, hash)
    pub hashes: BTreeSet<(String, String)>,
    pub rates: BTreeMap<(String, NaiveDate), Rate>,
    pub lines: Vec<Line>,
    pub parked: Vec<Parked>,
    pub settlements: Vec<Settlement>,
    /// By period and partner; who is not there has no active clients and the first tier.
    pub standings: BTreeMap<(NaiveDate, String), Standing>,
    pub statements: Vec<Statement>,
    pub individual: Vec<(String, NaiveDate, Option<i64>)>,
    pub tables: Vec<(NaiveDate, Vec<Tier>)>,
    pub movements: Vec<Movement>,
    pub withdrawals: Vec<Withdrawal>,
    pub transfers: Vec<Withdrawal>,
}

impl World {
    /// Works through everything that happened; answers what came of the last of it too.
    pub fn after(terms: &Terms, events: &[Event]) -> (World, Outcome) {
        let mut world = World {
            terms: terms.clone(),
            codes: BTreeMap::new(),
            suspended: BTreeSet::new(),
            contracts: BTreeSet::new(),
            registered: BTreeSet::new(),
            referrals: Vec::new(),
            hashes: BTreeSet::new(),
            rates: BTreeMap::new(),
            lines: Vec::new(),
            parked: Vec::new(),
            settlements: Vec::new(),
            standings: BTreeMap::new(),
            statements: Vec::new(),
            individual: Vec::new(),
            tables: Vec::new(),
            movements: Vec::new(),
            withdrawals: Vec::new(),
            transfers: Vec::new(),
        };
        let mut last = Outcome::Done("Nothing");
        for event in events {
            last = world.happens(event.at, &event.act);
        }
        (world, last)
    }

    fn happens(&mut self, at: i64, act: &Act) -> Outcome {
        match act {
            Act::Join { account, code } => self.join(account, code),
            Act::Register { client, code, hash } => {
                self.register(at, client, code.as_deref(), hash.as_deref())
            }
            Act::Publish { currency, day, rate } => self.publish(currency, *day, *rate),
            Act::TopUp(fact) => self.top_up(at, fact),
            Act::Refund(fact) => self.refund(at, fact),
            Act::Settle { until, grace } => self.settle(at, *until, *grace),
            Act::Suspend { partner } => match self.suspended.insert(partner.clone()) {
                true => Outcome::Done("Suspended"),
                false => Outcome::Refused("AlreadyDone"),
            },
            Act::Reinstate { partner } => match self.suspended.remove(partner) {
                true => Outcome::Done("Reinstated"),
                false => Outcome::Refused("AlreadyDone"),
            },
            Act::Release { top_up } => self.review(top_up, LineState::Earning),
            Act::Reject { top_up } => self.review(top_up, LineState::Rejected),
            Act::Hold { client } => self.hold(client),
            Act::Clear { client, release } => self.clear(client, *release),
            Act::Reassign { client, partner } => self.reassign(at, client, partner),
            Act::SetRate { partner, rate } => self.set_rate(partner, *rate),
            Act::SetTiers { tiers } => self.set_tiers(tiers),
            Act::GrantContract { partner } => match self.contracts.insert(partner.clone()) {
                true => Outcome::Done("Granted"),
                false => Outcome::Done("Replayed"),
            },
            Act::Withdraw { partner, amount } => self.withdraw(partner, *amount),
            Act::Decide { withdrawal, step } => self.decide(*withdrawal, *step),
            Act::Transfer { partner, amount } => self.transfer(partner, *amount),
            Act::AnswerTransfer { transfer, booked } => self.answer_transfer(*transfer, *booked),
        }
    }

    /// Rule 1: a code is one partner's; a partner asked for again is the same one.
    fn join(&mut self, account: &str, code: &str) -> Outcome {
        if let Some(known) = self.codes.get(account) {
            return if known == code { Outcome::Done("Replayed") } else { Outcome::Refused("Conflict") };
        }
        if self.partner_of_code(code).is_some() {
            return Outcome::Refused("CodeTaken");
        }
        self.codes.insert(account.to_owned(), code.to_owned());
        Outcome::Done("Joined")
    }

    /// Codes are read without regard to case.
    pub fn partner_of_code(&self, code: &str) -> Option<&String> {
        self.codes.iter().find(|(_, known)| known.eq_ignore_ascii_case(code)).map(|(account, _)| account)
    }

    /// Rule 6: whose a client was when something occurred.
    pub fn referral_at(&self, client: &str, at: i64) -> Option<usize> {
        let holds =
            |referral: &Referral| referral.client == client && referral.since <= at && at < referral.until;
        self.referrals.iter().position(holds)
    }

    /// Rule 6: reported, and never anybody's.
    pub fn is_direct(&self, client: &str) -> bool {
        self.registered.contains(client) && self.referrals.iter().all(|referral| referral.client != client)
    }
}

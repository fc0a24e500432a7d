//! The demo's world: who its partners are. All of it follows from a seed and the day it was born on.

use chrono::Duration;
use entity::{Moment, Money};

use super::chance::Chance;
use super::names;

/// How large a world is, and how fast it lives.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Days from its birth to the present in which it is first shown.
    pub days: i64,
    /// Partners of each size.
    pub partners: [(Size, usize); 5],
    /// How fast clients come, in per cent of the ordinary.
    pub pace_percent: i64,
    /// Accounts a day that come without a partner, in thousandths.
    pub direct_permille: i64,
}

impl Scale {
    /// What `demo` shows: two years, some hundred partners, thousands of clients.
    pub const FULL: Scale = Scale {
        days: 730,
        partners: [(Size::Big, 4), (Size::Medium, 10), (Size::Small, 44), (Size::Tiny, 48), (Size::Idle, 14)],
        pace_percent: 100,
        direct_permille: 600,
    };
}

/// How many clients a partner brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Big,
    Medium,
    Small,
    Tiny,
    Idle,
}

impl Size {
    /// Clients a day in thousandths, between these, once the partner is known.
    fn clients_permille(self) -> (i64, i64) {
        match self {
            Size::Big => (1_100, 2_100),
            Size::Medium => (160, 420),
            Size::Small => (14, 70),
            Size::Tiny => (2, 8),
            Size::Idle => (0, 0),
        }
    }

    /// When he joins, in thousandths of the world's first years: the big ones were there early.
    fn joins_permille(self) -> (i64, i64) {
        match self {
            Size::Big => (0, 110),
            Size::Medium => (0, 420),
            Size::Small => (20, 860),
            Size::Tiny => (50, 960),
            Size::Idle => (400, 995),
        }
    }
}

/// A currency in which clients pay. Habits are the same in all: 20 EUR, 200 SEK, 3000 JPY.
#[derive(Debug, PartialEq, Eq)]
pub struct Currency {
    pub code: &'static str,
    /// Whole units for one euro, roughly.
    pub units: i64,
    /// Decimals that amounts have.
    pub minor_units: u32,
}

pub const EUR: &Currency = &Currency { code: "EUR", units: 1, minor_units: 2 };
pub const USD: &Currency = &Currency { code: "USD", units: 1, minor_units: 2 };
pub const GBP: &Currency = &Currency { code: "GBP", units: 1, minor_units: 2 };
pub const CHF: &Currency = &Currency { code: "CHF", units: 1, minor_units: 2 };
pub const SEK: &Currency = &Currency { code: "SEK", units: 10, minor_units: 2 };
pub const JPY: &Currency = &Currency { code: "JPY", units: 150, minor_units: 0 };

/// What a partner does with what he earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Has it paid out, once more than this is available.
    Withdraws {
        above: Money,
    },
    /// Calls for it.
    MovesToService,
    /// Both by turns.
    Both,
    Saves,
}

/// Partners whom things happen to, so that every state is on show whatever the day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lot {
    Ordinary,
    /// Somebody looks into his withdrawals for two weeks.
    DecidedLate,
    /// The bank takes two weeks.
    PaidLate,
    /// His wish for a contract was lost.
    NeverOffered,
    /// He does not read his contract.
    NeverAccepts,
}

impl Lot {
    /// By the number of a partner: large ones, who earn enough.
    fn of(number: usize) -> Lot {
        match number {
            1 => Lot::DecidedLate,
            2 => Lot::PaidLate,
            5 => Lot::NeverOffered,
            6 => Lot::NeverAccepts,
            _ => Lot::Ordinary,
        }
    }
}

/// A partner of the world.
#[derive(Debug)]
pub struct PartnerPlan {
    pub account_id: String,
    /// Left to the service where he is idle: then it is drawn.
    pub code: Option<String>,
    pub size: Size,
    pub joined_at: Moment,
    /// In which most of his clients pay.
    pub home: &'static Currency,
    pub habit: Habit,
    pub lot: Lot,
    /// Clients a day in thousandths, once he is known.
    pub clients_permille: i64,
    /// How many of [`names::LINKS`] he has besides his own.
    pub links: usize,
}

impl PartnerPlan {
    /// The code of one of his links; 0 is his own.
    pub fn link_code(&self, link: usize) -> Option<String> {
        let own = self.code.as_deref()?;
        match link.checked_sub(1).and_then(|further| names::LINKS.get(further)) {
            Some((suffix, ..)) => Some(format!("{own}-{suffix}")),
            None => Some(own.to_owned()),
        }
    }

    /// When he makes his further links, in days after he joined.
    pub fn link_made_at(&self, link: usize) -> Moment {
        let days = i64::try_from(link).unwrap_or(0) * 37;
        self.joined_at.plus(Duration::days(days))
    }
}

/// All that is fixed from the beginning.
#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub born: Moment,
    pub scale: Scale,
    /// The big ones first; the first of all is the one to show.
    pub partners: Vec<PartnerPlan>,
}

impl World {
    /// Makes the world that was born at a moment.
    pub fn new(seed: u64, born: Moment, scale: Scale) -> World {
        let sizes = scale.partners.iter().flat_map(|(size, count)| std::iter::repeat_n(*size, *count));
        let mut world = World { seed, born, scale, partners: Vec::new() };
        world.partners = sizes.enumerate().map(|(number, size)| world.partner(number, size)).collect();
        world
    }

    /// A moment of the world's first years, in thousandths of them.
    pub fn at_permille(&self, permille: i64) -> Moment {
        self.born.plus(Duration::minutes(self.scale.days * 1_440 * permille / 1_000))
    }

    /// The stream of draws of one thing.
    pub fn chance(&self, what: &str) -> Chance {
        Chance::of(self.seed, what)
    }

    fn partner(&self, number: usize, size: Size) -> PartnerPlan {
        let mut chance = self.chance(&format!("partner {number}"));
        let (earliest, latest) = size.joins_permille();
        let joins = if number == 0 { 4 } else { chance.between(earliest, latest) };
        let (low, high) = size.clients_permille();
        let homes = [(EUR, 74), (GBP, 8), (CHF, 7), (USD, 5), (SEK, 4), (JPY, 2)];
        let above = Money::from_units(chance.weighted(&[(100, 5), (150, 3), (250, 3), (500, 1)]));
        let habits = [
            (Habit::Withdraws { above }, 55),
            (Habit::Both, 15),
            (Habit::MovesToService, 20),
            (Habit::Saves, 10),
        ];
        let most_links = match size {
            Size::Big => names::LINKS.len() as i64,
            Size::Medium => 4,
            Size::Small => 2,
            Size::Tiny | Size::Idle => 0,
        };
        let lot = Lot::of(number);
        let is_made_to_withdraw = number == 0 || lot != Lot::Ordinary;
        let joined_at = self.at_permille(joins).plus(Duration::seconds(chance.between(0, 40_000)));
        PartnerPlan {
            account_id: format!("acct-{}", 10_001 + number * 11),
            code: (size != Size::Idle).then(|| names::code(number)),
            size,
            joined_at,
            home: if number == 0 { EUR } else { chance.weighted(&homes) },
            habit: if is_made_to_withdraw { Habit::Withdraws { above } } else { chance.weighted(&habits) },
            lot,
            clients_permille: chance.between(low, high) * self.scale.pace_percent / 100,
            links: if number == 0 {
                names::LINKS.len()
            } else {
                usize::try_from(chance.between(0, most_links)).unwrap_or(0)
            },
        }
    }
}

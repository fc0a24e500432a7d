//! The clients of the world: when they register, over which link, with which habits.

use chrono::{DateTime, Datelike, Duration, Utc, Weekday};
use entity::Moment;

use super::chance::Chance;
use super::names;
use super::world::{CHF, Currency, EUR, GBP, JPY, PartnerPlan, SEK, Size, USD, World};

/// How many clients come in a month, in per cent of the ordinary: little in summer, much in autumn.
const SEASON: [i64; 12] = [105, 95, 100, 98, 95, 90, 80, 75, 110, 112, 118, 106];
/// Days after which a partner is as well known as he will ever be.
const KNOWN_AFTER_DAYS: i64 = 560;

/// A client, or another account that registers.
#[derive(Debug)]
pub struct ClientPlan {
    pub account_id: String,
    pub way: Way,
    pub registered_at: Moment,
    /// When the provider tells of it; what the client pays before is parked.
    pub reported_at: Moment,
    pub currency: &'static Currency,
    pub payment_instrument: Option<String>,
    pub paying: Paying,
}

/// How an account comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over a link of the partner with this number.
    Link {
        partner: usize,
        link: usize,
        visitor_id: [u8; 16],
        visited_at: Moment,
    },
    /// Somebody's code was typed, or nobody's.
    Code(String),
    Alone,
}

/// How an account pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paying {
    Never,
    /// As the stream of draws has it.
    ByHabit,
    /// Every month, with the instrument named in each top-up.
    Monthly,
    /// A few times.
    AFewTimes,
}

/// All who register until then, in the order of nothing in particular.
pub fn all(world: &World, until: Moment) -> Vec<ClientPlan> {
    let numbered = world.partners.iter().enumerate();
    let mut clients: Vec<ClientPlan> =
        numbered.flat_map(|(number, partner)| of_partner(world, number, partner, until)).collect();
    clients.extend(direct(world, until));
    clients.extend(special(world));
    clients
}

/// Day after day, from when the partner joined.
fn of_partner(world: &World, number: usize, partner: &PartnerPlan, until: Moment) -> Vec<ClientPlan> {
    let mut chance = world.chance(&format!("clients of {}", partner.account_id));
    let mut clients = Vec::new();
    for (age, day) in days(partner.joined_at, until) {
        // Growth is counted in the world's own days: a small world grows up faster.
        let known = 25 + 75 * (age * 730 / world.scale.days).min(KNOWN_AFTER_DAYS) / KNOWN_AFTER_DAYS;
        let expected = partner.clients_permille * known * season(day) / 10_000;
        for _ in 0..chance.count(expected) {
            let account_id = format!("acct-{}{:04}", number + 11, clients.len() + 1);
            clients.push(client(world, partner, number, account_id, day));
        }
    }
    clients
}

fn client(
    world: &World,
    partner: &PartnerPlan,
    number: usize,
    account_id: String,
    day: Moment,
) -> ClientPlan {
    let mut chance = world.chance(&account_id);
    let registered_at = chance.time_of_day(day).max(partner.joined_at.plus(Duration::minutes(10)));
    let links = i64::try_from(partner.links).unwrap_or(0);
    // The own link is the one that most of them follow.
    let link = if chance.percent(55) { 0 } else { usize::try_from(chance.between(0, links)).unwrap_or(0) };
    let link = if partner.link_made_at(link) < registered_at { link } else { 0 };
    let code = partner.link_code(link).unwrap_or_default();
    let before = Duration::minutes(chance.weighted(&[(3, 50), (45, 25), (1_440, 15), (20_000, 10)]));
    let visited_at = registered_at.minus(before).max(partner.joined_at);
    let way = match chance.percent(68) {
        true => Way::Link { partner: number, link, visitor_id: chance.bytes(), visited_at },
        false => Way::Code(if chance.percent(20) { code.to_ascii_uppercase() } else { code }),
    };
    let is_late = chance.permille(12);
    let late = if is_late { Duration::hours(chance.between(30, 300)) } else { Duration::seconds(20) };
    let elsewhere = [(EUR, 60), (USD, 14), (GBP, 10), (CHF, 7), (SEK, 6), (JPY, 3)];
    let currency = if chance.percent(82) { partner.home } else { chance.weighted(&elsewhere) };
    let paying = if chance.percent(77) { Paying::ByHabit } else { Paying::Never };
    let has_card = chance.percent(60);
    ClientPlan {
        payment_instrument: has_card.then(|| format!("card-{account_id}")),
        account_id,
        way,
        registered_at,
        reported_at: registered_at.plus(late),
        currency,
        paying,
    }
}

/// Accounts that nobody brought.
fn direct(world: &World, until: Moment) -> Vec<ClientPlan> {
    let mut chance = world.chance("direct accounts");
    let mut clients = Vec::new();
    for (_, day) in days(world.born, until) {
        for _ in 0..chance.count(world.scale.direct_permille * season(day) / 100) {
            let registered_at = chance.time_of_day(day);
            let mistyped = chance.percent(12);
            let typed = chance.one(&names::UNKNOWN_CODES).to_owned();
            clients.push(ClientPlan {
                account_id: format!("acct-9{:05}", clients.len() + 1),
                way: if mistyped { Way::Code(typed) } else { Way::Alone },
                registered_at,
                reported_at: registered_at.plus(Duration::seconds(20)),
                currency: EUR,
                payment_instrument: None,
                paying: if chance.percent(50) { Paying::AFewTimes } else { Paying::Never },
            });
        }
    }
    clients
}

/// What the abuse rules are there for: partners' own accounts with their cards, friends who pay with them, a partner who
/// types his own code, and a token that was published.
fn special(world: &World) -> Vec<ClientPlan> {
    let mut clients = Vec::new();
    let known = world
        .partners
        .iter()
        .enumerate()
        .filter(|(_, partner)| matches!(partner.size, Size::Big | Size::Medium));
    for (number, partner) in known {
        let own_code = partner.code.clone().unwrap_or_default();
        let after =
            |permille| partner.joined_at.plus(Duration::minutes(world.scale.days * 144 * permille / 100));
        let plan = |account_id: String, way, registered_at: Moment, paying| ClientPlan {
            account_id,
            way,
            registered_at,
            reported_at: registered_at.plus(Duration::seconds(20)),
            currency: partner.home,
            payment_instrument: Some(format!("card-of-{}", partner.account_id)),
            paying,
        };
        let way = if number == 2 { Way::Code(own_code.clone()) } else { Way::Alone };
        clients.push(plan(partner.account_id.clone(), way, after(10), Paying::Never));
        if number % 3 == 0 {
            for friend in 0..3 {
                let account_id = format!("acct-{}-friend{}", number + 11, friend + 1);
                let at = after(150 + 190 * friend).plus(Duration::minutes(world.scale.days * number as i64));
                clients.push(plan(account_id, Way::Code(own_code.clone()), at, Paying::Monthly));
            }
        }
        if number == 1 {
            let visitor_id = world.chance("a published token").bytes();
            clients.extend((0..6).map(|reader| {
                let registered_at = after(500 + 25 * reader);
                let way = Way::Link { partner: number, link: 0, visitor_id, visited_at: after(480) };
                let account_id = format!("acct-{}-forum{}", number + 11, reader + 1);
                ClientPlan {
                    payment_instrument: None,
                    ..plan(account_id, way, registered_at, Paying::Monthly)
                }
            }));
        }
    }
    clients
}

/// Days from one moment to another: how many have gone by, and where each begins.
pub fn days(from: Moment, until: Moment) -> impl Iterator<Item = (i64, Moment)> {
    let midnight = Moment::from_utc(start_of_day(from.to_utc()));
    (0..).map(move |age| (age, midnight.plus(Duration::days(age)))).take_while(move |(_, day)| *day <= until)
}

fn start_of_day(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

/// How much happens on a day, in per cent of an ordinary one.
fn season(day: Moment) -> i64 {
    let date = day.to_utc().date_naive();
    let month = SEASON[usize::try_from(date.month0()).unwrap_or(0)];
    if is_weekend(day) { month * 62 / 100 } else { month * 115 / 100 }
}

pub fn is_weekend(day: Moment) -> bool {
    matches!(day.to_utc().weekday(), Weekday::Sat | Weekday::Sun)
}

/// The stream of draws of what a client pays.
pub fn payments_of(world: &World, client: &ClientPlan) -> Chance {
    world.chance(&format!("payments of {}", client.account_id))
}

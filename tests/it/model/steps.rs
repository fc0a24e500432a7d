//! What a sequence is made of: steps that name things by small numbers, resolved against what is there.

use chrono::Days;

use crate::reference::{
    Act, CENT, DAY, Event, HOUR, Line, Rate, RefundFact, SECOND, Step as Decision, Tier, TopUpFact, World,
};

/// A sequence and the moment at which it begins.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub start: i64,
    pub steps: Vec<Step>,
}

/// When a fact occurred, seen from now.
#[derive(Clone, Copy, Debug)]
pub enum When {
    HoursAgo(i64),
    /// Around the beginning of this period or an earlier one, in microseconds.
    Boundary(u8, i64),
    /// Around the edge of the window that is looked at when the oldest open period closes, in microseconds.
    WindowEdge(i64),
    /// Ahead of the clock, in seconds.
    Ahead(i64),
}

/// How what was sent before is sent again.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Nothing,
    Amount,
    Client,
    Time,
    Kind,
    Currency,
}

#[derive(Clone, Debug)]
pub enum Step {
    Wait(i64),
    Join {
        partner: u8,
        other_code: bool,
    },
    Register {
        client: u8,
        code: Option<u8>,
        hash: Option<u8>,
    },
    Publish {
        currency: bool,
        days_ago: u64,
        rate: u8,
    },
    TopUp {
        client: u8,
        when: When,
        cents: i64,
        currency: u8,
        kind: u8,
        hash: Option<u8>,
    },
    TopUpAgain {
        which: u8,
        change: Change,
    },
    /// Of the n-th last top-up.
    Refund {
        which: u8,
        later_hours: i64,
        part: u8,
        other_client: bool,
    },
    RefundAgain {
        which: u8,
        change: Change,
    },
    RefundBeforeTopUp {
        client: u8,
        when: When,
        cents: i64,
    },
    Settle {
        by_hand: Option<u8>,
    },
    Suspend(u8),
    Reinstate(u8),
    Review {
        which: u8,
        release: bool,
    },
    Hold(u8),
    Clear {
        client: u8,
        release: bool,
    },
    Reassign {
        client: u8,
        partner: u8,
    },
    SetRate {
        partner: u8,
        rate: Option<u8>,
    },
    SetTiers(u8),
    GrantContract(u8),
    Withdraw {
        partner: u8,
        part: u8,
    },
    Decide {
        which: u8,
        step: u8,
    },
    Transfer {
        partner: u8,
        part: u8,
    },
    AnswerTransfer {
        which: u8,
        booked: bool,
    },
}

fn partner(number: u8) -> String {
    format!("partner-{number}")
}

/// Partners are somebody's clients too, or nobody's.
fn client(number: u8) -> String {
    if number < 8 { format!("client-{number}") } else { partner(number - 8) }
}

fn code(number: u8) -> String {
    format!("CODE-{number}")
}

fn tables(number: u8) -> Vec<Tier> {
    match number {
        0 => vec![("Bronze", 0, 1_000), ("Silver", 2, 1_250), ("Gold", 4, 3_000)],
        1 => vec![("Only", 0, 1_100)],
        _ => vec![("Base", 0, 2_000), ("Top", 1, 5_000), ("Peak", 3, 10_000)],
    }
}

impl When {
    fn resolve(self, world: &World, now: i64) -> i64 {
        let calendar = world.terms.calendar;
        match self {
            When::HoursAgo(hours) => now - hours * HOUR,
            When::Boundary(back, micros) => {
                let mut period = calendar.period_of(now);
                for _ in 0..back {
                    period = calendar.period_of(calendar.starts_at(period) - SECOND);
                }
                calendar.starts_at(period) + micros
            }
            When::WindowEdge(micros) => {
                let open = world.oldest_open().unwrap_or_else(|| calendar.period_of(now));
                calendar.starts_at(crate::reference::next(open)) - 90 * DAY + micros
            }
            When::Ahead(seconds) => now + seconds * SECOND,
        }
    }
}

fn sent_top_ups(events: &[Event]) -> Vec<&TopUpFact> {
    events
        .iter()
        .filter_map(|event| if let Act::TopUp(fact) = &event.act { Some(fact) } else { None })
        .collect()
}

fn sent_refunds(events: &[Event]) -> Vec<&RefundFact> {
    events
        .iter()
        .filter_map(|event| if let Act::Refund(fact) = &event.act { Some(fact) } else { None })
        .collect()
}

/// The n-th last, counted round and round.
fn nth_last<T>(items: &[T], which: u8) -> Option<&T> {
    let place = usize::from(which).checked_rem(items.len())?;
    items.get(items.len() - 1 - place)
}

impl Step {
    pub fn wait_before(&self) -> i64 {
        match self {
            Step::Wait(micros) => *micros,
            _ => SECOND,
        }
    }

    /// What this step comes to now; nothing where it names what is not there.
    pub fn act(&self, world: &World, events: &[Event], now: i64) -> Option<Act> {
        let joined = |number: u8| Some(partner(number)).filter(|account| world.codes.contains_key(account));
        Some(match *self {
            Step::Wait(_) => return None,
            Step::Join { partner: number, other_code } => {
                let code = code(if other_code { number + 1 } else { number });
                Act::Join { account: partner(number), code }
            }
            Step::Register { client: number, code: by, hash } => Act::Register {
                client: client(number),
                code: by.map(code),
                hash: hash.map(|hash| format!("hash-{hash}")),
            },
            Step::Publish { currency, days_ago, rate } => Act::Publish {
                currency: if currency { "USD" } else { "JPY" }.to_owned(),
                day: chrono::DateTime::from_timestamp_micros(now)?.date_naive() - Days::new(days_ago),
                rate: [(11_172, 4), (1, 0), (16_425, 2), (3, 1)]
                    .map(|(mantissa, decimals)| Rate { mantissa, decimals })[usize::from(rate)],
            },
            Step::TopUp { client: number, when, cents, currency, kind, hash } => {
                let currency = match currency {
                    0 => "USD",
                    1 => "JPY",
                    _ => "EUR",
                };
                Act::TopUp(TopUpFact {
                    external_id: format!("top-up-{}", sent_top_ups(events).len()),
                    client: client(number),
                    occurred_at: when.resolve(world, now),
                    amount: cents * CENT * if currency == "JPY" { 100 } else { 1 },
                    currency: currency.to_owned(),
                    kind: if kind == 0 { "BONUS" } else { "PURCHASE" },
                    hash: hash.map(|hash| format!("hash-{hash}")),
                })
            }
            Step::TopUpAgain { which, change } => {
                let sent = sent_top_ups(events);
                let mut fact = (*nth_last(&sent, which)?).clone();
                match change {
                    Change::Nothing => {}
                    Change::Amount => fact.amount += CENT * 100,
                    Change::Client => fact.client = client(7),
                    Change::Time => fact.occurred_at -= 1,
                    Change::Kind => fact.kind = "TRANSFER",
                    Change::Currency => fact.currency = "SEK".to_owned(),
                }
                Act::TopUp(fact)
            }
            Step::Refund { which, later_hours, part, other_client } => {
                let sent = sent_top_ups(events);
                let top_up = *nth_last(&sent, which)?;
                let other = client(if top_up.client == client(0) { 1 } else { 0 });
                let finest = if top_up.currency == "JPY" { 100 * CENT } else { CENT };
                let part = match part {
                    0 | 1 => left_of(world, top_up),
                    2 => left_of(world, top_up) + finest,
                    3 => finest,
                    4 => top_up.amount / 3,
                    _ => top_up.amount / 2,
                };
                Act::Refund(RefundFact {
                    external_id: format!("refund-{}", sent_refunds(events).len()),
                    top_up: top_up.external_id.clone(),
                    client: if other_client { other } else { top_up.client.clone() },
                    occurred_at: (top_up.occurred_at + later_hours * HOUR - SECOND).min(now),
                    amount: part / finest * finest,
                })
            }
            Step::RefundAgain { which, change } => {
                let sent = sent_refunds(events);
                let mut fact = (*nth_last(&sent, which)?).clone();
                match change {
                    Change::Amount => fact.amount += CENT * 100,
                    Change::Client => fact.client = client(7),
                    Change::Time => fact.occurred_at -= 1,
                    Change::Nothing | Change::Kind | Change::Currency => {}
                }
                Act::Refund(fact)
            }
            Step::RefundBeforeTopUp { client: number, when, cents } => Act::Refund(RefundFact {
                external_id: format!("refund-{}", sent_refunds(events).len()),
                top_up: format!("top-up-{}", sent_top_ups(events).len()),
                client: client(number),
                occurred_at: when.resolve(world, now),
                amount: cents * CENT,
            }),
            Step::Settle { by_hand: None } => Act::Settle { until: None, grace: HOUR },
            Step::Settle { by_hand: Some(0) } => {
                let until = world.terms.calendar.local_day(now) - Days::new(20);
                Act::Settle { until: Some(until), grace: 0 }
            }
            Step::Settle { by_hand: Some(_) } => Act::Settle { until: None, grace: 0 },
            Step::Suspend(number) => Act::Suspend { partner: joined(number)? },
            Step::Reinstate(number) => Act::Reinstate { partner: joined(number)? },
            Step::Review { which, release } => {
                let is_held = |line: &&Line| line.reverses.is_none() && line.reason.is_some();
                let held: Vec<&Line> = world.lines.iter().filter(is_held).collect();
                let top_up = nth_last(&held, which)?.external_id.clone();
                if release { Act::Release { top_up } } else { Act::Reject { top_up } }
            }
            Step::Hold(number) => Act::Hold { client: client(number) },
            Step::Clear { client: number, release } => Act::Clear { client: client(number), release },
            Step::Reassign { client: number, partner } => {
                Act::Reassign { client: client(number), partner: joined(partner)? }
            }
            Step::SetRate { partner, rate } => Act::SetRate {
                partner: joined(partner)?,
                rate: rate.map(|rate| [900, 1_000, 1_375, 4_000][usize::from(rate)]),
            },
            Step::SetTiers(number) => Act::SetTiers { tiers: tables(number) },
            Step::GrantContract(number) => Act::GrantContract { partner: joined(number)? },
            Step::Withdraw { partner, part } => {
                let partner = joined(partner)?;
                let amount = part_of(world.available(&partner), part);
                Act::Withdraw { partner, amount }
            }
            Step::Decide { which, step } => {
                use Decision::{Approve, Cancel, MarkFailed, MarkPaid, Reject};
                let withdrawal = usize::from(which).checked_rem(world.withdrawals.len())?;
                Act::Decide {
                    withdrawal,
                    step: [Approve, Reject, Cancel, MarkPaid, MarkFailed][usize::from(step)],
                }
            }
            Step::Transfer { partner, part } => {
                let partner = joined(partner)?;
                let amount = part_of(world.available(&partner), part).unwrap_or(CENT);
                Act::Transfer { partner, amount }
            }
            Step::AnswerTransfer { which, booked } => {
                let transfer = usize::from(which).checked_rem(world.transfers.len())?;
                Act::AnswerTransfer { transfer, booked }
            }
        })
    }
}

/// What is left to refund of a top-up, as far as it is on record.
fn left_of(world: &World, top_up: &TopUpFact) -> i64 {
    let refunds = world.lines.iter().filter(|line| line.reverses.as_ref() == Some(&top_up.external_id));
    top_up.amount - refunds.map(|line| line.amount).sum::<i64>()
}

/// All, all in whole cents, a cent more, half, a cent, less than a cent.
fn part_of(available: i64, part: u8) -> Option<i64> {
    let whole = available / CENT * CENT;
    match part {
        0 => None,
        1 => Some(whole),
        2 => Some(whole + CENT),
        3 => Some(whole / 2 / CENT * CENT),
        4 => Some(CENT),
        _ => Some(CENT / 2),
    }
}

//! Adds facts to the kept statistics in the transaction that records them: by day of the programme's time zone, and by
//! quarter of an hour of UTC.

use std::collections::{BTreeMap, HashMap};

use entity::{LineKind, Moment, Period, VisitVerdict, line};
use sea_orm::{ConnectionTrait, DbErr, Value};
use uuid::Uuid;

use crate::db::{self, Column, Rows};
use crate::domain::calendar::Calendar;
use crate::domain::interval::quarter_of;
use crate::services::line::is_earning;
use crate::services::sums::KnownClient;

/// The link of clients whom no link brought.
pub const NO_LINK: Uuid = Uuid::nil();
/// The rate period of what is no money.
pub const NO_RATE: Period = Period(0);

/// A client that a link brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedRegistration {
    pub partner_id: Uuid,
    pub link_id: Uuid,
    pub at: Moment,
}

/// A visit with its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedVisit {
    pub partner_id: Uuid,
    pub link_id: Uuid,
    pub at: Moment,
    pub verdict: VisitVerdict,
    /// Whether it is the visitor's first of this link on its UTC day: then it makes a unique visitor.
    pub is_first_of_day: bool,
}

/// Counts lines that were just written or released; those that do not earn are passed over. Their partners' rows are
/// locked and their sums written; `clients` is what was known of their clients before.
pub async fn count_lines(
    calendar: &Calendar,
    tx: &impl ConnectionTrait,
    lines: &[line::Model],
    clients: &HashMap<Uuid, KnownClient>,
) -> Result<(), DbErr> {
    let earning = || lines.iter().filter(|line| is_earning(line));
    let link_of = |line: &line::Model| {
        clients.get(&line.referral_id).and_then(|known| known.link_id).unwrap_or(NO_LINK)
    };
    let mut changes = Changes::new(calendar);
    let mut first: BTreeMap<Uuid, &line::Model> = BTreeMap::new();
    for line in earning() {
        let figures =
            Figures { top_ups: i64::from(line.base.is_positive()), base: line.base.0, ..Figures::default() };
        changes.add(line.partner_id, link_of(line), line.occurred_at, line.rate_period, figures);
        if line.kind == LineKind::TopUp {
            let earliest = first.entry(line.referral_id).or_insert(line);
            if line.occurred_at < earliest.occurred_at {
                *earliest = line;
            }
        }
    }
    for (referral_id, line) in first {
        let before = clients.get(&referral_id).and_then(|known| known.first_purchase_at);
        if before.is_some_and(|before| before <= line.occurred_at) {
            continue;
        }
        let mut count = |at, paying_clients| {
            let figures = Figures { paying_clients, ..Figures::default() };
            changes.add(line.partner_id, link_of(line), at, NO_RATE, figures);
        };
        before.into_iter().for_each(|before| count(before, -1));
        count(line.occurred_at, 1);
    }
    changes.write(tx).await
}

/// Counts clients that were just bound.
pub async fn count_registrations(
    calendar: &Calendar,
    tx: &impl ConnectionTrait,
    registrations: &[CountedRegistration],
) -> Result<(), DbErr> {
    let mut changes = Changes::new(calendar);
    for CountedRegistration { partner_id, link_id, at } in registrations {
        let figures = Figures { registrations: 1, ..Figures::default() };
        changes.add(*partner_id, *link_id, *at, NO_RATE, figures);
    }
    changes.write(tx).await
}

/// The statements that count visits. Rows are written in one order, so that writers of visits wait for each other and
/// never in a circle.
pub fn visit_counts(calendar: &Calendar, visits: &[CountedVisit]) -> [(Rows, String); 2] {
    let (mut days, mut quarters) = (VisitCounts::new(), VisitCounts::new());
    for visit in visits {
        let count = |counts: &mut VisitCounts, slot: i32| {
            let row = counts.entry((visit.partner_id, slot, visit.link_id)).or_default();
            row[place(visit.verdict)] += 1;
            row[UNIQUE_VISITORS] += i64::from(visit.is_first_of_day);
        };
        count(&mut days, calendar.day_of(visit.at).0);
        count(&mut quarters, quarter_of(visit.at));
    }
    [("visit_day", "day", days), ("visit_quarter", "quarter", quarters)].map(|(table, slot, counts)| {
        let mut rows = Rows::new(VISIT_COLUMNS);
        for ((partner_id, slot, link_id), row) in counts {
            let [a, b, c, d, e, f, g, h] = row.map(Value::from);
            rows.push([partner_id.into(), slot.into(), link_id.into(), a, b, c, d, e, f, g, h]);
        }
        (rows, upsert(table, slot, VISIT_COLUMNS, 3))
    })
}

/// By partner, slot and link: the visits of each verdict, then the unique visitors.
type VisitCounts = BTreeMap<(Uuid, i32, Uuid), [i64; 8]>;

const UNIQUE_VISITORS: usize = 7;

/// The place of a verdict among the columns.
fn place(verdict: VisitVerdict) -> usize {
    match verdict {
        VisitVerdict::Counted => 0,
        VisitVerdict::Prefetch => 1,
        VisitVerdict::Bot => 2,
        VisitVerdict::ContextualAdvertising => 3,
        VisitVerdict::Forced => 4,
        VisitVerdict::PartnerSuspended => 5,
        VisitVerdict::Duplicate => 6,
    }
}

/// What a row adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub registrations: i64,
    pub paying_clients: i64,
    pub top_ups: i64,
    pub base: i64,
}

impl Figures {
    fn add(&mut self, other: Figures) {
        self.registrations += other.registrations;
        self.paying_clients += other.paying_clients;
        self.top_ups += other.top_ups;
        self.base += other.base;
    }
}

/// By partner, slot, link and rate period.
type Counts = BTreeMap<(Uuid, i32, Uuid, Period), Figures>;

/// What facts change in the kept statistics.
pub(super) struct Changes<'a> {
    calendar: &'a Calendar,
    days: Counts,
    quarters: Counts,
}

impl<'a> Changes<'a> {
    pub fn new(calendar: &'a Calendar) -> Changes<'a> {
        Changes { calendar, days: Counts::new(), quarters: Counts::new() }
    }

    fn add(&mut self, partner_id: Uuid, link_id: Uuid, at: Moment, rate_period: Period, figures: Figures) {
        let key = (partner_id, quarter_of(at), link_id, rate_period);
        self.quarters.entry(key).or_default().add(figures);
        self.add_to_day(partner_id, link_id, at, rate_period, figures);
    }

    /// Adds what the quarters have already.
    pub fn add_to_day(
        &mut self,
        partner_id: Uuid,
        link_id: Uuid,
        at: Moment,
        rate_period: Period,
        figures: Figures,
    ) {
        let key = (partner_id, self.calendar.day_of(at).0, link_id, rate_period);
        self.days.entry(key).or_default().add(figures);
    }

    pub async fn write(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        let tables = [("statistic_day", "day", self.days), ("statistic_quarter", "quarter", self.quarters)];
        let written = tables.map(|(table, slot, counts)| {
            let mut rows = Rows::new(COLUMNS);
            for ((partner_id, slot, link_id, rate_period), sum) in counts {
                rows.push([
                    partner_id.into(),
                    slot.into(),
                    link_id.into(),
                    rate_period.0.into(),
                    sum.registrations.into(),
                    sum.paying_clients.into(),
                    sum.top_ups.into(),
                    sum.base.into(),
                ]);
            }
            (rows, upsert(table, slot, COLUMNS, 4))
        });
        db::execute_together(tx, written).await
    }
}

const COLUMNS: &[(&str, Column)] = &[
    ("partner_id", Column::Uuid),
    ("slot", Column::Int),
    ("link_id", Column::Uuid),
    ("rate_period", Column::Int),
    ("registrations", Column::BigInt),
    ("paying_clients", Column::BigInt),
    ("top_ups", Column::BigInt),
    ("base", Column::BigInt),
];

const VISIT_COLUMNS: &[(&str, Column)] = &[
    ("partner_id", Column::Uuid),
    ("slot", Column::Int),
    ("link_id", Column::Uuid),
    ("counted", Column::BigInt),
    ("prefetch", Column::BigInt),
    ("bot", Column::BigInt),
    ("contextual_advertising", Column::BigInt),
    ("forced", Column::BigInt),
    ("partner_suspended", Column::BigInt),
    ("duplicate", Column::BigInt),
    ("unique_visitors", Column::BigInt),
];

/// Adds rows to a table of these columns, the first `keys` of which are its key; `slot` is a day or a quarter.
fn upsert(table: &str, slot: &str, columns: &[(&str, Column)], keys: usize) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let list = |names: &[&str]| names.join(", ").replace("slot", slot);
    let added = names[keys..].iter().map(|name| format!("{name} = {table}.{name} + excluded.{name}"));
    format!(
        "WITH {{rows}} INSERT INTO {table} ({}) SELECT {} FROM v WHERE true ON CONFLICT ({}) DO UPDATE SET {}",
        list(&names),
        names.join(", "),
        list(&names[..keys]),
        added.collect::<Vec<_>>().join(", "),
    )
}

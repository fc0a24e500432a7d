//! The CDNOW sample: a real purchase history, and what the rules give for it, worked out elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate};

use crate::harness::{Backend, Csv, Parrain, on_both_databases};
use crate::reference::{Act, Calendar, Event, Rate, RefundFact, Terms, TopUpFact, UNIT, World};

on_both_databases!(
    the_sample_settles_to_the_byte,
    clients_top_ups_and_refunds_arrive_in_any_order,
    what_arrives_late_is_settled_in_the_oldest_open_period,
);

/// The last day of the sample's statements.
pub const UNTIL: &str = "2025-10-01";

pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cdnow-sample").join(format!("{name}.csv"))
}

pub fn rows(name: &str) -> Csv {
    Csv::read(&file(name))
}

/// Imports rows of which only purchases of nothing may be refused; answers how many were.
fn import(parrain: &Parrain, what: &str, rows: &Csv) -> usize {
    let path = parrain.folder().join(format!("{what}.csv"));
    rows.write(&path);
    let output = parrain.run(["import", what, path.to_str().unwrap()]);
    let refused = path.with_extension("csv.refused.csv");
    match output.status {
        Some(0) => 0,
        Some(3) => Csv::read(&refused).rows.len(),
        _ => panic!("{output:?}"),
    }
}

/// Partners and exchange rates, which everything else leans on.
pub async fn with_partners(backend: Backend) -> Parrain {
    let parrain = Parrain::new(backend).await;
    parrain.import("partners", &file("partners"));
    parrain.import("exchange-rates", &file("exchange_rates"));
    parrain
}

async fn the_sample_settles_to_the_byte(backend: Backend) {
    let parrain = with_partners(backend).await;
    assert_eq!(import(&parrain, "clients", &rows("clients")), 0);
    let top_ups = rows("top_ups");
    assert_eq!(import(&parrain, "top-ups", &top_ups), 8);
    assert_purchases_of_nothing_are_refused(&parrain, &top_ups);
    assert_eq!(import(&parrain, "refunds", &rows("refunds")), 0);
    parrain.verify();

    let dry = parrain.run(["settle", "--until", UNTIL, "--dry-run"]).printed();
    assert_eq!(parrain.export("statements").lines().count(), 1, "a dry run writes nothing");
    let settled = parrain.settle_until(UNTIL);
    assert_eq!(dry, settled, "a dry run says what settling then does");
    assert_eq!(parrain.export("statements"), std::fs::read_to_string(file("statements")).unwrap());
    parrain.verify();

    let before = everything(&parrain);
    for (what, name, refused) in [
        ("partners", "partners", 0),
        ("clients", "clients", 0),
        ("top-ups", "top_ups", 8),
        ("refunds", "refunds", 0),
    ] {
        assert_eq!(import(&parrain, what, &rows(name).shuffled(5)), refused, "{what} again");
    }
    parrain.import("exchange-rates", &file("exchange_rates"));
    assert_eq!(parrain.settle_until(UNTIL).lines().count(), 1, "nothing is due any more");
    assert!(everything(&parrain) == before, "importing the same again changes nothing");
    parrain.verify();
}

/// Eight rows, by the lines they stand on, each with its reason.
fn assert_purchases_of_nothing_are_refused(parrain: &Parrain, top_ups: &Csv) {
    let refused = Csv::read(&parrain.folder().join("top-ups.csv.refused.csv"));
    assert_eq!(refused.header, format!("line,reason,{}", top_ups.header));
    let amount = top_ups.column("amount");
    // The header is line 1.
    let nothing =
        top_ups.rows.iter().enumerate().filter(|(_, row)| row.split(',').nth(amount) == Some("0.00"));
    let expected: Vec<String> =
        nothing.map(|(place, row)| format!("{},amount is not above zero,{row}", place + 2)).collect();
    assert_eq!(refused.rows, expected);
    assert_eq!(expected.len(), 8);
}

/// All that can be exported, times of recording apart.
fn everything(parrain: &Parrain) -> Vec<String> {
    ["statements", "commissions", "balances", "ledger", "withdrawals"].map(|what| parrain.export(what)).into()
}

async fn clients_top_ups_and_refunds_arrive_in_any_order(backend: Backend) {
    let orders = [
        ["clients", "refunds", "top-ups"],
        ["top-ups", "clients", "refunds"],
        ["top-ups", "refunds", "clients"],
        ["refunds", "clients", "top-ups"],
        ["refunds", "top-ups", "clients"],
    ];
    let start = with_partners(backend).await;
    let expected = std::fs::read_to_string(file("statements")).unwrap();
    for (seed, order) in (1..).zip(orders) {
        let parrain = start.on_a_copy().await;
        for what in order {
            let refused = import(&parrain, what, &rows(&what.replace('-', "_")).shuffled(seed));
            assert_eq!(refused, if what == "top-ups" { 8 } else { 0 }, "{what} of {order:?}");
        }
        parrain.settle_until(UNTIL);
        assert!(parrain.export("statements") == expected, "{order:?}");
        let parked: Vec<i64> = parrain.database().column("SELECT COUNT(*) FROM parked_fact").await;
        assert_eq!(parked, [0], "{order:?}");
        parrain.verify();
    }
}

async fn what_arrives_late_is_settled_in_the_oldest_open_period(backend: Backend) {
    const MIDDLE: &str = "2024-07-01";
    let parrain = with_partners(backend).await;
    import(&parrain, "clients", &rows("clients"));
    // Every third top-up and every second refund comes after half of the periods are settled.
    let (early_top_ups, late_top_ups) = rows("top_ups").split(|row| !number_in(row[1]).is_multiple_of(3));
    let (early_refunds, late_refunds) = rows("refunds").split(|row| number_in(row[1]).is_multiple_of(2));
    import(&parrain, "top-ups", &early_top_ups.shuffled(1));
    import(&parrain, "refunds", &early_refunds.shuffled(2));
    parrain.settle_until(MIDDLE);
    let settled_before = Csv::parse(&parrain.export("statements"));
    parrain.verify();
    import(&parrain, "refunds", &late_refunds.shuffled(3));
    import(&parrain, "top-ups", &late_top_ups.shuffled(4));
    parrain.settle_until(UNTIL);
    parrain.verify();
    let settled = Csv::parse(&parrain.export("statements"));
    assert_eq!(settled.rows[..settled_before.rows.len()], settled_before.rows, "a statement never changes");

    let until = |day: &str| Act::Settle { until: Some(day.parse().unwrap()), grace: 0 };
    let mut acts = facts_that_lean_on_nothing();
    acts.extend(top_ups_of(&early_top_ups));
    acts.extend(refunds_of(&early_refunds));
    acts.push(until(MIDDLE));
    acts.extend(refunds_of(&late_refunds));
    acts.extend(top_ups_of(&late_top_ups));
    acts.push(until(UNTIL));
    let world = reference_of(acts);
    assert_eq!(statements_of(&world), settled.rows);
    let sum = |column: &str| -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for [partner, amount] in settled.columns(["partner_code", column]) {
            *sums.entry(partner.to_owned()).or_default() += micros(amount);
        }
        sums
    };
    let earned: BTreeMap<String, i64> = world
        .codes
        .iter()
        .map(|(account, code)| {
            let lines =
                world.lines.iter().filter(|line| line.partner == *account && line.settle_period.is_some());
            let commission = lines.map(|line| line.base / 10_000 * world.rate(account, line.rate_period));
            (code.clone(), commission.sum())
        })
        .collect();
    assert_eq!(sum("commission"), earned, "each line is settled once, at the rate of its own period");
}

#[test]
fn the_reference_gives_the_statements_that_were_worked_out_elsewhere() {
    let mut acts = facts_that_lean_on_nothing();
    acts.extend(top_ups_of(&rows("top_ups")));
    acts.extend(refunds_of(&rows("refunds")));
    acts.push(Act::Settle { until: Some(UNTIL.parse().unwrap()), grace: 0 });
    assert_eq!(statements_of(&reference_of(acts)), rows("statements").rows);
}

fn number_in(text: &str) -> u32 {
    text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn micros(amount: &str) -> i64 {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let whole: i64 = whole.trim_start_matches('-').parse().unwrap();
    let fraction: i64 = format!("{fraction:0<6}").parse().unwrap();
    sign * (whole * UNIT + fraction)
}

fn moment(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
}

fn reference_of(acts: Vec<Act>) -> World {
    let calendar = Calendar(chrono_tz::Europe::Paris);
    let terms = Terms {
        calendar,
        starts_at: calendar.starts_at(NaiveDate::from_ymd_opt(2000, 1, 1).unwrap()),
        minimum_active_clients: 3,
        threshold: 100 * UNIT,
        tiers: vec![("Standard", 0, 1_000), ("Growth", 20, 1_500), ("Premier", 100, 2_000)],
    };
    let now = moment("2026-01-10T00:00:00Z");
    let events: Vec<Event> = acts.into_iter().map(|act| Event { at: now, act }).collect();
    World::after(&terms, &events).0
}

/// Partners, clients and the rates of the dollar.
fn facts_that_lean_on_nothing() -> Vec<Act> {
    let partners = rows("partners");
    let clients = rows("clients");
    let rates = rows("exchange_rates");
    let joins = partners
        .columns(["account_id", "code"])
        .into_iter()
        .map(|[account, code]| Act::Join { account: account.to_owned(), code: code.to_owned() });
    let registrations = clients.columns(["client_id", "partner_code"]).into_iter().map(|[client, code]| {
        Act::Register { client: client.to_owned(), code: Some(code.to_owned()), hash: None }
    });
    let published = rates.columns(["Date", "USD"]).into_iter().map(|[day, rate]| {
        let (whole, fraction) = rate.split_once('.').unwrap_or((rate, ""));
        let rate = Rate {
            mantissa: format!("{whole}{fraction}").parse().unwrap(),
            decimals: u32::try_from(fraction.len()).unwrap(),
        };
        Act::Publish { currency: "USD".to_owned(), day: day.parse().unwrap(), rate }
    });
    joins.chain(registrations).chain(published).collect()
}

fn top_ups_of(rows: &Csv) -> Vec<Act> {
    let columns = rows.columns(["external_id", "client_id", "occurred_at", "amount", "currency"]);
    let top_up = |[external_id, client, at, amount, currency]: [&str; 5]| {
        Act::TopUp(TopUpFact {
            external_id: external_id.to_owned(),
            client: client.to_owned(),
            occurred_at: moment(at),
            amount: micros(amount),
            currency: currency.to_owned(),
            kind: "PURCHASE",
            hash: None,
        })
    };
    columns.into_iter().map(top_up).collect()
}

fn refunds_of(rows: &Csv) -> Vec<Act> {
    let columns = rows.columns(["external_id", "top_up_external_id", "client_id", "occurred_at", "amount"]);
    let refund = |[external_id, top_up, client, at, amount]: [&str; 5]| {
        Act::Refund(RefundFact {
            external_id: external_id.to_owned(),
            top_up: top_up.to_owned(),
            client: client.to_owned(),
            occurred_at: moment(at),
            amount: micros(amount),
        })
    };
    columns.into_iter().map(refund).collect()
}

/// As `export statements` prints them.
fn statements_of(world: &World) -> Vec<String> {
    let amount = |micros: i64| {
        let sign = if micros < 0 { "-" } else { "" };
        format!("{sign}{}.{:06}", micros.abs() / UNIT, micros.abs() % UNIT)
    };
    let row = |row: &crate::reference::Statement| {
        format!(
            "{},{},{},{},{},{},{},{},{},{},{}",
            row.period,
            crate::reference::next(row.period),
            world.codes[&row.partner],
            row.active_clients,
            // Whole percentages in every tier of the sample.
            row.rate / 100,
            row.top_ups,
            amount(row.base),
            amount(row.commission),
            amount(row.carried_in),
            amount(row.credited),
            amount(row.carried_out),
        )
    };
    world.statements.iter().map(row).collect()
}

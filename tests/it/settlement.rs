//! Exactly once (rule 21): a settlement killed anywhere, or run by many at once, ends as one that was not; and `verify`
//! finds whatever was changed behind the program's back.

use std::thread;
use std::time::{Duration, Instant};

use parrain::services::crash_point;

use crate::harness::{Backend, Csv, Parrain, Shuffle, on_both_databases, wait_until};
use crate::sample::{self, UNTIL};

on_both_databases!(
    a_settlement_killed_at_any_crash_point_ends_as_one_that_was_not,
    a_settlement_killed_at_any_time_ends_as_one_that_was_not,
    five_workers_at_once_settle_each_partner_once,
    verify_finds_whatever_is_changed_behind_its_back,
);

/// Where the disturbed part begins: what comes before is settled in peace.
const FROM: &str = "2024-12-01";

/// The sample's clients of five partners, settled for some months.
async fn books(backend: Backend) -> Parrain {
    let parrain = sample::with_partners(backend).await;
    let (clients, _) =
        sample::rows("clients").split(|row| ["P0010", "P0011", "P0014", "P0018", "P0019"].contains(&row[1]));
    let is_of_them = |place: usize| {
        // The first few have brought nothing yet.
        let ids: std::collections::BTreeSet<String> =
            clients.columns(["client_id"]).into_iter().skip(3).map(|[id]| id.to_owned()).collect();
        move |row: &[&str]| ids.contains(row[place])
    };
    let (top_ups, _) = sample::rows("top_ups").split(is_of_them(2));
    let (top_ups, _) = top_ups.split(|row| row[4] != "0.00");
    let (refunds, _) = sample::rows("refunds").split(is_of_them(3));
    parrain.import_rows("clients", &clients);
    parrain.import_rows("top-ups", &top_ups);
    parrain.import_rows("refunds", &refunds);
    parrain.settle_until(FROM);
    parrain
}

/// Everything that must come out alike: statements, balances, the ledger without its ids and times, and the digests.
async fn outcome(parrain: &Parrain) -> Vec<String> {
    let ledger = Csv::parse(&parrain.export("ledger")).without(&["id", "at", "source_id", "source"]);
    let digests: Vec<String> = parrain
        .database()
        .column("SELECT CAST(period AS TEXT) || ' ' || digest FROM settlement ORDER BY period")
        .await;
    let mut outcome = vec![parrain.export("statements"), parrain.export("balances"), ledger.rows.join("\n")];
    outcome.extend(digests);
    outcome
}

/// What comes out of a settlement that nothing disturbs, and how long it takes on this machine.
async fn undisturbed(books: &Parrain) -> (Vec<String>, Duration) {
    let parrain = books.on_a_copy().await;
    let began = Instant::now();
    parrain.settle_until(UNTIL);
    let took = began.elapsed();
    parrain.verify();
    let outcome = outcome(&parrain).await;
    assert!(outcome[0].lines().count() > 150, "too little is settled to say anything:\n{}", outcome[0]);
    (outcome, took)
}

/// Copies of the books, one for each disturbance.
async fn copies(books: &Parrain, number: usize) -> Vec<Parrain> {
    let mut copies = Vec::with_capacity(number);
    for _ in 0..number {
        copies.push(books.on_a_copy().await);
    }
    copies
}

async fn a_settlement_killed_at_any_crash_point_ends_as_one_that_was_not(backend: Backend) {
    let books = books(backend).await;
    let (expected, _) = undisturbed(&books).await;
    let copies = copies(&books, crash_point::ALL.len()).await;
    // At once: each waits a while for the lease of the one that died.
    thread::scope(|scope| {
        for (parrain, crash_point) in copies.iter().zip(crash_point::ALL) {
            scope.spawn(move || {
                let died = parrain.run_until_crash(crash_point, ["settle", "--until", UNTIL]);
                assert_eq!(died.status, None, "it should have died at {crash_point}: {died:?}");
                parrain.settle_until(UNTIL);
                parrain.verify();
            });
        }
    });
    for (parrain, crash_point) in copies.iter().zip(crash_point::ALL) {
        assert_eq!(outcome(parrain).await, expected, "{crash_point}");
    }
}

async fn a_settlement_killed_at_any_time_ends_as_one_that_was_not(backend: Backend) {
    const KILLS: usize = 3;
    let books = books(backend).await;
    let (expected, took) = undisturbed(&books).await;
    let copies = copies(&books, 4).await;
    let killed: usize = thread::scope(|scope| {
        let running: Vec<_> = (1..)
            .zip(&copies)
            .map(|(seed, parrain)| scope.spawn(move || kill_and_go_on(parrain, seed, KILLS, took)))
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(killed > 0, "all settlements were done before they were killed");
    for parrain in &copies {
        assert_eq!(outcome(parrain).await, expected);
    }
}

/// Kills a settlement that takes so long some times, each at a moment drawn from the seed, and lets it end; answers how
/// often it died.
fn kill_and_go_on(parrain: &Parrain, seed: u64, kills: usize, took: Duration) -> usize {
    let mut drawn = Shuffle::new(seed);
    let mut killed = 0;
    for _ in 0..kills {
        let after = took * u32::try_from(drawn.below(95)).unwrap() / 100;
        let began = Instant::now();
        let mut settling = parrain.start(["settle", "--until", UNTIL]);
        wait_until("the moment to kill", Duration::from_secs(60), || {
            (settling.has_ended() || began.elapsed() >= after).then_some(())
        });
        if settling.kill().status.is_none() {
            killed += 1;
        }
    }
    parrain.settle_until(UNTIL);
    parrain.verify();
    killed
}

async fn five_workers_at_once_settle_each_partner_once(backend: Backend) {
    let books = books(backend).await;
    let (expected, _) = undisturbed(&books).await;
    let parrain = books.on_a_copy().await;
    let workers: Vec<_> = (0..5).map(|_| parrain.start(["settle", "--until", UNTIL])).collect();
    for worker in workers {
        worker.finish(Duration::from_secs(180)).printed();
    }
    assert_eq!(outcome(&parrain).await, expected);
    parrain.verify();
}

/// What is changed, each alone and so little that only recomputing finds it. `?` stands for a condition that picks one row.
const CHANGES: [(&str, &str); 31] = [
    ("line", "UPDATE line SET amount = amount + 10000 WHERE ?"),
    ("line", "UPDATE line SET base = base + 10000 WHERE ? AND base > 0"),
    ("line", "UPDATE line SET occurred_at = occurred_at + 1 WHERE ?"),
    ("line", "UPDATE line SET state = 'HELD', reason = 'UNDER_REVIEW', settle_period = NULL WHERE ?"),
    ("balance", "UPDATE balance SET available = available + 1 WHERE ?"),
    ("balance", "UPDATE balance SET reserved = reserved + 1 WHERE ?"),
    ("balance", "UPDATE balance SET carried = carried + 1 WHERE ?"),
    ("balance", "UPDATE balance SET lifetime_credited = lifetime_credited + 1 WHERE ?"),
    ("statement", "UPDATE statement SET credited = credited + 1 WHERE ?"),
    ("statement", "UPDATE statement SET base = base + 10000 WHERE ?"),
    ("statement", "UPDATE statement SET active_clients = active_clients + 1 WHERE ?"),
    ("statement", "UPDATE statement SET digest = 'f' || substr(digest, 2) WHERE ? AND digest NOT LIKE 'f%'"),
    ("statement", "UPDATE statement SET carried_in = carried_in + 1 WHERE ?"),
    (
        "settlement",
        "UPDATE settlement SET digest = 'f' || substr(digest, 2) WHERE ? AND digest NOT LIKE 'f%'",
    ),
    ("settlement", "UPDATE settlement SET credited = credited + 1 WHERE ?"),
    ("partner_sum", "UPDATE partner_sum SET base = base + 10000 WHERE ?"),
    ("referral_sum", "UPDATE referral_sum SET base = base + 10000 WHERE ?"),
    ("referral_total", "UPDATE referral_total SET base = base + 10000 WHERE ?"),
    ("referral_total", "UPDATE referral_total SET closed_base = closed_base + 10000 WHERE ?"),
    ("referral_total", "UPDATE referral_total SET closed_commission = closed_commission + 1 WHERE ?"),
    ("referral_total", "UPDATE referral_total SET open_period = 20000101 WHERE ?"),
    ("referral_total", "UPDATE referral_total SET reference = 'x' WHERE ?"),
    ("referral_total", "UPDATE referral_total SET registered_at = registered_at + 1 WHERE ?"),
    ("referral_total", "UPDATE referral_total SET link_id = NULL WHERE ? AND link_id IS NOT NULL"),
    ("referral_total", "DELETE FROM referral_total WHERE ? AND base = 0 AND top_up_count = 0"),
    ("active_day", "UPDATE active_day SET clients = clients + 1 WHERE ?"),
    ("ledger_transfer", "UPDATE ledger_transfer SET amount = amount + 1 WHERE ?"),
    ("ledger_transfer", "UPDATE ledger_transfer SET available_after = available_after + 1 WHERE ?"),
    ("standing", "UPDATE standing SET active_clients = active_clients + 1 WHERE ?"),
    ("statement", "DELETE FROM statement WHERE ?"),
    ("line", "DELETE FROM line WHERE ? AND kind = 'REFUND'"),
];

async fn verify_finds_whatever_is_changed_behind_its_back(backend: Backend) {
    let books = books(backend).await;
    books.verify();
    for (table, change) in CHANGES {
        let parrain = books.on_a_copy().await;
        let change = one_row(table, change);
        assert_eq!(parrain.database().execute(&change).await, 1, "{change}");
        let output = parrain.run(["verify"]).ended_with(1);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(!said.trim().is_empty(), "verify fails without a word: {change}");
    }
}

/// The change of one row alone: the third of those that meet the condition.
fn one_row(table: &str, change: &str) -> String {
    let (before, condition) = change.split_once('?').unwrap();
    let key = match table {
        "balance" => "partner_id",
        "partner_sum" => "partner_id, settle_period, rate_period",
        "referral_sum" => "referral_id, settle_period, rate_period, taken_back_period",
        "referral_total" => "referral_id",
        "active_day" => "partner_id, day",
        "standing" => "partner_id, period",
        _ => "id",
    };
    let condition = condition.strip_prefix(" AND ").unwrap_or("1 = 1");
    format!(
        "{before}({key}) IN (SELECT {key} FROM {table} WHERE {condition} ORDER BY {key} LIMIT 1 OFFSET 2)"
    )
}

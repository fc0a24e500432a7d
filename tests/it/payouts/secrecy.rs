//! Where money is sent to is encrypted at rest and masked everywhere else (rule 25): looked for in all that is left behind.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::payment_file::EXPORT;
use super::{Desk, SEPA, text};
use crate::harness::{Backend, Parrain, on_both_databases};

on_both_databases!(
    no_iban_is_in_clear_in_the_database_a_dump_the_logs_or_the_audit_log,
    the_whole_destination_is_staffs_while_approved_and_each_read_is_on_record,
    a_destination_outlives_the_key_it_was_sealed_with,
);

/// One that no other test uses.
const SECRET: &str = "FR1420041010050500013M02606";
const SPACED: &str = "FR14 2004 1010 0505 0001 3M02 606";
const HOLDER: &str = "Wilhelmina Quackenbush";
/// What is there for certain: the same look finds it.
const MASKED: &str = "FR…2606";

fn secrets() -> Vec<String> {
    let inner = &SECRET[4..];
    [SECRET, SPACED, inner, HOLDER]
        .iter()
        .flat_map(|text| [(*text).to_owned(), text.to_lowercase()])
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn assert_holds_none(what: &str, bytes: &[u8]) {
    assert!(!bytes.is_empty(), "{what} is empty");
    for secret in secrets() {
        assert!(!holds(bytes, &secret), "{what} holds {secret}");
    }
}

/// Everything that can happen to a withdrawal, with people who write the IBAN where they should not.
async fn whole_life(desk: &Desk) {
    let partner = desk.rich_partner("acct-1", "10000").await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(desk.request(&partner, "100", SPACED, HOLDER).await);
    }
    let reason = format!("The account {SPACED} is wrong");
    for id in &ids[..3] {
        let approve = json!({ "id": id, "reason": format!("{SECRET} was checked.") });
        desk.done(&desk.ann, "approveWithdrawal", approve).await;
    }
    let query = "query($id: ID!) { node(id: $id) { ... on Withdrawal { destinationInFull } } }";
    let read = desk.server.graphql(&desk.ann, query, json!({ "id": ids[0] })).await;
    assert!(text(&read["node"]["destinationInFull"]).contains(SECRET));
    desk.done(&desk.ann, "rejectWithdrawal", json!({ "id": ids[3], "reason": reason })).await;
    let file = desk.parrain.run(EXPORT).printed();
    assert!(file.contains(SECRET) && file.contains(HOLDER), "the bank is told");
    let paid = json!({ "id": ids[0], "paymentReference": format!("to {SECRET}") });
    desk.done(&desk.bob, "markWithdrawalPaid", paid).await;
    let failed = text(&desk.withdrawal(&ids[1]).await["endToEndId"]);
    let answers = desk.parrain.folder().join("answers.csv");
    let csv = format!("end_to_end_id,status,reference,reason\n{failed},FAILED,,{reason}\n");
    std::fs::write(&answers, csv).unwrap();
    desk.parrain.import("payment-status", &answers);
    // What is not what it should be is answered, and logged.
    let bad = json!({ "bankTransfer": { "iban": format!("{SECRET}9"), "holder": HOLDER } });
    let bad = json!({ "amount": "100", "destination": bad, "idempotencyKey": "bad" });
    let refused = desk.change(&partner.token, "requestWithdrawal", bad).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID");
    assert_holds_none("a refusal", refused.to_string().as_bytes());
    let query = "{ viewer { withdrawals(first: 9) { nodes: edges { node { destination reason paymentReference } } } } }";
    let seen = desk.server.graphql(&partner.token, query, json!({})).await.to_string();
    assert!(seen.contains(MASKED), "{seen}");
    assert_holds_none("an answer", seen.as_bytes());
}

async fn no_iban_is_in_clear_in_the_database_a_dump_the_logs_or_the_audit_log(backend: Backend) {
    // All that could ever be logged.
    let desk = Desk::configured(backend, &format!("level = \"trace\"\n{SEPA}")).await;
    whole_life(&desk).await;
    let audit = desk.parrain.export("audit");
    assert!(audit.contains(MASKED) && audit.contains("readWithdrawalDestination"), "{audit}");
    assert_holds_none("the audit log", audit.as_bytes());
    let rows = desk.parrain.export("withdrawals");
    assert!(rows.contains(MASKED), "{rows}");
    assert_holds_none("the withdrawals", rows.as_bytes());
    let Desk { server, parrain, .. } = desk;
    server.stop();
    match backend {
        Backend::Sqlite => on_sqlite(&parrain),
        Backend::Postgres => on_postgres(&parrain).await,
    }
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(parrain.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "err") {
            logs.extend(std::fs::read(path).unwrap());
        }
    }
    assert!(holds(&logs, "answered method=POST"), "{}", String::from_utf8_lossy(&logs));
    assert_holds_none("the logs", &logs);
}

fn on_sqlite(parrain: &Parrain) {
    let file = PathBuf::from(parrain.database().url().strip_prefix("sqlite://").unwrap());
    let backup = parrain.folder().join("dump.db");
    parrain.run(["backup", backup.to_str().unwrap()]).printed();
    for path in [file.clone(), backup, with(&file, "-wal")] {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if !bytes.is_empty() {
            assert_holds_none(&path.display().to_string(), &bytes);
        }
    }
    assert!(holds(&std::fs::read(&file).unwrap(), MASKED), "the look finds what is there");
}

fn with(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}{end}", path.display()))
}

async fn on_postgres(parrain: &Parrain) {
    let database = parrain.database();
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    database.execute("CHECKPOINT").await;
    let files_with = async |text: &str| {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 'base/' || oid AS folder FROM pg_database WHERE datname = '{name}') d, \
             LATERAL pg_ls_dir(d.folder) f WHERE f ~ '^[0-9]+$' \
             AND position(convert_to('{text}', 'UTF8') IN pg_read_binary_file(d.folder || '/' || f)) > 0"
        );
        database.column::<i64>(&sql).await[0]
    };
    assert!(files_with(MASKED).await > 0, "the look finds what is there");
    for secret in secrets() {
        assert_eq!(files_with(&secret).await, 0, "the database's files hold {secret}");
    }
    let dump = Command::new(pg_dump()).arg(format!("--dbname={}", database.url())).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    assert!(holds(&dump.stdout, MASKED));
    assert_holds_none("a dump", &dump.stdout);
}

/// Debian keeps it beside the server's other programs.
fn pg_dump() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin/pg_dump")).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from("pg_dump"))
}

async fn the_whole_destination_is_staffs_while_approved_and_each_read_is_on_record(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    let id = desk.request(&partner, "100", SECRET, HOLDER).await;
    let read = async |token: &str| {
        let query =
            "query($id: ID!) { node(id: $id) { ... on Withdrawal { destinationInFull destination } } }";
        let seen = desk.server.graphql(token, query, json!({ "id": id })).await["node"].take();
        assert_eq!(seen["destination"], MASKED);
        seen["destinationInFull"].clone()
    };
    let reads = async || {
        let sql = "SELECT COUNT(*) FROM audit_record WHERE action = 'readWithdrawalDestination'";
        desk.parrain.database().column::<i64>(sql).await[0]
    };
    assert_eq!(read(&desk.ann).await, Value::Null, "not before it is approved");
    desk.done(&desk.ann, "approveWithdrawal", json!({ "id": id })).await;
    assert_eq!(read(&partner.token).await, Value::Null, "not the partner");
    assert_eq!(reads().await, 0);
    for number in 1..=2 {
        assert_eq!(read(&desk.bob).await, format!("{SECRET} {HOLDER}"));
        assert_eq!(reads().await, number);
    }
    desk.done(&desk.ann, "markWithdrawalPaid", json!({ "id": id, "paymentReference": "r" })).await;
    assert_eq!(read(&desk.bob).await, Value::Null, "not once it is paid");
    assert_eq!(reads().await, 2);
}

async fn a_destination_outlives_the_key_it_was_sealed_with(backend: Backend) {
    let key = |id: &str, letter: &str| format!("{{ id = \"{id}\", key = \"{}=\" }}", letter.repeat(43));
    let (old, new) = (key("2025", "A"), key("2026", "E"));
    let mut desk = Desk::configured(backend, &format!("{SEPA}[keys]\nencryption = [{old}]\n")).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    desk.approved(&partner, "100").await;
    let first = desk.parrain.run(EXPORT).printed();
    let config = desk.parrain.folder().join("parrain.toml");
    let turned = std::fs::read_to_string(&config).unwrap().replace(&old, &format!("{new}, {old}"));
    std::fs::write(&config, turned).unwrap();
    desk.server = desk.parrain.serve().await;
    let later = desk.approved(&partner, "200").await;
    let sql = "SELECT destination_key_id FROM withdrawal ORDER BY requested_at";
    assert_eq!(desk.parrain.database().column::<String>(sql).await, ["2025", "2026"]);
    let batch = "SELECT id FROM payment_batch";
    let batch = desk.parrain.database().column::<uuid::Uuid>(batch).await.remove(0).to_string();
    let again = || desk.parrain.run(EXPORT.into_iter().chain(["--batch", &batch]));
    assert_eq!(again().printed(), first, "what the old key sealed is still read");
    assert!(desk.parrain.run(EXPORT).printed().contains("200.00"));
    assert!(!desk.withdrawal(&later).await["paymentBatchId"].is_null());
    let gone = std::fs::read_to_string(&config).unwrap().replace(&format!("{new}, {old}"), &new);
    std::fs::write(&config, gone).unwrap();
    let lost = again().ended_with(1);
    assert!(lost.stderr.contains("a key that is not configured"), "{}", lost.stderr);
}

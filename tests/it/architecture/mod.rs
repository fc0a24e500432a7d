//! The architecture's invariants, each a test that names it; and for each a snippet that breaks it, to show that it can fail.

mod source;

use source::{Source, sources_below};

/// One rule: what it says of a file, or nothing.
type Check = fn(&Source) -> Vec<String>;

/// Fails with everything that is wrong in any of the files.
#[track_caller]
fn assert_holds(check: Check, sources: &[Source]) {
    let wrong: Vec<String> = sources
        .iter()
        .flat_map(|source| check(source).into_iter().map(move |what| format!("{}: {what}", source.path)))
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Fails unless the rule finds something in the snippet, and nothing in the sound one.
#[track_caller]
fn assert_can_fail(check: Check, path: &str, broken: &str, sound: &str) {
    assert!(!check(&Source::new(path, broken)).is_empty(), "this should have been found in {path}: {broken}");
    assert_eq!(check(&Source::new(path, sound)), Vec::<String>::new(), "{path}: {sound}");
}

/// What stands in a text as a word of its own, or before a bracket.
fn occurrences(text: &str, sought: &[&str]) -> Vec<String> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut found = Vec::new();
    for sought in sought {
        for (at, _) in text.match_indices(sought) {
            let before = text[..at].chars().next_back().filter(|_| sought.starts_with(is_word));
            let after = text[at + sought.len()..].chars().next().filter(|_| sought.ends_with(is_word));
            if !before.is_some_and(is_word) && !after.is_some_and(is_word) {
                let line = text[..at].matches('\n').count() + 1;
                found.push(format!("line {line} has `{sought}`"));
            }
        }
    }
    found
}

// ---------------------------------------------------------------- the table "may import"

/// The layers and crates that a layer must not name (architecture, The shape).
fn forbidden_to(layer: &str) -> &'static [&'static str] {
    match layer {
        "domain" => &[
            "app",
            "async_graphql",
            "axum",
            "cli",
            "clock",
            "config",
            "db",
            "graphql",
            "http",
            "hyper",
            "jobs",
            "migration",
            "reqwest",
            "sea_orm",
            "services",
            "sqlx",
            "tokio",
            "tower",
        ],
        "services" => &["async_graphql", "axum", "cli", "graphql", "http", "hyper", "jobs", "tower"],
        "graphql" => &["axum", "cli", "db", "http", "hyper", "jobs", "migration", "sqlx", "tower"],
        "http" => &["cli", "db", "jobs", "migration", "sea_orm", "sqlx"],
        "jobs" => &[
            "async_graphql",
            "axum",
            "cli",
            "db",
            "domain",
            "graphql",
            "http",
            "hyper",
            "migration",
            "sea_orm",
            "sqlx",
        ],
        "app" | "clock" | "config" | "db" => &["cli", "graphql", "http", "jobs", "services"],
        _ => &[],
    }
}

fn imports(source: &Source) -> Vec<String> {
    let forbidden = forbidden_to(source.layer());
    let named = source.named().into_iter().filter(|named| forbidden.contains(&named.as_str()));
    named.map(|named| format!("{} must not name `{named}`", source.layer())).collect()
}

#[test]
fn each_layer_imports_only_what_lies_below_it() {
    assert_holds(imports, &sources_below("src"));
}

#[test]
fn an_import_of_a_layer_above_is_found() {
    for (path, broken, sound) in [
        ("src/domain/tier.rs", "use sea_orm::DbErr;", "use entity::Money; use super::rate;"),
        (
            "src/domain/tier.rs",
            "fn f() -> crate::services::error::ServiceError {}",
            "use crate::domain::tier;",
        ),
        ("src/services/line.rs", "use crate::{app::App, graphql};", "use crate::{app::App, domain::tier};"),
        ("src/services/line.rs", "use super::super::http::router;", "use super::super::domain::tier;"),
        ("src/graphql/partner.rs", "use crate::db;", "use crate::services::partner; use entity::partner;"),
        ("src/graphql/partner.rs", "use axum::Json;", "use async_graphql::Object;"),
        ("src/http/router.rs", "use sea_orm::EntityTrait;", "use crate::graphql::schema;"),
        ("src/jobs/settlement.rs", "use crate::domain::tier;", "use crate::services::settlement;"),
        ("src/jobs/settlement.rs", "use crate::graphql::schema;", "use crate::app::App;"),
    ] {
        assert_can_fail(imports, path, broken, sound);
    }
}

#[test]
fn entity_and_migration_know_no_layer_above_them() {
    let check: Check =
        |source| occurrences(&source.code, &["parrain::", "async_graphql::", "axum::", "tokio::"]);
    assert_holds(check, &sources_below("entity/src"));
    assert_holds(check, &sources_below("migration/src"));
    assert_can_fail(
        check,
        "entity/src/money.rs",
        "use parrain::domain::tier;",
        "use sea_orm::entity::prelude::*;",
    );
}

// ---------------------------------------------------------------- what only one place does

fn opens_transaction(source: &Source) -> Vec<String> {
    if matches!(source.layer(), "services" | "app" | "db") {
        return Vec::new();
    }
    let ways = [
        ".begin(",
        ".begin_with_options(",
        ".begin_with_config(",
        "begin_writing(",
        "begin_snapshot(",
        ".transaction(",
    ];
    let mut found = occurrences(&source.code, &ways);
    found.extend(occurrences(&source.with_texts, &["BEGIN IMMEDIATE", "START TRANSACTION"]));
    found
}

#[test]
fn only_services_open_a_transaction() {
    assert_holds(opens_transaction, &sources_below("src"));
    let snippets =
        ["let tx = app.begin().await?;", "db.transaction(|tx| f(tx))", "db.begin_snapshot().await"];
    for broken in snippets {
        assert_can_fail(opens_transaction, "src/graphql/partner.rs", broken, "let begin = period.begins();");
        assert_can_fail(opens_transaction, "src/domain/tier.rs", broken, "// app.begin()");
        assert!(opens_transaction(&Source::new("src/services/partner.rs", broken)).is_empty());
    }
}

fn reads_time(source: &Source) -> Vec<String> {
    if source.path == "src/clock.rs" {
        return Vec::new();
    }
    let ways = [
        "Utc::now",
        "Local::now",
        "SystemTime::now",
        "Uuid::now_v7",
        "Uuid::now_v6",
        "Uuid::now_v1",
        "get_current_timestamp",
    ];
    let mut found = occurrences(&source.code, &ways);
    found.extend(occurrences(
        &source.with_texts.to_lowercase(),
        &[
            "current_timestamp",
            "current_date",
            "localtimestamp",
            " now()",
            "clock_timestamp(",
            "datetime('now'",
            "unixepoch('now'",
        ],
    ));
    found
}

#[test]
fn only_the_clock_reads_the_time() {
    for folder in ["src", "entity/src", "migration/src"] {
        assert_holds(reads_time, &sources_below(folder));
    }
    for broken in
        ["let at = chrono::Utc::now();", "std::time::SystemTime::now()", "\"UPDATE line SET at = now()\""]
    {
        assert_can_fail(reads_time, "src/services/line.rs", broken, "let at = app.clock.now(); // Utc::now");
    }
    assert!(reads_time(&Source::new("src/clock.rs", "let at = Utc::now();")).is_empty());
}

fn writes_ledger(source: &Source) -> Vec<String> {
    let text = source.with_texts.split_whitespace().collect::<Vec<_>>().join(" ");
    let never = [
        "UPDATE ledger_transfer",
        "DELETE FROM ledger_transfer",
        "TRUNCATE ledger_transfer",
        "REPLACE INTO ledger_transfer",
        "ledger_transfer::Entity::update",
        "ledger_transfer::Entity::delete",
        "ledger_transfer::ActiveModel",
    ];
    let mut found = occurrences(&text, &never);
    if source.path != "src/services/ledger.rs" {
        found.extend(occurrences(&text, &["INTO ledger_transfer", "ledger_transfer::Entity::insert"]));
    }
    found
}

#[test]
fn only_one_file_writes_ledger_rows_and_it_only_inserts() {
    let sources = sources_below("src");
    assert_holds(writes_ledger, &sources);
    let ledger = sources.iter().find(|source| source.path == "src/services/ledger.rs").unwrap();
    assert!(
        ledger.with_texts.contains("INSERT INTO ledger_transfer"),
        "the ledger is written elsewhere, and unseen"
    );
    let insert = "let sql = \"INSERT INTO ledger_transfer (id) VALUES ($1)\";";
    assert_can_fail(
        writes_ledger,
        "src/services/withdrawal.rs",
        insert,
        "\"SELECT id FROM ledger_transfer\"",
    );
    let update = "let sql = \"UPDATE \\\n    ledger_transfer SET amount = 0\";".replace("\\\n", "");
    assert_can_fail(writes_ledger, "src/services/ledger.rs", &update, insert);
}

// ---------------------------------------------------------------- what is nowhere

fn touches_database(source: &Source) -> Vec<String> {
    // What went wrong may be said by its name.
    let code = source.code.replace("sea_orm::DbErr", "");
    let mut found = occurrences(
        &code,
        &[
            "sea_orm",
            "sqlx",
            "ConnectionTrait",
            "EntityTrait",
            "DatabaseTransaction",
            "query_all",
            "query_one",
            "execute_unprepared",
            "find_by_id",
        ],
    );
    found.extend(occurrences(&source.with_texts, &["SELECT", "INSERT INTO", "DELETE FROM"]));
    found
}

#[test]
fn a_resolver_does_not_touch_the_database() {
    assert_holds(touches_database, &sources_below("src/graphql"));
    for broken in
        ["use sea_orm::EntityTrait;", "partner::Entity::find_by_id(id).one(db)", "let sql = \"SELECT 1\";"]
    {
        assert_can_fail(touches_database, "src/graphql/partner.rs", broken, "partner::find(app, id).await");
    }
}

fn floats(source: &Source) -> Vec<String> {
    occurrences(&source.code, &["f32", "f64"])
}

#[test]
fn no_float_is_where_money_is() {
    for folder in ["src/domain", "src/services", "src/graphql", "entity/src"] {
        assert_holds(floats, &sources_below(folder));
    }
    for broken in ["let rate: f64 = x;", "amount as f32", "fn f(rate: Option<f64>) {}"] {
        assert_can_fail(floats, "src/domain/tier.rs", broken, "let f640 = \"f64\"; // f64");
    }
}

fn knows_transport(source: &Source) -> Vec<String> {
    occurrences(
        &source.code,
        &["async fn", ".await", "DbErr", "StatusCode", "HeaderMap", "DatabaseConnection"],
    )
}

#[test]
fn the_domain_is_synchronous_and_knows_no_database_and_no_transport() {
    assert_holds(knows_transport, &sources_below("src/domain"));
    for broken in ["pub async fn tier_for() {}", "fn f() -> Result<(), DbErr> {}", "load().await"] {
        assert_can_fail(knows_transport, "src/domain/tier.rs", broken, "pub fn tier_for() {}");
    }
}

fn opening(source_text: &str) -> Vec<String> {
    let first = source_text.lines().next().unwrap_or_default();
    if first.starts_with("//! ") { Vec::new() } else { vec![format!("opens with `{first}`")] }
}

#[test]
fn each_module_opens_with_a_line_that_says_what_it_is() {
    for folder in ["src", "entity/src", "migration/src"] {
        for source in sources_below(folder) {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&source.path);
            let text = std::fs::read_to_string(path).unwrap();
            let is_step = source.path.contains("/m2");
            assert!(is_step || opening(&text).is_empty(), "{}: {:?}", source.path, opening(&text));
        }
    }
    assert!(!opening("use a::b;").is_empty() && opening("//! What it is.\n").is_empty());
}

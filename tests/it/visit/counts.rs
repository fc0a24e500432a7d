//! The counts of visits: `verify` makes them again from the visits, as far back as those are kept.

use parrain::services::{verify, visit};
use serde_json::json;

use super::FIREFOX;
use crate::harness::{Backend, Program, on_both_databases, partner, service};

on_both_databases!(verify_counts_visits_again_as_far_back_as_they_are_kept);

/// Follows the partner's link at a time, as so many visitors.
async fn visits(program: &Program, code: &str, time: &str, visitors: u32) {
    program.at(time);
    for visitor in 0..visitors {
        let visit = json!({ "code": code, "url": "https://www.example.com/", "userAgent": FIREFOX,
                            "address": format!("203.0.{visitor}.1") });
        program.done(service(), "recordVisit", "RecordVisitInput", visit).await;
    }
}

async fn findings(program: &Program) -> Vec<String> {
    let mut found = Vec::new();
    verify::verify(&program.app, |finding| found.push(finding.message)).await.unwrap();
    found
}

async fn verify_counts_visits_again_as_far_back_as_they_are_kept(backend: Backend) {
    let program = Program::new(backend).await;
    let viewer = program.ask(partner("p"), "{ viewer { code } }").await;
    let code = viewer["viewer"]["code"].as_str().unwrap();
    visits(&program, code, "2026-01-01T12:00:00Z", 2).await;
    visits(&program, code, "2026-01-02T12:00:00Z", 3).await;
    assert_eq!(findings(&program).await, [""; 0]);
    let of_last = |table: &str, slot: &str, change: &str| {
        format!("UPDATE {table} SET {change} WHERE {slot} = (SELECT MAX({slot}) FROM {table})")
    };
    // A day that is changed with its quarter of an hour is still the sum of its quarters.
    for (there, back, found) in [
        ("bot = bot + 1", "bot = bot - 1", vec!["bot is -1 short of the visits"]),
        (
            "counted = counted - 1, unique_visitors = 2",
            "counted = counted + 1, unique_visitors = 3",
            vec!["counted is 1 short of the visits"],
        ),
        ("unique_visitors = 4", "unique_visitors = 3", vec!["more unique visitors than counted visits"]),
    ] {
        for (change, found) in [(there, found), (back, vec![])] {
            for (table, slot) in [("visit_quarter", "quarter"), ("visit_day", "day")] {
                assert_eq!(program.database.execute(&of_last(table, slot, change)).await, 1);
            }
            assert_eq!(findings(&program).await, found, "{change}");
        }
    }
    let verdict =
        "UPDATE visit SET verdict = 'BOT' WHERE id = (SELECT id FROM visit ORDER BY id DESC LIMIT 1)";
    assert_eq!(program.database.execute(verdict).await, 1);
    assert_eq!(
        findings(&program).await,
        ["counted is -1 short of the visits", "bot is 1 short of the visits"]
    );
    assert_eq!(program.database.execute(&verdict.replace("'BOT'", "'COUNTED'")).await, 1);

    program.at("2027-02-06T00:00:00Z");
    assert_eq!(visit::clean_up(&program.app).await.unwrap().visits, 2, "those of the first day");
    assert_eq!(findings(&program).await, [""; 0], "their counts stay");
    program.at("2027-03-01T00:00:00Z");
    assert_eq!(visit::clean_up(&program.app).await.unwrap().visits, 3);
    assert_eq!(findings(&program).await, [""; 0]);
}

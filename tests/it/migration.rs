//! The schema: made once however many make it, and never by a program that is older than it (hardening, fault 10).

use std::time::Duration;

use crate::harness::{Backend, Parrain, on_both_databases};

on_both_databases!(three_that_migrate_at_once_migrate_once, a_database_newer_than_the_program_is_refused);

async fn three_that_migrate_at_once_migrate_once(backend: Backend) {
    let parrain = Parrain::unmigrated(backend).await;
    let migrating: Vec<_> = (0..3).map(|_| parrain.start(["migrate", "up"])).collect();
    for process in migrating {
        process.finish(Duration::from_secs(60)).printed();
    }
    let applied: Vec<String> =
        parrain.database().column("SELECT version FROM seaql_migrations ORDER BY version").await;
    assert!(!applied.is_empty() && applied.windows(2).all(|pair| pair[0] < pair[1]), "{applied:?}");
    parrain.run(["migrate", "status"]).printed();
    parrain.verify();
}

async fn a_database_newer_than_the_program_is_refused(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let newer =
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_of_another_day', 0)";
    parrain.database().execute(newer).await;
    for command in [vec!["serve"], vec!["settle"], vec!["migrate", "up"]] {
        let refused = parrain.run(&command).ended_with(1);
        assert!(!refused.stderr.is_empty(), "{command:?} is refused without a word");
    }
}

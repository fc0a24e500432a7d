//! Copies: of the file while it is written to, and from one database to the other and back.

use std::time::Duration;

use crate::harness::{Backend, Folder, Parrain, block_on};
use crate::sample::{self, UNTIL};

const EXPORTS: [&str; 5] = ["statements", "commissions", "balances", "withdrawals", "ledger"];

fn exports(parrain: &Parrain) -> Vec<String> {
    EXPORTS.map(|what| parrain.export(what)).into()
}

async fn settled_sample(backend: Backend) -> Parrain {
    let parrain = sample::with_partners(backend).await;
    let (clients, _) = sample::rows("clients").split(|row| ["P0010", "P0018", "P0019"].contains(&row[1]));
    let ids: std::collections::BTreeSet<String> =
        clients.columns(["client_id"]).into_iter().map(|[id]| id.to_owned()).collect();
    let (top_ups, _) = sample::rows("top_ups").split(|row| ids.contains(row[2]) && row[4] != "0.00");
    parrain.import_rows("clients", &clients);
    parrain.import_rows("top-ups", &top_ups);
    parrain.settle_until(UNTIL);
    parrain
}

#[test]
fn a_copy_to_the_other_database_and_back_has_the_same_books() {
    block_on(async {
        let original = settled_sample(Backend::Sqlite).await;
        let expected = exports(&original);
        let there = copy_to(&original, Backend::Postgres).await;
        assert_eq!(exports(&there), expected);
        there.verify();
        let back = copy_to(&there, Backend::Sqlite).await;
        assert_eq!(exports(&back), expected);
        back.verify();
    });
}

async fn copy_to(from: &Parrain, backend: Backend) -> Parrain {
    let to = Parrain::new(backend).await;
    from.run(["copy", "--to", to.database().url()]).printed();
    to
}

#[test]
fn a_copy_into_books_that_hold_something_is_refused() {
    block_on(async {
        let from = sample::with_partners(Backend::Sqlite).await;
        let to = sample::with_partners(Backend::Sqlite).await;
        let before = exports(&to);
        from.run(["copy", "--to", to.database().url()]).ended_with(1);
        assert_eq!(exports(&to), before);
    });
}

#[test]
fn a_backup_while_it_is_written_to_is_whole() {
    block_on(async {
        let parrain = sample::with_partners(Backend::Sqlite).await;
        let clients = sample::file("clients");
        let top_ups = sample::file("top_ups");
        parrain.import("clients", &clients);
        let importing = parrain.start(["import", "top-ups", top_ups.to_str().unwrap()]);
        let folder = Folder::new();
        let mut sizes = Vec::new();
        for number in 0..3 {
            let file = folder.path().join(format!("backup-{number}.db"));
            parrain.run(["backup", file.to_str().unwrap()]).printed();
            let backup = Parrain::on_file(&file);
            backup.verify();
            let lines: Vec<i64> = backup.database().column("SELECT COUNT(*) FROM line").await;
            sizes.push(lines[0]);
        }
        importing.finish(Duration::from_secs(180));
        assert!(sizes.is_sorted(), "{sizes:?}");
    });
}

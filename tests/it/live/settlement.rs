//! A settlement as staff sees it run, by whichever process.

use super::stream::Stream;
use crate::harness::{Backend, Csv, Parrain, on_both_databases};

on_both_databases!(staff_sees_a_settlement_of_another_process_go_on_and_end);

const PROGRESS: &str =
    "subscription { settlementProgress { period { start } partnersDone partnersTotal status } }";
/// More than one batch of statements.
const PARTNERS: usize = 700;

async fn staff_sees_a_settlement_of_another_process_go_on_and_end(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let rows = |header: &str, row: fn(usize) -> String| Csv {
        header: header.to_owned(),
        rows: (0..PARTNERS).map(row).collect(),
    };
    let partners = rows("account_id,code,joined_at", |n| format!("p{n},code-{n},2025-01-01T00:00:00Z"));
    parrain.import_rows("partners", &partners);
    let clients =
        rows("client_id,partner_code,registered_at", |n| format!("c{n},code-{n},2025-03-02T00:00:00Z"));
    parrain.import_rows("clients", &clients);
    let top_ups = rows("source,external_id,client_id,occurred_at,amount,currency,kind", |n| {
        format!("till,t{n},c{n},2025-03-03T00:00:00Z,10.00,EUR,PURCHASE")
    });
    parrain.import_rows("top-ups", &top_ups);

    let server = parrain.serve().await;
    let staff = parrain.token("staff", "ann");
    let mut stream = Stream::open(&server, &staff, PROGRESS, None).await;
    let settling = parrain.start(["settle", "--until", "2025-04-01"]);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let progress = stream.results(1).await[0]["data"]["settlementProgress"].take();
        let (done, total) =
            (progress["partnersDone"].as_i64().unwrap(), progress["partnersTotal"].as_i64().unwrap());
        assert!((0..=total).contains(&done), "{progress}");
        assert_eq!(total, PARTNERS as i64);
        if progress["status"] == "COMPLETED" {
            assert_eq!(done, total);
            seen.push(progress["period"]["start"].as_str().unwrap().to_owned());
        }
    }
    settling.finish(std::time::Duration::from_secs(120)).printed();
    assert_eq!(seen, ["2025-03-01", "2025-03-15"]);
}

//! What `import` makes of files that contradict themselves.

use crate::harness::{Backend, Csv, on_both_databases};
use crate::sample;

on_both_databases!(of_top_ups_under_one_key_the_first_in_the_file_counts);

/// Top-ups are written by several transactions at once, by partner: rows under one key must still meet.
async fn of_top_ups_under_one_key_the_first_in_the_file_counts(backend: Backend) {
    let parrain = sample::with_partners(backend).await;
    let clients = sample::rows("clients");
    parrain.import_rows("clients", &clients);
    let ids: Vec<&str> = clients.columns(["client_id"]).into_iter().take(200).map(|[id]| id).collect();
    let row = |key: usize, client: &str| format!("s,{key},{client},2024-06-01T12:00:00Z,10.00,EUR,PURCHASE");
    let mut rows: Vec<String> = ids.iter().enumerate().map(|(key, client)| row(key, client)).collect();
    // Each key again, for the next client: mostly one of another partner.
    rows.extend((0..ids.len()).map(|key| row(key, ids[(key + 1) % ids.len()])));
    let header = "source,external_id,client_id,occurred_at,amount,currency,kind".to_owned();
    let file = parrain.folder().join("top-ups.csv");
    Csv { header, rows }.write(&file);

    parrain.run(["import", "top-ups", file.to_str().unwrap()]).ended_with(3);

    let refused = Csv::read(&parrain.folder().join("top-ups.csv.refused.csv"));
    let lines: Vec<String> = refused.columns(["line"]).into_iter().map(|[line]| line.to_owned()).collect();
    // The header is line 1.
    let second_half: Vec<String> = (0..ids.len()).map(|key| (ids.len() + key + 2).to_string()).collect();
    assert_eq!(lines, second_half);
    parrain.verify();
}

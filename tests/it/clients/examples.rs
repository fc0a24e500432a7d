//! The examples in tests/clients/examples, as somebody runs them who copied them.

use serde_json::json;

use super::toolbox::Workbench;
use super::world::World;
use crate::harness::{Backend, block_on};

#[test]
fn a_partners_monthly_figures_are_printed_by_python_with_an_api_key() {
    let workbench = Workbench::python();
    block_on(async {
        let world = World::new(Backend::Sqlite).await;
        let key = world.api_key(&["READ_STATISTICS"]).await;
        let asked = ["examples/monthly_figures.py", "2025-02-01", "2025-04-01"];
        let environment = [("PARRAIN_URL", world.url()), ("PARRAIN_API_KEY", &key)];
        let printed = workbench.run_python(&asked, &environment).printed();
        let table: Vec<Vec<&str>> = printed.lines().map(|line| line.split_whitespace().collect()).collect();
        // Client n of 25 paid n times 11.00 in two parts, and 10 % of it is earned.
        assert_eq!(table[2][1..], ["0", "0", "0", "0", "0.00", "0.00", "EUR"], "{printed}");
        assert_eq!(table[3][1..], ["0", "25", "25", "50", "3575.00", "357.50", "EUR"], "{printed}");
    });
}

#[test]
fn a_top_up_is_reported_by_curl_and_counts_once() {
    let workbench = Workbench::plain();
    block_on(async {
        let world = World::new(Backend::Sqlite).await;
        let environment = world.environment();
        let token = environment.iter().find(|(name, _)| *name == "SERVICE_TOKEN").unwrap().1;
        let report = |amount: &str| {
            let asked =
                ["examples/report_top_up.sh", "pay-1", "client-01", "2025-03-05T10:00:00Z", amount, "EUR"];
            workbench.run_shell(&asked, &[("PARRAIN_URL", world.url()), ("PARRAIN_TOKEN", token)])
        };
        assert!(report("25.00").printed().contains("RECORDED"));
        assert!(report("25.00").printed().contains("REPLAYED"));
        assert!(report("26.00").ended_with(1).stdout.contains("CONFLICT"), "the same name, another amount");
        let viewer = "{ viewer { referredClients(last: 1) { edges { node { topUpTotal { amount } } } } } }";
        let viewer = world.ask(viewer, json!({})).await;
        let total = &viewer["viewer"]["referredClients"]["edges"][0]["node"]["topUpTotal"]["amount"];
        assert_eq!(total, "36.000000");
    });
}

//! Lists: pages, orders and filters.

use serde_json::{Value, json};

use crate::graphql::testing::Program;

#[tokio::test]
async fn a_list_is_paged_both_ways_without_gap_or_repetition() {
    let program = Program::new().await;
    program.with_clients().await;
    let query = "query ($first: Int, $after: String, $last: Int, $before: String, $by: ReferredClientOrderField!) { viewer { \
                 referredClients(first: $first, after: $after, last: $last, before: $before, orderBy: { field: $by, direction: ASC }) { \
                 pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id } } } } }";
    for by in ["REGISTERED_AT", "LAST_TOP_UP_AT", "TOP_UP_TOTAL"] {
        let page = async |variables: Value| {
            let mut variables = variables;
            variables["by"] = json!(by);
            program.partner(query, variables).await["viewer"]["referredClients"].clone()
        };
        let ids = |page: &Value| {
            page["edges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| edge["node"]["id"].clone())
                .collect::<Vec<_>>()
        };
        let all = page(json!({ "first": 100 })).await;
        assert_eq!(ids(&all).len(), 4);
        assert_eq!(all["pageInfo"]["hasNextPage"], false);
        let head = page(json!({ "first": 3 })).await;
        let tail = page(json!({ "first": 3, "after": head["pageInfo"]["endCursor"] })).await;
        assert_eq!([ids(&head), ids(&tail)].concat(), ids(&all), "{by}");
        assert_eq!(
            (&head["pageInfo"]["hasNextPage"], &head["pageInfo"]["hasPreviousPage"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(
            (&tail["pageInfo"]["hasNextPage"], &tail["pageInfo"]["hasPreviousPage"]),
            (&json!(false), &json!(true))
        );
        let last = page(json!({ "last": 3 })).await;
        let rest = page(json!({ "last": 3, "before": last["pageInfo"]["startCursor"] })).await;
        assert_eq!([ids(&rest), ids(&last)].concat(), ids(&all), "{by}");
        assert_eq!(
            (&last["pageInfo"]["hasNextPage"], &last["pageInfo"]["hasPreviousPage"]),
            (&json!(false), &json!(true))
        );
        assert_eq!(
            (&rest["pageInfo"]["hasNextPage"], &rest["pageInfo"]["hasPreviousPage"]),
            (&json!(true), &json!(false))
        );
    }
}

#[tokio::test]
async fn commissions_are_filtered_by_all_that_is_given() {
    let program = Program::new().await;
    program.with_clients().await;
    let ids = program
        .partner("{ viewer { links(first: 1) { edges { node { id } } } referredClients(first: 1) { edges { node { id } } } } }", json!({}))
        .await;
    let link = &ids["viewer"]["links"]["edges"][0]["node"]["id"];
    let client = &ids["viewer"]["referredClients"]["edges"][0]["node"]["id"];
    let query = "query ($filter: CommissionFilter) { viewer { commissions(first: 10, filter: $filter) { totalCount edges { node { id } } } } }";
    for (filter, found) in [
        (json!({}), 4),
        (json!({ "status": "PENDING", "kind": "TOP_UP" }), 4),
        (json!({ "status": "SETTLED" }), 0),
        (json!({ "status": "HELD" }), 0),
        (json!({ "kind": "REFUND" }), 0),
        (json!({ "referredClientId": client }), 1),
        (json!({ "linkId": link, "occurredFrom": "2026-01-05T12:00:00Z" }), 4),
        (json!({ "occurredBefore": "2026-01-05T12:00:00Z" }), 0),
        (json!({ "periodStart": "2026-01-01" }), 4),
        (json!({ "periodStart": "2026-01-02" }), 0),
        (json!({ "linkId": client }), 0),
    ] {
        let page = program.partner(query, json!({ "filter": filter })).await["viewer"]["commissions"].clone();
        assert_eq!(page["totalCount"], found, "{filter}");
        assert_eq!(page["edges"].as_array().unwrap().len(), found, "{filter}");
    }
}

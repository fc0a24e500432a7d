//! The audit log as staff reads it.

use serde_json::{Value, json};

use crate::graphql::testing::{Program, staff};

#[tokio::test]
async fn staff_reads_who_changed_what_and_why() {
    let program = Program::new().await;
    program.with_clients().await;
    let id = program.partner("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let suspend = json!({ "partnerId": id, "reason": "a complaint" });
    program.done(staff(), "suspendPartner", "SuspendPartnerInput", suspend).await;
    program.at("2026-01-11T00:00:00Z");
    let reinstate = json!({ "partnerId": id, "reason": "it was nothing" });
    program.done(staff(), "reinstatePartner", "ReinstatePartnerInput", reinstate).await;

    let query =
        "query($filter: AuditFilter) { auditLog(first: 10, filter: $filter) { totalCount edges { node {
        id at actor role action reason before after requestId subject { __typename id } } } } }";
    let log =
        async |filter: Value| program.staff(query, json!({ "filter": filter })).await["auditLog"].clone();
    let all = log(json!({})).await;
    let first = &all["edges"][0]["node"];
    assert_eq!((&first["action"], &first["reason"]), (&json!("reinstatePartner"), &json!("it was nothing")));
    assert_eq!((&first["actor"], &first["role"]), (&json!("ann"), &json!("STAFF")));
    assert_eq!(first["subject"], json!({ "__typename": "Partner", "id": id }));
    assert!(first["before"].as_str().unwrap().contains("SUSPENDED"), "{first}");
    let node =
        program.staff("query($id: ID!) { node(id: $id) { ... on AuditRecord { at } } }", first.clone()).await;
    assert_eq!(node["node"]["at"], first["at"]);
    for (filter, found) in [
        (json!({}), 2),
        (json!({ "action": "suspendPartner" }), 1),
        (json!({ "actor": "ann" }), 2),
        (json!({ "actor": "bob" }), 0),
        (json!({ "subjectId": id }), 2),
        (json!({ "subjectId": "nonsense" }), 0),
        (json!({ "from": "2026-01-11T00:00:00Z" }), 1),
        (json!({ "before": "2026-01-11T00:00:00Z" }), 1),
    ] {
        assert_eq!(log(filter.clone()).await["totalCount"], found, "{filter}");
    }
}

//! Objects by their ids.

use serde_json::json;

use crate::domain::caller::Caller;
use crate::graphql::testing::Program;

#[tokio::test]
async fn what_one_may_not_see_does_not_exist() {
    let program = Program::new().await;
    program.with_clients().await;
    let own = program
        .partner("{ viewer { id commissions(first: 1) { edges { node { id } } } statements(first: 1) { totalCount } } }", json!({}))
        .await;
    let (id, line) = (&own["viewer"]["id"], &own["viewer"]["commissions"]["edges"][0]["node"]["id"]);
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let ids = json!({ "ids": [id, line, "nonsense"] });
    let other = Caller::Partner { account_id: "partner-2".to_owned() };
    assert_eq!(
        program.partner(query, ids.clone()).await["nodes"],
        json!([{ "id": id }, { "id": line }, null])
    );
    assert_eq!(
        Program::data(program.ask(other, query, ids.clone()).await)["nodes"],
        json!([null, null, null])
    );
    assert_eq!(program.service(query, ids).await["nodes"], json!([null, { "id": line }, null]));

    let public =
        program.ask(Caller::Anonymous, "{ programme { name tiers { name } nextSettlementAt } }", json!({}));
    assert_eq!(Program::data(public.await)["programme"]["tiers"][0]["name"], "Standard");
}

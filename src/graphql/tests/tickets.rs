//! Tickets, and what they are about.

use serde_json::json;

use crate::graphql::testing::Program;

#[tokio::test]
async fn a_ticket_leads_to_what_it_is_about() {
    let program = Program::new().await;
    program.with_clients().await;
    let ids = "{ viewer { commissions(first: 1) { edges { node { id } } } referredClients(first: 1) { edges { node { id } } } \
               links(first: 1) { edges { node { id } } } } }";
    let viewer = program.partner(ids, json!({})).await["viewer"].clone();
    let open = "mutation ($input: OpenTicketInput!) { openTicket(input: $input) { ticket { about { __typename id } \
                messages { author text } } userErrors { code field } } }";
    for (ticket, list, kind) in [
        ("DISPUTE", "commissions", "Commission"),
        ("QUESTION", "commissions", "Commission"),
        ("QUESTION", "referredClients", "ReferredClient"),
        ("QUESTION", "links", "ReferralLink"),
    ] {
        let id = &viewer[list]["edges"][0]["node"]["id"];
        let input = json!({ "kind": ticket, "subject": "Why", "text": "Why?", "aboutId": id });
        let opened = program.partner(open, json!({ "input": input })).await["openTicket"].clone();
        assert_eq!(opened["ticket"]["about"], json!({ "__typename": kind, "id": id }), "{opened:#}");
        assert_eq!(opened["ticket"]["messages"], json!([{ "author": "PARTNER", "text": "Why?" }]));
    }
    let link = &viewer["links"]["edges"][0]["node"]["id"];
    let input = json!({ "kind": "DISPUTE", "subject": "Why", "text": "Why?", "aboutId": link });
    let opened = program.partner(open, json!({ "input": input })).await["openTicket"].clone();
    let expected = json!([{ "code": "NOT_FOUND", "field": ["input", "aboutId"] }]);
    assert_eq!(opened["userErrors"], expected, "a dispute is over money");
}

#[tokio::test]
async fn the_second_of_two_mutations_shows_what_it_did_itself() {
    let program = Program::new().await;
    let open = json!({ "input": { "kind": "QUESTION", "subject": "Why", "text": "one" } });
    let query = "mutation ($input: OpenTicketInput!) { openTicket(input: $input) { ticket { id } } }";
    let id = program.partner(query, open).await["openTicket"]["ticket"]["id"].clone();
    let query = "mutation ($id: ID!) {
        a: replyToTicket(input: { id: $id, text: \"two\" }) { ticket { messages { text } } }
        b: replyToTicket(input: { id: $id, text: \"three\" }) { ticket { messages { text } } } }";
    let replied = program.partner(query, json!({ "id": id })).await;
    assert_eq!(replied["a"]["ticket"]["messages"].as_array().unwrap().len(), 2);
    assert_eq!(replied["b"]["ticket"]["messages"].as_array().unwrap().len(), 3);
}

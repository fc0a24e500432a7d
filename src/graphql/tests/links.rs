//! Links, and how staff finds their partner.

use serde_json::{Value, json};

use crate::graphql::testing::Program;

#[tokio::test]
async fn a_link_is_made_once_a_code_and_staff_finds_its_partner() {
    let program = Program::new().await;
    let query = "mutation ($input: CreateReferralLinkInput!) { createReferralLink(input: $input) { \
                 referralLink { code target label archivedAt } userErrors { code field message } } }";
    let make = async |input: Value| {
        program.partner(query, json!({ "input": input })).await["createReferralLink"].clone()
    };
    let made = make(json!({ "code": "Spring-26", "label": "Blog", "campaign": "spring" })).await;
    assert_eq!(made["referralLink"]["code"], "Spring-26", "{made:#}");
    for (input, code, field) in [
        (json!({ "code": "spring-26" }), "CODE_TAKEN", "code"),
        (json!({ "code": "x" }), "INVALID", "code"),
        (json!({ "label": "\u{202e}" }), "INVALID", "label"),
        (json!({ "target": "https://elsewhere.example/" }), "TARGET_NOT_ALLOWED", "target"),
    ] {
        let refused = make(input).await;
        assert_eq!(refused["referralLink"], Value::Null);
        assert_eq!(refused["userErrors"][0]["code"], code);
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]));
    }
    let found = program.staff("{ partner(code: \"SPRING-26\") { accountId } }", json!({})).await;
    assert_eq!(found["partner"]["accountId"], "partner-1");
    for order in ["JOINED_AT", "AVAILABLE", "ACTIVE_CLIENTS", "LIFETIME_CREDITED"] {
        let query = format!(
            "{{ partners(first: 5, filter: {{ search: \"ner-1\" }}, orderBy: {{ field: {order}, direction: ASC }}) \
             {{ totalCount edges {{ node {{ accountId }} }} }} }}"
        );
        let listed = program.staff(&query, json!({})).await;
        assert_eq!(listed["partners"]["edges"][0]["node"]["accountId"], "partner-1", "{order}");
    }
    let none =
        program.staff("{ partners(first: 5, filter: { search: \"%\" }) { totalCount } }", json!({})).await;
    assert_eq!(none["partners"]["totalCount"], 0, "what is searched for is no pattern");
}

const CHANGED: &str =
    "{ referralLink { id code target label campaign archivedAt } userErrors { code field } }";

#[tokio::test]
async fn a_link_is_changed_where_something_is_given_and_archived_once() {
    let program = Program::new().await;
    let change = async |mutation: &str, input_type: &str, input: Value| {
        let query = format!("mutation ($input: {input_type}!) {{ {mutation}(input: $input) {CHANGED} }}");
        program.partner(&query, json!({ "input": input })).await[mutation].clone()
    };
    let update = async |input: Value| change("updateReferralLink", "UpdateReferralLinkInput", input).await;
    let archive = async |id: &Value| {
        change("archiveReferralLink", "ArchiveReferralLinkInput", json!({ "id": id })).await
    };
    let new = json!({ "code": "blog", "target": "/pricing", "label": "Blog", "campaign": "spring" });
    let made = change("createReferralLink", "CreateReferralLinkInput", new).await["referralLink"].clone();
    let id = &made["id"];
    let renamed =
        update(json!({ "id": id, "label": "My blog", "campaign": null })).await["referralLink"].clone();
    assert_eq!(
        (&renamed["label"], &renamed["campaign"], &renamed["target"]),
        (&json!("My blog"), &Value::Null, &made["target"])
    );
    let moved = update(json!({ "id": id, "target": "/docs" })).await["referralLink"].clone();
    assert!(moved["target"].as_str().unwrap().ends_with("/docs"), "{moved}");
    assert_eq!((&moved["label"], &moved["code"]), (&json!("My blog"), &json!("blog")));
    for (input, code, field) in [
        (json!({ "id": id, "target": "https://elsewhere.example/" }), "TARGET_NOT_ALLOWED", "target"),
        (json!({ "id": id, "label": "\u{202e}" }), "INVALID", "label"),
        (json!({ "id": "nothing" }), "NOT_FOUND", "id"),
    ] {
        let refused = update(input).await;
        assert_eq!(refused["referralLink"], Value::Null);
        assert_eq!(refused["userErrors"][0], json!({ "code": code, "field": ["input", field] }));
    }
    assert!(archive(id).await["referralLink"]["archivedAt"].is_string());
    assert_eq!(archive(id).await["userErrors"][0]["code"], "ALREADY_DONE");
    let links = "{ viewer { links(first: 5) { edges { node { id } } } all: links(first: 5, includeArchived: true) { totalCount } } }";
    let viewer = program.partner(links, json!({})).await["viewer"].clone();
    assert_eq!(viewer["all"]["totalCount"], 2);
    let own = &viewer["links"]["edges"][0]["node"]["id"];
    assert_eq!(archive(own).await["userErrors"][0]["code"], "ILLEGAL_TRANSITION", "his own stays");
}

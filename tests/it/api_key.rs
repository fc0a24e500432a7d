//! API keys: what a partner's program may do with one, and nothing else.

use serde_json::{Value, json};

use crate::harness::{Backend, Parrain, Server, on_both_databases};

on_both_databases!(
    a_key_does_what_its_scopes_say_and_nothing_else,
    a_key_is_kept_as_a_digest_and_revoked_on_every_instance,
    a_key_withdraws_only_to_where_a_token_did_before,
    a_partner_has_at_most_twenty_keys_in_force,
);

const CREATE: &str = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) {
    apiKey { id prefix scopes lastUsedAt } secret userErrors { code field } } }";
const REVOKE: &str = "mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) {
    apiKey { revokedAt } userErrors { code } } }";
const WITHDRAW: &str = "mutation($input: RequestWithdrawalInput!) { requestWithdrawal(input: $input) {
    withdrawal { id } userErrors { code field } } }";

async fn create(server: &Server, token: &str, scopes: &[&str]) -> Value {
    let input = json!({ "label": "Accounting", "scopes": scopes });
    server.graphql(token, CREATE, json!({ "input": input })).await["createApiKey"].take()
}

async fn secret(server: &Server, token: &str, scopes: &[&str]) -> String {
    create(server, token, scopes).await["secret"].as_str().expect("a key").to_owned()
}

fn code_of(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

async fn a_key_does_what_its_scopes_say_and_nothing_else(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let token = parrain.token("partner", "acct-1");
    let key = secret(&server, &token, &["READ_BALANCE", "READ_LINKS"]).await;
    let seen = "{ viewer { accountId balance { available { amount } } links(first: 1) { edges { node { id code } } } } }";
    let seen = server.graphql(&key, seen, json!({})).await;
    assert_eq!(seen["viewer"]["accountId"], "acct-1");
    for (query, path) in [
        ("{ viewer { code tickets(first: 1) { totalCount } } }", json!(["viewer", "tickets"])),
        ("{ viewer { lines: commissions(first: 1) { totalCount } } }", json!(["viewer", "lines"])),
        ("{ viewer { apiKeys { id } } }", json!(["viewer", "apiKeys"])),
        ("{ partners(first: 1) { totalCount } }", json!(["partners"])),
        ("mutation { createReferralLink(input: {}) { userErrors { code } } }", json!(["createReferralLink"])),
        (
            "mutation { createApiKey(input: { label: \"x\", scopes: [READ_LINKS] }) { secret } }",
            json!(["createApiKey"]),
        ),
        (
            "mutation { acceptContract(input: { documentDigest: \"x\" }) { userErrors { code } } }",
            json!(["acceptContract"]),
        ),
    ] {
        let refused = server.request(&key, query, json!({})).await;
        assert_eq!((code_of(&refused), &refused["errors"][0]["path"]), ("FORBIDDEN", &path), "{query}");
        assert!(refused["data"].is_null(), "it fails before it runs: {refused}");
    }
    // By its id an object is there only for who may see its kind.
    let link = seen["viewer"]["links"]["edges"][0]["node"]["id"].clone();
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(server.graphql(&key, node, json!({ "id": link })).await["node"]["id"], link);
    let other = secret(&server, &token, &["READ_CLIENTS"]).await;
    assert!(server.graphql(&other, node, json!({ "id": link })).await["node"].is_null());
    let of_another = secret(&server, &parrain.token("partner", "acct-2"), &["READ_LINKS"]).await;
    assert!(server.graphql(&of_another, node, json!({ "id": link })).await["node"].is_null());
    // The feed shows what the scopes open.
    let opened = "mutation { openTicket(input: { kind: QUESTION, subject: \"Why\", text: \"Why?\" }) { ticket { id } } }";
    server.graphql(&token, opened, json!({})).await;
    let feed = "{ viewer { changes { items { __typename } complete } } }";
    let told = server.graphql(&key, feed, json!({})).await;
    assert_eq!(told["viewer"]["changes"], json!({ "items": [], "complete": true }));
    let told = server.graphql(&token, feed, json!({})).await;
    assert_eq!(told["viewer"]["changes"]["items"], json!([{ "__typename": "Ticket" }]));
    for wrong in
        ["prn_", "prn_00000000000000000000000000000000000000", &key[..41], &key.replace("prn_", "prn-")]
    {
        assert_eq!(
            code_of(&server.request(wrong, "{ programme { name } }", json!({})).await),
            "UNAUTHENTICATED"
        );
    }
}

async fn a_key_is_kept_as_a_digest_and_revoked_on_every_instance(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let servers = [parrain.serve().await, parrain.serve().await];
    let token = parrain.token("partner", "acct-1");
    let made = create(&servers[0], &token, &["READ_LINKS"]).await;
    let key = made["secret"].as_str().unwrap();
    assert_eq!((key.len(), made["apiKey"]["prefix"].as_str().unwrap()), (42, &key[..12]));
    let kept: Vec<String> = parrain.database().column("SELECT hash FROM api_key").await;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(kept, [digest]);
    for server in &servers {
        server.graphql(key, "{ viewer { code } }", json!({})).await;
    }
    let used: Vec<i64> = parrain.database().column("SELECT last_used_at FROM api_key").await;
    servers[1].graphql(key, "{ viewer { code } }", json!({})).await;
    let again: Vec<i64> = parrain.database().column("SELECT last_used_at FROM api_key").await;
    assert_eq!(used, again, "the last use is noted at most once a minute");
    let input = json!({ "input": { "id": made["apiKey"]["id"] } });
    let stranger = parrain.token("partner", "acct-2");
    let refused = servers[0].graphql(&stranger, REVOKE, input.clone()).await;
    assert_eq!(refused["revokeApiKey"]["userErrors"][0]["code"], "NOT_FOUND");
    let revoked = servers[0].graphql(&token, REVOKE, input.clone()).await;
    assert!(revoked["revokeApiKey"]["apiKey"]["revokedAt"].is_string());
    for server in &servers {
        let refused = server.request(key, "{ viewer { code } }", json!({})).await;
        assert_eq!(code_of(&refused), "UNAUTHENTICATED");
    }
    let again = servers[0].graphql(&token, REVOKE, input).await;
    assert_eq!(again["revokeApiKey"]["userErrors"][0]["code"], "ALREADY_DONE");
}

async fn a_key_withdraws_only_to_where_a_token_did_before(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let (token, staff) = (parrain.token("partner", "acct-1"), parrain.token("staff", "staff-1"));
    let id = server.graphql(&token, "{ viewer { id } }", json!({})).await["viewer"]["id"].take();
    let digest = "ab".repeat(32);
    let offer = json!({ "partnerId": id, "version": "1", "documentUrl": "https://www.example.com/c.pdf", "documentDigest": digest });
    let offered =
        "mutation($input: OfferContractInput!) { offerContract(input: $input) { userErrors { code } } }";
    server.graphql(&staff, offered, json!({ "input": offer })).await;
    let accepted =
        "mutation($input: AcceptContractInput!) { acceptContract(input: $input) { userErrors { code } } }";
    server.graphql(&token, accepted, json!({ "input": { "documentDigest": digest } })).await;
    let adjust =
        json!({ "partnerId": id, "amount": "500.00", "reason": "to begin with", "idempotencyKey": "begin" });
    let adjusted =
        "mutation($input: AdjustBalanceInput!) { adjustBalance(input: $input) { userErrors { code } } }";
    server.graphql(&staff, adjusted, json!({ "input": adjust })).await;
    let key = secret(&server, &token, &["READ_WITHDRAWALS", "WRITE_WITHDRAWALS"]).await;
    let ask = async |token: &str, email: &str, idempotency_key: &str| {
        let destination = json!({ "paypal": { "email": email } });
        let input =
            json!({ "amount": "110.00", "destination": destination, "idempotencyKey": idempotency_key });
        server.graphql(token, WITHDRAW, json!({ "input": input })).await["requestWithdrawal"].take()
    };
    let refused = ask(&key, "me@example.com", "1").await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID");
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "destination"]));
    assert!(ask(&token, "me@example.com", "2").await["withdrawal"]["id"].is_string());
    assert!(ask(&key, "me@example.com", "3").await["withdrawal"]["id"].is_string());
    assert_eq!(ask(&key, "me@example.org", "4").await["userErrors"][0]["code"], "INVALID");
}

async fn a_partner_has_at_most_twenty_keys_in_force(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let token = parrain.token("partner", "acct-1");
    server.graphql(&token, "{ viewer { id } }", json!({})).await;
    let asked: Vec<Value> =
        futures_util::future::join_all((0..24).map(|_| create(&server, &token, &["READ_LINKS"]))).await;
    let refused = asked.iter().filter(|made| made["userErrors"][0]["code"] == "LIMIT_REACHED").count();
    let made: Vec<&Value> = asked.iter().filter(|made| made["secret"].is_string()).collect();
    assert_eq!((made.len(), refused), (20, 4));
    let input = json!({ "input": { "id": made[0]["apiKey"]["id"] } });
    server.graphql(&token, REVOKE, input).await;
    assert!(create(&server, &token, &["READ_LINKS"]).await["secret"].is_string(), "a revoked one makes room");
    for (input, code) in [
        (json!({ "label": "x", "scopes": [] }), "REQUIRED"),
        (json!({ "label": "", "scopes": ["READ_LINKS"] }), "INVALID"),
        (json!({ "label": "x", "scopes": ["READ_LINKS"], "expiresAt": "2020-01-01T00:00:00Z" }), "INVALID"),
    ] {
        let refused = server.graphql(&token, CREATE, json!({ "input": input })).await;
        assert_eq!(refused["createApiKey"]["userErrors"][0]["code"], code, "{input}");
    }
    let listed = server.graphql(&token, "{ viewer { apiKeys { label revokedAt } } }", json!({})).await;
    assert_eq!(listed["viewer"]["apiKeys"].as_array().unwrap().len(), 21);
}

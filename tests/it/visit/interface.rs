//! Visits as partner, staff and the provider's own pages see them in the interface.

use serde_json::{Value, json};

use super::{FIREFOX, all_counted, partner_with_link, visitor};
use crate::harness::{Backend, Parrain, Server, on_both_databases};

on_both_databases!(
    a_partner_sees_his_visits_with_their_verdicts_and_nobody_elses,
    staff_sees_whose_visits_are_mostly_forced_or_bots,
    a_landing_page_of_the_providers_own_reports_visits,
    a_partner_declares_sites_that_do_not_resemble_the_providers_and_reads_the_rules,
);

/// Follows a link so often, each time as another visitor.
async fn follow(server: &Server, code: &str, times: usize, headers: &[(&str, &str)]) {
    let visitor = visitor();
    for time in 0..times {
        let mut request = visitor.get(format!("{}/r/{code}", server.url));
        request = match headers.iter().any(|(name, _)| *name == "user-agent") {
            true => request,
            false => request.header("user-agent", format!("{FIREFOX}.{time}")),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(request.send().await.unwrap().status(), 302);
    }
}

async fn a_partner_sees_his_visits_with_their_verdicts_and_nobody_elses(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let partner = partner_with_link(&parrain, &server, "p1", "abc", "/page").await;
    let other = partner_with_link(&parrain, &server, "p2", "xyz", "/page").await;
    follow(&server, "abc", 3, &[("referer", "https://blog.example/post?secret=1")]).await;
    follow(&server, "abc", 2, &[("sec-fetch-dest", "iframe")]).await;
    all_counted(parrain.database()).await;
    let query = "{ viewer { links(last: 1) { edges { node { id code
        all: visits(first: 2) { totalCount pageInfo { hasNextPage endCursor } edges { node { id at verdict referrer } } }
        counted: visits(first: 10, verdict: COUNTED) { totalCount edges { node { referrer } } }
        bots: visits(first: 10, verdict: BOT) { totalCount edges { node { id } } } } } } } }";
    let answer = server.graphql(&partner, query, json!({})).await;
    let link = &answer["viewer"]["links"]["edges"][0]["node"];
    assert_eq!((&link["code"], &link["all"]["totalCount"]), (&json!("abc"), &json!(5)));
    assert_eq!(link["all"]["pageInfo"]["hasNextPage"], true);
    let newest = &link["all"]["edges"][0]["node"];
    assert_eq!((&newest["verdict"], &newest["referrer"]), (&json!("FORCED"), &Value::Null));
    let of_blog = json!({ "node": { "referrer": "blog.example" } });
    assert_eq!(link["counted"], json!({ "totalCount": 3, "edges": [of_blog, of_blog, of_blog] }));
    assert_eq!(link["bots"], json!({ "totalCount": 0, "edges": [] }));
    let by_id = "query($id: ID!) { node(id: $id) { id ... on Visit { verdict } } }";
    let seen = server.graphql(&partner, by_id, json!({ "id": newest["id"] })).await;
    assert_eq!(seen["node"]["verdict"], "FORCED");
    assert!(server.graphql(&other, by_id, json!({ "id": newest["id"] })).await["node"].is_null());
}

async fn staff_sees_whose_visits_are_mostly_forced_or_bots(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let partner = partner_with_link(&parrain, &server, "p1", "bad", "/page").await;
    partner_with_link(&parrain, &server, "p2", "good", "/page").await;
    follow(&server, "bad", 9, &[]).await;
    follow(&server, "bad", 6, &[("sec-fetch-dest", "iframe")]).await;
    follow(&server, "bad", 5, &[("user-agent", "Googlebot/2.1")]).await;
    follow(&server, "bad", 5, &[("purpose", "prefetch")]).await;
    follow(&server, "good", 3, &[]).await;
    all_counted(parrain.database()).await;
    let quality = "visitQuality { visits forced bots isSuspicious }";
    let query = format!("{{ partners(first: 10) {{ edges {{ node {{ accountId {quality} }} }} }} }}");
    let staff = parrain.token("staff", "ann");
    let answer = server.graphql(&staff, &query, json!({})).await;
    let list = answer["partners"]["edges"].as_array().unwrap();
    let of = |account: &str| {
        let edge = list.iter().find(|edge| edge["node"]["accountId"] == account).unwrap();
        edge["node"]["visitQuality"].clone()
    };
    assert_eq!(of("p1"), json!({ "visits": 20, "forced": 6, "bots": 5, "isSuspicious": true }));
    assert_eq!(of("p2"), json!({ "visits": 3, "forced": 0, "bots": 0, "isSuspicious": false }));
    let own = server.graphql(&partner, &format!("{{ viewer {{ {quality} }} }}"), json!({})).await;
    assert!(own["viewer"]["visitQuality"].is_null(), "for staff alone");
}

async fn a_landing_page_of_the_providers_own_reports_visits(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let partner = partner_with_link(&parrain, &server, "p1", "abc", "/page").await;
    let query = "mutation($input: RecordVisitInput!) { recordVisit(input: $input) {
        verdict visitorToken userErrors { code field } } }";
    let visit = |code: &str, url: &str, agent: &str, token: Value| {
        json!({ "input": { "code": code, "url": url, "userAgent": agent, "visitorToken": token,
                           "address": "203.0.113.7", "referrer": "https://blog.example/" } })
    };
    let service = parrain.token("service", "site");
    let page = "https://www.example.com/welcome?ref=abc";
    let report = async |input: Value| server.graphql(&service, query, input).await["recordVisit"].take();
    let first = report(visit("abc", page, FIREFOX, Value::Null)).await;
    assert_eq!((&first["verdict"], &first["userErrors"]), (&json!("COUNTED"), &json!([])));
    let token = first["visitorToken"].clone();
    let again = report(visit("ABC", page, FIREFOX, token.clone())).await;
    assert_eq!((&again["verdict"], &again["visitorToken"]), (&json!("DUPLICATE"), &token));
    let paid = report(visit("abc", "https://www.example.com/?ref=abc&gclid=1", FIREFOX, Value::Null)).await;
    assert_eq!((&paid["verdict"], &paid["visitorToken"]), (&json!("CONTEXTUAL_ADVERTISING"), &Value::Null));
    let bot = report(visit("abc", page, "curl/8.5.0", token.clone())).await;
    assert_eq!((&bot["verdict"], &bot["visitorToken"]), (&json!("BOT"), &token), "what he has he keeps");
    let unknown = report(visit("nobody", page, FIREFOX, Value::Null)).await;
    assert_eq!(unknown["userErrors"], json!([{ "code": "NOT_FOUND", "field": ["input", "code"] }]));
    assert_eq!(super::register(&parrain, &server, "acct-1", token.as_str().unwrap()).await, "ATTRIBUTED");
    let refused = server.request(&partner, query, visit("abc", page, FIREFOX, Value::Null)).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
}

async fn a_partner_declares_sites_that_do_not_resemble_the_providers_and_reads_the_rules(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    parrain.configure("[site]\nfront_page = \"https://www.novaphone.example/\"\n");
    let server = parrain.serve().await;
    let partner = parrain.token("partner", "p1");
    let query = "mutation($input: DeclareSiteInput!) { declareSite(input: $input) {
        site { id host } userErrors { code field } } }";
    let declare = async |url: &str| {
        let input = json!({ "input": { "url": url } });
        server.graphql(&partner, query, input).await["declareSite"].take()
    };
    let first = declare("https://blog.example/voip").await;
    assert_eq!(first["site"]["host"], "blog.example");
    assert_eq!(declare("BLOG.example").await, first, "the same site is declared once");
    declare("voip-reviews.example").await;
    for url in ["novaphone.shop", "n0vaphone.example", "https://nova-phone.net/", "localhost"] {
        let refused = declare(url).await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID", "field": ["input", "url"] }]), "{url}");
    }
    let query = "{ viewer { sites(first: 5) { totalCount edges { node { host } } } } programme { rules { code text } } }";
    let answer = server.graphql(&partner, query, json!({})).await;
    let hosts =
        json!([{ "node": { "host": "blog.example" } }, { "node": { "host": "voip-reviews.example" } }]);
    assert_eq!(answer["viewer"]["sites"], json!({ "totalCount": 2, "edges": hosts }));
    let rules = answer["programme"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["code"] == "NO_FORCED_VISITS"), "{rules:?}");
}

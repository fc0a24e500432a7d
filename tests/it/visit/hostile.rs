//! Hostile targets, through the interface and straight from the database: none is redirected to.

use serde_json::json;

use super::{FIREFOX, header, partner_with_link, visitor};
use crate::harness::{Backend, Parrain, on_both_databases};

on_both_databases!(no_hostile_target_is_redirected_to);

const HOSTILE: &[&str] = include!("../../data/hostile_targets.rs");
const CONFIG: &str = "[site]\nfront_page = \"https://www.provider.example/\"\n\
    allowed_hosts = [\"shop.provider.example\", \"bücher.example\"]\n\
    denied_paths = [\"/login\", \"/account/sign-in/\", \"/é\"]\n";

async fn no_hostile_target_is_redirected_to(backend: Backend) {
    assert!(HOSTILE.len() >= 60);
    let parrain = Parrain::new(backend).await;
    parrain.configure(CONFIG);
    let server = parrain.serve().await;
    let partner = partner_with_link(&parrain, &server, "p1", "good", "/page").await;
    let query = "mutation($input: CreateReferralLinkInput!) { createReferralLink(input: $input) {
        referralLink { id } userErrors { code } } }";
    for target in HOSTILE {
        let answer = server.graphql(&partner, query, json!({ "input": { "target": target } })).await;
        assert_eq!(
            answer["createReferralLink"]["userErrors"][0]["code"], "TARGET_NOT_ALLOWED",
            "{target:?}: {answer}"
        );
    }
    // Whatever got into the database, by an older program or by hand. PostgreSQL keeps no NUL.
    let stored: Vec<&str> = HOSTILE.iter().copied().filter(|target| !target.contains('\0')).collect();
    for (number, target) in stored.iter().enumerate() {
        let id = format!("00000000-0000-0000-0000-{number:012x}");
        let id = if backend == Backend::Postgres {
            format!("'{id}'")
        } else {
            format!("x'{}'", id.replace('-', ""))
        };
        let target = target.replace('\'', "''");
        let sql = format!(
            "INSERT INTO link (id, partner_id, code, code_key, target, is_own, created_at) \
             SELECT {id}, partner_id, 'bad-{number}', 'bad-{number}', '{target}', false, 0 FROM link WHERE code = 'good'"
        );
        assert_eq!(parrain.database().execute(&sql).await, 1);
    }
    let visitor = visitor();
    for (number, target) in stored.iter().enumerate() {
        let request = visitor.get(format!("{}/r/bad-{number}", server.url)).header("user-agent", FIREFOX);
        let answer = request.send().await.unwrap();
        let location = header(&answer, "location");
        assert_eq!(
            (answer.status().as_u16(), location),
            (302, "https://www.provider.example/"),
            "{target:?}"
        );
    }
    // And behind the code of a good link.
    for path in [
        "//evil.example",
        "/..//evil.example",
        "/%2f%2fevil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/@evil.example",
        "/%2e%2e/login",
        "/..%2flogin",
        "/;/evil",
    ] {
        let request = visitor.get(format!("{}/r/good{path}", server.url)).header("user-agent", FIREFOX);
        let answer = request.send().await.unwrap();
        let location = header(&answer, "location");
        assert!(
            location.starts_with("https://www.provider.example/") && !location.contains("login"),
            "{path}: {location}"
        );
    }
}

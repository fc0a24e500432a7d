//! Statements as a partner takes them home: histories as files, the printed page, and digests that a foreign tool checks.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Backend, Parrain, Server, on_both_databases};
use crate::sample;

on_both_databases!(a_partner_checks_his_statements_with_python, exports_and_pages_are_for_whom_they_are,);

/// The sample, settled, and the partner of its first statements.
struct Setting {
    server: Server,
    token: String,
    code: String,
    // After the server that serves it.
    parrain: Parrain,
}

async fn setting(backend: Backend) -> Setting {
    let parrain = sample::with_partners(backend).await;
    parrain.import("clients", &sample::file("clients"));
    // Rows that are refused are not of interest here.
    parrain.run(["import", "top-ups", sample::file("top_ups").to_str().unwrap()]);
    parrain.import("refunds", &sample::file("refunds"));
    parrain.settle_until(sample::UNTIL);
    let partners = sample::rows("partners");
    let row: Vec<&str> = partners.rows[0].split(',').collect();
    let code = row[partners.column("code")].to_owned();
    let token = parrain.token("partner", row[partners.column("account_id")]);
    Setting { server: parrain.serve().await, token, code, parrain }
}

/// From the interface's figures alone, by a script that knows nothing of the project.
const CHECK: &str = r#"
import base64, hashlib, json, sys, uuid
data = json.load(sys.stdin)
partner = base64.urlsafe_b64decode(data["id"] + "=" * (-len(data["id"]) % 4))
partner = str(uuid.UUID(bytes=partner[1:]))
previous = None
for statement in reversed([edge["node"] for edge in data["statements"]["edges"]]):
    covered = {
        "partnerId": partner,
        "periodStart": statement["period"]["start"],
        "periodEnd": statement["period"]["end"],
        "activeClients": statement["activeClients"],
        "rateBasisPoints": round(float(statement["ratePercent"]) * 100),
        "topUpCount": statement["topUpCount"],
        "carryReason": statement["carryReason"],
        "previousDigest": previous,
    }
    for amount in ["base", "commission", "carriedIn", "credited", "carriedOut"]:
        covered[amount] = statement[amount]["amount"]
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text == statement["digestedJson"], (text, statement["digestedJson"])
    previous = hashlib.sha256(text.encode()).hexdigest()
    assert previous == statement["digest"], (text, statement["digest"])
    print(previous)
"#;

async fn a_partner_checks_his_statements_with_python(backend: Backend) {
    let setting = setting(backend).await;
    let query = "{ viewer { id statements(first: 100) { edges { node { period { start end } activeClients ratePercent topUpCount
        base { amount } commission { amount } carriedIn { amount } credited { amount } carriedOut { amount } carryReason
        openingBalance { amount } closingBalance { amount } digest digestedJson } } } } }";
    let mut data = setting.server.graphql(&setting.token, query, json!({})).await;
    let viewer = data["viewer"].take();
    let mut python = Command::new("python3")
        .args(["-c", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    python.stdin.take().unwrap().write_all(viewer.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{viewer:#}");
    let statements: Vec<&Value> =
        viewer["statements"]["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), statements.len());
    assert!(statements.len() > 10);
    for pair in statements.windows(2) {
        assert_eq!(pair[0]["openingBalance"], pair[1]["closingBalance"], "a gap between two statements");
        assert_eq!(pair[0]["carriedIn"], pair[1]["carriedOut"]);
    }
}

async fn exports_and_pages_are_for_whom_they_are(backend: Backend) {
    let setting = setting(backend).await;
    let query = "{ viewer { commissions: exportUrl(kind: COMMISSIONS) statements: exportUrl(kind: STATEMENTS, until: \"2025-01-01\")
        ledger: exportUrl(kind: LEDGER) last: statements(first: 1) { edges { node { printUrl } } } } }";
    let viewer = setting.server.graphql(&setting.token, query, json!({})).await["viewer"].take();
    let path = |address: &Value| {
        let (_, path) = address.as_str().unwrap().split_once("127.0.0.1:8080").unwrap();
        path.to_owned()
    };
    for (what, from_the_command_line) in [
        ("commissions", vec!["export", "commissions", "--partner", &setting.code]),
        ("statements", vec!["export", "statements", "--partner", &setting.code, "--until", "2025-01-01"]),
        ("ledger", vec!["export", "ledger", "--partner", &setting.code]),
    ] {
        let signed = path(&viewer[what]);
        let (status, headers, text) = setting.get(&signed, None).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(text, setting.parrain.run(from_the_command_line).printed(), "{what}");
        assert!(text.lines().count() > 5, "{text}");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(headers["content-disposition"].to_str().unwrap().contains(what));
        let plain = signed.split('?').next().unwrap();
        let until = if what == "statements" { "?until=2025-01-01" } else { "" };
        let own = setting.get(&format!("{plain}{until}"), Some(&setting.token)).await;
        assert_eq!(own.2, text, "with the token");
        assert_eq!(setting.get(&signed.replacen("partner=0", "partner=1", 1), None).await.0, 403);
        assert_eq!(setting.get(&format!("{signed}&until=2030-01-01"), None).await.0, 403);
        assert_eq!(setting.get(plain, None).await.0, 401);
        assert_eq!(setting.get(plain, Some(&setting.parrain.token("staff", "ann"))).await.0, 403);
        assert_eq!(setting.get(&format!("{plain}?from=yesterday"), Some(&setting.token)).await.0, 400);
    }
    assert_eq!(setting.get("/export/balances.csv", Some(&setting.token)).await.0, 404);

    let signed = path(&viewer["last"]["edges"][0]["node"]["printUrl"]);
    let plain = signed.split('?').next().unwrap();
    let (status, headers, page) = setting.get(&signed, None).await;
    assert_eq!(status, 200, "{page}");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'; img-src data:"), "{policy}");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(page.contains("<svg") && page.contains(&setting.code) && !page.contains("<script"), "{page}");
    assert_eq!(setting.get(plain, Some(&setting.token)).await.2, page, "with the token");
    assert_eq!(setting.get(plain, Some(&setting.parrain.token("staff", "ann"))).await.0, 200);
    let key = setting.key_with_every_scope().await;
    for closed in [plain, "/export/commissions.csv", "/export/statements.csv", "/export/ledger.csv"] {
        assert_eq!(setting.get(closed, Some(&key)).await.0, 401, "{closed} is for tokens");
        assert_eq!(setting.get(closed, Some(&setting.token)).await.0, 200, "{closed}");
    }
    let stranger = setting.parrain.token("partner", "somebody-else");
    for (address, token, status) in [
        (plain, None, 401),
        (plain, Some(&stranger), 404),
        ("/statements/1", Some(&setting.token), 404),
        (signed[..signed.len() - 1].to_owned().as_str(), None, 403),
    ] {
        assert_eq!(setting.get(address, token).await.0, status, "{address}");
    }
}

impl Setting {
    async fn key_with_every_scope(&self) -> String {
        let types = "{ __type(name: \"Scope\") { enumValues { name } } }";
        let scopes = self.server.graphql(&self.token, types, json!({})).await;
        let scopes: Vec<&Value> =
            scopes["__type"]["enumValues"].as_array().unwrap().iter().map(|value| &value["name"]).collect();
        assert!(scopes.len() >= 12, "{scopes:?}");
        let create = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }";
        let input = json!({ "input": { "label": "Accounting", "scopes": scopes } });
        let made = self.server.graphql(&self.token, create, input).await;
        let key = made["createApiKey"]["secret"].as_str().unwrap().to_owned();
        // It is a good one.
        self.server.graphql(&key, "{ viewer { statements(first: 1) { totalCount } } }", json!({})).await;
        key
    }

    async fn get(&self, path: &str, token: Option<&String>) -> (u16, reqwest::header::HeaderMap, String) {
        let mut request = self.server.http.get(format!("{}{path}", self.server.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
    }
}

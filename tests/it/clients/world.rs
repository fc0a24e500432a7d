//! The server that the clients talk to, and what its partner has on record: tests/clients/setting.mjs expects it.

use serde_json::{Value, json};

use crate::harness::{Backend, Parrain, Server};

/// A served database in which the partner `acct-1` has seven links, 25 clients with two top-ups each, and money.
pub struct World {
    server: Server,
    partner: String,
    staff: String,
    service: String,
    // Last, so that it goes when the server has ended.
    _parrain: Parrain,
}

impl World {
    pub async fn new(backend: Backend) -> World {
        let parrain = Parrain::new(backend).await;
        let server = parrain.serve().await;
        let token = |role: &str, subject: &str| parrain.token(role, subject);
        let (partner, staff, service) =
            (token("partner", "acct-1"), token("staff", "staff-1"), token("service", "billing"));
        let world = World { server, partner, staff, service, _parrain: parrain };
        world.fill().await;
        world
    }

    async fn fill(&self) {
        let viewer = self.server.graphql(&self.partner, "{ viewer { id code } }", json!({})).await;
        let (id, code) = (&viewer["viewer"]["id"], &viewer["viewer"]["code"]);
        for number in 1..=6 {
            let link = json!({ "label": format!("Link {number}"), "campaign": "spring" });
            self.done(&self.partner, "createReferralLink", "CreateReferralLinkInput", link).await;
        }
        let clients: Vec<Value> = (1..=25)
            .map(|n| {
                let registered_at = format!("2025-03-01T00:{n:02}:00Z");
                json!({ "clientId": format!("client-{n:02}"), "registeredAt": registered_at, "code": code })
            })
            .collect();
        let registered = json!({ "clients": clients });
        self.results("registerClients", "RegisterClientsInput", registered, "ATTRIBUTED").await;
        // Client n pays n times 10.00 and, an hour later, n times 1.00.
        let top_ups: Vec<Value> = [("0", "10.00"), ("1", "1.00")]
            .into_iter()
            .flat_map(|(hour, unit)| {
                (1..=25).map(move |n| {
                    let amount = format!("{n}{}", unit.trim_start_matches('1'));
                    json!({
                        "source": "billing", "externalId": format!("t-{hour}-{n}"), "clientId": format!("client-{n:02}"),
                        "occurredAt": format!("2025-03-02T0{hour}:{n:02}:00Z"), "amount": amount, "currencyCode": "EUR",
                    })
                })
            })
            .collect();
        let recorded = json!({ "topUps": top_ups });
        self.results("recordTopUps", "RecordTopUpsInput", recorded, "RECORDED").await;
        let money =
            json!({ "partnerId": id, "amount": "330.00", "reason": "to begin with", "idempotencyKey": "1" });
        self.done(&self.staff, "adjustBalance", "AdjustBalanceInput", money).await;
    }

    /// A mutation that must not be refused.
    async fn done(&self, token: &str, mutation: &str, input_type: &str, input: Value) {
        let query = format!(
            "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ userErrors {{ code message }} }} }}"
        );
        let answer = self.server.graphql(token, &query, json!({ "input": input })).await;
        assert_eq!(answer[mutation]["userErrors"], json!([]), "{mutation}");
    }

    /// A batch of a service's, every part of which must come out so.
    async fn results(&self, mutation: &str, input_type: &str, input: Value, outcome: &str) {
        let query = format!(
            "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ results {{ outcome }} }} }}"
        );
        let answer = self.server.graphql(&self.service, &query, json!({ "input": input })).await;
        let results = answer[mutation]["results"].as_array().unwrap();
        assert!(!results.is_empty() && results.iter().all(|result| result["outcome"] == outcome), "{answer}");
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// What the partner is answered.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        self.server.graphql(&self.partner, query, variables).await
    }

    /// A key of the partner's with these scopes.
    pub async fn api_key(&self, scopes: &[&str]) -> String {
        let create = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }";
        let made = self.ask(create, json!({ "input": { "label": "Accounting", "scopes": scopes } })).await;
        made["createApiKey"]["secret"].as_str().expect("a key").to_owned()
    }

    /// What a script is told.
    pub fn environment(&self) -> [(&'static str, &str); 4] {
        [
            ("SERVER_URL", &self.server.url),
            ("PARTNER_TOKEN", &self.partner),
            ("STAFF_TOKEN", &self.staff),
            ("SERVICE_TOKEN", &self.service),
        ]
    }
}

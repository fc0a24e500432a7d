//! Money out and staff's side of it, over HTTP and on the command line (rules 6, 7, 22 to 28).

mod audit;
mod concurrency;
mod payment_file;
mod payment_status;
mod secrecy;
mod staff;
mod transitions;

use serde_json::{Value, json};

use crate::harness::{Backend, Parrain, Server};

pub const IBAN: &str = "DE89370400440532013000";
/// Who pays.
pub const SEPA: &str = "[sepa]\ndebtor_name = \"Exämple SAS\"\n\
                        debtor_iban = \"FR7630006000011234567890189\"\ndebtor_bic = \"AGRIFRPP\"\n";

/// A server, with tokens for those who use it.
pub struct Desk {
    // Before the database that it serves.
    pub server: Server,
    pub parrain: Parrain,
    pub ann: String,
    pub bob: String,
    pub billing: String,
}

/// A partner as his token knows him.
#[derive(Clone, Debug)]
pub struct Partner {
    pub token: String,
    pub id: String,
}

impl Desk {
    pub async fn open(backend: Backend) -> Desk {
        Desk::configured(backend, SEPA).await
    }

    pub async fn configured(backend: Backend, toml: &str) -> Desk {
        let parrain = Parrain::new(backend).await;
        parrain.configure(toml);
        let server = parrain.serve().await;
        Desk {
            ann: parrain.token("staff", "ann"),
            bob: parrain.token("staff", "bob"),
            billing: parrain.token("service", "billing"),
            server,
            parrain,
        }
    }

    pub async fn partner(&self, account: &str) -> Partner {
        let token = self.parrain.token("partner", account);
        let answer = self.server.graphql(&token, "{ viewer { id } }", json!({})).await;
        Partner { id: text(&answer["viewer"]["id"]), token }
    }

    /// A partner with money and a contract in force.
    pub async fn rich_partner(&self, account: &str, amount: &str) -> Partner {
        let partner = self.partner(account).await;
        let digest = digest("1");
        self.done(&self.ann, "offerContract", offer(&partner, "1")).await;
        self.done(&partner.token, "acceptContract", json!({ "documentDigest": digest })).await;
        let adjust = json!({ "partnerId": partner.id, "amount": amount, "reason": "To begin with.", "idempotencyKey": account });
        self.done(&self.ann, "adjustBalance", adjust).await;
        partner
    }

    /// The payload of a mutation.
    pub async fn change(&self, token: &str, mutation: &str, input: Value) -> Value {
        let document = document_of(mutation);
        let mut answer = self.server.graphql(token, &document, json!({ "input": input })).await;
        answer["it"].take()
    }

    /// The object of a mutation that must not be refused.
    pub async fn done(&self, token: &str, mutation: &str, input: Value) -> Value {
        let mut payload = self.change(token, mutation, input.clone()).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation} {input}");
        payload["object"].take()
    }

    /// What came of a mutation: the status that its object has then, or the code of the refusal.
    pub async fn outcome(&self, token: &str, mutation: &str, input: Value) -> String {
        let payload = self.change(token, mutation, input).await;
        match payload["userErrors"].as_array().unwrap().as_slice() {
            [] => text(&payload["object"]["status"]),
            [error, ..] => text(&error["code"]),
        }
    }

    /// Asks for money to be paid to a bank account.
    pub async fn request(&self, partner: &Partner, amount: &str, iban: &str, holder: &str) -> String {
        let key = format!("{:032x}", rand::random::<u128>());
        let destination = json!({ "bankTransfer": { "iban": iban, "holder": holder } });
        let input = json!({ "amount": amount, "destination": destination, "idempotencyKey": key });
        text(&self.done(&partner.token, "requestWithdrawal", input).await["id"])
    }

    /// An approved withdrawal of an amount.
    pub async fn approved(&self, partner: &Partner, amount: &str) -> String {
        let id = self.request(partner, amount, IBAN, "Jo Öz").await;
        self.done(&self.ann, "approveWithdrawal", json!({ "id": id })).await;
        id
    }

    /// A withdrawal as staff sees it.
    pub async fn withdrawal(&self, id: &str) -> Value {
        let query = "query($id: ID!) { node(id: $id) { ... on Withdrawal { status reason paymentReference endToEndId \
                     paymentBatchId destination } } }";
        self.server.graphql(&self.ann, query, json!({ "id": id })).await["node"].take()
    }

    /// Available, reserved and paid for good.
    pub async fn balance(&self, partner: &Partner) -> [String; 3] {
        let query =
            "{ viewer { balance { available { amount } reserved { amount } lifetimePaid { amount } } } }";
        let answer = self.server.graphql(&partner.token, query, json!({})).await;
        let balance = &answer["viewer"]["balance"];
        ["available", "reserved", "lifetimePaid"].map(|which| text(&balance[which]["amount"]))
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The SHA-256 of a version of the contract.
pub fn digest(version: &str) -> String {
    format!("{version:0>64}")
}

pub fn offer(partner: &Partner, version: &str) -> Value {
    json!({
        "partnerId": partner.id,
        "version": version,
        "documentUrl": format!("https://www.example.com/{version}.pdf"),
        "documentDigest": digest(version),
    })
}

/// The document that runs a mutation under the name `it`, and asks for its object.
fn document_of(mutation: &str) -> String {
    let (object, selection) = match mutation {
        name if name.contains("Withdrawal") => ("withdrawal", "id status"),
        name if name.contains("ServiceTransfer") || name == "transferToServiceBalance" => {
            ("serviceTransfer", "id status")
        }
        name if name.contains("Contract") => ("contract", "status"),
        name if name.contains("Ticket") => ("ticket", "id status"),
        name if name.contains("Commission") => ("commission", "id status"),
        name if name.contains("Client") => ("referredClient", "id"),
        "setTiers" => ("programme", "name"),
        _ => ("partner", "id status"),
    };
    let input = match mutation {
        "approveWithdrawal" | "rejectWithdrawal" | "markWithdrawalFailed" => "DecideWithdrawal".to_owned(),
        "releaseCommission" | "rejectCommission" => "ReviewCommission".to_owned(),
        _ => mutation[..1].to_ascii_uppercase() + &mutation[1..],
    };
    format!(
        "mutation($input: {input}Input!) {{ it: {mutation}(input: $input) {{ \
         object: {object} {{ {selection} }} userErrors {{ code field message }} }} }}"
    )
}

//! For this layer's tests: the interface as a whole, on a database of its own.

use async_graphql::{Executor, Request};
use entity::Moment;
use serde_json::{Value, json};

use super::Api;
use crate::app::App;
use crate::domain::caller::Caller;
use crate::services::testing::{Folder, app_in, empty_database};

/// An API with its clock.
pub struct Program {
    pub api: Api,
    pub app: App,
    _folder: Folder,
}

impl Program {
    pub async fn new() -> Program {
        let (folder, url) = empty_database();
        let app = app_in(&url).await;
        Program { api: Api::new(app.clone()), app, _folder: folder }
    }

    pub async fn ask(&self, caller: Caller, query: &str, variables: Value) -> Value {
        let variables = async_graphql::Variables::from_json(variables);
        let request = Request::new(query).variables(variables).data(caller);
        serde_json::to_value(self.api.execute(request).await).unwrap()
    }

    /// The data of an answer without errors.
    #[track_caller]
    pub fn data(answer: Value) -> Value {
        assert_eq!(answer.get("errors"), None, "{answer:#}");
        answer["data"].clone()
    }

    pub async fn partner(&self, query: &str, variables: Value) -> Value {
        Program::data(self.ask(partner(), query, variables).await)
    }

    pub async fn service(&self, query: &str, variables: Value) -> Value {
        Program::data(self.ask(service(), query, variables).await)
    }

    pub async fn staff(&self, query: &str, variables: Value) -> Value {
        Program::data(self.ask(staff(), query, variables).await)
    }

    /// A mutation of one input that must not be refused.
    pub async fn done(&self, caller: Caller, mutation: &str, input_type: &str, input: Value) {
        let query = format!(
            "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ userErrors {{ code message }} }} }}"
        );
        let answer = Program::data(self.ask(caller, &query, json!({ "input": input })).await);
        assert_eq!(answer[mutation]["userErrors"], json!([]), "{mutation}");
    }

    /// One of each kind of object that belongs to the partner, and of those that are staff's.
    pub async fn everything_of_a_partner(&self) -> Value {
        self.with_clients().await;
        self.at("2026-01-15T12:00:00Z");
        self.staff(SETTLE, json!({})).await;
        let id = self.partner("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let adjust =
            json!({ "partnerId": id, "amount": "500.00", "reason": "to begin with", "idempotencyKey": "1" });
        self.done(staff(), "adjustBalance", "AdjustBalanceInput", adjust).await;
        let digest = "ab".repeat(32);
        let offer = json!({ "partnerId": id, "version": "1", "documentDigest": digest,
                            "documentUrl": "https://www.example.com/contract.pdf" });
        self.done(staff(), "offerContract", "OfferContractInput", offer).await;
        let accept = json!({ "documentDigest": digest });
        self.done(partner(), "acceptContract", "AcceptContractInput", accept).await;
        let destination = json!({ "paypal": { "email": "partner@example.com" } });
        let withdraw = json!({ "amount": "100.00", "destination": destination, "idempotencyKey": "1" });
        self.done(partner(), "requestWithdrawal", "RequestWithdrawalInput", withdraw).await;
        let transfer = json!({ "amount": "1.00", "idempotencyKey": "1" });
        self.done(partner(), "transferToServiceBalance", "TransferToServiceBalanceInput", transfer).await;
        let ticket = json!({ "kind": "QUESTION", "subject": "Why", "text": "Why?" });
        self.done(partner(), "openTicket", "OpenTicketInput", ticket).await;
        self.done(partner(), "createReferralLink", "CreateReferralLinkInput", json!({ "code": "spring" }))
            .await;
        let parked = json!({ "input": { "topUps": [top_up("t9", "client-9", "1.00")] } });
        self.service(TOP_UP, parked).await;
        let of_staff = "{ settlements(first: 1) { edges { node { __typename id } } }
            parkedFacts(first: 1) { edges { node { __typename id } } } auditLog(first: 1) { edges { node { __typename id } } } }";
        json!([self.own_data().await, self.staff(of_staff, json!({})).await])
    }

    /// All that the partner has, as he sees it.
    pub async fn own_data(&self) -> Value {
        let query = "{ viewer { __typename id balance { available { amount } reserved { amount } }
            links(last: 1) { edges { node { __typename id target label archivedAt } } }
            referredClients(first: 1) { edges { node { __typename id topUpCount } } }
            commissions(first: 1) { edges { node { __typename id status } } }
            statements(first: 1) { edges { node { __typename id digest } } }
            ledger(first: 5) { edges { node { __typename id } } }
            withdrawals(first: 1) { edges { node { __typename id status } } }
            serviceTransfers(first: 1) { edges { node { __typename id status } } }
            tickets(first: 5) { edges { node { __typename id status messages { text } } } } } }";
        self.partner(query, json!({})).await
    }

    pub fn at(&self, time: &str) {
        self.app.clock.set(Moment::from_utc(time.parse().unwrap()));
    }

    /// Four clients of the partner's, each with a top-up of 100.00 on 5 January; the code is his own.
    pub async fn with_clients(&self) -> String {
        let joined = self.partner("{ viewer { code } }", json!({})).await;
        let code = joined["viewer"]["code"].as_str().unwrap().to_owned();
        self.at("2026-01-10T00:00:00Z");
        let clients: Vec<Value> = (1..=4)
            .map(|n| json!({ "clientId": format!("client-{n}"), "registeredAt": "2026-01-02T00:00:00Z", "code": code }))
            .collect();
        let registered = self.service(REGISTER, json!({ "input": { "clients": clients } })).await;
        assert_eq!(registered["registerClients"]["results"][3]["outcome"], "ATTRIBUTED", "{registered:#}");
        let top_ups: Vec<Value> =
            (1..=4).map(|n| top_up(&format!("t{n}"), &format!("client-{n}"), "100.00")).collect();
        let recorded = self.service(TOP_UP, json!({ "input": { "topUps": top_ups } })).await;
        assert_eq!(recorded["recordTopUps"]["results"][3]["outcome"], "RECORDED", "{recorded:#}");
        code
    }
}

pub fn partner() -> Caller {
    Caller::Partner { account_id: "partner-1".to_owned() }
}

pub fn service() -> Caller {
    Caller::Service { subject: "billing".to_owned(), scopes: None }
}

pub fn staff() -> Caller {
    Caller::Staff { subject: "ann".to_owned(), scopes: None }
}

pub fn top_up(external_id: &str, client_id: &str, amount: &str) -> Value {
    json!({ "source": "billing", "externalId": external_id, "clientId": client_id, "amount": amount,
            "currencyCode": "EUR", "occurredAt": "2026-01-05T12:00:00Z" })
}

pub const REGISTER: &str = "mutation ($input: RegisterClientsInput!) { registerClients(input: $input) { \
    results { clientId outcome userErrors { code field message } } } }";
pub const TOP_UP: &str = "mutation ($input: RecordTopUpsInput!) { recordTopUps(input: $input) { results { externalId \
    outcome commission { id status amount { amount currencyCode } client { id } } userErrors { code field } } } }";
pub const REFUND: &str = "mutation ($input: RecordRefundsInput!) { recordRefunds(input: $input) { results { outcome \
    commission { kind base { amount } reverses { topUp { amount } } } userErrors { code field } } } }";
pub const SETTLE: &str = "mutation { settle(input: {}) { settlements { period { start status } status partnerCount \
    credited { amount } digest } userErrors { code } } }";

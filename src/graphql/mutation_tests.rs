//! What partners, staff and the provider's systems change, through the interface.

use async_graphql::{Executor, Request, Value};
use serde_json::{Value as Json, json};

use super::Api;
use crate::app::App;
use crate::domain::caller::{Caller, ServiceScope, StaffScope};
use crate::services::testing::{Folder, app_in, empty_database};

const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct World {
    api: Api,
    _folder: Folder,
}

fn partner(account_id: &str) -> Caller {
    Caller::Partner { account_id: account_id.to_owned() }
}

fn staff(subject: &str) -> Caller {
    Caller::Staff { subject: subject.to_owned(), scopes: None }
}

impl World {
    async fn new() -> World {
        let (folder, url) = empty_database();
        let app: App = app_in(&url).await;
        World { api: Api::new(app), _folder: folder }
    }

    /// Data and errors of a document with an `$input`.
    async fn ask(&self, caller: Caller, document: &str, input: Json) -> Json {
        let variables = json!({ "input": input });
        let variables = async_graphql::Variables::from_json(variables);
        let request = Request::new(document).variables(variables).data(caller);
        serde_json::to_value(self.api.execute(request).await).unwrap()
    }

    /// Runs one mutation and answers its payload.
    async fn change(&self, caller: Caller, mutation: &str, selection: &str, input: Json) -> Json {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let name = match mutation {
            "approveWithdrawal" | "rejectWithdrawal" | "markWithdrawalFailed" => "DecideWithdrawal",
            "releaseCommission" | "rejectCommission" => "ReviewCommission",
            _ => &name,
        };
        let document = format!(
            "mutation($input: {name}Input!) {{ it: {mutation}(input: $input) {{ {selection} \
             userErrors {{ code field message }} }} }}"
        );
        let mut answer = self.ask(caller, &document, input).await;
        assert!(answer.get("errors").is_none_or(Json::is_null), "{answer:#}");
        answer["data"]["it"].take()
    }

    /// The same, where it must be the business's own no: its code and field.
    async fn refused(&self, caller: Caller, mutation: &str, input: Json) -> (String, Vec<String>) {
        let payload = self.change(caller, mutation, "", input).await;
        let error = &payload["userErrors"][0];
        let field = error["field"].as_array().unwrap().iter().map(|part| part.as_str().unwrap().to_owned());
        (error["code"].as_str().unwrap().to_owned(), field.collect())
    }

    async fn partner_id(&self, account_id: &str) -> String {
        let answer = serde_json::to_value(
            self.api.execute(Request::new("{ viewer { id } }").data(partner(account_id))).await,
        );
        answer.unwrap()["data"]["viewer"]["id"].as_str().unwrap().to_owned()
    }

    /// A partner with money and a contract in force.
    async fn partner_with(&self, account_id: &str, amount: &str) -> String {
        let id = self.partner_id(account_id).await;
        let input = json!({ "partnerId": id, "amount": amount, "reason": "x", "idempotencyKey": account_id });
        self.change(staff("ann"), "adjustBalance", "", input).await;
        let offer = json!({
            "partnerId": id, "version": "1", "documentUrl": "https://example.com/1.pdf", "documentDigest": DIGEST,
        });
        self.change(staff("ann"), "offerContract", "", offer).await;
        let accepted = self
            .change(
                partner(account_id),
                "acceptContract",
                "contract { status }",
                json!({ "documentDigest": DIGEST }),
            )
            .await;
        assert_eq!(accepted["contract"]["status"], "ACTIVE");
        id
    }
}

fn withdrawal(amount: &str, key: &str) -> Json {
    let destination = json!({ "bankTransfer": { "iban": "DE89 3704 0044 0532 0130 00", "holder": "Jo Öz" } });
    json!({ "amount": amount, "destination": destination, "idempotencyKey": key })
}

#[tokio::test]
async fn a_withdrawal_goes_from_the_request_to_the_payment() {
    let world = World::new().await;
    world.partner_with("p", "150.505").await;
    let selection = "withdrawal { id status amount { amount currencyCode } destination destinationInFull }";
    let made = world.change(partner("p"), "requestWithdrawal", selection, withdrawal("40.5", "k")).await;
    assert_eq!(made["withdrawal"]["status"], "REQUESTED");
    assert_eq!(made["withdrawal"]["amount"], json!({ "amount": "40.500000", "currencyCode": "EUR" }));
    assert_eq!(made["withdrawal"]["destination"], "DE…3000");
    assert_eq!(made["withdrawal"]["destinationInFull"], Json::Null, "for staff alone");
    let id = made["withdrawal"]["id"].clone();
    let again = world.change(partner("p"), "requestWithdrawal", selection, withdrawal("40.50", "k")).await;
    assert_eq!(again["withdrawal"]["id"], id);
    let reused = world.refused(partner("p"), "requestWithdrawal", withdrawal("40.51", "k")).await;
    assert_eq!(reused, ("IDEMPOTENCY_KEY_REUSED".into(), vec!["input".into(), "idempotencyKey".into()]));
    let by_id = json!({ "id": id });
    let approved = world.change(staff("ann"), "approveWithdrawal", selection, by_id.clone()).await;
    assert_eq!(approved["withdrawal"]["destinationInFull"], "DE89370400440532013000 Jo Öz");
    assert_eq!(world.refused(staff("ann"), "approveWithdrawal", by_id.clone()).await.0, "ALREADY_DONE");
    assert_eq!(world.refused(partner("p"), "cancelWithdrawal", by_id.clone()).await.0, "ILLEGAL_TRANSITION");
    let without_reason = world.refused(staff("ann"), "markWithdrawalFailed", by_id).await;
    assert_eq!(without_reason, ("REQUIRED".into(), vec!["input".into(), "reason".into()]));
    let paid = json!({ "id": id, "paymentReference": "E2E-1" });
    let paid = world.change(staff("bob"), "markWithdrawalPaid", selection, paid).await;
    assert_eq!(paid["withdrawal"]["status"], "PAID");
    let nothing = json!({ "id": "nothing" });
    let unknown = world.refused(partner("p"), "cancelWithdrawal", nothing).await;
    assert_eq!(unknown, ("NOT_FOUND".into(), vec!["input".into(), "id".into()]));
}

#[tokio::test]
async fn what_is_wrong_with_an_input_is_said_of_its_field() {
    let world = World::new().await;
    let id = world.partner_with("p", "1000").await;
    let path = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<String>>();
    let mut input = withdrawal("10", "k");
    input["destination"] = json!({ "bankTransfer": { "iban": "DE00", "holder": "Jo" } });
    let refused = world.refused(partner("p"), "requestWithdrawal", input).await;
    assert_eq!(refused.1, path(&["input", "destination", "bankTransfer", "iban"]));
    let refused = world.refused(partner("p"), "requestWithdrawal", withdrawal("0.001", "k")).await;
    assert_eq!(refused, ("INVALID".into(), path(&["input", "amount"])));
    let low = json!({ "partnerId": id, "ratePercent": "9.99", "reason": "x" });
    let refused = world.refused(staff("ann"), "setIndividualRate", low).await;
    assert_eq!(refused, ("INVALID".into(), path(&["input", "ratePercent"])));
    let tiers = json!({ "tiers": [{ "name": "A", "minimumActiveClients": 0, "ratePercent": "10.001" }], "reason": "x" });
    let refused = world.refused(staff("ann"), "setTiers", tiers).await;
    assert_eq!(refused, ("INVALID".into(), path(&["input", "tiers", "0", "ratePercent"])));
    let about = json!({ "kind": "DISPUTE", "subject": "Mine", "text": "Why?", "aboutId": "x" });
    let refused = world.refused(partner("p"), "openTicket", about).await;
    assert_eq!(refused, ("NOT_FOUND".into(), path(&["input", "aboutId"])));
}

#[tokio::test]
async fn staff_suspends_reviews_and_reassigns_and_billing_answers() {
    let world = World::new().await;
    let id = world.partner_with("p", "1000").await;
    let reason = json!({ "partnerId": id, "reason": "Doubts." });
    let selection = "partner { status statusReason balance { available { amount } } }";
    let suspended = world.change(staff("ann"), "suspendPartner", selection, reason.clone()).await;
    assert_eq!(suspended["partner"]["status"], "SUSPENDED");
    let spend = json!({ "amount": "10", "idempotencyKey": "k" });
    let refused = world.refused(partner("p"), "transferToServiceBalance", spend.clone()).await;
    assert_eq!(refused.0, "PARTNER_SUSPENDED");
    let reinstated = world.change(staff("ann"), "reinstatePartner", selection, reason).await;
    assert_eq!(reinstated["partner"]["balance"]["available"]["amount"], "1000.000000");
    let moved =
        world.change(partner("p"), "transferToServiceBalance", "serviceTransfer { id status }", spend).await;
    let billing =
        Caller::Service { subject: "billing".to_owned(), scopes: Some(vec![ServiceScope::Transfers]) };
    let failed = json!({ "id": moved["serviceTransfer"]["id"], "reason": "No such number." });
    let failed =
        world.change(billing, "failServiceTransfer", "serviceTransfer { status reason }", failed).await;
    assert_eq!(failed["serviceTransfer"], json!({ "status": "FAILED", "reason": "No such number." }));
    let rate = json!({ "partnerId": id, "ratePercent": "12.5", "reason": "A deal." });
    let set =
        world.change(staff("ann"), "setIndividualRate", "partner { individualRatePercent }", rate).await;
    assert_eq!(set["partner"]["individualRatePercent"], "12.5");
    let service = Caller::Service { subject: "shop".to_owned(), scopes: None };
    let client = json!({ "clients": [{ "clientId": "c", "registeredAt": "2025-12-31T00:00:00Z" }] });
    let document =
        "mutation($input: RegisterClientsInput!) { registerClients(input: $input) { results { outcome } } }";
    world.ask(service, document, client).await;
    let to = json!({ "clientId": "c", "partnerId": id, "reason": "He forgot his code." });
    let reassigned = world.change(staff("ann"), "reassignClient", "referredClient { reference }", to).await;
    assert!(reassigned["referredClient"]["reference"].is_string());
    let hold = json!({ "clientId": "c", "reason": "Look." });
    world.change(staff("ann"), "holdClient", "referredClient { id }", hold.clone()).await;
    assert_eq!(world.refused(staff("ann"), "holdClient", hold.clone()).await.0, "ALREADY_DONE");
    world.change(staff("ann"), "clearClient", "referredClient { id }", hold).await;
    let none = json!({ "id": "none", "reason": "x" });
    assert_eq!(world.refused(staff("ann"), "releaseCommission", none).await.0, "NOT_FOUND");
    let tiers =
        json!({ "tiers": [{ "name": "A", "minimumActiveClients": 0, "ratePercent": "11" }], "reason": "x" });
    let set = world.change(staff("ann"), "setTiers", "programme { tiers { ratePercent } }", tiers).await;
    assert_eq!(set["programme"]["tiers"], json!([{ "ratePercent": "11" }]), "from the beginning");
}

#[tokio::test]
async fn a_ticket_is_talked_in_by_its_partner_and_by_staff() {
    let world = World::new().await;
    let asked = json!({ "message": "May I?" });
    let selection = "contract { status ticket { id kind messages { author text } } }";
    let contract = world.change(partner("p"), "requestContract", selection, asked).await;
    let id = contract["contract"]["ticket"]["id"].clone();
    assert_eq!(
        contract["contract"]["ticket"]["messages"][1],
        json!({ "author": "PARTNER", "text": "May I?" })
    );
    let reply = json!({ "id": id, "text": "Soon." });
    let answered = world.change(staff("ann"), "replyToTicket", "ticket { status }", reply.clone()).await;
    assert_eq!(answered["ticket"]["status"], "ANSWERED");
    let replied = world.change(partner("p"), "replyToTicket", "ticket { status }", reply.clone()).await;
    assert_eq!(replied["ticket"]["status"], "OPEN");
    assert_eq!(world.refused(partner("other"), "replyToTicket", reply).await.0, "NOT_FOUND");
    let closed = world.change(staff("ann"), "closeTicket", "ticket { status }", json!({ "id": id })).await;
    assert_eq!(closed["ticket"]["status"], "CLOSED");
}

/// Each with an input that can be read, so that only who asks decides.
fn mutations() -> Vec<(&'static str, &'static str, Vec<Caller>)> {
    let with = |scope| Caller::Staff { subject: "s".to_owned(), scopes: Some(vec![scope]) };
    let (support, finance, admin) =
        (with(StaffScope::Support), with(StaffScope::Finance), with(StaffScope::Admin));
    let billing = Caller::Service { subject: "b".to_owned(), scopes: Some(vec![ServiceScope::Transfers]) };
    let to = r#"destination: { paypal: { email: "jo@example.com" } }"#;
    let partner = partner("p");
    let by = |caller: &Caller| vec![caller.clone()];
    let withdraw: &'static str = Box::leak(format!(r#"{to}, idempotencyKey: "k""#).into_boxed_str());
    vec![
        ("requestWithdrawal", withdraw, by(&partner)),
        ("cancelWithdrawal", r#"id: "x""#, by(&partner)),
        ("transferToServiceBalance", r#"amount: "1", idempotencyKey: "k""#, by(&partner)),
        ("requestContract", r#"message: """#, by(&partner)),
        ("acceptContract", r#"documentDigest: "x""#, by(&partner)),
        ("openTicket", r#"kind: QUESTION, subject: "", text: """#, by(&partner)),
        ("replyToTicket", r#"id: "x", text: "t""#, vec![partner.clone(), support.clone()]),
        ("closeTicket", r#"id: "x""#, by(&support)),
        (
            "offerContract",
            r#"partnerId: "x", version: "1", documentUrl: "u", documentDigest: "d""#,
            by(&support),
        ),
        ("terminateContract", r#"partnerId: "x", reason: "r""#, by(&support)),
        ("reassignClient", r#"clientId: "c", partnerId: "x", reason: "r""#, by(&support)),
        ("holdClient", r#"clientId: "c", reason: "r""#, by(&support)),
        ("clearClient", r#"clientId: "c", reason: "r""#, by(&support)),
        ("approveWithdrawal", r#"id: "x""#, by(&finance)),
        ("rejectWithdrawal", r#"id: "x", reason: "r""#, by(&finance)),
        ("markWithdrawalPaid", r#"id: "x", paymentReference: "r""#, by(&finance)),
        ("markWithdrawalFailed", r#"id: "x", reason: "r""#, by(&finance)),
        ("adjustBalance", r#"partnerId: "x", amount: "1", reason: "r", idempotencyKey: "k""#, by(&finance)),
        ("releaseCommission", r#"id: "x", reason: "r""#, by(&finance)),
        ("rejectCommission", r#"id: "x", reason: "r""#, by(&finance)),
        ("setIndividualRate", r#"partnerId: "x", reason: "r""#, by(&admin)),
        ("suspendPartner", r#"partnerId: "x", reason: "r""#, by(&admin)),
        ("reinstatePartner", r#"partnerId: "x", reason: "r""#, by(&admin)),
        ("setTiers", r#"tiers: [], reason: "r""#, by(&admin)),
        ("completeServiceTransfer", r#"id: "x""#, by(&billing)),
        ("failServiceTransfer", r#"id: "x", reason: "r""#, by(&billing)),
    ]
}

#[tokio::test]
async fn every_mutation_is_for_its_own_role_and_scope_alone() {
    let world = World::new().await;
    let all: Vec<Caller> = {
        let staff = |scope| Caller::Staff { subject: "s".to_owned(), scopes: Some(vec![scope]) };
        let service = |scope| Caller::Service { subject: "b".to_owned(), scopes: Some(vec![scope]) };
        let mut all: Vec<Caller> = StaffScope::ALL.into_iter().map(staff).collect();
        all.extend(ServiceScope::ALL.into_iter().map(service));
        all.extend([partner("p"), Caller::Anonymous]);
        all
    };
    for (mutation, input, allowed) in mutations() {
        for caller in &all {
            let document =
                format!("mutation {{ {mutation}(input: {{ {input} }}) {{ userErrors {{ code }} }} }}");
            let response = world.api.execute(Request::new(document).data(caller.clone())).await;
            let code =
                response.errors.first().and_then(|error| error.extensions.as_ref()?.get("code").cloned());
            let expected = match caller {
                caller if allowed.contains(caller) => None,
                Caller::Anonymous => Some(Value::from("UNAUTHENTICATED")),
                _ => Some(Value::from("FORBIDDEN")),
            };
            assert_eq!(code, expected, "{mutation} by {caller:?}: {:?}", response.errors);
        }
    }
}

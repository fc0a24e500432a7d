//! What is personal of an account goes, everywhere, and the books stay as they are (hardening, What a partner may see).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Backend, Folder, Parrain, Server, on_both_databases};

on_both_databases!(
    of_every_text_in_the_database_it_is_known_whether_it_is_personal,
    nothing_personal_of_an_erased_client_is_left_and_what_is_sent_again_is_replayed,
    nothing_personal_of_an_erased_partner_is_left,
);

/// What may tell who somebody is: `erase` takes it away.
const PERSONAL: &str = "account.account_id account_fingerprint.hash api_key.label arrived_visit.referrer audit_record.reason cleared_fingerprint.hash individual_rate.reason \
    link.campaign link.code link.code_key link.label partner.status_reason referral_total.reference service_transfer.reason site.host \
    suspension.reason suspension.reinstated_reason ticket.subject ticket_message.text visit.referrer webhook_delivery.response \
    webhook_endpoint.previous_key_id webhook_endpoint.previous_sealed webhook_endpoint.secret_key_id webhook_endpoint.secret_sealed \
    webhook_endpoint.url withdrawal.destination_key_id withdrawal.destination_masked withdrawal.destination_sealed withdrawal.reason";
/// States, kinds, figures and digests; pages of the provider's; what staff is called; names that the provider's own
/// systems and the callers' programs give to payments and requests.
const IMPERSONAL: &str = "account_fingerprint.kind api_key.hash api_key.prefix api_key.scopes arrived_visit.screened audit_record.action audit_record.actor audit_record.after \
    audit_record.before audit_record.origin audit_record.request_id audit_record.role contract.accepted_by contract.accepted_digest \
    contract.accepted_url contract.accepted_version contract.offer_digest contract.offer_url contract.offer_version \
    contract.status event.event_type event.subject_kind exchange_rate.currency exchange_rate.rate idempotency_key.fingerprint idempotency_key.key \
    idempotency_key.mutation idempotency_key.owner import_run.what individual_rate.set_by ledger_transfer.from_account \
    ledger_transfer.kind ledger_transfer.to_account line.currency line.exchange_rate line.external_id line.kind \
    line.reason line.source line.state line.top_up_kind link.target parked_fact.currency parked_fact.exchange_rate \
    parked_fact.external_id parked_fact.kind parked_fact.reason parked_fact.source parked_fact.status \
    parked_fact.top_up_external_id parked_fact.top_up_kind partner.status payment_batch.created_by payment_batch.digest \
    payment_batch.head_key_id payment_batch.head_sealed programme.currency programme.time_zone \
    referral.brought_by referral.hold_reason service_transfer.status settlement.digest settlement.holder \
    settlement.status standing.tier statement.carry_reason statement.digest statement.tier ticket.kind ticket.status \
    ticket_message.author tier_table.reason tier_table.set_by tier_table.tiers visit.verdict visitor_salt.salt \
    webhook_delivery.event_type webhook_delivery.status webhook_delivery.subject_kind webhook_endpoint.events webhook_endpoint.status \
    withdrawal.decided_by withdrawal.destination_kind withdrawal.payment_reference withdrawal.status";

async fn of_every_text_in_the_database_it_is_known_whether_it_is_personal(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let sql = match backend {
        Backend::Sqlite => {
            "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND c.type IN ('TEXT', 'BLOB') AND m.name <> 'seaql_migrations'"
        }
        Backend::Postgres => {
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' \
             AND data_type IN ('text', 'bytea', 'character varying') AND table_name <> 'seaql_migrations'"
        }
    };
    let texts: BTreeSet<String> = parrain.database().column(sql).await.into_iter().collect();
    let known = || PERSONAL.split_whitespace().chain(IMPERSONAL.split_whitespace()).map(str::to_owned);
    let listed: BTreeSet<String> = known().collect();
    assert_eq!(listed.len(), known().count(), "a column is listed twice");
    // A new one: either services/erase.rs takes it away, and it is listed as personal, or it is listed as impersonal.
    let undecided: Vec<_> = texts.symmetric_difference(&listed).collect();
    assert!(undecided.is_empty(), "decide whether these are personal: {undecided:?}");
}

const EXPORTS: [&str; 6] = ["statements", "commissions", "balances", "withdrawals", "ledger", "audit"];

async fn run(
    server: &Server,
    token: &str,
    mutation: &str,
    input_type: &str,
    fields: &str,
    input: Value,
) -> Value {
    let query = format!("mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {fields} }} }}");
    let mut answer = server.graphql(token, &query, json!({ "input": input })).await;
    answer[mutation].take()
}

async fn done(server: &Server, token: &str, mutation: &str, input_type: &str, input: Value) {
    let answer = run(server, token, mutation, input_type, "userErrors { code message }", input).await;
    assert_eq!(answer["userErrors"], json!([]), "{mutation}");
}

/// Fails where one of the texts stands in a file of the test's, the database's own included, or in an export or a copy.
async fn assert_no_trace(parrain: &Parrain, traces: &[&str]) {
    let mut places: Vec<(String, Vec<u8>)> =
        EXPORTS.iter().map(|what| ((*what).to_owned(), parrain.export(what).into_bytes())).collect();
    // A dump of every table, whichever the database is.
    let folder = Folder::new();
    let copy = folder.path().join("copy.db");
    parrain.run(["copy", "--to", &format!("sqlite://{}", copy.display())]).printed();
    for folder in [folder.path(), parrain.folder()] {
        for file in files(folder) {
            places.push((file.clone(), fs::read(Path::new(&file)).unwrap()));
        }
    }
    for (place, bytes) in places {
        for trace in traces {
            let found =
                bytes.windows(trace.len()).any(|window| window.eq_ignore_ascii_case(trace.as_bytes()));
            assert!(!found, "{trace} is still in {place}");
        }
    }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).map(|path| path.display().to_string()).collect()
}

fn top_up(external_id: &str, client: &str, at: &str) -> Value {
    json!({ "source": "shop", "externalId": external_id, "clientId": client, "occurredAt": at, "amount": "50.00",
            "currencyCode": "EUR", "paymentInstrumentHash": "card-of-clara" })
}

async fn record(server: &Server, service: &str, top_ups: &[Value]) -> Value {
    let fields = "results { outcome userErrors { code message } }";
    let input = json!({ "topUps": top_ups });
    run(server, service, "recordTopUps", "RecordTopUpsInput", fields, input).await["results"].take()
}

async fn nothing_personal_of_an_erased_client_is_left_and_what_is_sent_again_is_replayed(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let (partner, staff, service) =
        (parrain.token("partner", "p1"), parrain.token("staff", "ann"), parrain.token("service", "billing"));
    let code = server.graphql(&partner, "{ viewer { code } }", json!({})).await["viewer"]["code"].take();
    // Enough accounts that rows have moved between pages.
    let at = "2026-01-05T10:00:00Z";
    let accounts: Vec<Value> = (0..300)
        .map(|number| json!({ "clientId": format!("filler-{number}"), "registeredAt": at, "code": code }))
        .chain([json!({ "clientId": "clara-meier", "registeredAt": at, "code": code, "deviceHash": "device-of-clara" })])
        .collect();
    let fields = "results { outcome }";
    let input = json!({ "clients": accounts });
    run(&server, &service, "registerClients", "RegisterClientsInput", fields, input.clone()).await;
    let sent = [top_up("pay-1", "clara-meier", at), top_up("pay-2", "clara-meier", at)];
    record(&server, &service, &sent).await;
    let hold = json!({ "clientId": "clara-meier", "reason": "Clara Meier wrote to us" });
    done(&server, &staff, "holdClient", "HoldClientInput", hold).await;
    let before: Vec<String> = ["statements", "balances", "ledger"].map(|what| parrain.export(what)).into();
    server.stop();

    let erased = parrain.run(["erase", "--account", "clara-meier", "--reason", "asked for it"]);
    erased.printed();
    assert_no_trace(&parrain, &["clara", "of-clara"]).await;
    let after: Vec<String> = ["statements", "balances", "ledger"].map(|what| parrain.export(what)).into();
    assert_eq!(after, before);
    parrain.verify();

    let server = parrain.serve().await;
    let again = run(&server, &service, "registerClients", "RegisterClientsInput", fields, input).await;
    assert!(again["results"].as_array().unwrap().iter().all(|result| result["outcome"] == "REPLAYED"));
    let outcomes = record(&server, &service, &sent).await;
    assert_eq!((&outcomes[0]["outcome"], &outcomes[1]["outcome"]), (&json!("REPLAYED"), &json!("REPLAYED")));
    let refund = json!({ "source": "shop", "externalId": "back-1", "topUpExternalId": "pay-1", "clientId": "clara-meier",
                         "occurredAt": at, "amount": "10.00" });
    let refunded =
        run(&server, &service, "recordRefunds", "RecordRefundsInput", fields, json!({ "refunds": [refund] }))
            .await;
    assert_eq!(refunded["results"][0]["outcome"], "RECORDED");
    let accounts: Vec<i64> = parrain.database().column("SELECT COUNT(*) FROM account").await;
    assert_eq!(accounts, [302], "no new account");
    let query =
        "mutation($input: EraseAccountInput!) { eraseAccount(input: $input) { erased userErrors { code } } }";
    for (account, code) in [("clara-meier", "ALREADY_DONE"), ("nobody", "NOT_FOUND")] {
        let input = json!({ "input": { "accountId": account, "reason": "asked for it" } });
        let answer = server.graphql(&staff, query, input).await["eraseAccount"].take();
        assert_eq!(answer, json!({ "erased": false, "userErrors": [{ "code": code }] }), "{account}");
    }
    server.stop();
    parrain.verify();
}

async fn nothing_personal_of_an_erased_partner_is_left(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    let (partner, staff, service) = (
        parrain.token("partner", "paul-adler"),
        parrain.token("staff", "ann"),
        parrain.token("service", "billing"),
    );
    let id = server.graphql(&partner, "{ viewer { id } }", json!({})).await["viewer"]["id"].take();
    let link = json!({ "code": "adler-calls", "label": "Adler's letter", "campaign": "Adler 2026" });
    done(&server, &partner, "createReferralLink", "CreateReferralLinkInput", link).await;
    done(
        &server,
        &partner,
        "declareSite",
        "DeclareSiteInput",
        json!({ "url": "https://adler-blog.example" }),
    )
    .await;
    let ticket = json!({ "kind": "QUESTION", "subject": "Adler asks", "text": "I am Paul Adler." });
    done(&server, &partner, "openTicket", "OpenTicketInput", ticket).await;
    let digest = "ab".repeat(32);
    let offer = json!({ "partnerId": id, "version": "1", "documentUrl": "https://www.example.com/contract.pdf", "documentDigest": digest });
    done(&server, &staff, "offerContract", "OfferContractInput", offer).await;
    done(&server, &partner, "acceptContract", "AcceptContractInput", json!({ "documentDigest": digest }))
        .await;
    let adjust =
        json!({ "partnerId": id, "amount": "330.00", "reason": "Adler's prize", "idempotencyKey": "begin" });
    done(&server, &staff, "adjustBalance", "AdjustBalanceInput", adjust).await;
    let destination = json!({ "bankTransfer": { "iban": "DE89370400440532013000", "holder": "Paul Adler" } });
    let withdrawal = json!({ "amount": "110.00", "destination": destination, "idempotencyKey": "one" });
    let fields = "withdrawal { id } userErrors { code }";
    let withdrawal =
        run(&server, &partner, "requestWithdrawal", "RequestWithdrawalInput", fields, withdrawal).await;
    let withdrawal = withdrawal["withdrawal"]["id"].clone();
    let suspend = json!({ "partnerId": id, "reason": "Adler sends bots" });
    done(&server, &staff, "suspendPartner", "SuspendPartnerInput", suspend).await;
    let client = json!({ "clientId": "c-1", "registeredAt": "2026-01-05T10:00:00Z", "code": "adler-calls" });
    let input = json!({ "clients": [client] });
    run(&server, &service, "registerClients", "RegisterClientsInput", "results { outcome }", input).await;
    server
        .http
        .get(format!("{}/r/adler-calls", server.url))
        .header("referer", "https://adler-blog.example/x")
        .send()
        .await
        .ok();

    // A destination that money still has to go to is needed.
    let query =
        "mutation($input: EraseAccountInput!) { eraseAccount(input: $input) { erased userErrors { code } } }";
    let erase = json!({ "input": { "accountId": "paul-adler", "reason": "asked for it" } });
    let refused = server.graphql(&staff, query, erase.clone()).await["eraseAccount"].take();
    assert_eq!(refused, json!({ "erased": false, "userErrors": [{ "code": "INVALID" }] }));
    let reject = json!({ "id": withdrawal, "reason": "Adler left" });
    done(&server, &staff, "rejectWithdrawal", "DecideWithdrawalInput", reject).await;
    let erased = server.graphql(&staff, query, erase).await["eraseAccount"].take();
    assert_eq!(erased, json!({ "erased": true, "userErrors": [] }));
    let visitor = super::visit::visitor();
    let followed = visitor.get(format!("{}/r/adler-calls", server.url)).send().await.unwrap();
    assert_eq!(
        super::visit::header(&followed, "location"),
        "https://www.example.com/",
        "the old code is nobody's"
    );
    server.stop();
    assert_no_trace(&parrain, &["adler", "DE89370400440532013000"]).await;
    parrain.verify();
    let balances: Vec<i64> = parrain.database().column("SELECT available + reserved FROM balance").await;
    assert_eq!(balances, [330_000_000], "the books are as they were");
}

//! The dashboard: what is looked up ahead of its fields is what each would find alone, by few statements at once.

use std::collections::BTreeMap;
use std::time::Duration;

use parrain::db::{self, Column, Columns, Query, Together};
use serde_json::{Value, json};

use crate::harness::{Backend, Program, on_both_databases, partner, service, staff};

on_both_databases!(
    what_is_looked_up_ahead_is_what_each_field_finds_alone,
    a_forecast_comes_true_when_nothing_more_happens,
    arguments_aliases_and_fragments_are_looked_up_as_they_stand,
    a_dashboard_costs_one_statement_however_long_the_history,
    what_a_client_has_earned_needs_no_sums_once_his_periods_are_closed,
);

/// The dashboard that is measured, with more beside it.
const DASHBOARD: &str = "id accountId code status joinedAt individualRatePercent
    standing { period { start end startsAt status } activeClients tier { name } ratePercent rateSource
        nextTier { name minimumActiveClients } clientsToNextTier }
    balance { available { amount currencyCode } reserved { amount } pending { amount } carried { amount }
        lifetimeCredited { amount } lifetimePaid { amount } }
    forecast { activeClientsNow tier { name } clientsToNextTier nextCredit { amount } nextSettlementAt }
    links(first: 5) { edges { cursor node { id code url target } } pageInfo { hasNextPage endCursor } totalCount }
    referredClients(first: 20) { edges { cursor node { id reference registeredAt isActive topUpCount
        topUpTotal { amount currencyCode } commissionTotal { amount currencyCode } lastTopUpAt link { code } } }
        pageInfo { hasNextPage hasPreviousPage } totalCount }
    commissions(first: 20) { edges { cursor node { id kind status reason occurredAt recordedAt
        topUp { amount currencyCode } base { amount } ratePercent amount { amount } period { start end status }
        exchangeRate { rate } client { id reference topUpCount commissionTotal { amount } } statement { id } } }
        pageInfo { hasNextPage } totalCount }";

/// The dashboard as it is measured.
const MEASURED: &str = "{ viewer { id code standing { period { start } ratePercent tier { name } activeClients
    nextTier { name } clientsToNextTier }
    balance { available { amount } reserved { amount } pending { amount } carried { amount }
        lifetimeCredited { amount } lifetimePaid { amount } }
    forecast { activeClientsNow tier { name } clientsToNextTier nextCredit { amount } nextSettlementAt }
    links(first: 5) { edges { node { id code url } } }
    referredClients(first: 20) { edges { node { id reference registeredAt isActive topUpCount topUpTotal { amount }
        commissionTotal { amount } lastTopUpAt } } }
    commissions(first: 20) { edges { node { id kind status occurredAt topUp { amount currencyCode } base { amount }
        ratePercent amount { amount } period { start } client { id reference } } } } } }";

/// A partner with clients, each with some top-ups of which some are taken back, over a month and a half: the first two
/// periods are over, and nothing is settled yet.
async fn program(backend: Backend, clients: usize) -> Program {
    let program = Program::new(backend).await;
    let code = program.ask(partner("partner-1"), "{ viewer { code } }").await["viewer"]["code"].clone();
    program.at("2026-02-10T00:00:00Z");
    let registrations: Vec<Value> = (0..clients)
        .map(|client| {
            let registered_at = format!("2026-01-02T{:02}:{:02}:00Z", client / 60, client % 60);
            json!({ "clientId": format!("client-{client}"), "registeredAt": registered_at, "code": code })
        })
        .collect();
    for batch in registrations.chunks(500) {
        program.done(service(), "registerClients", "RegisterClientsInput", json!({ "clients": batch })).await;
    }
    let rates =
        json!({ "publishedOn": "2026-01-02", "rates": [{ "currencyCode": "USD", "rate": "1.1172" }] });
    program.done(service(), "recordExchangeRates", "RecordExchangeRatesInput", rates).await;
    let top_up = |number: usize| {
        let (client, day) = (number % clients, 3 + number % 9);
        json!({ "source": "billing", "externalId": number.to_string(), "clientId": format!("client-{client}"),
                "occurredAt": format!("2026-01-{day:02}T12:{:02}:00Z", number % 60), "amount": "12.34",
                "currencyCode": if number.is_multiple_of(3) { "USD" } else { "EUR" },
                "kind": if number.is_multiple_of(7) { "BONUS" } else { "PURCHASE" } })
    };
    let mut top_ups: Vec<Value> = (0..clients * 3).map(top_up).collect();
    for (number, day) in [(0, "2026-01-20"), (1, "2026-02-03"), (2, "2026-02-04"), (3, "2026-02-05")] {
        let mut late = top_up(clients * 3 + number);
        late["occurredAt"] = json!(format!("{day}T08:00:00Z"));
        late["kind"] = json!("PURCHASE");
        late["currencyCode"] = json!("EUR");
        top_ups.push(late);
    }
    for batch in top_ups.chunks(500) {
        program.done(service(), "recordTopUps", "RecordTopUpsInput", json!({ "topUps": batch })).await;
    }
    let refund = |number: usize, at: &str, amount: &str| {
        json!({ "source": "billing", "externalId": format!("r{number}"), "topUpExternalId": number.to_string(),
                "clientId": format!("client-{}", number % clients), "occurredAt": at, "amount": amount })
    };
    let refunds = [refund(1, "2026-01-14T12:00:00Z", "12.34"), refund(2, "2026-02-06T00:00:00Z", "2.00")];
    program.done(service(), "recordRefunds", "RecordRefundsInput", json!({ "refunds": refunds })).await;
    for campaign in ["spring", "summer"] {
        let input = json!({ "code": campaign, "campaign": campaign });
        program.done(partner("partner-1"), "createReferralLink", "CreateReferralLinkInput", input).await;
    }
    program
}

async fn settle(program: &Program) {
    program.done(staff(), "settle", "SettleInput", json!({})).await;
}

async fn viewer(program: &Program) -> Value {
    program.ask(partner("partner-1"), &format!("{{ viewer {{ {DASHBOARD} }} }}")).await["viewer"].clone()
}

/// Staff finds the partner by another field, below which nothing is looked up ahead.
async fn seen_by_staff(program: &Program) -> Value {
    let query = format!("{{ partner(accountId: \"partner-1\") {{ {DASHBOARD} }} }}");
    program.ask(staff(), &query).await["partner"].clone()
}

async fn what_is_looked_up_ahead_is_what_each_field_finds_alone(backend: Backend) {
    let program = program(backend, 24).await;
    let id = viewer(&program).await["id"].clone();
    let rate = json!({ "partnerId": id, "ratePercent": "12.5", "reason": "a friend" });
    let before = viewer(&program).await;
    assert_eq!(before, seen_by_staff(&program).await, "with two periods behind");
    assert_eq!(before["commissions"]["edges"].as_array().unwrap().len(), 20);
    settle(&program).await;
    let settled = viewer(&program).await;
    assert_eq!(settled, seen_by_staff(&program).await, "with nothing left behind");
    assert_ne!(before["balance"], settled["balance"]);
    assert_ne!(before["standing"], settled["standing"]);
    let statuses: Vec<&Value> = settled["commissions"]["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| &edge["node"]["status"])
        .collect();
    for status in ["PENDING", "SETTLED", "NOT_EARNING"] {
        assert!(statuses.contains(&&json!(status)), "{status}");
    }
    program.done(staff(), "setIndividualRate", "SetIndividualRateInput", rate).await;
    let with_rate = viewer(&program).await;
    assert_eq!(with_rate, seen_by_staff(&program).await, "with a rate of his own");
    assert_eq!(with_rate["individualRatePercent"], "12.5");
    program.at("2026-02-14T22:58:00Z");
    assert_eq!(viewer(&program).await, seen_by_staff(&program).await, "two minutes before the period's end");
    program.at("2026-02-14T23:30:00Z");
    assert_eq!(viewer(&program).await, seen_by_staff(&program).await, "before it is settled");
}

async fn a_forecast_comes_true_when_nothing_more_happens(backend: Backend) {
    let program = program(backend, 24).await;
    settle(&program).await;
    let now = viewer(&program).await;
    let credited = now["balance"]["lifetimeCredited"]["amount"].clone();
    program.at("2026-02-15T00:00:00Z");
    let ended = viewer(&program).await;
    for forecast in [&now["forecast"], &ended["forecast"]] {
        // Of 24 clients one has only what was taken back, and of some nothing earned.
        assert_eq!(forecast["tier"]["name"], "Growth");
        assert_eq!(forecast["nextCredit"], now["balance"]["pending"]);
    }
    settle(&program).await;
    let then = viewer(&program).await;
    assert_eq!(then["standing"]["tier"]["name"], "Growth");
    let missing = |stage: &Value, of: &str| stage[of]["clientsToNextTier"].as_i64().unwrap();
    assert_eq!(missing(&then, "standing"), missing(&now, "forecast"));
    assert_eq!(missing(&then, "standing"), missing(&ended, "forecast"));
    let gained = millionths(&then["balance"]["lifetimeCredited"]["amount"]) - millionths(&credited);
    assert_eq!(gained, millionths(&now["forecast"]["nextCredit"]["amount"]));
}

async fn arguments_aliases_and_fragments_are_looked_up_as_they_stand(backend: Backend) {
    let program = program(backend, 6).await;
    let query = "query($two: Int!, $no: Boolean!, $filter: CommissionFilter) { viewer { balance { available { amount } }
        ...Lists all: commissions(first: 100) { edges { node { id } } }
        refunds: commissions(first: $two, filter: $filter) { edges { node { id kind } } }
        commissions(first: 3) @skip(if: $no) { edges { node { id } } }
        oldest: referredClients(first: 1, orderBy: { field: REGISTERED_AT, direction: ASC }) { edges { node { id } } } } }
        fragment Lists on Partner { newest: referredClients(first: $two) { edges { node { id } } }
            ... on Node { id } referredClients(last: 1) { edges { node { id } } } }";
    let variables = json!({ "two": 2, "no": false, "filter": { "kind": "REFUND" } });
    let found = program.ask_with(partner("partner-1"), query, variables).await["viewer"].clone();
    let ids = |list: &str| -> Vec<String> {
        let edges = found[list]["edges"].as_array().unwrap();
        edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("all").len(), 24);
    assert_eq!(ids("commissions"), ids("all")[..3]);
    assert_eq!(ids("refunds").len(), 2);
    assert!(
        found["refunds"]["edges"].as_array().unwrap().iter().all(|edge| edge["node"]["kind"] == "REFUND")
    );
    assert_eq!(ids("newest").len(), 2);
    assert_eq!(ids("oldest"), ids("referredClients"), "the last of the newest first");
    assert_ne!(ids("oldest"), ids("newest")[..1]);

    let refused =
        "{ viewer { balance { available { amount } } commissions(first: 101) { edges { cursor } } } }";
    let answer = program.request(partner("partner-1"), refused, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    let first = program.ask(partner("nobody-yet"), MEASURED).await;
    assert_eq!(first["viewer"]["referredClients"]["edges"], json!([]), "a partner is made on first use");
}

async fn a_dashboard_costs_one_statement_however_long_the_history(backend: Backend) {
    for clients in [2, 60] {
        let program = program(backend, clients).await;
        settle(&program).await;
        let before = program.app.db.statements();
        program.ask(partner("partner-1"), MEASURED).await;
        assert_eq!(program.app.db.statements() - before, 1, "{clients} clients");
    }
}

async fn what_a_client_has_earned_needs_no_sums_once_his_periods_are_closed(backend: Backend) {
    let program = program(backend, 24).await;
    let of_several = async || {
        let sql = "SELECT COUNT(*) FROM referral_total WHERE open_period = 99999999";
        let row = parrain::db::query_one(program.app.db.reader(), sql, vec![]).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    };
    assert!(of_several().await > 0, "the history has clients of several periods");
    assert_eq!(earned_by_clients(&program).await, earned_by_lines(&program).await);
    settle(&program).await;
    assert_eq!(of_several().await, 0);
    assert_eq!(earned_by_clients(&program).await, earned_by_lines(&program).await);
}

/// In millionths, by client.
async fn earned_by_clients(program: &Program) -> BTreeMap<String, i64> {
    let query =
        "{ viewer { referredClients(first: 24) { edges { node { id commissionTotal { amount } } } } } }";
    let found = program.ask(partner("partner-1"), query).await;
    let edges = found["viewer"]["referredClients"]["edges"].as_array().unwrap();
    let earned =
        |edge: &Value| (text(&edge["node"]["id"]), millionths(&edge["node"]["commissionTotal"]["amount"]));
    edges.iter().map(earned).collect()
}

async fn earned_by_lines(program: &Program) -> BTreeMap<String, i64> {
    let query =
        "{ viewer { commissions(first: 100) { edges { node { amount { amount } client { id } } } } } }";
    let found = program.ask(partner("partner-1"), query).await;
    let edges = found["viewer"]["commissions"]["edges"].as_array().unwrap();
    let mut earned = BTreeMap::new();
    for edge in edges {
        let client = text(&edge["node"]["client"]["id"]);
        *earned.entry(client).or_default() += millionths(&edge["node"]["amount"]["amount"]);
    }
    earned
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn millionths(amount: &Value) -> i64 {
    amount.as_str().unwrap().replace('.', "").parse().unwrap()
}

#[test]
fn postgresql_plans_a_dashboard_five_times_and_then_never_again() {
    crate::harness::block_on(async {
        let program = program(Backend::Postgres, 60).await;
        settle(&program).await;
        // Others have been partners for two years: of their days those in the window are few.
        let others = "INSERT INTO active_day (partner_id, day, clients) \
                      SELECT p.id, CAST(to_char(DATE '2024-03-12' + d, 'YYYYMMDD') AS INTEGER), 1 \
                      FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 300)) p, generate_series(0, 699) d";
        for sql in [others, "ANALYZE"] {
            parrain::db::execute(program.app.db.reader(), sql, vec![]).await.unwrap();
        }
        for _ in 0..80 {
            program.ask(partner("partner-1"), MEASURED).await;
        }
        // They go over the pipelined connections in turn, and so does this question.
        let plans = "plans AS (SELECT CAST(SUM(custom_plans) AS BIGINT) AS custom, \
                     CAST(SUM(generic_plans) AS BIGINT) AS generic FROM pg_prepared_statements \
                     WHERE statement LIKE 'WITH me AS MATERIALIZED%')";
        for _ in 0..2 {
            let mut together = Together::new(plans, vec![]);
            let columns = vec![Column::BigIntOrNull, Column::BigIntOrNull];
            together.add(Query {
                sql: "SELECT custom, generic FROM plans".to_owned(),
                values: vec![],
                columns,
            });
            let found = together.run(&program.app.db).await.unwrap();
            let plans: (Option<i64>, Option<i64>) =
                (found[0][0].column(0).unwrap(), found[0][0].column(1).unwrap());
            assert!(matches!(plans, (Some(5), Some(2..))), "planned anew and not: {plans:?}");
        }
    });
}

#[test]
fn dashboards_are_answered_though_the_connections_they_share_break() {
    crate::harness::block_on(async {
        let program = program(Backend::Postgres, 60).await;
        let expected = program.ask(partner("partner-1"), MEASURED).await;
        let db = program.app.db.reader();
        let shared = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parrain pipeline'";
        let broken = async {
            let mut broken = 0;
            while broken < 20 {
                let sql = format!("SELECT pg_terminate_backend(pid) {shared}");
                broken += db::query(db, sql, vec![]).await.unwrap().len();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let asking = async {
            loop {
                let asked = (0..16).map(|_| program.ask(partner("partner-1"), MEASURED));
                for answer in futures_util::future::join_all(asked).await {
                    assert_eq!(answer, expected);
                }
            }
        };
        tokio::select! {
            () = broken => {}
            () = asking => {}
            () = tokio::time::sleep(Duration::from_secs(60)) => panic!("nothing that breaks: nothing is shared"),
        }
    });
}

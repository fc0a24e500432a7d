//! Statistics over HTTP: any zone, both changes of the clock, by link and campaign, and what cannot be asked.

use serde_json::{Value, json};

use crate::harness::{Backend, Csv, Parrain, Server, on_both_databases};

on_both_databases!(
    days_follow_the_zone_and_links_their_campaign,
    what_cannot_be_asked_is_refused_by_its_name
);

const POINT: &str = "from to visits countedVisits uniqueVisitors visitsByVerdict { verdict visits } \
    registrations payingClients topUps base { amount } commission { amount }";

struct Asked {
    server: Server,
    token: String,
    // After the server that serves it.
    parrain: Parrain,
}

impl Asked {
    async fn new(backend: Backend) -> Asked {
        let parrain = Parrain::new(backend).await;
        let token = parrain.token("partner", "acct-1");
        Asked { server: parrain.serve().await, token, parrain }
    }

    async fn statistics(&self, variables: Value) -> Value {
        let query = format!(
            "query($from: Date!, $to: Date!, $interval: StatisticsInterval!, $zone: String, $filter: StatisticsFilter) {{
             viewer {{ statistics(from: $from, to: $to, interval: $interval, timeZone: $zone, filter: $filter) {{
             totals {{ {POINT} }} points {{ {POINT} }} byLink {{ link {{ code }} totals {{ topUps base {{ amount }} }} }} }} }} }}"
        );
        let mut answer = self.server.graphql(&self.token, &query, variables).await;
        answer["viewer"]["statistics"].take()
    }

    async fn link(&self, code: &str, campaign: Option<&str>) -> String {
        let query = "mutation($input: CreateReferralLinkInput!) { createReferralLink(input: $input) { referralLink { id } } }";
        let input = json!({ "code": code, "campaign": campaign });
        let made = self.server.graphql(&self.token, query, json!({ "input": input })).await;
        made["createReferralLink"]["referralLink"]["id"].as_str().unwrap().to_owned()
    }
}

fn csv(header: &str, rows: &[&str]) -> Csv {
    Csv { header: header.to_owned(), rows: rows.iter().map(|row| (*row).to_owned()).collect() }
}

fn column<'a>(statistics: &'a Value, name: &str) -> Vec<&'a Value> {
    statistics["points"].as_array().unwrap().iter().map(|point| &point[name]).collect()
}

async fn days_follow_the_zone_and_links_their_campaign(backend: Backend) {
    let asked = Asked::new(backend).await;
    asked.link("FIRST", None).await;
    let second = asked.link("SECOND", Some("spring")).await;
    asked.parrain.import_rows(
        "clients",
        &csv(
            "client_id,partner_code,registered_at",
            &["a,FIRST,2026-03-28T12:00:00Z", "b,SECOND,2026-03-28T23:30:00Z"],
        ),
    );
    // Around the midnights of Paris (22:00 and 23:00 UTC) and of Kathmandu (18:15 UTC), by a microsecond.
    asked.parrain.import_rows(
        "top-ups",
        &csv(
            "source,external_id,client_id,occurred_at,amount,currency,kind",
            &[
                "s,1,a,2026-03-28T22:59:59.999999Z,10,EUR,PURCHASE",
                "s,2,a,2026-03-28T23:00:00Z,20,EUR,PURCHASE",
                "s,3,b,2026-03-29T21:59:59.999999Z,40,EUR,PURCHASE",
                "s,4,b,2026-03-29T22:00:00Z,80,EUR,PURCHASE",
                "s,5,b,2026-03-29T22:00:00Z,0.5,EUR,BONUS",
            ],
        ),
    );
    asked.parrain.import_rows(
        "refunds",
        &csv(
            "source,external_id,top_up_external_id,client_id,occurred_at,amount",
            &["s,r,1,a,2026-03-30T10:00:00Z,10"],
        ),
    );
    let days = json!({ "from": "2026-03-27", "to": "2026-04-01", "interval": "DAY" });
    let local = asked.statistics(days).await;
    let bases = |statistics: &Value| -> Vec<String> {
        column(statistics, "base").iter().map(|base| base["amount"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(bases(&local), ["0.000000", "10.000000", "60.000000", "70.000000", "0.000000"]);
    assert_eq!(column(&local, "topUps"), [0, 1, 2, 1, 0]);
    assert_eq!(column(&local, "registrations"), [0, 1, 1, 0, 0]);
    assert_eq!(column(&local, "payingClients"), [0, 1, 1, 0, 0], "a refund takes no client back");
    // Summer time began on the 29th: that day has 23 hours.
    assert_eq!(local["points"][2]["from"], "2026-03-28T23:00:00Z");
    assert_eq!(local["points"][2]["to"], "2026-03-29T22:00:00Z");
    assert_eq!(local["totals"]["base"]["amount"], "140.000000");
    assert_eq!(local["totals"]["commission"]["amount"], "14.000000");
    assert_eq!(local["totals"]["visitsByVerdict"].as_array().unwrap().len(), 7);
    assert_eq!(local["byLink"][0]["link"]["code"], "SECOND");
    assert_eq!(local["byLink"][0]["totals"], json!({ "topUps": 2, "base": { "amount": "120.000000" } }));
    assert_eq!(local["byLink"][1]["totals"]["base"]["amount"], "20.000000");

    let zone =
        json!({ "from": "2026-03-27", "to": "2026-04-01", "interval": "DAY", "zone": "Asia/Kathmandu" });
    let elsewhere = asked.statistics(zone).await;
    assert_eq!(elsewhere["points"][1]["from"], "2026-03-27T18:15:00Z");
    assert_eq!(bases(&elsewhere), ["0.000000", "0.000000", "30.000000", "110.000000", "0.000000"]);

    // Winter time begins on 25 October: a day of 25 hours, in a week that begins on Monday.
    let autumn = json!({ "from": "2026-10-21", "to": "2026-10-28", "interval": "WEEK" });
    let autumn = asked.statistics(autumn).await;
    assert_eq!(column(&autumn, "from"), ["2026-10-20T22:00:00Z", "2026-10-25T23:00:00Z"]);
    let months = json!({ "from": "2024-01-15", "to": "2027-01-15", "interval": "MONTH" });
    assert_eq!(asked.statistics(months).await["points"].as_array().unwrap().len(), 37);

    for filter in [json!({ "campaign": "spring" }), json!({ "linkId": second })] {
        let one = json!({ "from": "2026-03-01", "to": "2026-04-01", "interval": "PERIOD", "filter": filter });
        let one = asked.statistics(one).await;
        assert_eq!(column(&one, "topUps"), [0, 2], "{filter}");
        assert_eq!(one["totals"]["base"]["amount"], "120.000000");
    }
    let nobodys = json!({ "from": "2026-03-01", "to": "2026-04-01", "interval": "MONTH", "filter": { "linkId": "bm9uZQ" } });
    assert_eq!(asked.statistics(nobodys).await["totals"]["base"]["amount"], "0.000000");

    let query = "{ viewer { links(first: 5) { edges { node { code qrCodeSvg url statistics(from: \"2026-03-01\", to: \"2026-04-01\")
        { registrations topUps base { amount } } } } } } }";
    let links = asked.server.graphql(&asked.token, query, json!({})).await;
    let nodes = links["viewer"]["links"]["edges"].as_array().unwrap();
    let second = &nodes.iter().find(|edge| edge["node"]["code"] == "SECOND").unwrap()["node"];
    assert_eq!(
        second["statistics"],
        json!({ "registrations": 1, "topUps": 2, "base": { "amount": "120.000000" } })
    );
    assert!(second["qrCodeSvg"].as_str().unwrap().contains("<svg"));
    asked.parrain.verify();
}

async fn what_cannot_be_asked_is_refused_by_its_name(backend: Backend) {
    let asked = Asked::new(backend).await;
    let query = "query($from: Date!, $to: Date!, $zone: String) { viewer { statistics(from: $from, to: $to, \
        interval: DAY, timeZone: $zone) { totals { topUps } } } }";
    for (from, to, zone, said) in [
        ("2026-01-02", "2026-01-02", None, "to is not after from"),
        ("2023-01-01", "2026-01-02", None, "to is more than three years"),
        ("2026-01-01", "2026-01-02", Some("Europe/Nowhere"), "timeZone is not"),
        ("0000-01-01", "0003-01-01", Some("Asia/Kolkata"), ""),
        ("9998-12-31", "9999-12-31", Some("Pacific/Kiritimati"), ""),
    ] {
        let answer =
            asked.server.request(&asked.token, query, json!({ "from": from, "to": to, "zone": zone })).await;
        match said {
            "" => assert!(answer["errors"].is_null(), "{answer}"),
            said => {
                let error = &answer["errors"][0];
                assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
                assert!(error["message"].as_str().unwrap().contains(said), "{answer}");
            }
        }
    }
}

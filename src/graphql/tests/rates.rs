//! Individual rates, as their partner and staff see them.

use serde_json::{Value, json};

use crate::graphql::testing::{Program, SETTLE, staff};

const RATES: &str = "individualRates { ratePercent from { start } setAt setBy reason }";

#[tokio::test]
async fn what_staff_set_for_a_partner_is_listed_and_who_set_it_for_staff_alone() {
    let program = Program::new().await;
    let id = program.partner("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let set = async |rate: Value, reason: &str| {
        let input = json!({ "partnerId": id, "ratePercent": rate, "reason": reason });
        program.done(staff(), "setIndividualRate", "SetIndividualRateInput", input).await;
    };
    set(json!("12.5"), "To begin with.").await;
    program.with_clients().await;
    program.at("2026-01-15T12:00:00Z");
    program.staff(SETTLE, json!({})).await;
    set(json!("30"), "A deal.").await;
    program.at("2026-01-16T00:00:00Z");
    set(Value::Null, "It has ended.").await;
    let listed = |by: Value| {
        json!([
            { "ratePercent": null, "from": { "start": "2026-01-15" }, "setAt": "2026-01-16T00:00:00Z", "setBy": by,
              "reason": "It has ended." },
            { "ratePercent": "30", "from": { "start": "2026-01-15" }, "setAt": "2026-01-15T12:00:00Z", "setBy": by,
              "reason": "A deal." },
            { "ratePercent": "12.5", "from": null, "setAt": "2026-01-01T00:00:00Z", "setBy": by,
              "reason": "To begin with." },
        ])
    };
    let own = program.partner(&format!("{{ viewer {{ {RATES} }} }}"), json!({})).await;
    assert_eq!(own["viewer"]["individualRates"], listed(Value::Null));
    let query = format!("{{ partners(first: 1) {{ edges {{ node {{ {RATES} }} }} }} }}");
    let of_staff = program.staff(&query, json!({})).await;
    assert_eq!(of_staff["partners"]["edges"][0]["node"]["individualRates"], listed(json!("ann")));
}

use async_graphql::parser::parse_query;
use async_graphql::parser::types::DocumentOperations;
use serde_json::json;

use super::*;

/// As the schema is printed, cut down to one of each kind.
const SDL: &str = r#"
scalar Decimal
scalar Date
enum Status { OPEN CLOSED }
"""An amount."""
type Money { amount: Decimal! currencyCode: String! }
type Period { start: Date! end: Date! status: Status! }
type Visit implements Node { id: ID! at: Date! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Statement implements Node { id: ID! period: Period! credited: Money! partner: Partner! commissions(first: Int, after: String, last: Int, before: String): CommissionConnection! }
type Commission implements Node { id: ID! amount: Money! statement: Statement visits(first: Int, last: Int): VisitConnection! }
type StatementConnection { edges: [StatementEdge!]! pageInfo: PageInfo! totalCount: Int! }
type StatementEdge { node: Statement! cursor: String! }
type CommissionConnection { edges: [CommissionEdge!]! pageInfo: PageInfo! totalCount: Int! }
type CommissionEdge { node: Commission! cursor: String! }
type VisitConnection { edges: [VisitEdge!]! pageInfo: PageInfo! totalCount: Int! }
type VisitEdge { node: Visit! cursor: String! }
interface Node { id: ID! }
union Either = Statement | Commission
type Feed { items: [Node!]! watermark: String! complete: Boolean! }
type Link { id: ID! totals: Money! visits(first: Int, last: Int): VisitConnection! }
type Partner implements Node { id: ID! balance: Money! statements(first: Int, last: Int): StatementConnection! links: [Link!]! changes(first: Int! = 100): Feed! }
type RateLimit { cost: Int! }
type Root { newest(first: Int!): [Partner!]! node(id: ID!): Node nodes(ids: [ID!]!): [Node]! either: Either viewer: Partner period: Period! rateLimit: RateLimit statements(first: Int, last: Int): StatementConnection! }
type UserError { code: Status! field: [String!] message: String! }
type RecordPayload { results: [RecordResult!]! userErrors: [UserError!]! }
type RecordResult { outcome: Status! commission: Commission userErrors: [UserError!]! }
type PingPayload { at: Date! }
type Changes { record(input: RecordInput!): RecordPayload! ping: PingPayload! done: Boolean! }
input RecordInput { items: [String!]! }
type Events { events: Partner! }
directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
schema { query: Root mutation: Changes subscription: Events }
"#;

fn cost_with(document: &str, variables: Value) -> u32 {
    cost_under(SDL, document, variables)
}

fn cost_under(sdl: &str, document: &str, variables: Value) -> u32 {
    let prices = Prices::read(sdl).unwrap();
    let document = parse_query(document).unwrap();
    let operation = match &document.operations {
        DocumentOperations::Single(operation) => operation,
        DocumentOperations::Multiple(operations) => operations.values().next().unwrap(),
    };
    let Value::Object(variables) = variables else { panic!("variables are an object") };
    prices.cost_of(&document, &operation.node, &variables)
}

fn check(document: &str, cost: u32) {
    assert_eq!(cost_with(document, json!({})), cost, "{document}");
}

#[test]
fn objects_cost_one_and_those_of_scalars_alone_nothing() {
    check("{ __typename }", 0);
    check("{ __schema { types { name fields { name } } } }", 0);
    check("{ period { start end } rateLimit { cost } }", 0);
    check("{ viewer { id } }", 1);
    check("{ viewer { id balance { amount currencyCode } } }", 1);
    check("{ a: viewer { id } b: viewer { id } }", 2);
    check("{ node(id: \"1\") { id } }", 1);
    check("{ nowhere { id } viewer { nowhere { id } } }", 1);
    check("subscription { events { id balance { amount } } }", 1);
}

#[test]
fn a_connection_costs_its_page_times_what_is_asked_of_an_item() {
    check("{ statements(first: 20) { edges { node { id } } } }", 20);
    check(
        "{ statements(last: 20) { edges { cursor node { period { start } } } pageInfo { endCursor } } }",
        20,
    );
    check("{ statements(first: 20) { edges { node { partner { id } } } } }", 40);
    check(
        "{ statements(first: 10) { edges { node { commissions(first: 5) { edges { node { id } } } } } } }",
        60,
    );
    check("{ statements(first: 10) { a: edges { node { id } } b: edges { node { id } } } }", 20);
    check("{ newest(first: 20) { id balance { amount } } }", 20);
    check("{ viewer { statements(first: 100) { edges { node { id } } } } }", 101);
    // A page is looked for even where nothing of it is asked.
    check("{ statements(first: 20) { totalCount pageInfo { endCursor } } }", 1);
    // What is looked up by an id costs something even if it holds scalars alone.
    check("{ node(id: 1) { ... on Commission { visits(first: 7) { edges { node { at } } } } } }", 8);
}

#[test]
fn a_page_is_priced_as_it_would_be_answered() {
    for (arguments, cost) in [
        ("first: 1", 1),
        ("first: 100", 100),
        ("first: 1000000", 100),
        ("first: 99999999999999999999", 100),
        ("first: 0", 1),
        ("first: -5", 1),
        ("first: 5, last: 50", 50),
        ("first: null", 100),
        ("first: \"5\"", 100),
        ("after: \"x\"", 100),
    ] {
        check(&format!("{{ statements({arguments}) {{ edges {{ node {{ id }} }} }} }}"), cost);
    }
    check("{ viewer { changes { watermark items { id } } } }", 102);
    check("{ viewer { changes(first: 10) { watermark items { id } } } }", 12);
}

#[test]
fn statistics_cost_their_intervals() {
    let sdl = crate::graphql::sdl();
    let document = "query($from: Date!, $to: Date!, $interval: StatisticsInterval! = DAY) { viewer {
        statistics(from: $from, to: $to, interval: $interval) { points { topUps base { amount } } } } }";
    // The viewer, the statistics and the list of their points.
    let around = 3;
    for (from, to, interval, points) in [
        ("2026-01-01", "2026-01-31", "DAY", 30),
        ("2026-01-01", "2026-01-31", "PERIOD", 2),
        ("2023-03-01", "2026-03-01", "DAY", 1_096),
        ("2023-03-01", "2026-03-01", "MONTH", 36),
        ("2023-03-01", "2026-03-02", "MONTH", 1_096),
        ("yesterday", "2026-03-02", "MONTH", 1_096),
        ("2026-01-01", "2026-01-31", "CENTURY", 1_096),
    ] {
        let variables = json!({ "from": from, "to": to, "interval": interval });
        assert_eq!(cost_under(&sdl, document, variables), around + points, "{from} {to} {interval}");
    }
    let dates = json!({ "from": "2026-01-01", "to": "2026-01-31" });
    assert_eq!(cost_under(&sdl, document, dates), around + 30, "by its default");
    let three_years = cost_under(&sdl, document, json!({ "from": "2023-03-01", "to": "2026-03-01" }));
    assert!(three_years * 2 <= crate::config::LimitsConfig::default().cost_per_request, "with room to spare");
    let of_links = "{ viewer { links(first: 10) { edges { node {
        statistics(from: \"2023-03-01\", to: \"2026-03-01\") { topUps } } } } } }";
    assert_eq!(cost_under(&sdl, of_links, json!({})), 1 + 10 * 2, "a link's are one sum");
    let of_partners = "{ partners(first: 3) { edges { node {
        statistics(from: \"2026-01-01\", to: \"2026-01-31\", interval: DAY) { totals { topUps } } } } } }";
    assert_eq!(cost_under(&sdl, of_partners, json!({})), 3 * (1 + 1 + 30 + 1));
}

#[test]
fn variables_are_put_in_with_their_defaults() {
    let document =
        "query($n: Int = 7, $m: Int) { statements(first: $n, last: $m) { edges { node { id } } } }";
    for (variables, cost) in [
        (json!({}), 7),
        (json!({"n": 3}), 3),
        (json!({"n": null, "m": 4}), 4),
        (json!({"n": null}), 100),
        (json!({"n": "many"}), 100),
        (json!({"n": [[]]}), 100),
        (json!({"n": 5_000_000_000_u64}), 100),
    ] {
        assert_eq!(cost_with(document, variables.clone()), cost, "{variables}");
    }
    let ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Statement { partner { id } } } }";
    assert_eq!(cost_with(ids, json!({"ids": ["a", "b", "c"]})), 6);
    assert_eq!(cost_with("query($id: ID!) { nodes(ids: [$id, $id]) { id } }", json!({"id": "a"})), 2);
    assert_eq!(cost_with("{ nodes(ids: []) { id } }", json!({})), 0);
}

#[test]
fn what_is_skipped_costs_nothing() {
    let document = "query($yes: Boolean!, $no: Boolean!) {
        a: viewer @include(if: $no) { id } b: viewer @skip(if: $yes) { id } c: viewer @include(if: $yes) { id }
        ... @include(if: $no) { d: viewer { id } } ...F @skip(if: true) e: viewer @skip(if: $unknown) { id }
    } fragment F on Root { f: viewer { id } }";
    assert_eq!(cost_with(document, json!({"yes": true, "no": false})), 2);
}

#[test]
fn an_object_is_of_one_type_and_the_dearest_counts() {
    check(
        "{ node(id: 1) { id ... on Statement { partner { id } } ... on Commission { statement { partner { id } } } } }",
        3,
    );
    check(
        "{ node(id: 1) { ... on Statement { partner { id } } ... on Statement { b: partner { id } } } }",
        3,
    );
    check("{ node(id: 1) { ... on Node { ... on Statement { partner { id } } } } }", 2);
    check(
        "{ either { ...S ...C } } fragment S on Statement { partner { id } } fragment C on Commission { id }",
        2,
    );
    check("{ viewer { ... { balance { amount } links { id } } } }", 2);
}

#[test]
fn a_batch_costs_one_and_what_is_asked_of_its_results_is_counted_once() {
    check(
        "mutation { record(input: {items: []}) { results { outcome userErrors { code } } userErrors { code } } }",
        1,
    );
    check("mutation { record(input: {items: []}) { results { commission { id amount { amount } } } } }", 2);
    check("mutation { ping { at } done }", 2);
}

#[test]
fn a_list_multiplies_the_pages_below_it() {
    check("{ viewer { links { id totals { amount } } } }", 2);
    check("{ viewer { links { visits(first: 5) { edges { node { id } } } } } }", 2 + 10 * 5);
}

#[test]
fn fragments_are_priced_once_however_often_they_are_spread() {
    let mut document = String::from("{ viewer { ...F31 } } fragment F0 on Partner { links { id } }");
    for n in 1..=31 {
        document += &format!(" fragment F{n} on Partner {{ ...F{} ...F{} }}", n - 1, n - 1);
    }
    check(&document, 1 + (1 << 31));
    let nested = (0..6).fold("id".to_owned(), |inner, _| {
        format!("commissions(first: 100) {{ edges {{ node {{ statement {{ {inner} }} }} }} }}")
    });
    check(&format!("{{ statements(first: 100) {{ edges {{ node {{ {nested} }} }} }} }}"), u32::MAX);
    // The guard refuses these; here they only must come to an end.
    check("{ viewer { ...F } } fragment F on Partner { links { id } ...F }", 2);
    check("{ viewer { ...Nowhere } }", 1);
}

#[test]
fn a_text_that_is_no_schema_is_refused() {
    assert!(Prices::read("type {").is_err());
}

#[test]
fn the_interface_itself_is_priced_as_it_should_be() {
    let page = "pageInfo { hasNextPage endCursor }";
    let dashboard = format!(
        "{{ viewer {{ code standing {{ tier {{ name }} period {{ start end }} ratePercent nextTier {{ name }} }}
           forecast {{ nextCredit {{ amount }} }} balance {{ available {{ amount currencyCode }} }}
           statements(first: 12) {{ edges {{ node {{ id period {{ start }} tier {{ name }} credited {{ amount }} }} }} {page} }}
           commissions(first: 20) {{ edges {{ node {{ id topUp {{ amount }} exchangeRate {{ rate }} client {{ reference }} }} }} }} }} }}"
    );
    for (document, cost) in [
        ("{ programme { name tiers { name } withdrawalThreshold { amount } currentPeriod { start } } }", 1),
        (&dashboard, 1 + 3 + 12 + 20 * 2),
        ("{ nodes(ids: [\"a\", \"b\"]) { id ... on Partner { balance { available { amount } } } } }", 4),
        ("mutation { recordTopUps(input: {topUps: []}) { results { outcome } } }", 1),
        ("mutation { registerClients(input: {clients: []}) { results { outcome } } }", 1),
    ] {
        assert_eq!(cost_under(&crate::graphql::sdl(), document, json!({})), cost, "{document}");
    }
}

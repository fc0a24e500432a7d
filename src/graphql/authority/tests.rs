//! Every field as every kind of caller: the rules say for each who may, and so it is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rules;
use crate::domain::api_key::Scope;
use crate::domain::caller::{Caller, ServiceScope, StaffScope};
use crate::graphql::testing::{Program, partner, service, staff};

/// Whoever may knock: roles, and each scope of those that have scopes.
fn callers() -> Vec<(String, Caller)> {
    let mut callers = vec![
        ("anonymous".to_owned(), Caller::Anonymous),
        ("partner".to_owned(), partner()),
        ("staff".to_owned(), staff()),
        ("service".to_owned(), service()),
    ];
    for scope in StaffScope::ALL {
        let caller = Caller::Staff { subject: "bob".to_owned(), scopes: Some(vec![scope]) };
        callers.push((format!("staff with {}", scope.as_str()), caller));
    }
    for scope in ServiceScope::ALL {
        let caller = Caller::Service { subject: "shop".to_owned(), scopes: Some(vec![scope]) };
        callers.push((format!("service with {}", scope.as_str()), caller));
    }
    for scope in Scope::ALL {
        let caller = Caller::ApiKey { account_id: "partner-1".to_owned(), scopes: vec![scope] };
        callers.push((format!("key with {}", scope.as_str()), caller));
    }
    callers
}

/// The schema as introspection tells of it.
struct Types(BTreeMap<String, Value>);

impl Types {
    async fn of(program: &Program) -> Types {
        let of = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
        let query = format!(
            "{{ __schema {{ types {{ name kind fields {{ name type {{ {of} }} args {{ name type {{ {of} }} }} }} \
             inputFields {{ name type {{ {of} }} defaultValue }} enumValues {{ name }} isOneOf }} }} }}"
        );
        let answer = Program::data(program.ask(staff(), &query, json!({})).await);
        let types = answer["__schema"]["types"].as_array().unwrap().iter();
        let named = types.map(|of| (of["name"].as_str().unwrap().to_owned(), of.clone()));
        Types(named.filter(|(name, _)| !name.starts_with("__")).collect())
    }

    fn fields(&self, name: &str) -> Vec<&Value> {
        self.0[name]["fields"].as_array().into_iter().flatten().collect()
    }

    /// Fields of a type that need no argument, each with what is plain below it.
    fn plain(&self, name: &str, depth: u32) -> String {
        let fields = self.fields(name).into_iter().filter_map(|field| self.select(field, depth));
        fields.collect::<Vec<_>>().join(" ")
    }

    fn select(&self, field: &Value, depth: u32) -> Option<String> {
        let name = field["name"].as_str().unwrap();
        let mut arguments = field["args"].as_array().unwrap().iter();
        let page =
            if arguments.clone().any(|argument| argument["name"] == "first") { "(first: 1)" } else { "" };
        if arguments
            .any(|argument| argument["type"]["kind"] == "NON_NULL" && argument["name"] != "includeArchived")
        {
            return None;
        }
        let of = named(&field["type"]);
        match self.0[of]["kind"].as_str().unwrap() {
            "OBJECT" if depth == 0 => Some(format!("{name}{page} {{ __typename }}")),
            "OBJECT" => Some(format!("{name}{page} {{ __typename {} }}", self.plain(of, depth - 1))),
            "INTERFACE" => Some(format!("{name}{page} {{ __typename id }}")),
            _ => Some(format!("{name}{page}")),
        }
    }

    /// A value that an argument of this type takes; `id` where it takes an id.
    fn value(&self, of: &Value, id: &str) -> Value {
        if of["kind"] == "NON_NULL" {
            return self.value(&of["ofType"], id);
        }
        if of["kind"] == "LIST" {
            return json!([self.value(&of["ofType"], id)]);
        }
        let name = named(of);
        match (self.0[name]["kind"].as_str().unwrap(), name) {
            ("ENUM", _) => self.0[name]["enumValues"][0]["name"].clone(),
            ("INPUT_OBJECT", _) => self.input(name, id),
            (_, "ID") => json!(id),
            (_, "Int") => json!(1),
            (_, "Boolean") => json!(true),
            (_, "Decimal") => json!("1.00"),
            (_, "Date") => json!("2026-01-01"),
            (_, "DateTime") => json!("2026-01-05T00:00:00Z"),
            (_, "CurrencyCode") => json!("EUR"),
            _ => json!("abc"),
        }
    }

    /// All fields of an input, or the first of one of which exactly one is given.
    fn input(&self, name: &str, id: &str) -> Value {
        let fields = self.0[name]["inputFields"].as_array().unwrap().iter();
        let one_of = self.0[name]["isOneOf"] == true;
        let fields = fields.take(if one_of { 1 } else { usize::MAX });
        let field =
            |field: &Value| (field["name"].as_str().unwrap().to_owned(), self.value(&field["type"], id));
        Value::Object(fields.map(field).collect())
    }
}

/// The name of a type without what it is wrapped in.
fn named(mut of: &Value) -> &str {
    while of["name"].is_null() {
        of = &of["ofType"];
    }
    of["name"].as_str().unwrap()
}

/// What only holds the objects of another type follows them: connections, edges and payloads have the rule of theirs.
fn is_wrapper(type_name: &str) -> bool {
    ["Connection", "Edge", "Payload"].iter().any(|ending| type_name.ends_with(ending))
}

#[tokio::test]
async fn every_field_has_a_rule_and_only_one() {
    let types = Types::of(&Program::new().await).await;
    let mut without = Vec::new();
    for (name, of) in types.0.iter().filter(|(_, of)| of["kind"] == "OBJECT") {
        for field in types.fields(name) {
            let field = field["name"].as_str().unwrap();
            if rules::of(name, field).is_none() && !is_wrapper(name) {
                without.push(format!("{name}.{field}"));
            }
        }
        assert!(!of["fields"].is_null());
    }
    assert_eq!(without, Vec::<String>::new(), "fields without a rule");
    for (name, fields) in rules::RULES {
        let mut words: Vec<&str> = fields.iter().flat_map(|(_, names)| names.split_whitespace()).collect();
        words.sort_unstable();
        let twice: Vec<_> = words.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{name}: {twice:?}");
        assert_eq!(rules::RULES.iter().filter(|(other, _)| other == name).count(), 1, "{name}");
    }
}

#[tokio::test]
async fn what_an_operation_begins_with_is_for_whom_its_rule_names_and_for_nobody_else() {
    let program = Program::new().await;
    program.with_clients().await;
    let types = Types::of(&program).await;
    for (root, operation) in [("Query", "query"), ("Mutation", "mutation"), ("Subscription", "subscription")]
    {
        for field in types.fields(root) {
            let name = field["name"].as_str().unwrap();
            let rule = rules::of(root, name).unwrap();
            let (query, variables) = call(&types, operation, field, "bm90aGluZw");
            for (who, caller) in callers() {
                let code = code(&program.ask(caller.clone(), &query, variables.clone()).await);
                let is_denied = code == "FORBIDDEN" || code == "UNAUTHENTICATED";
                assert_eq!(is_denied, !rule.allows(&caller), "{who}, {root}.{name}: {code}");
                assert_eq!(
                    code == "UNAUTHENTICATED",
                    is_denied && caller.is_anonymous(),
                    "{who}, {root}.{name}"
                );
            }
        }
    }
}

/// A field with an argument for each that it must have, its answer being what is plain.
fn call(types: &Types, operation: &str, field: &Value, id: &str) -> (String, Value) {
    let name = field["name"].as_str().unwrap();
    let (mut defined, mut given, mut variables) = (Vec::new(), Vec::new(), serde_json::Map::new());
    for argument in field["args"].as_array().unwrap() {
        let argument_name = argument["name"].as_str().unwrap();
        let needed = argument["type"]["kind"] == "NON_NULL" || argument_name == "first" || name == "partner";
        if needed && argument_name != "accountId" {
            defined.push(format!("${argument_name}: {}", written(&argument["type"])));
            given.push(format!("{argument_name}: ${argument_name}"));
            variables.insert(argument_name.to_owned(), types.value(&argument["type"], id));
        }
    }
    let wrap =
        |parts: Vec<String>| if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) };
    let below = match types.0[named(&field["type"])]["kind"].as_str().unwrap() {
        "OBJECT" if operation == "mutation" => {
            let results = "results { userErrors { code field } }";
            let of = named(&field["type"]);
            let lists = types.fields(of).iter().any(|field| field["name"] == "results");
            let errors = if lists { results } else { "userErrors { code field }" };
            format!("{{ __typename {errors} }}")
        }
        "OBJECT" | "INTERFACE" => "{ __typename }".to_owned(),
        _ => String::new(),
    };
    (format!("{operation}{} {{ {name}{} {below} }}", wrap(defined), wrap(given)), Value::Object(variables))
}

/// A type as a document writes it.
fn written(of: &Value) -> String {
    match of["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", written(&of["ofType"])),
        "LIST" => format!("[{}]", written(&of["ofType"])),
        _ => of["name"].as_str().unwrap().to_owned(),
    }
}

fn code(answer: &Value) -> String {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

/// An id of each kind of object that a partner has, by the kind.
async fn own_objects(program: &Program) -> BTreeMap<String, String> {
    let found = program.everything_of_a_partner().await;
    let mut objects = BTreeMap::new();
    gather(&found, &mut objects);
    objects
}

fn gather(value: &Value, objects: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            if let (Some(kind), Some(id)) = (fields.get("__typename"), fields.get("id")) {
                objects.insert(kind.as_str().unwrap().to_owned(), id.as_str().unwrap().to_owned());
            }
            fields.values().for_each(|value| gather(value, objects));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, objects)),
        _ => {}
    }
}

#[tokio::test]
async fn an_object_is_seen_field_by_field_by_whom_the_rules_name() {
    let program = Program::new().await;
    let objects = own_objects(&program).await;
    let types = Types::of(&program).await;
    let own = Caller::Partner { account_id: "partner-1".to_owned() };
    let other = Caller::Partner { account_id: "partner-2".to_owned() };
    for (kind, id) in &objects {
        for field in types.fields(kind) {
            let name = field["name"].as_str().unwrap();
            let Some(selected) = types.select(field, 1) else { continue };
            let query = format!(
                "query($id: ID!) {{ node(id: $id) {{ id ... on {kind} {{ {selected} }} }} \
                                 nodes(ids: [$id]) {{ id }} }}"
            );
            let ask = async |caller: &Caller| program.ask(caller.clone(), &query, json!({ "id": id })).await;
            let rule = rules::of(kind, name).unwrap();
            for (who, caller) in callers().into_iter().chain([("another partner".to_owned(), other.clone())])
            {
                let answer = ask(&caller).await;
                if caller.is_anonymous() {
                    assert_eq!(code(&answer), "UNAUTHENTICATED", "{kind}.{name}");
                    continue;
                }
                if caller.is_api_key() && answer.get("errors").is_some() {
                    // A closed field fails the whole request: this one, or one below it.
                    assert_eq!(
                        (code(&answer).as_str(), &answer["data"]),
                        ("FORBIDDEN", &Value::Null),
                        "{who}"
                    );
                    let path = answer["errors"][0]["path"].as_array().unwrap();
                    assert_eq!(path.len() > 2, rule.allows(&caller), "{who}, {kind}.{name}: {path:?}");
                    continue;
                }
                assert!(!caller.is_api_key() || rule.allows(&caller), "{who} may not see {kind}.{name}");
                assert_eq!(answer.get("errors"), None, "{who}, {kind}.{name}: {answer:#}");
                let node = &answer["data"]["node"];
                assert_eq!(node["id"], answer["data"]["nodes"][0]["id"], "{who}, {kind}");
                let is_seen = rules::of(kind, "id").unwrap().allows(&caller) && caller != other;
                assert_eq!(node.is_null(), !is_seen, "{who}, {kind}: {node:#}");
                if is_seen && !rule.allows(&caller) {
                    assert_eq!(node[name], Value::Null, "{who}, {kind}.{name}");
                }
            }
            let seen = ask(&own).await;
            assert_eq!(seen.get("errors"), None, "{kind}.{name}: {seen:#}");
        }
    }
    let kinds = ["Commission", "LedgerEntry", "Partner", "ReferralLink", "ReferredClient", "ServiceTransfer"];
    for kind in kinds.into_iter().chain([
        "Statement",
        "Ticket",
        "Withdrawal",
        "Settlement",
        "AuditRecord",
        "ParkedFact",
    ]) {
        assert!(objects.contains_key(kind), "{kind} was not tried");
    }
}

#[tokio::test]
async fn another_partners_id_is_not_found_wherever_an_id_is_taken() {
    let program = Program::new().await;
    let objects = own_objects(&program).await;
    let types = Types::of(&program).await;
    let other = || Caller::Partner { account_id: "partner-2".to_owned() };
    program.ask(other(), "{ viewer { id } }", json!({})).await;
    let before = program.own_data().await;
    for field in types.fields("Mutation") {
        let name = field["name"].as_str().unwrap();
        let takes_ids = types.value(&field["args"][0]["type"], "AN-ID").to_string().contains("AN-ID");
        if !rules::of("Mutation", name).unwrap().allows(&other()) || !takes_ids {
            continue;
        }
        for (kind, id) in &objects {
            let (query, variables) = call(&types, "mutation", field, id);
            let answer = program.ask(other(), &query, variables).await;
            let code = &answer["data"][name]["userErrors"][0]["code"];
            assert_eq!(code, "NOT_FOUND", "{name} of a {kind}: {answer:#}");
        }
    }
    assert_eq!(program.own_data().await, before, "and nothing of the first partner's has changed");

    let lists =
        "query($id: ID!) { viewer { commissions(first: 1, filter: { referredClientId: $id }) { totalCount }
        byLink: commissions(first: 1, filter: { linkId: $id }) { totalCount }
        referredClients(first: 1, filter: { linkId: $id }) { totalCount } } }";
    for (kind, id) in &objects {
        let viewer = Program::data(program.ask(other(), lists, json!({ "id": id })).await)["viewer"].clone();
        for list in ["commissions", "byLink", "referredClients"] {
            assert_eq!(viewer[list]["totalCount"], 0, "{list} of a {kind}");
        }
    }
}

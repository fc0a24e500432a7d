//! The schema's text: committed as it is printed, and described throughout.

use serde_json::Value;

use super::{builder, sdl};

/// With `PARRAIN_WRITE_SCHEMA=1` it is written instead.
#[test]
fn the_schema_that_is_committed_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    if std::env::var_os("PARRAIN_WRITE_SCHEMA").is_some() {
        std::fs::write(path, sdl()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == sdl(),
        "schema.graphql is stale: PARRAIN_WRITE_SCHEMA=1 cargo test the_schema_that_is"
    );
}

#[test]
fn everything_in_the_schema_is_described() {
    let query = "{ __schema { types { name description fields { name description args { name description } } \
                 inputFields { name description } enumValues { name description } } } }";
    let schema = builder().finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = serde_json::to_value(runtime.block_on(schema.execute(query))).unwrap();
    let mut bare = Vec::new();
    let is_bare = |thing: &Value| thing["description"].as_str().is_none_or(str::is_empty);
    for kind in answer["data"]["__schema"]["types"].as_array().unwrap() {
        let name = kind["name"].as_str().unwrap();
        if name.starts_with("__") {
            continue;
        }
        if is_bare(kind) {
            bare.push(name.to_owned());
        }
        for list in ["fields", "inputFields", "enumValues"] {
            for part in kind[list].as_array().into_iter().flatten() {
                let path = format!("{name}.{}", part["name"].as_str().unwrap());
                for argument in part["args"].as_array().into_iter().flatten().filter(|part| is_bare(part)) {
                    bare.push(format!("{path}({})", argument["name"].as_str().unwrap()));
                }
                if is_bare(part) {
                    bare.push(path);
                }
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

//! The schema that clients are promised is the one that the code prints.

use std::path::Path;

use crate::harness::{Backend, Parrain, block_on};

#[test]
fn the_committed_schema_is_what_the_code_prints() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let committed = std::fs::read_to_string(committed).expect("schema.graphql at the project's root");
    let parrain = block_on(Parrain::new(Backend::Sqlite));
    let printed = parrain.run(["schema"]).printed();
    let differs = committed.lines().zip(printed.lines()).enumerate().find(|(_, (old, new))| old != new);
    assert!(
        committed == printed,
        "schema.graphql is stale: `parrain schema > schema.graphql`. First difference, by line: {differs:?}"
    );
}

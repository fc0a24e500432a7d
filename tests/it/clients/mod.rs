//! Clients that nobody here wrote, from the public registries, against the built server: tests/clients.

mod examples;
mod toolbox;
mod world;

use crate::harness::{Backend, Parrain, block_on, free_port, on_both_databases};
use toolbox::Workbench;
use world::World;

/// Runs a script of Node.js against a server on SQLite: how the interface looks does not hang on the database.
fn node(script: &str) {
    let workbench = Workbench::node();
    block_on(async { workbench.node_script(script, &World::new(Backend::Sqlite).await.environment()) });
}

#[test]
fn graphql_http_finds_all_of_its_61_audits_in_order() {
    node("audit.mjs");
}

#[test]
fn apollo_client_pages_changes_and_names_documents_by_their_hash() {
    node("apollo.mjs");
}

#[test]
fn urql_asks_by_get_and_changes_by_post() {
    node("urql.mjs");
}

#[test]
fn relay_compiles_its_documents_and_pages_a_connection() {
    let workbench = Workbench::node();
    // Another package has a program of that name too.
    workbench.tool("../relay-compiler/cli.js", &["relay/relay.config.json"]);
    block_on(async {
        workbench.node_script("relay/run.cjs", &World::new(Backend::Sqlite).await.environment())
    });
}

#[test]
fn codegen_makes_types_that_a_strict_compiler_accepts() {
    let workbench = Workbench::node();
    workbench.tool("graphql-codegen", &["--config", "typed/codegen.json"]);
    workbench.tool("tsc", &["--project", "typed/tsconfig.json"]);
    block_on(async {
        workbench
            .node_script("typed/compiled/typed/run.mjs", &World::new(Backend::Sqlite).await.environment())
    });
}

#[test]
fn graphql_eslint_finds_no_fault_in_the_schema() {
    Workbench::node().tool("eslint", &["--max-warnings", "0", "schema.graphql"]);
}

#[test]
fn graphql_inspector_finds_nothing_that_breaks_who_uses_the_last_release() {
    Workbench::node().tool("graphql-inspector", &["diff", "schema.released.graphql", "schema.graphql"]);
}

#[test]
fn gql_for_python_asks_and_changes() {
    let workbench = Workbench::python();
    block_on(async {
        workbench.python_script("gql_client.py", &World::new(Backend::Sqlite).await.environment())
    });
}

#[test]
fn standardwebhooks_for_node_believes_what_is_delivered() {
    let workbench = Workbench::node();
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        parrain.configure("[webhooks]\nallowed_subnets = [\"127.0.0.0/8\"]\n");
        let (server, token) = (parrain.serve().await, parrain.token("partner", "acct-1"));
        workbench.node_script("webhooks.mjs", &[("SERVER_URL", &server.url), ("PARTNER_TOKEN", &token)]);
    });
}

#[test]
fn standardwebhooks_for_python_believes_what_is_delivered() {
    let workbench = Workbench::python();
    let received = block_on(crate::webhooks::a_delivery());
    let received: Vec<(&str, &str)> = received.iter().map(|(name, value)| (*name, value.as_str())).collect();
    workbench.python_script("webhook_verify.py", &received);
}

on_both_databases!(schemathesis_finds_no_request_that_breaks_the_server);

async fn schemathesis_finds_no_request_that_breaks_the_server(backend: Backend) {
    let workbench = Workbench::python();
    workbench.python_script("fuzz.py", &World::new(backend).await.environment());
}

#[test]
fn an_issuers_tokens_are_believed_through_rotation_and_outage_and_no_others() {
    let workbench = Workbench::node();
    let port = free_port().to_string();
    let auth = format!(
        "jwks_url = \"http://127.0.0.1:{port}/jwks\"\nissuer = \"https://id.example.com/\"\naudience = \"parrain\""
    );
    block_on(async {
        let parrain = Parrain::with_auth(&auth).await;
        let server = parrain.serve().await;
        workbench.node_script("issuer.mjs", &[("SERVER_URL", &server.url), ("ISSUER_PORT", &port)]);
    });
}

#[test]
fn graphql_sse_and_graphql_ws_follow_events_and_miss_none_over_a_break() {
    node("live.mjs");
}

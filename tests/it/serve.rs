//! The server's life: it says how it is, and ends when it is asked to (hardening, fault 9).

use crate::harness::{Backend, Parrain, on_both_databases};

on_both_databases!(a_server_says_how_it_is_and_ends_when_it_is_asked_to);

async fn a_server_says_how_it_is_and_ends_when_it_is_asked_to(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    for (address, status) in [
        (format!("{}/livez", server.ops_url), 200),
        (format!("{}/readyz", server.ops_url), 200),
        (format!("{}/metrics", server.ops_url), 200),
        (format!("{}/livez", server.url), 404),
        (format!("{}/schema.graphql", server.url), 200),
    ] {
        assert_eq!(server.http.get(&address).send().await.unwrap().status(), status, "{address}");
    }
    let programme =
        server.request("", "{ programme { currencyCode timeZone } }", serde_json::json!({})).await;
    assert_eq!(
        programme["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
        "a bad token is refused even here"
    );
    // Fails unless it ends with status 0.
    server.stop();
}

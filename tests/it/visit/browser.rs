//! Chromium between a partner's site and the provider's: a click counts, what is forced on a reader does not.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::partner_with_link;
use crate::harness::{Backend, Parrain, chromium, free_port, on_both_databases};

on_both_databases!(a_click_binds_and_a_frame_an_image_and_a_script_do_not);

async fn a_click_binds_and_a_frame_an_image_and_a_script_do_not(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let (provider_port, partner_port) = (free_port(), free_port());
    // Names below localhost are this machine, and browsers say there how a request came about.
    parrain.configure(&format!(
        "[site]\nfront_page = \"http://www.provider.localhost:{provider_port}/\"\ncookie_domain = \"provider.localhost\"\n"
    ));
    let server = parrain.serve().await;
    partner_with_link(&parrain, &server, "p1", "abc", "/welcome").await;
    let port = server.url.rsplit(':').next().unwrap();
    let setting = json!({
        "link": format!("http://go.provider.localhost:{port}/r/abc"),
        "graphql": format!("{}/graphql", server.url),
        "service": parrain.token("service", "site"),
        "providerPort": provider_port,
        "partnerPort": partner_port,
        "chromium": chromium(),
        "profile": parrain.folder().join("chromium"),
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/visit/browser.mjs");
    let output = Command::new("node").arg(script).arg(setting.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "node or Chromium failed:\n{said}");
    let outcomes: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        outcomes,
        json!({ "framed": "DIRECT", "shown": "DIRECT", "sent": "DIRECT", "clicked": "ATTRIBUTED" })
    );
    super::all_counted(parrain.database()).await;
    let verdicts: Vec<String> = parrain.database().column("SELECT verdict FROM visit ORDER BY id").await;
    assert_eq!(verdicts, ["FORCED", "FORCED", "FORCED", "COUNTED"]);
    let referrers: Vec<String> = parrain.database().column("SELECT DISTINCT referrer FROM visit").await;
    assert_eq!(referrers, ["blog.partner.localhost"]);
}

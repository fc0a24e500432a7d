//! The page of tests/clients/live.html in Chromium.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{Backend, Parrain, block_on, chromium, free_port};

#[test]
fn a_page_of_another_origin_shows_events_as_they_happen() {
    block_on(async {
        let parrain = Parrain::new(Backend::Sqlite).await;
        let port = free_port();
        // The page comes from another origin than the interface.
        parrain.configure(&format!("[cors]\nallowed_origins = [\"http://127.0.0.1:{port}\"]\n"));
        let server = parrain.serve().await;
        let setting = json!({
            "server": server.url,
            "token": parrain.token("partner", "acct-1"),
            "port": port,
            "page": Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/live.html"),
            "chromium": chromium(),
            "profile": parrain.folder().join("chromium"),
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/live/browser.mjs");
        let output = Command::new("node").arg(script).arg(setting.to_string()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "node or Chromium failed:\n{said}");
    });
}

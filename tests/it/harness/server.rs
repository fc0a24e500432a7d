//! The server as its clients see it: GraphQL over HTTP.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::parrain::Parrain;
use super::process::{Running, free_port};

/// A server that serves until it is dropped.
pub struct Server {
    running: Option<Running>,
    pub http: reqwest::Client,
    /// Without a slash at its end.
    pub url: String,
    pub ops_url: String,
}

impl Server {
    pub async fn start(parrain: &Parrain) -> Server {
        Server::start_as(parrain, &["serve"]).await
    }

    /// Serves with these arguments.
    pub async fn start_as(parrain: &Parrain, arguments: &[&str]) -> Server {
        // Another program may take the port in between: then another one is tried.
        for _ in 0..5 {
            if let Some(server) = Server::try_start(parrain, arguments).await {
                return server;
            }
        }
        panic!("the server does not become ready");
    }

    async fn try_start(parrain: &Parrain, arguments: &[&str]) -> Option<Server> {
        let (listen, ops) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let mut command = parrain.command(arguments);
        command.env("PARRAIN_LISTEN", &listen).env("PARRAIN_OPS_LISTEN", &ops);
        let mut running = Running::start(command, parrain.folder());
        let http = reqwest::Client::new();
        let began = Instant::now();
        loop {
            if running.has_ended() {
                let said = running.said();
                assert!(said.contains("in use"), "the server has ended:\n{said}");
                return None;
            }
            let ready = http.get(format!("http://{ops}/readyz")).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the server is not ready:\n{}",
                running.said()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (url, ops_url) = (format!("http://{listen}"), format!("http://{ops}"));
        Some(Server { running: Some(running), http, url, ops_url })
    }

    /// For what the system knows of the process.
    pub fn process_id(&self) -> u32 {
        self.running.as_ref().unwrap().id()
    }

    /// What a request is answered, errors and all.
    pub async fn request(&self, token: &str, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .header("content-type", "application/json")
            .bearer_auth(token)
            .body(body);
        let answer = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// The data of a request that must have no errors.
    pub async fn graphql(&self, token: &str, query: &str, variables: Value) -> Value {
        let mut answer = self.request(token, query, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].take()
    }

    /// Asks the server to stop, and waits until it has, with status 0.
    pub fn stop(mut self) {
        self.end();
    }

    /// Ends the server as a power cut does.
    pub fn kill(mut self) {
        let Some(running) = self.running.take() else { return };
        running.signal("KILL");
        running.finish(Duration::from_secs(10));
    }

    fn end(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.signal("TERM");
        let output = running.finish(Duration::from_secs(35));
        if !std::thread::panicking() {
            assert_eq!(output.status, Some(0), "{}", output.stderr);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

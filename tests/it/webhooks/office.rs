//! A program with a clock of its own, whose webhooks go out when a test says so.

use std::sync::Arc;

use chrono::Duration;
use entity::{Moment, TicketKind};
use parrain::app::App;
use parrain::clock::Clock;
use parrain::config::Config;
use parrain::domain::caller::Caller;
use parrain::graphql::{Api, webhook_payload};
use parrain::jobs::webhooks::{Courier, Network};
use parrain::services::partner as partners;
use parrain::services::ticket::{self, OpenTicket};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::{Backend, Folder, TestDatabase, partner};

pub struct Office {
    pub app: App,
    pub api: Api,
    pub database: TestDatabase,
    // Last, so that it goes when the database is closed.
    _folder: Folder,
}

/// An endpoint as it was made.
pub struct Made {
    pub id: String,
    pub secret: String,
}

const LIST: &str =
    "{ viewer { webhookEndpoints { id url events status deliveries(first: 100) { edges { node {
    id event attempts lastAttemptAt responseStatus status nextAttemptAt } } } } } }";

impl Office {
    pub async fn new(backend: Backend) -> Office {
        Office::configured(backend, |_| {}).await
    }

    /// At the beginning of 2026; deliveries may go to this machine.
    pub async fn configured(backend: Backend, configure: impl FnOnce(&mut Config)) -> Office {
        let folder = Folder::new();
        let database = TestDatabase::migrated(backend, folder.path()).await;
        let mut config = Config::default();
        config.database.url = database.url().into();
        config.auth.hs256_secret = Some("a-secret-of-the-tests-of-32-bytes-or-more".into());
        config.webhooks.allowed_subnets = vec!["127.0.0.0/8".parse().unwrap()];
        configure(&mut config);
        let app = App::open(config, Clock::fixed(Moment(1_767_225_600_000_000))).await.unwrap();
        Office { api: Api::new(app.clone()), app, database, _folder: folder }
    }

    pub fn courier(&self) -> Courier {
        self.courier_over(Network::new(&self.app).unwrap())
    }

    pub fn courier_over(&self, network: Network) -> Courier {
        Courier::new(self.app.clone(), webhook_payload::show(&self.app), network, CancellationToken::new())
    }

    /// Sends all that is due now.
    pub async fn send(&self) {
        self.courier().work_off().await.unwrap();
    }

    pub async fn after(&self, wait: Duration) {
        self.app.clock.advance(wait);
        self.send().await;
    }

    /// What a mutation of one input answers, its user errors and all.
    pub async fn mutate(&self, caller: Caller, mutation: &str, input: Value) -> Value {
        use async_graphql::{Executor, Request, Variables};
        let mut type_name = mutation.to_owned();
        type_name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {type_name}Input!) {{ {mutation}(input: $input) {{ webhookEndpoint {{ id status }} secret \
             userErrors {{ code field message }} }} }}"
        );
        let variables = Variables::from_json(json!({ "input": input }));
        let request = Request::new(query).variables(variables).data(caller);
        let mut answer = serde_json::to_value(self.api.execute(request).await).unwrap();
        if answer.get("errors").is_some() { answer } else { answer["data"][mutation].take() }
    }

    /// An endpoint of a partner's, which must not be refused.
    pub async fn endpoint(&self, account: &str, url: &str, events: &[&str]) -> Made {
        let input = json!({ "url": url, "events": events });
        let made = self.mutate(partner(account), "createWebhookEndpoint", input).await;
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Made { id: text(&made["webhookEndpoint"]["id"]), secret: text(&made["secret"]) }
    }

    /// Something happens: a ticket is opened.
    pub async fn happens(&self, account: &str, subject: &str) {
        let partner_id = partners::of_account(&self.app, account).await.unwrap().id;
        let open = OpenTicket {
            kind: TicketKind::Question,
            subject: subject.to_owned(),
            text: "Why?".to_owned(),
            about_id: None,
        };
        ticket::open(&self.app, partner_id, &open).await.unwrap();
    }

    pub async fn ask(&self, caller: Caller, query: &str) -> Value {
        use async_graphql::{Executor, Request};
        serde_json::to_value(self.api.execute(Request::new(query).data(caller)).await).unwrap()
    }

    /// The partner's first endpoint, and its deliveries, newest first.
    pub async fn listed(&self, account: &str) -> (Value, Vec<Value>) {
        let answer = self.ask(partner(account), LIST).await;
        let endpoint = answer["data"]["viewer"]["webhookEndpoints"][0].clone();
        let edges = endpoint["deliveries"]["edges"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let deliveries = edges.iter().map(|edge| edge["node"].clone()).collect();
        (endpoint, deliveries)
    }
}

/// A network in which every name leads to these addresses.
pub fn leading_to(app: &App, addresses: &[&str]) -> Network {
    let addresses: Vec<std::net::IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    let resolve = move |_| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) }) as futures_util::future::BoxFuture<'static, _>
    };
    Network::resolving_by(app, Arc::new(resolve)).unwrap()
}

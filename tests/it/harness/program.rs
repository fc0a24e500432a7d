//! The interface without HTTP, on a database and with a clock of its own.

use async_graphql::{Executor, Request, Variables};
use entity::Moment;
use parrain::app::App;
use parrain::clock::Clock;
use parrain::config::Config;
use parrain::domain::caller::Caller;
use parrain::graphql::Api;
use serde_json::{Value, json};

use super::{Backend, Folder, TestDatabase};

/// A program whose time stands still until a test moves it.
pub struct Program {
    pub app: App,
    pub api: Api,
    pub database: TestDatabase,
    // Last, so that it goes when the database is closed.
    _folder: Folder,
}

impl Program {
    /// With an empty database, at the beginning of 2026.
    pub async fn new(backend: Backend) -> Program {
        let folder = Folder::new();
        let database = TestDatabase::migrated(backend, folder.path()).await;
        let mut config = Config::default();
        config.database.url = database.url().into();
        config.auth.hs256_secret = Some("a-secret-of-the-tests-of-32-bytes-or-more".into());
        let app = App::open(config, Clock::fixed(Moment(1_767_225_600_000_000))).await.unwrap();
        Program { api: Api::new(app.clone()), app, database, _folder: folder }
    }

    pub fn at(&self, time: &str) {
        self.app.clock.set(Moment::from_utc(time.parse().unwrap()));
    }

    /// What a request is answered, errors and all.
    pub async fn request(&self, caller: Caller, query: &str, variables: Value) -> Value {
        let request = Request::new(query).variables(Variables::from_json(variables)).data(caller);
        serde_json::to_value(self.api.execute(request).await).unwrap()
    }

    /// The data of a request that must have no errors.
    #[track_caller]
    pub fn ask(&self, caller: Caller, query: &str) -> impl Future<Output = Value> {
        self.ask_with(caller, query, json!({}))
    }

    /// The same with variables.
    pub async fn ask_with(&self, caller: Caller, query: &str, variables: Value) -> Value {
        let mut answer = self.request(caller, query, variables).await;
        assert!(answer["errors"].is_null(), "{answer:#}");
        answer["data"].take()
    }

    /// A mutation of one input that must not be refused.
    pub async fn done(&self, caller: Caller, mutation: &str, input_type: &str, input: Value) -> Value {
        let query =
            format!("mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ __typename }} }}");
        self.ask_with(caller, &query, json!({ "input": input })).await
    }
}

pub fn partner(account_id: &str) -> Caller {
    Caller::Partner { account_id: account_id.to_owned() }
}

pub fn staff() -> Caller {
    Caller::Staff { subject: "ann".to_owned(), scopes: None }
}

pub fn service() -> Caller {
    Caller::Service { subject: "billing".to_owned(), scopes: None }
}

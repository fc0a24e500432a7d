//! What the tests of the transport share: an app on a database of its own, and a toy schema.

use std::time::Duration;

use async_graphql::{Context, EmptySubscription, Error, ErrorExtensions, Object, Schema};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use entity::Moment;
use migration::{Migrator, MigratorTrait};
use serde_json::Value;
use tower::ServiceExt;

use super::router::{Http, public_router};
use super::token::{Role, mint};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::caller::Caller;
use crate::graphql::Valid;
use crate::graphql::rate_limit::RateLimit;

pub const NOW: Moment = Moment(1_700_000_000_000_000);

pub async fn app(adjust: impl FnOnce(&mut Config)) -> App {
    let file = std::env::temp_dir().join(format!("parrain-http-{:032x}.db", rand::random::<u128>()));
    let mut config = Config::default();
    config.database.url = format!("sqlite://{}", file.display()).into();
    config.auth.hs256_secret = Some("0123456789abcdef0123456789abcdef".into());
    adjust(&mut config);
    let app = App::open(config, Clock::fixed(NOW)).await.unwrap();
    let transaction = app.begin().await.unwrap();
    Migrator::up(&transaction, None).await.unwrap();
    transaction.commit().await.unwrap();
    app
}

pub struct ToyQuery;

#[Object]
impl ToyQuery {
    async fn hello(&self, name: Option<String>) -> String {
        format!("hello {}", name.unwrap_or_default())
    }

    async fn twice(&self, number: i32) -> Option<i32> {
        number.checked_mul(2)
    }

    async fn caller(&self, context: &Context<'_>) -> &'static str {
        context.data::<Caller>().map_or("none", Caller::role)
    }

    /// Whether this was found valid before.
    async fn was_valid(&self, context: &Context<'_>) -> bool {
        context.data_opt::<Valid>().is_some()
    }

    async fn forbidden(&self) -> Option<Result<String, Error>> {
        Some(Err(Error::new("not yours").extend_with(|_, extensions| extensions.set("code", "FORBIDDEN"))))
    }

    async fn broken(&self) -> Option<Result<String, Error>> {
        Some(Err(Error::new_with_source(std::io::Error::other("password=hunter2"))))
    }

    async fn broken_for_good(&self) -> Result<String, Error> {
        Err(Error::new("table line is gone"))
    }

    async fn slow(&self, milliseconds: i32) -> bool {
        tokio::time::sleep(Duration::from_millis(u64::try_from(milliseconds).unwrap())).await;
        true
    }

    async fn panics(&self) -> bool {
        assert!(std::hint::black_box(false), "on purpose");
        true
    }

    async fn long(&self) -> String {
        "long ".repeat(10_000)
    }

    async fn nested(&self) -> Nested {
        Nested
    }

    async fn many(&self, first: i32) -> Vec<Nested> {
        (0..first.clamp(0, 100)).map(|_| Nested).collect()
    }

    async fn rate_limit(&self, context: &Context<'_>) -> Option<RateLimit> {
        context.data_opt().copied()
    }
}

/// An object that costs something.
pub struct Nested;

#[Object]
impl Nested {
    async fn hello(&self) -> &'static str {
        "hello"
    }

    async fn nested(&self) -> Nested {
        Nested
    }
}

pub struct ToyMutation;

#[Object]
impl ToyMutation {
    async fn touch(&self) -> bool {
        true
    }
}

pub fn toy_schema() -> Schema<ToyQuery, ToyMutation, EmptySubscription> {
    Schema::new(ToyQuery, ToyMutation, EmptySubscription)
}

pub async fn router(adjust: impl FnOnce(&mut Config)) -> Router {
    router_of(app(adjust).await)
}

pub fn router_of(app: App) -> Router {
    let schema = toy_schema();
    let sdl = schema.sdl();
    public_router(Http::new(app, schema, sdl).unwrap())
}

pub fn token(app: &App, role: Role) -> String {
    mint(&app.config, role, "42", chrono::Duration::hours(1), NOW).unwrap()
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    /// The code of the first error.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// A GraphQL request by POST, with further headers.
pub fn post(body: &Value, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

pub fn get(address: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

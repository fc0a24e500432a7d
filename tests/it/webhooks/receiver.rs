//! A partner's server as the tests need it: it keeps what it gets, and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use entity::Moment;
use parrain::domain::webhook::signature::{SigningSecret, sign};
use serde_json::Value;
use tokio::sync::Semaphore;

/// A delivery as it came.
#[derive(Clone, Debug)]
pub struct Got {
    pub id: String,
    pub timestamp: String,
    pub signatures: String,
    pub body: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether one of the signatures was made with this secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let secret = SigningSecret::decode(secret).unwrap();
        let at = Moment(self.timestamp.parse::<i64>().unwrap() * 1_000_000);
        let signature = sign(&[secret], &self.id, at, self.body.as_bytes());
        self.signatures.split(' ').any(|given| given == signature)
    }
}

/// An answer: a status, and a header of its own.
pub type Told = (u16, Option<(&'static str, String)>);

pub struct Receiver {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    got: Mutex<Vec<Got>>,
    /// What is answered next; 200 where nothing is said.
    answers: Mutex<VecDeque<Told>>,
    /// What is answered when nothing else is said.
    always: Mutex<u16>,
    /// One for each answer that may be given.
    open: Semaphore,
}

impl Receiver {
    pub async fn new() -> Receiver {
        let inner = Arc::new(Inner {
            got: Mutex::default(),
            answers: Mutex::default(),
            always: Mutex::new(200),
            open: Semaphore::new(Semaphore::MAX_PERMITS / 2),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver { url, inner }
    }

    /// Gives these answers to what comes next, one each.
    pub fn answer(&self, answers: impl IntoIterator<Item = Told>) {
        self.inner.answers.lock().unwrap().extend(answers);
    }

    pub fn always_answer(&self, status: u16) {
        *self.inner.always.lock().unwrap() = status;
    }

    /// Answers nothing from now on.
    pub fn hold(&self) {
        self.inner.open.forget_permits(usize::MAX);
    }

    /// Answers again, also what is waiting.
    pub fn let_go(&self) {
        self.inner.open.add_permits(10_000);
    }

    pub fn got(&self) -> Vec<Got> {
        self.inner.got.lock().unwrap().clone()
    }
}

async fn receive(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let got = Got {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    inner.got.lock().unwrap().push(got);
    inner.open.acquire().await.unwrap().forget();
    let told = inner.answers.lock().unwrap().pop_front();
    let (status, header) = told.unwrap_or((*inner.always.lock().unwrap(), None));
    let status = StatusCode::from_u16(status).unwrap();
    match header {
        Some((name, value)) => (status, [(name, value)], "an answer").into_response(),
        None => (status, "an answer").into_response(),
    }
}

//! When keys are fetched, and what becomes of tokens while they cannot be.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;

/// An identity provider on this machine: what it answers can be changed, and it counts how often it is asked.
#[derive(Clone)]
struct Provider {
    answer: Arc<std::sync::Mutex<(StatusCode, String)>>,
    asked: Arc<AtomicUsize>,
    address: String,
}

impl Provider {
    async fn start(answer: Value) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/jwks", listener.local_addr().unwrap());
        let answer = Arc::new(std::sync::Mutex::new((StatusCode::OK, answer.to_string())));
        let provider = Provider { answer, asked: Arc::default(), address };
        let shared = provider.clone();
        let jwks = move || async move {
            shared.asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            shared.answer.lock().unwrap().clone()
        };
        let aside = get(|| async { Redirect::temporary("/jwks").into_response() });
        let router = Router::new().route("/jwks", get(jwks)).route("/aside", aside);
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    fn answer(&self, status: u16, body: impl ToString) {
        *self.answer.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), body.to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> Verifier {
        verifier_at(&self.address)
    }
}

fn verifier_at(address: &str) -> Verifier {
    let mut config = Config::default();
    config.auth.jwks_url = Some(address.parse().unwrap());
    Verifier::new(&config).unwrap()
}

#[tokio::test]
async fn keys_are_fetched_once_for_all_who_wait_and_once_a_minute_for_unknown_ones() {
    let (pair, next) = (Pair::p256(), Pair::p256());
    let provider = Provider::start(set(&[pair.jwk("a")])).await;
    let verifier = Arc::new(provider.verifier());
    assert_eq!(provider.asked(), 0);

    let all = (0..50).map(|_| {
        let (verifier, token) = (verifier.clone(), pair.token("a"));
        async move { verifier.believes(&token, NOW).await }
    });
    assert!(futures_util::future::join_all(all).await.into_iter().all(|believed| believed));
    assert_eq!(provider.asked(), 1, "one flight for fifty");

    for seconds in 0..60 {
        let unknown = next.token(&format!("unknown {seconds}"));
        assert!(!verifier.believes(&unknown, after(seconds)).await);
    }
    assert_eq!(provider.asked(), 1, "not again within the minute");

    // The provider rotates: the new key is found with the first token that names it.
    provider.answer(200, set(&[pair.jwk("a"), next.jwk("b")]));
    assert!(verifier.believes(&next.token("b"), after(60)).await);
    assert!(verifier.believes(&pair.token("a"), after(61)).await);
    assert_eq!(provider.asked(), 2);
    assert!(
        !verifier
            .believes(&pair.token_of(&json!({"alg": "HS256", "kid": "x"}), &json!({})), after(300))
            .await
    );
    assert_eq!(provider.asked(), 2, "an algorithm that is not allowed is no reason to ask");
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_not_believed_for_long() {
    let (pair, next) = (Pair::ed25519(), Pair::ed25519());
    let provider = Provider::start(set(&[pair.jwk("a")])).await;
    let verifier = provider.verifier();
    assert!(verifier.believes(&pair.token("a"), NOW).await);
    provider.answer(200, set(&[next.jwk("b")]));
    assert!(verifier.believes(&pair.token("a"), after(600)).await, "ten minutes on nobody has asked");
    assert!(verifier.believes(&pair.token("a"), after(601)).await, "who is known does not wait");
    settle(&verifier).await;
    assert!(!verifier.believes(&pair.token("a"), after(602)).await);
    assert!(verifier.believes(&next.token("b"), after(602)).await);
}

/// Waits for the fetch under way.
async fn settle(verifier: &Verifier) {
    let Keys::Public(source) = &verifier.keys else { panic!("there are public keys") };
    source.landed().await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_borne_for_a_day() {
    let pair = Pair::p256();
    let long_lived = |kid: &str| {
        pair.token_of(&json!({"alg": "ES256", "kid": kid}), &json!({"sub": "42", "exp": EXP + 1_000_000}))
    };
    let provider = Provider::start(set(&[pair.jwk("a")])).await;
    let verifier = provider.verifier();
    assert!(verifier.believes(&long_lived("a"), NOW).await);
    let too_many = set(&(0..101).map(|kid| pair.jwk(&kid.to_string())).collect::<Vec<_>>()).to_string();
    let too_long = format!("{}{}", set(&[]), " ".repeat(jwks::MAX_BYTES));
    let day = 24 * 3_600;
    for (hour, (status, body)) in [
        (503, String::new()),
        (200, "<html>".to_owned()),
        (200, too_many),
        (200, too_long),
        (404, set(&[]).to_string()),
    ]
    .into_iter()
    .enumerate()
    {
        provider.answer(status, body);
        let now = after(3_600 * (1 + i64::try_from(hour).unwrap()));
        assert!(verifier.believes(&long_lived("a"), now).await, "{status}");
        settle(&verifier).await;
    }
    assert_eq!(provider.asked(), 6);
    assert!(verifier.believes(&long_lived("a"), after(day)).await);
    settle(&verifier).await;
    assert!(!verifier.believes(&long_lived("a"), after(day + 61)).await, "a day is over");
    provider.answer(200, set(&[pair.jwk("a")]));
    assert!(verifier.believes(&long_lived("a"), after(day + 122)).await, "and it comes back");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_take_the_fetch_along() {
    let pair = Pair::p256();
    let provider = Provider::start(set(&[pair.jwk("a")])).await;
    let verifier = provider.verifier();
    let impatient = tokio::time::timeout(std::time::Duration::from_millis(10), verifier.believes("", NOW));
    drop(impatient.await);
    let token = pair.token("a");
    let impatient = verifier.believes(&token, NOW);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(10), impatient).await.is_err());
    assert!(verifier.believes(&token, after(1)).await, "within the minute, by the fetch of the one who left");
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let pair = Pair::p256();
    let provider = Provider::start(set(&[pair.jwk("a")])).await;
    let verifier = verifier_at(&provider.address.replace("/jwks", "/aside"));
    assert!(!verifier.believes(&pair.token("a"), NOW).await);
    assert_eq!(provider.asked(), 0);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let verifier = verifier_at(&format!("http://{}/", listener.local_addr().unwrap()));
    let started = std::time::Instant::now();
    assert!(!verifier.believes(&Pair::p256().token("a"), NOW).await);
    assert!(started.elapsed() < std::time::Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn keys_in_a_file_rotate_too() {
    let (pair, next) = (Pair::p256(), Pair::p256());
    let config = config_of_file(&set(&[pair.jwk("a")]));
    let verifier = Verifier::new(&config).unwrap();
    assert!(verifier.believes(&pair.token("a"), NOW).await);
    std::fs::write(file(&config), set(&[next.jwk("b")]).to_string()).unwrap();
    assert!(verifier.believes(&next.token("b"), after(1)).await);
    assert!(!verifier.believes(&pair.token("a"), after(1)).await);
    std::fs::remove_file(file(&config)).unwrap();
    assert!(verifier.believes(&next.token("b"), after(1_000)).await);
}

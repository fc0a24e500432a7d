//! Tokens signed with keys of an identity provider, and what is tried to get around them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

const NOW: Moment = Moment(1_700_000_000_000_000);
const EXP: i64 = 1_700_003_600;

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key pair of the identity provider's, signing by a library of its own.
enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    fn rsa() -> Pair {
        Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn p256() -> Pair {
        Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn ed25519() -> Pair {
        Pair::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (
                    key.modulus().big_endian_without_leading_zero(),
                    key.exponent().big_endian_without_leading_zero(),
                );
                json!({"kty": "RSA", "kid": kid, "n": base64(n), "e": base64(e)})
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": base64(&point[1..33]), "y": base64(&point[33..])})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64(pair.public_key())})
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn token(&self, kid: &str) -> String {
        self.token_of(&json!({"alg": self.algorithm(), "kid": kid}), &json!({"sub": "42", "exp": EXP}))
    }

    fn token_of(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
        let signature = base64(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn set(keys: &[Value]) -> Value {
    json!({"keys": keys})
}

fn config_of_file(set: &Value) -> Config {
    let path = std::env::temp_dir().join(format!("parrain-jwks-{:032x}.json", rand::random::<u128>()));
    std::fs::write(&path, set.to_string()).unwrap();
    let mut config = Config::default();
    config.auth.jwks_file = Some(path);
    config
}

fn file(config: &Config) -> &PathBuf {
    config.auth.jwks_file.as_ref().unwrap()
}

fn after(seconds: i64) -> Moment {
    NOW.plus(Duration::seconds(seconds))
}

impl Verifier {
    async fn believes(&self, token: &str, now: Moment) -> bool {
        self.verify(token, now).await.is_ok()
    }
}

#[tokio::test]
async fn tokens_of_every_allowed_algorithm_are_believed() {
    let pairs = [("r", Pair::rsa()), ("e", Pair::p256()), ("d", Pair::ed25519())];
    let keys: Vec<Value> = pairs.iter().map(|(kid, pair)| pair.jwk(kid)).collect();
    let verifier = Verifier::new(&config_of_file(&set(&keys))).unwrap();
    for (kid, pair) in &pairs {
        let caller = verifier.verify(&pair.token(kid), NOW).await;
        assert_eq!(caller, Ok(Caller::Partner { account_id: "42".into() }), "{}", pair.algorithm());
        // The only key of its algorithm need not be named.
        let unnamed = pair.token_of(&json!({"alg": pair.algorithm()}), &json!({"sub": "42", "exp": EXP}));
        assert!(verifier.believes(&unnamed, NOW).await, "{}", pair.algorithm());
    }
    for (algorithm, others) in [("RS256", ["e", "d"]), ("ES256", ["r", "d"]), ("EdDSA", ["r", "e"])] {
        let mut config = config_of_file(&set(&keys));
        config.auth.algorithms = vec![algorithm.to_owned()];
        let verifier = Verifier::new(&config).unwrap();
        for (kid, pair) in &pairs {
            let believed = verifier.believes(&pair.token(kid), NOW).await;
            assert_eq!(
                believed,
                !others.contains(kid),
                "{algorithm} alone, and a token of {}",
                pair.algorithm()
            );
        }
    }
}

#[tokio::test]
async fn hostile_tokens_are_not_believed() {
    let (pair, other, point) = (Pair::rsa(), Pair::rsa(), Pair::p256());
    let jwk = pair.jwk("r");
    let verifier = Verifier::new(&config_of_file(&set(&[jwk.clone(), point.jwk("e")]))).unwrap();
    let claims = json!({"sub": "42", "exp": EXP});
    let header = json!({"alg": "RS256", "kid": "r"});
    let with = |name: &str, value: Value| {
        let mut changed = header.clone();
        changed[name] = value;
        changed
    };
    let good = pair.token("r");
    let (message, signature) = good.rsplit_once('.').unwrap();
    let forged_body = base64(json!({"sub": "1", "role": "staff", "exp": EXP}).to_string());
    let hmac = |secret: &[u8], header: &Value| {
        let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let hs256 = with("alg", json!("HS256"));
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let none = |alg: &str| base64(with("alg", json!(alg)).to_string());
    for (name, token) in [
        ("no signature is asked for", format!("{}.{}.", none("none"), base64(claims.to_string()))),
        ("nor by another spelling", format!("{}.{}.", none("nOnE"), base64(claims.to_string()))),
        ("nor with one", format!("{}.{}.{signature}", none("none"), base64(claims.to_string()))),
        ("the public key as a secret", hmac(&modulus, &hs256)),
        ("the public key's text as a secret", hmac(jwk["n"].as_str().unwrap().as_bytes(), &hs256)),
        ("the whole key as a secret", hmac(jwk.to_string().as_bytes(), &hs256)),
        ("an empty secret", hmac(b"", &hs256)),
        ("another's key under the same name", other.token("r")),
        ("a key of its own in the header", other.token_of(&with("jwk", other.jwk("r")), &claims)),
        ("a key set of its own", other.token_of(&with("jku", json!("https://evil.example/jwks")), &claims)),
        ("an unknown key", other.token("x")),
        ("a path for a name", other.token_of(&with("kid", json!("../../dev/null")), &claims)),
        ("an algorithm that is not the key's", pair.token_of(&with("alg", json!("RS512")), &claims)),
        ("another padding", pair.token_of(&with("alg", json!("PS256")), &claims)),
        ("the point for RSA", point.token_of(&json!({"alg": "RS256", "kid": "e"}), &claims)),
        ("RSA for the point", pair.token_of(&json!({"alg": "ES256", "kid": "e"}), &claims)),
        (
            "an empty point signature",
            format!(
                "{}.{}.{}",
                base64(r#"{"alg":"ES256","kid":"e"}"#),
                base64(claims.to_string()),
                base64([0; 64])
            ),
        ),
        ("crit", pair.token_of(&with("crit", json!(["exp"])), &claims)),
        ("other claims", format!("{}.{forged_body}.{signature}", message.split_once('.').unwrap().0)),
        ("half a signature", format!("{message}.{}", &signature[..signature.len() / 2])),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("four parts", format!("{good}.x")),
        ("padding", format!("{good}=")),
        ("exp as text", pair.token_of(&header, &json!({"sub": "42", "exp": EXP.to_string()}))),
        ("no exp", pair.token_of(&header, &json!({"sub": "42"}))),
        ("expired", pair.token_of(&header, &json!({"sub": "42", "exp": 1_700_000_000 - 61}))),
        ("not yet", pair.token_of(&header, &json!({"sub": "42", "exp": EXP, "nbf": 1_700_000_000 + 61}))),
        ("too long", pair.token_of(&header, &json!({"sub": "42", "exp": EXP, "x": "x".repeat(8_192)}))),
    ] {
        assert!(!verifier.believes(&token, NOW).await, "{name}");
    }
    assert!(verifier.believes(&good, NOW).await);
}

#[test]
fn keys_that_do_not_fit_are_left_out() {
    let pairs = [Pair::rsa(), Pair::p256(), Pair::ed25519()];
    let algorithms = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    let taken = |key: &Value| {
        let set = jwks::KeySet::read(set(std::slice::from_ref(key)).to_string().as_bytes(), &algorithms);
        !set.unwrap().is_empty()
    };
    let modulus = |bits: usize| {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] = 0xff >> (bytes.len() * 8 - bits);
        base64(bytes)
    };
    let rsa = pairs[0].jwk("k");
    let [rsa, p256, ed25519] = [&rsa, &pairs[1].jwk("k"), &pairs[2].jwk("k")];
    for (key, name, value, is_taken) in [
        (rsa, "use", json!("sig"), true),
        (rsa, "use", json!("enc"), false),
        (rsa, "use", json!(null), false),
        (rsa, "key_ops", json!(["verify"]), true),
        (rsa, "key_ops", json!(["encrypt", "wrapKey"]), false),
        (rsa, "key_ops", json!([]), false),
        (rsa, "alg", json!("RS256"), true),
        (rsa, "alg", json!("RS512"), false),
        (rsa, "alg", json!("PS256"), false),
        (rsa, "alg", json!("HS256"), false),
        (rsa, "alg", json!("RSA-OAEP"), false),
        (rsa, "alg", json!(1), false),
        (rsa, "kid", json!(1), false),
        (rsa, "kty", json!("oct"), false),
        (rsa, "kty", json!(null), false),
        (rsa, "d", json!("AQAB"), false),
        (rsa, "k", json!("AQAB"), false),
        (rsa, "n", json!(modulus(2_048)), true),
        (rsa, "n", json!(modulus(2_047)), false),
        (rsa, "n", json!(modulus(1_024)), false),
        (rsa, "n", json!(modulus(8_193)), false),
        (rsa, "n", json!(base64([vec![0; 200], vec![0xff; 128]].concat())), false),
        (rsa, "n", json!(""), false),
        (rsa, "n", json!("+/=="), false),
        (rsa, "e", json!(base64([1])), false),
        (rsa, "e", json!(base64([2])), false),
        (rsa, "e", json!(base64([0xff; 9])), false),
        (p256, "alg", json!("ES256"), true),
        (p256, "alg", json!("ES384"), false),
        (p256, "alg", json!("ECDH-ES"), false),
        (p256, "crv", json!("P-384"), false),
        (p256, "crv", json!("secp256k1"), false),
        (p256, "x", json!(base64([1; 31])), false),
        (p256, "y", json!(null), false),
        (ed25519, "alg", json!("EdDSA"), true),
        (ed25519, "alg", json!("Ed25519"), true),
        (ed25519, "crv", json!("X25519"), false),
        (ed25519, "crv", json!("Ed448"), false),
        (ed25519, "x", json!(base64([1; 33])), false),
    ] {
        assert!(taken(key), "as it is: {key}");
        let mut changed = key.clone();
        changed[name] = value;
        assert_eq!(taken(&changed), is_taken, "{changed}");
    }
    assert!(!taken(&json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"})), "a secret is no public key");
    assert!(!taken(&json!("RSA")));
}

#[test]
fn a_key_set_is_bounded() {
    let algorithms = [Algorithm::EdDSA];
    let read = |text: &str| jwks::KeySet::read(text.as_bytes(), &algorithms).map(|_| ());
    let key = |kid: usize| Pair::ed25519().jwk(&kid.to_string());
    let keys = |count: usize| set(&(0..count).map(key).collect::<Vec<_>>()).to_string();
    assert_eq!(read(&keys(100)), Ok(()));
    assert_eq!(read(&keys(101)), Err(jwks::BadKeySet::TooManyKeys));
    assert_eq!(
        read(&format!("{{\"keys\":[]}}{}", " ".repeat(jwks::MAX_BYTES))),
        Err(jwks::BadKeySet::TooLong)
    );
    for text in ["", "[]", "{}", "{\"keys\":{}}", "<html>", &"[".repeat(10_000)] {
        assert_eq!(read(text), Err(jwks::BadKeySet::NoKeySet), "{text:.20}");
    }
}

#[tokio::test]
async fn of_two_keys_with_one_name_the_first_counts_and_without_a_name_none_is_guessed() {
    let (first, second) = (Pair::ed25519(), Pair::ed25519());
    let unnamed = |pair: &Pair| pair.token_of(&json!({"alg": "EdDSA"}), &json!({"sub": "42", "exp": EXP}));
    let verifier = Verifier::new(&config_of_file(&set(&[first.jwk("a"), second.jwk("a")]))).unwrap();
    assert!(verifier.believes(&first.token("a"), NOW).await);
    assert!(!verifier.believes(&second.token("a"), NOW).await);
    let verifier = Verifier::new(&config_of_file(&set(&[first.jwk("a"), second.jwk("b")]))).unwrap();
    assert!(!verifier.believes(&unnamed(&first), NOW).await);
}

#[test]
fn what_could_not_work_or_would_not_be_safe_is_refused_at_the_start() {
    let good = config_of_file(&set(&[Pair::ed25519().jwk("a")]));
    assert!(Verifier::new(&good).is_ok());
    let with = |adjust: &dyn Fn(&mut Config)| {
        let mut config = good.clone();
        adjust(&mut config);
        Verifier::new(&config).err().map(|error| error.to_string())
    };
    let url = |text: &str| {
        let url = text.parse().unwrap();
        with(&|config: &mut Config| {
            config.auth.jwks_file = None;
            config.auth.jwks_url = Some(Clone::clone(&url));
        })
    };
    let secret = with(&|config| config.auth.hs256_secret = Some("x".repeat(32).into())).unwrap();
    assert!(secret.contains("both are never accepted"), "{secret}");
    for refusal in [
        with(&|config| config.auth.jwks_url = Some("https://id.example/".parse().unwrap())),
        with(&|config| config.auth.algorithms = vec![]),
        with(&|config| config.auth.algorithms = vec!["HS256".into()]),
        with(&|config| config.auth.jwks_file = Some("/nowhere".into())),
        with(&|config| std::fs::write(file(config), "{\"keys\":[]}").unwrap()),
        url("http://id.example/jwks"),
        url("http://localhost.example/jwks"),
        url("http://10.0.0.1/jwks"),
        url("ftp://id.example/jwks"),
        url("file:///etc/passwd"),
    ] {
        assert!(refusal.is_some_and(|message| message.starts_with("auth")));
    }
    for address in ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/"] {
        assert_eq!(url(address), None, "{address}");
    }
}

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

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use futures_util::FutureExt;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::domain::caller::{ServiceScope, StaffScope};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: Moment = Moment(1_700_000_000_000_000);
const NOW_SECONDS: i64 = 1_700_000_000;

fn config() -> Config {
    let mut config = Config::default();
    config.auth.hs256_secret = Some(SECRET.into());
    config
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes()))
        .unwrap()
}

fn verify(claims: Value) -> Result<Caller, BadToken> {
    check(&Verifier::new(&config()).unwrap(), &signed(&claims, Algorithm::HS256, SECRET), NOW)
}

/// Under a secret there is nothing to wait for.
fn check(verifier: &Verifier, token: &str, now: Moment) -> Result<Caller, BadToken> {
    verifier.verify(token, now).now_or_never().unwrap()
}

fn partner(account_id: &str) -> Caller {
    Caller::Partner { account_id: account_id.to_owned() }
}

#[test]
fn a_token_names_its_caller() {
    let exp = NOW_SECONDS + 60;
    for (claims, caller) in [
        (json!({"sub": "42", "exp": exp}), partner("42")),
        (json!({"sub": "42", "exp": exp, "role": "partner", "scope": "openid"}), partner("42")),
        (
            json!({"sub": "ann@x", "exp": exp, "role": "staff"}),
            Caller::Staff { subject: "ann@x".into(), scopes: None },
        ),
        (
            json!({"sub": "ann", "exp": exp, "role": "staff", "scope": "finance openid"}),
            Caller::Staff { subject: "ann".into(), scopes: Some(vec![StaffScope::Finance]) },
        ),
        (
            json!({"sub": "billing", "exp": exp, "role": "service", "scope": "top_ups visits"}),
            Caller::Service {
                subject: "billing".into(),
                scopes: Some(vec![ServiceScope::TopUps, ServiceScope::Visits]),
            },
        ),
        (
            json!({"sub": "billing", "exp": exp, "role": "service", "scope": ""}),
            Caller::Service { subject: "billing".into(), scopes: Some(vec![]) },
        ),
    ] {
        assert_eq!(verify(claims.clone()), Ok(caller), "{claims}");
    }
}

#[test]
fn claims_that_are_not_as_they_must_be_are_refused() {
    let exp = NOW_SECONDS + 60;
    for claims in [
        json!({"sub": "42"}),
        json!({"sub": "42", "exp": exp.to_string()}),
        json!({"sub": "42", "exp": 1_800_000_000.5_f64}),
        json!({"sub": "42", "exp": null}),
        json!({"sub": "42", "exp": NOW_SECONDS - 60}),
        json!({"sub": "42", "exp": i64::MIN}),
        json!({"sub": "42", "exp": u64::MAX}),
        json!({"sub": "42", "exp": exp, "nbf": NOW_SECONDS + 61}),
        json!({"sub": "42", "exp": exp, "nbf": "0"}),
        json!({"exp": exp}),
        json!({"sub": 42, "exp": exp}),
        json!({"sub": "", "exp": exp}),
        json!({"sub": "a b", "exp": exp}),
        json!({"sub": "a\u{0}", "exp": exp}),
        json!({"sub": "x".repeat(65), "exp": exp}),
        json!({"sub": "42", "exp": exp, "role": "admin"}),
        json!({"sub": "42", "exp": exp, "role": "STAFF"}),
        json!({"sub": "42", "exp": exp, "role": null}),
        json!({"sub": "42", "exp": exp, "role": ["staff"]}),
        json!({"sub": "", "exp": exp, "role": "staff"}),
        json!({"sub": "ann", "exp": exp, "role": "staff", "scope": ["finance"]}),
    ] {
        assert!(verify(claims.clone()).is_err(), "{claims}");
    }
}

#[test]
fn clocks_may_differ_by_a_minute() {
    assert!(verify(json!({"sub": "42", "exp": NOW_SECONDS - 59})).is_ok());
    assert!(verify(json!({"sub": "42", "exp": NOW_SECONDS + 1, "nbf": NOW_SECONDS + 60})).is_ok());
}

#[test]
fn only_the_configured_algorithm_and_secret_are_believed() {
    let claims = json!({"sub": "42", "exp": NOW_SECONDS + 60});
    let verifier = Verifier::new(&config()).unwrap();
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let body = part(claims.clone());
    let good = signed(&claims, Algorithm::HS256, SECRET);
    let (signed_part, signature) = good.rsplit_once('.').unwrap();
    let other_body = part(json!({"sub": "43", "exp": NOW_SECONDS + 60}));
    let critical = {
        let header = part(json!({"alg": "HS256", "crit": ["x"], "x": 1}));
        let message = format!("{header}.{body}");
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        format!(
            "{message}.{}",
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap()
        )
    };
    for token in [
        signed(&claims, Algorithm::HS256, "another secret of thirty-two bytes!"),
        signed(&claims, Algorithm::HS512, SECRET),
        format!("{}.{body}.", part(json!({"alg": "none"}))),
        format!("{}.{body}.{signature}", part(json!({"alg": "none"}))),
        format!("{}.{body}.{signature}", part(json!({"alg": "RS256"}))),
        format!("{}.{other_body}.{signature}", signed_part.split_once('.').unwrap().0),
        format!("{signed_part}."),
        signed_part.to_owned(),
        format!("{good}.x"),
        format!(" {good}"),
        critical,
        String::new(),
        "prn_0123456789".to_owned(),
    ] {
        assert!(check(&verifier, &token, NOW).is_err(), "{token}");
    }
    assert!(check(&verifier, &good, NOW).is_ok());
}

#[test]
fn a_token_over_8_kib_is_not_looked_at() {
    let claims = |length: usize| json!({"sub": "42", "exp": NOW_SECONDS + 60, "x": "x".repeat(length)});
    assert!(verify(claims(5_000)).is_ok());
    assert_eq!(verify(claims(9_000)), Err(BadToken("it is longer than 8 KiB")));
}

#[test]
fn issuer_and_audience_are_checked_where_they_are_configured() {
    let mut config = config();
    config.auth.issuer = Some("https://id.example/".into());
    config.auth.audience = Some("parrain".into());
    let verifier = Verifier::new(&config).unwrap();
    let exp = NOW_SECONDS + 60;
    for (iss, aud, believed) in [
        (json!("https://id.example/"), json!("parrain"), true),
        (json!("https://id.example/"), json!(["other", "parrain"]), true),
        (json!("https://id.example"), json!("parrain"), false),
        (json!("https://id.example/"), json!("parrain2"), false),
        (json!("https://id.example/"), json!(["other"]), false),
        (json!("https://id.example/"), Value::Null, false),
        (json!(["https://id.example/"]), json!("parrain"), false),
        (Value::Null, json!("parrain"), false),
    ] {
        let claims = json!({"sub": "42", "exp": exp, "iss": iss, "aud": aud});
        let token = signed(&claims, Algorithm::HS256, SECRET);
        assert_eq!(check(&verifier, &token, NOW).is_ok(), believed, "{claims}");
    }
    let minted = mint(&config, Role::Staff, "ann", Duration::hours(1), NOW).unwrap();
    assert!(check(&verifier, &minted, NOW).is_ok(), "a minted token is believed");
    assert!(check(&verifier, &minted, NOW.plus(Duration::minutes(62))).is_err(), "and expires");
}

#[test]
fn no_token_is_made_that_would_not_be_believed() {
    assert!(matches!(
        mint(&config(), Role::Partner, "a b", Duration::hours(1), NOW),
        Err(MintError::NotBelieved(_))
    ));
    assert!(matches!(
        mint(&Config::default(), Role::Staff, "ann", Duration::hours(1), NOW),
        Err(MintError::Config(_))
    ));
}

#[test]
fn the_header_is_read_strictly() {
    let verifier = Verifier::new(&config()).unwrap();
    let token = mint(&config(), Role::Partner, "42", Duration::hours(1), NOW).unwrap();
    let caller = |values: &[String]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        verifier.caller(&headers, NOW).now_or_never().unwrap()
    };
    assert_eq!(caller(&[]), Ok(Caller::Anonymous));
    assert_eq!(caller(&[format!("Bearer {token}")]), Ok(partner("42")));
    assert_eq!(caller(&[format!("bearer {token}")]), Ok(partner("42")));
    for values in [
        vec![token.clone()],
        vec![format!("Basic {token}")],
        vec!["Bearer".to_owned()],
        vec!["Bearer ".to_owned()],
        vec![String::new()],
        vec![format!("Bearer {token}"), format!("Bearer {token}")],
    ] {
        assert!(caller(&values).is_err(), "{values:?}");
    }
}

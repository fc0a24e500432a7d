//! What is believed, and what is tried to get around it.

use super::*;

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

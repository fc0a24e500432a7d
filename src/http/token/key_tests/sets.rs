//! Which keys of a set are taken, and which sets are.

use super::*;

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

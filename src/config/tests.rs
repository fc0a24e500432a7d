use std::io::Write;

use super::*;

fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let directory = directory();
    let path = directory.join("parrain.toml");
    std::fs::write(&path, file).unwrap();
    let env: Vec<(String, String)> =
        env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Config::load(Some(&path), &Overrides::default(), env.into_iter())
}

fn refusal(file: &str, env: &[(&str, &str)]) -> String {
    load(file, env).unwrap_err().to_string()
}

/// A directory of this test's own.
fn directory() -> PathBuf {
    let path = std::env::temp_dir().join(format!("parrain-config-{:032x}", rand::random::<u128>()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn with_nothing_said_the_defaults_hold() {
    let config = Config::load(None, &Overrides::default(), std::iter::empty()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.ops_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.database.url.expose_secret(), "sqlite://parrain.db");
    assert_eq!(config.programme.currency.code(), "EUR");
    assert_eq!(config.programme.time_zone, chrono_tz::Europe::Paris);
    assert_eq!(config.programme.settlement_grace, Duration::from_secs(3600));
    assert_eq!(config.programme.tiers.len(), 3);
    assert_eq!(config.limits.request_timeout, Duration::from_secs(10));
}

#[test]
fn the_example_names_every_key_with_its_default() {
    let example = include_str!("../../parrain.example.toml");
    let uncommented: String = example
        .lines()
        .map(|line| line.strip_prefix("#").filter(|rest| !rest.starts_with([' ', '#'])).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = load(&uncommented, &[]).unwrap();
    let defaults = Config::default().masked_toml();
    let without_optional: toml::Table = config.masked_toml().parse().unwrap();
    let mut expected: toml::Table = defaults.parse().unwrap();
    assert_eq!(without_optional, expected);

    // Keys without a default are shown as "# key = ..." in the prose; each must be named.
    let full = Config {
        site: SiteConfig { cookie_domain: Some(String::new()), ..SiteConfig::default() },
        auth: AuthConfig {
            hs256_secret: Some("x".into()),
            jwks_url: Some(values::url("https://x.example/")),
            jwks_file: Some(PathBuf::new()),
            issuer: Some(String::new()),
            audience: Some(String::new()),
            ..AuthConfig::default()
        },
        sepa: SepaConfig {
            debtor_name: Some(String::new()),
            debtor_iban: Some(String::new()),
            debtor_bic: Some(String::new()),
        },
        webhooks: WebhooksConfig {
            endpoint: Some(values::url("https://x.example/")),
            secret: Some("x".into()),
            ..WebhooksConfig::default()
        },
        ..Config::default()
    };
    expected = full.masked_toml().parse().unwrap();
    for (section, value) in expected {
        for key in value.as_table().map(|table| table.keys().cloned().collect()).unwrap_or(vec![section]) {
            let named = example.contains(&format!("{key} = ")) || example.contains(&format!(".{key}]]"));
            assert!(named, "{key}");
        }
    }
}

#[test]
fn an_unknown_key_is_named_with_where_it_stands() {
    for (file, env, named) in [
        ("listne = \"127.0.0.1:1\"", vec![], vec!["listne", "parrain.toml"]),
        ("[programme]\nminimum_clients = 3", vec![], vec!["minimum_clients", "programme"]),
        ("[[programme.tiers]]\nname = \"A\"\nfloor = 0", vec![], vec!["floor"]),
        ("", vec![("PARRAIN_LISTNE", "127.0.0.1:1")], vec!["PARRAIN_LISTNE", "listne"]),
        ("", vec![("PARRAIN_PROGRAMME__MINIMUM_CLIENTS", "3")], vec!["PARRAIN_PROGRAMME__MINIMUM_CLIENTS"]),
        ("", vec![("PARRAIN_PROGRAM__NAME", "x")], vec!["PARRAIN_PROGRAM__NAME"]),
    ] {
        let message = refusal(file, &env);
        for name in named {
            assert!(message.contains(name), "{message:?} does not name {name}");
        }
    }
}

#[test]
fn variables_of_other_purposes_are_none_of_the_configurations_business() {
    load(
        "",
        &[
            ("PARRAIN_TEST_POSTGRES_URL", "postgres://x"),
            ("PARRAIN_CRASH_POINT", "after_closing"),
            ("PARRAIN_CONFIG", "parrain.toml"),
            ("PARRAIN_SERVICE_HOST", "10.0.0.1"),
            ("PARRAIN_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("PATH", "/bin"),
            ("PARRAINAGE", "x"),
        ],
    )
    .unwrap();
}

#[test]
fn the_environment_overrides_the_file_and_flags_override_both() {
    let directory = directory();
    let path = directory.join("parrain.toml");
    let file = "listen = \"127.0.0.1:1\"\nops_listen = \"127.0.0.1:2\"\n[programme]\nname = \"File\"\nminimum_active_clients = 5\n";
    std::fs::write(&path, file).unwrap();
    let env = [
        ("PARRAIN_LISTEN", "127.0.0.1:3"),
        ("PARRAIN_OPS_LISTEN", "127.0.0.1:4"),
        ("PARRAIN_DATABASE_URL", "postgres://u:p@h/d"),
        ("PARRAIN_PROGRAMME__NAME", "1789"),
        ("PARRAIN_WITHDRAWALS__FOUR_EYES", "true"),
        ("PARRAIN_SITE__ALLOWED_HOSTS", "a.example, b.example"),
        (
            "PARRAIN_PROGRAMME__TIERS",
            "[{ name = \"One\", minimum_active_clients = 0, rate_percent = \"12.5\" }]",
        ),
    ];
    let overrides = Overrides { ops_listen: Some("127.0.0.1:5".into()), ..Overrides::default() };
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(Some(&path), &overrides, env.into_iter()).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.ops_listen.port(), 5);
    assert_eq!(config.programme.name, "1789");
    assert_eq!(config.programme.minimum_active_clients, 5);
    assert!(config.withdrawals.four_eyes && !config.database.is_sqlite());
    assert_eq!(config.site.allowed_hosts, ["a.example", "b.example"]);
    assert_eq!(config.programme.tiers[0].rate_percent, entity::RateBasisPoints(1250));
}

#[test]
fn values_that_break_a_rule_are_refused_by_the_name_of_their_key() {
    let tier = |rest: &str| format!("[[programme.tiers]]\nname = \"A\"\nminimum_active_clients = 0\n{rest}");
    for (file, named) in [
        ("[programme]\ncurrency = \"KWD\"".to_owned(), "currency"),
        ("[programme]\ncurrency = \"EURO\"".to_owned(), "currency"),
        ("[programme]\ntime_zone = \"Europe/Paname\"".to_owned(), "time_zone"),
        ("[programme]\nsettlement_grace = \"1 fortnight\"".to_owned(), "settlement_grace"),
        ("[programme]\nsettlement_grace = 3600".to_owned(), "settlement_grace"),
        ("[programme]\nwithdrawal_threshold = 99.5".to_owned(), "withdrawal_threshold"),
        ("[programme]\nwithdrawal_threshold = \"0.005\"".to_owned(), "withdrawal_threshold"),
        ("[programme]\nminimum_active_clients = -1".to_owned(), "minimum_active_clients"),
        ("[programme]\ntiers = []".to_owned(), "tiers"),
        (tier("rate_percent = 12.5"), "rate_percent"),
        (tier("rate_percent = \"12.345\""), "rate_percent"),
        (tier("rate_percent = 101"), "rate_percent"),
        ("[auth]\nhs256_secret = \"short\"".to_owned(), "auth.hs256_secret"),
        (format!("[auth]\nhs256_secret = \"{}\"\njwks_file = \"x\"", "x".repeat(32)), "auth"),
        ("[database]\nurl = \"mysql://x\"".to_owned(), "database.url"),
        ("[cors]\nallowed_origins = [\"https://a.example/path\"]".to_owned(), "cors.allowed_origins"),
        ("[sepa]\ndebtor_iban = \"FR00\"".to_owned(), "sepa.debtor_iban"),
        ("[keys]\nvisitor = [{ id = \"a\", key = \"c2hvcnQ=\" }]".to_owned(), "keys.visitor"),
        ("trusted_proxies = [\"10.0.0.0/99\"]".to_owned(), "trusted_proxies"),
    ] {
        let message = refusal(&file, &[]);
        assert!(message.contains(named), "{message:?} does not name {named}");
    }
    let message = refusal(&tier("rate_percent = 12.5"), &[]);
    assert!(message.contains("quotes"), "{message:?} does not say how to write it");
}

#[test]
fn amounts_and_rates_are_read_exactly_from_strings_and_whole_numbers() {
    let config = load("[programme]\nwithdrawal_threshold = 250\nstarts_on = 2020-02-29\n", &[]).unwrap();
    assert_eq!(config.programme.withdrawal_threshold, entity::Money::from_units(250));
    assert_eq!(config.programme.starts_on.to_string(), "2020-02-29");
    let config = load("[programme]\nwithdrawal_threshold = \"99.99\"\n", &[]).unwrap();
    assert_eq!(config.programme.withdrawal_threshold, entity::Money(99_990_000));
}

#[test]
fn spans_of_time_read_and_print_as_text() {
    for (text, seconds, printed) in [
        ("90s", 90, "90s"),
        ("30m", 1_800, "30m"),
        ("1h", 3_600, "1h"),
        ("1h30m", 5_400, "90m"),
        ("2d", 172_800, "2d"),
        ("120s", 120, "2m"),
    ] {
        assert_eq!(values::duration::parse(text), Some(Duration::from_secs(seconds)), "{text}");
        assert_eq!(values::duration::print(Duration::from_secs(seconds)), printed);
    }
    for text in ["", "10", "s", "-1s", "1.5h", "1x", "99999999999999999999s"] {
        assert_eq!(values::duration::parse(text), None, "{text}");
    }
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let directory = directory();
    let path = directory.join("secret");
    let secret = "0123456789abcdef0123456789abcdef";
    std::fs::File::create(&path).unwrap().write_all(format!("{secret}\n").as_bytes()).unwrap();
    let path = path.to_str().unwrap();

    for config in [
        load(&format!("[auth]\nhs256_secret_file = {path:?}"), &[]),
        load("", &[("PARRAIN_AUTH__HS256_SECRET_FILE", path)]),
        load(
            "[auth]\nhs256_secret = \"another secret of 32 bytes or more\"",
            &[("PARRAIN_AUTH__HS256_SECRET_FILE", path)],
        ),
    ] {
        assert_eq!(config.unwrap().auth.hs256_secret.unwrap().expose_secret(), secret);
    }
    let both = format!("[auth]\nhs256_secret = \"{secret}\"\nhs256_secret_file = {path:?}");
    assert!(refusal(&both, &[]).contains("auth.hs256_secret_file"));
    assert!(refusal("[auth]\nhs256_secret_file = \"/nowhere\"", &[]).contains("auth.hs256_secret_file"));
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let secret = "correct horse battery staple, correct horse";
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let file = format!(
        "[database]\nurl = \"postgres://user:hunter2@db.example/parrain?sslpassword=hunter3\"\n\
         [auth]\nhs256_secret = \"{secret}\"\n[keys]\nvisitor = [{{ id = \"a\", key = \"{key}\" }}]\n\
         [webhooks]\nsecret = \"whsec_hunter4\"\n"
    );
    let config = load(&file, &[]).unwrap();
    for shown in [config.masked_toml(), format!("{config:?}")] {
        for hidden in [secret, key, "hunter"] {
            assert!(!shown.contains(hidden), "{hidden} is shown in {shown}");
        }
    }
    assert!(config.masked_toml().contains("db.example"));
}

#[test]
fn keys_are_derived_from_the_secret_each_for_its_purpose() {
    let file = "[auth]\nhs256_secret = \"0123456789abcdef0123456789abcdef\"";
    let keys = load(file, &[]).unwrap().keys().unwrap();
    let again = load(file, &[]).unwrap().keys().unwrap();
    assert_eq!(keys.visitor[0].bytes(), again.visitor[0].bytes());
    assert_ne!(keys.visitor[0].bytes(), keys.encryption[0].bytes());
    assert_ne!(keys.encryption[0].bytes(), keys.idempotency[0].bytes());
    assert!(matches!(Config::default().keys(), Err(ConfigError::NoKeys)));
}

#[test]
fn without_auth_sqlite_makes_a_secret_beside_the_database_and_keeps_it() {
    let database = directory().join("own.db");
    let env = [("PARRAIN_DATABASE_URL".to_owned(), format!("sqlite://{}?mode=rwc", database.display()))];
    let load = || Config::load(None, &Overrides::default(), env.clone().into_iter()).unwrap();
    let (mut first, mut second) = (load(), load());
    let path = first.ensure_auth().unwrap().unwrap();
    assert_eq!(path, database.with_file_name("own.db.secret"));
    second.ensure_auth().unwrap();
    let secret = |config: &Config| config.auth.hs256_secret.clone().unwrap().expose_secret().to_owned();
    assert_eq!(secret(&first), secret(&second));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn without_auth_postgres_refuses() {
    let mut config = load("", &[("PARRAIN_DATABASE_URL", "postgres://h/d")]).unwrap();
    assert!(matches!(config.ensure_auth(), Err(ConfigError::NoAuth)));
    let env =
        [("PARRAIN_DATABASE_URL", "postgres://h/d"), ("PARRAIN_AUTH__JWKS_URL", "https://id.example/jwks")];
    assert!(matches!(load("", &env).unwrap().ensure_auth(), Err(ConfigError::NoKeys)));
}

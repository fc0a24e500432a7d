//! What is tried to make a link lead elsewhere, and that none of it does.

use proptest::prelude::*;

use super::*;

fn site() -> SiteRules {
    SiteRules {
        front_page: Url::parse("https://www.provider.example/").unwrap(),
        allowed_hosts: vec!["shop.provider.example".into(), "Bücher.example".into()],
        denied_paths: vec!["/login".into(), "/account/sign-in/".into(), "/é".into()],
    }
}

fn development() -> SiteRules {
    SiteRules {
        front_page: Url::parse("http://localhost:3000/").unwrap(),
        allowed_hosts: vec!["127.0.0.1".into(), "::1".into(), "[::1]".into()],
        denied_paths: vec!["/login".into()],
    }
}

#[test]
fn a_link_opens_pages_of_the_site() {
    for (target, url) in [
        ("/", "https://www.provider.example/"),
        ("/pricing", "https://www.provider.example/pricing"),
        (
            "/a/b?x=1&u=https://else.example/#part",
            "https://www.provider.example/a/b?x=1&u=https://else.example/#part",
        ),
        ("/pr%C3%A9sent", "https://www.provider.example/pr%C3%A9sent"),
        ("/présent", "https://www.provider.example/pr%C3%A9sent"),
        ("https://shop.provider.example", "https://shop.provider.example/"),
        ("HTTPS://SHOP.provider.EXAMPLE:443/x", "https://shop.provider.example/x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("/loginx", "https://www.provider.example/loginx"),
        ("/help/login", "https://www.provider.example/help/login"),
        ("/account", "https://www.provider.example/account"),
        ("/help#login", "https://www.provider.example/help#login"),
    ] {
        assert_eq!(check_target(&site(), Some(target)).as_ref().map(Url::as_str), Ok(url), "{target}");
    }
    assert_eq!(check_target(&site(), None), Ok(site().front_page));
}

#[test]
fn on_loopback_http_and_ports_are_allowed_for_development() {
    for target in
        ["/x", "http://localhost:3000/x", "http://127.0.0.1:8080/", "https://127.0.0.1/", "http://[::1]:9/"]
    {
        assert!(check_target(&development(), Some(target)).is_ok(), "{target}");
    }
    for target in ["http://127.0.0.2/", "http://localhost.evil.example/", "http://localhost:3000/login"] {
        assert!(check_target(&development(), Some(target)).is_err(), "{target}");
    }
}

const HOSTILE: &[&str] = include!("../../../tests/data/hostile_targets.rs");

#[test]
fn no_hostile_target_is_allowed_to_be_stored_or_followed() {
    assert!(HOSTILE.len() >= 60);
    for target in HOSTILE {
        assert!(check_target(&site(), Some(target)).is_err(), "{target:?}");
        assert_eq!(redirect_to(&site(), target, None, None, None), site().front_page, "{target:?}");
    }
    let too_long = format!("/{}", "x".repeat(MAX_TARGET));
    assert_eq!(check_target(&site(), Some(&too_long)), Err(TargetRefusal::TooLong));
}

#[test]
fn no_hostile_path_behind_a_code_leads_elsewhere() {
    let paths = [
        "//evil.example",
        "/evil.example/..//x",
        "..",
        "../login",
        "login",
        "%2e%2e/login",
        "LOGIN/x",
        "a//b",
        "@evil.example",
        "\\evil.example",
        "%2f%2fevil.example",
        "a%0d%0ab",
        "x?y",
        "x#y",
        "%ff",
        "./login",
        "x;/../login",
    ];
    for path in paths {
        let url = redirect_to(&site(), "/", Some(path), Some("a=1"), None);
        assert_eq!(url.as_str(), "https://www.provider.example/?a=1", "{path}");
    }
    for path in HOSTILE {
        let url = redirect_to(&site(), "/", Some(path), None, None);
        assert_eq!(url.host(), site().front_page.host(), "{path:?}");
        assert!(!url.path().to_lowercase().starts_with("/login"), "{path:?}");
    }
}

#[test]
fn a_redirect_keeps_the_querys_own_parameters_and_hands_over_the_visitor() {
    for (target, path, query, token, url) in [
        ("/", None, None, None, "/"),
        ("/p", None, None, Some("T"), "/p?visitor=T"),
        ("/p", Some(""), Some(""), None, "/p"),
        ("/p", Some("a/b"), None, None, "/p/a/b"),
        ("/p/", Some("/a%20b"), None, None, "/p/a%20b"),
        ("/p?x=1#f", None, Some("y=2&y=3"), Some("T"), "/p?x=1&y=2&y=3&visitor=T#f"),
        ("/p?x=1#f", Some("a"), Some("y=2"), None, "/p/a?x=1&y=2"),
        ("/", None, Some("visitor=EVIL&a=%2F&visi%74or=EVIL&b"), Some("T"), "/?a=%2F&b&visitor=T"),
        ("/?visitor=EVIL", None, Some("visitor"), None, "/"),
        ("/", None, Some("&&a=1&&"), None, "/?a=1"),
        ("/", None, Some("a=\r\nb#c"), None, "/?a=b%23c"),
        ("/login", Some("a"), Some("gclid=x"), Some("T"), "/?gclid=x&visitor=T"),
    ] {
        let found = redirect_to(&site(), target, path, query, token);
        assert_eq!(
            found.as_str(),
            format!("https://www.provider.example{url}"),
            "{target} {path:?} {query:?}"
        );
    }
}

#[test]
fn a_stored_target_whose_host_is_no_longer_allowed_leads_to_the_front_page() {
    let target = "https://shop.provider.example/x";
    assert_eq!(redirect_to(&site(), target, None, None, None).as_str(), target);
    let narrowed = SiteRules { allowed_hosts: vec![], ..site() };
    assert_eq!(redirect_to(&narrowed, target, None, None, None), narrowed.front_page);
}

proptest! {
    #[test]
    fn whatever_is_stored_and_asked_for_the_site_is_not_left(
        target in any::<String>(), path in any::<Option<String>>(), query in any::<Option<String>>(),
    ) {
        let url = redirect_to(&site(), &target, path.as_deref(), query.as_deref(), Some("T"));
        prop_assert_eq!(url.scheme(), "https");
        prop_assert!(["www.provider.example", "shop.provider.example"].contains(&url.host_str().unwrap()));
        prop_assert_eq!(url.query_pairs().filter(|(name, _)| name == "visitor").count(), 1);
    }

    #[test]
    fn a_mutilated_address_never_leaves_the_site(
        target in r"(https?:)?[/\\]{0,3}(www\.provider\.example|evil\.example)?[@:./\\%25a-z]{0,8}(evil\.example|login)?",
    ) {
        if let Ok(url) = check_target(&site(), Some(&target)) {
            prop_assert_eq!(url.host_str(), Some("www.provider.example"));
            prop_assert!(!url.path().starts_with("/login/") && url.path() != "/login");
        }
    }
}

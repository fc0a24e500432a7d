use axum::Router;
use axum::http::StatusCode;
use uuid::Uuid;

use super::super::testing::{Answer, NOW, app, get, router_of, send};
use super::*;
use crate::config::Config;
use crate::db;

const LINK: Uuid = Uuid::from_u128(7);

/// A database with the link `abc` to a page, the archived `old` and `sus` of a suspended partner.
async fn site(adjust: impl FnOnce(&mut Config)) -> (App, Router) {
    let app = app(adjust).await;
    let transaction = app.begin().await.unwrap();
    let rows = [
        (Uuid::from_u128(1), "ACTIVE", LINK, "abc", "NULL"),
        (Uuid::from_u128(2), "ACTIVE", Uuid::from_u128(8), "old", "5"),
        (Uuid::from_u128(3), "SUSPENDED", Uuid::from_u128(9), "sus", "NULL"),
    ];
    for (partner, status, link, code, archived_at) in rows {
        let sql = "INSERT INTO account (id, account_id, recorded_at) VALUES ($1, $2, 0)";
        db::execute(&transaction, sql, vec![partner.into(), code.into()]).await.unwrap();
        let sql =
            "INSERT INTO partner (id, account_id, status, joined_at, recorded_at) VALUES ($1, $1, $2, 0, 0)";
        db::execute(&transaction, sql, vec![partner.into(), status.into()]).await.unwrap();
        let sql = format!(
            "INSERT INTO link (id, partner_id, code, code_key, target, is_own, created_at, archived_at) \
             VALUES ($1, $2, $3, $3, 'https://www.example.com/page?own=1', false, 0, {archived_at})"
        );
        db::execute(&transaction, sql, vec![link.into(), partner.into(), code.into()]).await.unwrap();
    }
    transaction.commit().await.unwrap();
    (app.clone(), router_of(app))
}

fn token_in(app: &App, answer: &Answer) -> Option<VisitorToken> {
    let cookie = answer.header("set-cookie").strip_prefix("parrain_visitor=")?;
    verify(&app.keys.visitor, cookie.split(';').next()?)
}

#[tokio::test]
async fn a_click_leads_to_the_page_and_leaves_a_token() {
    let (app, router) = site(|config| config.site.cookie_domain = Some("example.com".into())).await;
    let answer = send(&router, get("/r/ABC/below/it?utm_source=x&visitor=forged", &[])).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.header("location"), "https://www.example.com/page/below/it?own=1&utm_source=x");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("referrer-policy").is_empty());
    let attributes = answer.header("set-cookie").split_once(';').unwrap().1;
    assert_eq!(attributes, " Max-Age=34560000; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax");
    let token = token_in(&app, &answer).unwrap();
    assert_eq!((token.link_id, token.visited_at), (LINK, NOW));
}

#[tokio::test]
async fn a_later_click_renews_the_first_token() {
    let (app, router) = site(|_| ()).await;
    let first = token_in(&app, &send(&router, get("/r/abc", &[])).await).unwrap();
    app.clock.advance(chrono::Duration::days(30));
    let cookie =
        format!("other=1; parrain_visitor=forged; parrain_visitor={}", sign(&app.keys.visitor, &first));
    let later = send(&router, get("/r/abc", &[("cookie", &cookie)])).await;
    assert_eq!(token_in(&app, &later), Some(first));
}

#[tokio::test]
async fn a_bad_code_leads_to_the_front_page() {
    let (_, router) = site(|_| ()).await;
    for path in ["/r/nobody", "/r/old", "/r/x", "/r/", "/r/a%00b", "/r/abc%2Fdef", "/r/nobody/below/it"] {
        let answer = send(&router, get(path, &[])).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::FOUND, "https://www.example.com/"),
            "{path}"
        );
        assert_eq!(answer.header("set-cookie"), "", "{path}");
    }
}

#[tokio::test]
async fn a_path_that_would_leave_the_site_leads_to_the_front_page() {
    let (_, router) = site(|config| config.site.denied_paths = vec!["/page/login".into()]).await;
    for path in ["/r/abc/../x", "/r/abc/%2e%2e/x", "/r/abc/x//evil.example", "/r/abc/login", "/r/abc/%5Cevil"]
    {
        let answer = send(&router, get(path, &[])).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::FOUND, "https://www.example.com/"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_visit_that_does_not_count_leads_on_and_sets_nothing() {
    let (_, router) = site(|_| ()).await;
    let head = axum::http::Request::head("/r/abc").body(Body::empty()).unwrap();
    for request in [
        head,
        get("/r/abc", &[("sec-purpose", "prefetch")]),
        get("/r/abc", &[("user-agent", "Googlebot/2.1")]),
        get("/r/abc", &[("sec-fetch-dest", "iframe")]),
        get("/r/sus", &[]),
    ] {
        let answer = send(&router, request).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.header("location"), "https://www.example.com/page?own=1");
        assert_eq!(answer.header("set-cookie"), "");
    }
    let advertisement = send(&router, get("/r/abc?gclid=x", &[])).await;
    assert_eq!(advertisement.header("location"), "https://www.example.com/page?own=1&gclid=x");
    assert_eq!(advertisement.header("set-cookie"), "");
}

#[tokio::test]
async fn the_token_is_appended_where_configured_and_passed_on_where_a_visit_does_not_count() {
    let (app, router) = site(|config| config.site.append_visitor_token = true).await;
    let answer = send(&router, get("/r/abc?visitor=forged&a=1", &[])).await;
    let token = sign(&app.keys.visitor, &token_in(&app, &answer).unwrap());
    let location = format!("https://www.example.com/page?own=1&a=1&visitor={token}");
    assert_eq!(answer.header("location"), location);
    let cookie = format!("parrain_visitor={token}");
    let passed_on = send(&router, get("/r/sus?a=1", &[("cookie", &cookie)])).await;
    assert_eq!((passed_on.header("location"), passed_on.header("set-cookie")), (location.as_str(), ""));
}

#[tokio::test]
async fn a_database_that_is_down_is_not_shown_to_a_visitor() {
    let (app, router) = site(|_| ()).await;
    app.db.close().await.unwrap();
    let answer = send(&router, get("/r/abc", &[])).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::FOUND, "https://www.example.com/"));
}

use chrono::Duration;
use entity::Day;

use super::*;
use crate::db;
use crate::domain::visit::FetchMetadata;
use crate::services::partner::{self, Joining};
use crate::services::testing::{Folder, app_in, empty_database};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A database with a partner whose link is `code`.
async fn with_a_link() -> (Folder, App, Arc<LinkTarget>) {
    let (folder, url) = empty_database();
    let (app, link) = link_in(&url).await;
    (folder, app, link)
}

async fn link_in(url: &str) -> (App, Arc<LinkTarget>) {
    let app = app_in(url).await;
    let joining =
        Joining { account_id: "p".to_owned(), code: Some("code".to_owned()), joined_at: app.clock.now() };
    partner::join(&app, &[joining]).await.unwrap();
    let link = link_cache::find(&app, "code").await.unwrap().unwrap();
    (app, link)
}

async fn visit(
    app: &App,
    link: &LinkTarget,
    token: Option<VisitorToken>,
    address: &str,
) -> (VisitVerdict, Judged) {
    let facts = VisitFacts { user_agent: FIREFOX, ..VisitFacts::default() };
    let judged = judge(app, link, &facts, token, address.parse().ok(), app.clock.now()).await;
    (record(app, judged.visit.clone()).await.unwrap(), judged)
}

async fn numbers(app: &App, sql: &str) -> Vec<i64> {
    let row = db::query_one(app.db.reader(), sql, vec![]).await.unwrap().unwrap();
    (0..).map_while(|index| row.try_get_by_index::<i64>(index).ok()).collect()
}

const COUNTS: &str =
    "SELECT SUM(counted), SUM(duplicate), SUM(prefetch), SUM(unique_visitors) FROM visit_day";

#[tokio::test]
async fn a_visitor_counts_once_an_hour_and_is_unique_once_a_day() {
    use VisitVerdict::{Counted, Duplicate};
    let (_folder, app, link) = with_a_link().await;
    let (first, judged) = visit(&app, &link, None, "203.0.113.7").await;
    let token = judged.token;
    assert_eq!(first, Counted);
    // His token and, where he lost it, his network and browser tell him again; somebody else's do not.
    assert_eq!(visit(&app, &link, token, "198.51.100.1").await.0, Duplicate);
    assert_eq!(visit(&app, &link, None, "203.0.113.9").await.0, Duplicate);
    assert_eq!(visit(&app, &link, None, "192.0.2.1").await.0, Counted);
    app.clock.advance(Duration::minutes(59));
    assert_eq!(visit(&app, &link, token, "198.51.100.1").await.0, Duplicate);
    app.clock.advance(Duration::minutes(1));
    assert_eq!(visit(&app, &link, token, "198.51.100.1").await.0, Counted);
    assert_eq!(numbers(&app, COUNTS).await, [3, 3, 0, 2]);
    app.clock.advance(Duration::hours(24));
    assert_eq!(visit(&app, &link, token, "198.51.100.1").await.0, Counted);
    assert_eq!(numbers(&app, COUNTS).await, [4, 3, 0, 3], "unique again on another day");
}

#[tokio::test]
async fn of_the_same_visits_at_once_one_counts() {
    let (_folder, app, link) = with_a_link().await;
    let visits = (0..60).map(|_| visit(&app, &link, None, "203.0.113.7"));
    let verdicts = futures_util::future::join_all(visits).await;
    let counted = verdicts.iter().filter(|(verdict, _)| *verdict == VisitVerdict::Counted).count();
    assert_eq!((counted, verdicts.len()), (1, 60));
    let kept = numbers(&app, "SELECT COUNT(*) FROM visit").await;
    assert_eq!((kept, numbers(&app, COUNTS).await), (vec![60], vec![1, 59, 0, 1]));
}

#[tokio::test]
async fn visits_that_have_arrived_are_on_record_and_are_judged_once_by_whoever_comes_to_it() {
    let (_folder, url) = empty_database();
    let (app, link) = link_in(&url).await;
    let facts = VisitFacts { user_agent: FIREFOX, ..VisitFacts::default() };
    for (number, minutes) in [0, 30, 61].into_iter().enumerate() {
        let judged =
            judge(&app, &link, &facts, None, "203.0.113.7".parse().ok(), app.clock.now()).await.visit;
        let referrer = Some(format!("{number}.example"));
        let at = judged.at.plus(Duration::minutes(minutes));
        arrive(&app, NewVisit { at, referrer, ..judged }).await.unwrap();
    }
    let screened = VisitFacts { is_suspended: true, ..facts };
    let judged = judge(&app, &link, &screened, None, None, app.clock.now()).await.visit;
    arrive(&app, judged).await.unwrap();
    let waiting = "SELECT COUNT(*) FROM arrived_visit";
    assert_eq!(
        (numbers(&app, waiting).await, numbers(&app, COUNTS).await),
        (vec![4], vec![]),
        "not judged yet"
    );
    app.db.close().await.unwrap();

    // The process that wrote them is gone.
    let next = app_in(&url).await;
    let (one, other) = futures_util::future::join(count_arrived(&next), count_arrived(&next)).await;
    assert!(!one.unwrap() && !other.unwrap(), "no more wait");
    assert_eq!(numbers(&next, waiting).await, [0]);
    assert_eq!(numbers(&next, COUNTS).await, [2, 1, 0, 1]);
    let sql = "SELECT verdict || ' ' || COALESCE(referrer, '') FROM visit ORDER BY id";
    let rows = db::query(next.db.reader(), sql, vec![]).await.unwrap();
    let kept: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(kept, ["COUNTED 0.example", "DUPLICATE 1.example", "COUNTED 2.example", "PARTNER_SUSPENDED "]);
}

#[tokio::test]
async fn visits_that_lie_hours_apart_are_told_apart_in_one_transaction_too() {
    use VisitVerdict::{Counted, Duplicate};
    let (_folder, app, link) = with_a_link().await;
    let facts = VisitFacts { user_agent: FIREFOX, ..VisitFacts::default() };
    let judged = judge(&app, &link, &facts, None, None, app.clock.now()).await.visit;
    let at = |minutes| NewVisit { at: judged.at.plus(Duration::minutes(minutes)), ..judged.clone() };
    let verdicts = record_all(&app, &[at(0), at(30), at(60), at(61), at(-61), at(500)]).await.unwrap();
    assert_eq!(verdicts, [Counted, Duplicate, Counted, Duplicate, Counted, Counted]);
}

#[tokio::test]
async fn under_last_touch_a_link_followed_again_after_another_is_a_duplicate() {
    let (_folder, app, link) = with_a_link().await;
    let mut config = (*app.config).clone();
    config.programme.attribution = Attribution::LastTouch;
    let app = App { config: Arc::new(config), ..app };
    let token = visit(&app, &link, None, "203.0.113.7").await.1.token;
    let other = LinkTarget { link_id: Uuid::from_u128(9), ..(*link).clone() };
    let (verdict, judged) = visit(&app, &other, token, "203.0.113.7").await;
    assert_eq!((verdict, judged.token.unwrap().link_id), (VisitVerdict::Counted, other.link_id));
    let (verdict, judged) = visit(&app, &link, judged.token, "203.0.113.7").await;
    assert_eq!((verdict, judged.token.unwrap().link_id), (VisitVerdict::Duplicate, link.link_id));
}

#[tokio::test]
async fn what_does_not_count_is_kept_with_its_verdict_and_a_prefetch_is_in_no_count() {
    let (_folder, app, link) = with_a_link().await;
    let prefetch = VisitFacts { is_head: true, ..VisitFacts::default() };
    let fetch = FetchMetadata { destination: "iframe", ..FetchMetadata::default() };
    let forced = VisitFacts { fetch, referrer: "https://blog.example/x", ..VisitFacts::default() };
    for facts in [prefetch, forced] {
        let judged = judge(&app, &link, &facts, None, None, app.clock.now()).await;
        assert_eq!(judged.token, None);
        record(&app, judged.visit).await.unwrap();
    }
    let sql = "SELECT verdict, COALESCE(referrer, '') FROM visit ORDER BY id";
    let rows = db::query(app.db.reader(), sql, vec![]).await.unwrap();
    let kept: Vec<(String, String)> =
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect();
    let pair = |verdict: &str, referrer: &str| (verdict.to_owned(), referrer.to_owned());
    assert_eq!(kept, [pair("PREFETCH", ""), pair("FORCED", "blog.example")]);
    assert_eq!(numbers(&app, "SELECT SUM(forced), SUM(prefetch) FROM visit_day").await, [1, 0]);
}

#[tokio::test]
async fn salts_go_after_two_days_and_visits_after_their_time_while_the_counts_stay() {
    let (_folder, app, link) = with_a_link().await;
    let first_day = app.clock.now().utc_day();
    visit(&app, &link, None, "203.0.113.7").await;
    for days in [0, 1] {
        app.clock.advance(Duration::days(days));
        assert_eq!(clean_up(&app).await.unwrap(), CleanedUp::default(), "{days}");
    }
    visit(&app, &link, None, "203.0.113.7").await;
    app.clock.advance(Duration::days(1));
    assert_eq!(clean_up(&app).await.unwrap(), CleanedUp { salts: 1, visitors: 1, visits: 0 });
    let salts = db::query(app.db.reader(), "SELECT day FROM visitor_salt", vec![]).await.unwrap();
    let days: Vec<i32> = salts.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(days, [Day::from_date(first_day.to_date() + chrono::Days::new(1)).0]);
    app.clock.advance(Duration::days(397));
    assert_eq!(clean_up(&app).await.unwrap().visits, 0);
    app.clock.advance(Duration::days(1) + Duration::seconds(1));
    assert_eq!(clean_up(&app).await.unwrap().visits, 1, "the one of the first day");
    app.clock.advance(Duration::days(1));
    assert_eq!(clean_up(&app).await.unwrap().visits, 1);
    assert_eq!(numbers(&app, COUNTS).await[0], 2, "the counts stay");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_answered_so() {
    let (_folder, app, link) = with_a_link().await;
    let tx = app.begin().await.unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON visit BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    db::execute(&tx, full, vec![]).await.unwrap();
    tx.commit().await.unwrap();
    let facts = VisitFacts { user_agent: FIREFOX, ..VisitFacts::default() };
    let judged = judge(&app, &link, &facts, None, None, app.clock.now()).await;
    assert!(judged.token.is_some(), "the visitor has his token all the same");
    assert!(matches!(record(&app, judged.visit).await, Err(ServiceError::NoAnswer)));
}

#[tokio::test]
async fn a_reported_visit_has_the_same_verdicts_and_the_same_token() {
    use VisitVerdict::{Bot, ContextualAdvertising, Counted, Duplicate};
    let (_folder, app, link) = with_a_link().await;
    let reported = ReportedVisit {
        code: "CODE".into(),
        url: "https://www.example.com/welcome?ref=code&utm_source=x".into(),
        user_agent: FIREFOX.into(),
        referrer: Some("https://blog.example/post".into()),
        address: Some("203.0.113.7".into()),
        ..ReportedVisit::default()
    };
    let first = record_reported(&app, &reported).await.unwrap();
    let token = verify(&app.keys.visitor, first.visitor_token.as_deref().unwrap()).unwrap();
    assert_eq!((first.verdict, token.link_id, token.visited_at), (Counted, link.link_id, app.clock.now()));
    let again = ReportedVisit { visitor_token: first.visitor_token.clone(), ..reported.clone() };
    let again = record_reported(&app, &again).await.unwrap();
    assert_eq!((again.verdict, &again.visitor_token), (Duplicate, &first.visitor_token));
    let bot = ReportedVisit { user_agent: "Googlebot/2.1".into(), ..reported.clone() };
    let paid = ReportedVisit {
        url: "https://www.example.com/?ref=code&gclid=1".into(),
        visitor_token: first.visitor_token.clone(),
        ..reported.clone()
    };
    for (reported, verdict, visitor_token) in
        [(bot, Bot, None), (paid, ContextualAdvertising, first.visitor_token.clone())]
    {
        let recorded = record_reported(&app, &reported).await.unwrap();
        assert_eq!(recorded, RecordedVisit { verdict, visitor_token });
    }
    let late = Some(app.clock.now().plus(Duration::minutes(6)));
    for (reported, wrong) in [
        (ReportedVisit { code: "nobody".into(), ..reported.clone() }, "no such code"),
        (ReportedVisit { code: "no code".into(), ..reported.clone() }, "no such code"),
        (ReportedVisit { address: Some("here".into()), ..reported.clone() }, "address"),
        (ReportedVisit { url: "welcome".into(), ..reported.clone() }, "url"),
        (ReportedVisit { occurred_at: late, ..reported.clone() }, "occurredAt"),
    ] {
        let refused = record_reported(&app, &reported).await.unwrap_err().to_string();
        assert!(refused.contains(wrong), "{refused}");
    }
}

#[tokio::test]
async fn no_address_is_stored() {
    let (folder, app, link) = with_a_link().await;
    visit(&app, &link, None, "203.0.113.77").await;
    app.db.close().await.unwrap();
    for file in std::fs::read_dir(&folder.0).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for trace in [&b"203.0.113"[..], b"Firefox"] {
            assert!(!bytes.windows(trace.len()).any(|window| window == trace));
        }
    }
}

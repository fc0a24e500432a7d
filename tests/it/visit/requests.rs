//! A table of requests: what each is taken for, whether it leaves a cookie, and where it leads.

use super::{FIREFOX, header, partner_with_link, visitor};
use crate::harness::{Backend, Parrain, on_both_databases};

on_both_databases!(each_request_has_its_verdict_its_cookie_and_its_location);

const BROWSERS: &str = include_str!("../../data/user-agents/browsers.txt");
const BOTS: &str = include_str!("../../data/user-agents/bots.txt");
const PAGE: &str = "https://www.provider.example/page?own=1";
const FRONT: &str = "https://www.provider.example/";
const CONFIG: &str = "trusted_proxies = [\"127.0.0.0/8\"]\n[site]\nfront_page = \"https://www.provider.example/\"\n\
    ad_hosts = [\"ads.example\"]\nbot_patterns = [\"ProbeTool\"]\ncookie_domain = \"provider.example\"\n\
    denied_paths = [\"/login\"]\n";

/// A request, and what comes of it. What leaves a cookie is COUNTED or DUPLICATE.
struct Row {
    method: &'static str,
    path: &'static str,
    agent: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    verdict: &'static str,
    location: &'static str,
}

fn row(
    path: &'static str,
    headers: &[(&'static str, &'static str)],
    verdict: &'static str,
    location: &'static str,
) -> Row {
    Row { method: "GET", path, agent: FIREFOX, headers: headers.to_vec(), verdict, location }
}

/// Each from a network of its own, so that nobody is taken for another, but those that say theirs.
fn table() -> Vec<Row> {
    const AD: &str = "CONTEXTUAL_ADVERTISING";
    let clicked = [
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-user", "?1"),
    ];
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(
        BROWSERS.lines().take(40).map(|agent| Row { agent, ..row("/r/abc", &clicked, "COUNTED", PAGE) }),
    );
    rows.extend(BOTS.lines().take(40).map(|agent| Row { agent, ..row("/r/abc", &clicked, "BOT", PAGE) }));
    rows.extend([
        row("/r/ABC", &[], "COUNTED", PAGE),
        row("/r/abc/", &[], "COUNTED", PAGE),
        row("/r/abc/below/it", &[], "COUNTED", "https://www.provider.example/page/below/it?own=1"),
        row("/r/abc?a=1&b=%20x", &[], "COUNTED", "https://www.provider.example/page?own=1&a=1&b=%20x"),
        row("/r/abc?visitor=forged&a=1", &[], "COUNTED", "https://www.provider.example/page?own=1&a=1"),
        row("/r/abc?%76isitor=forged", &[], "COUNTED", PAGE),
        row("/r/abc?utm_medium=email", &[("referer", "https://blog.example/post")], "COUNTED", "https://www.provider.example/page?own=1&utm_medium=email"),
        row("/r/abc", &[("referer", "https://notads.example/")], "COUNTED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "none"), ("sec-fetch-user", "?1")], "COUNTED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "none")], "COUNTED", PAGE),
        row("/r/abc", &[("cookie", "parrain_visitor=forged; other=1")], "COUNTED", PAGE),
        // The same network and browser twice within the hour.
        row("/r/abc", &[("x-forwarded-for", "203.0.113.1")], "COUNTED", PAGE),
        row("/r/abc", &[("x-forwarded-for", "203.0.113.99")], "DUPLICATE", PAGE),
        row("/r/abc", &[("x-forwarded-for", "203.0.113.5, 127.0.0.1")], "DUPLICATE", PAGE),
        row("/r/abc", &[("x-forwarded-for", "2001:db8:1::1")], "COUNTED", PAGE),
        row("/r/abc", &[("x-forwarded-for", "[2001:db8:1:2::9]:4711")], "DUPLICATE", PAGE),
        // Another link is another matter.
        row("/r/two", &[("x-forwarded-for", "203.0.113.1")], "COUNTED", FRONT),
        Row { method: "HEAD", ..row("/r/abc", &[], "PREFETCH", PAGE) },
        row("/r/abc", &[("sec-purpose", "prefetch")], "PREFETCH", PAGE),
        row("/r/abc", &[("sec-purpose", "prefetch;prerender")], "PREFETCH", PAGE),
        row("/r/abc", &[("purpose", "prefetch")], "PREFETCH", PAGE),
        Row { agent: "curl/8.5.0", ..row("/r/abc", &[], "BOT", PAGE) },
        Row { agent: "node", ..row("/r/abc", &[], "BOT", PAGE) },
        Row { agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36", ..row("/r/abc", &[], "BOT", PAGE) },
        Row { agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 probetool", ..row("/r/abc", &[], "BOT", PAGE) },
        row("/r/abc?gclid=x", &[], AD, "https://www.provider.example/page?own=1&gclid=x"),
        row("/r/abc?GCLID=", &[], AD, "https://www.provider.example/page?own=1&GCLID="),
        row("/r/abc?gbraid=1", &[], AD, "https://www.provider.example/page?own=1&gbraid=1"),
        row("/r/abc?wbraid=1", &[], AD, "https://www.provider.example/page?own=1&wbraid=1"),
        row("/r/abc?dclid=1", &[], AD, "https://www.provider.example/page?own=1&dclid=1"),
        row("/r/abc?gad_source=1", &[], AD, "https://www.provider.example/page?own=1&gad_source=1"),
        row("/r/abc?gad_campaignid=1", &[], AD, "https://www.provider.example/page?own=1&gad_campaignid=1"),
        row("/r/abc?msclkid=1", &[], AD, "https://www.provider.example/page?own=1&msclkid=1"),
        row("/r/abc?yclid=1", &[], AD, "https://www.provider.example/page?own=1&yclid=1"),
        row("/r/abc?utm_medium=cpc", &[], AD, "https://www.provider.example/page?own=1&utm_medium=cpc"),
        row("/r/abc?utm_medium=PPC", &[], AD, "https://www.provider.example/page?own=1&utm_medium=PPC"),
        row("/r/abc?utm_medium=paid_search", &[], AD, "https://www.provider.example/page?own=1&utm_medium=paid_search"),
        row("/r/abc?utm_medium=paidsearch", &[], AD, "https://www.provider.example/page?own=1&utm_medium=paidsearch"),
        row("/r/abc?utm_medium=sem", &[], AD, "https://www.provider.example/page?own=1&utm_medium=sem"),
        row("/r/abc", &[("referer", "https://ads.example/")], AD, PAGE),
        row("/r/abc", &[("referer", "https://www.ads.example/click?x")], AD, PAGE),
        row("/r/abc/below?gclid=1", &[], AD, "https://www.provider.example/page/below?own=1&gclid=1"),
        row("/r/abc", &[("sec-fetch-dest", "iframe"), ("sec-fetch-site", "cross-site")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "iframe"), ("sec-fetch-site", "cross-site"), ("sec-fetch-user", "?1")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "frame")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "embed")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "object")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "script")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")], "FORCED", PAGE),
        row("/r/abc", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")], "FORCED", PAGE),
        row("/r/sus", &clicked, "PARTNER_SUSPENDED", FRONT),
        // The first that holds, in the order of the rule.
        Row { method: "HEAD", agent: "Googlebot/2.1", ..row("/r/abc?gclid=1", &[], "PREFETCH", "https://www.provider.example/page?own=1&gclid=1") },
        Row { agent: "Googlebot/2.1", ..row("/r/sus?gclid=1", &[], "BOT", "https://www.provider.example/?gclid=1") },
        row("/r/sus?gclid=1", &[("sec-fetch-dest", "iframe")], AD, "https://www.provider.example/?gclid=1"),
        row("/r/sus", &[("sec-fetch-dest", "iframe")], "FORCED", FRONT),
        // Codes of nobody, and paths that leave the page: a human is never shown an error.
        row("/r/nobody", &clicked, "", FRONT),
        row("/r/old", &clicked, "", FRONT),
        row("/r/x", &clicked, "", FRONT),
        row("/r/", &clicked, "", FRONT),
        row("/r/a%00b?a=1", &clicked, "", "https://www.provider.example/?a=1"),
        row("/r/nobody/below/it", &clicked, "", FRONT),
        row("/r/two/login", &[], "COUNTED", FRONT),
        row("/r/two//evil.example", &[], "COUNTED", "https://www.provider.example/evil.example"),
    ]);
    rows
}

async fn each_request_has_its_verdict_its_cookie_and_its_location(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    parrain.configure_first(CONFIG);
    let server = parrain.serve().await;
    for (account, code, target) in
        [("p1", "abc", "/page?own=1"), ("p1", "two", "/"), ("p2", "sus", "/"), ("p1", "old", "/")]
    {
        partner_with_link(&parrain, &server, account, code, target).await;
    }
    let database = parrain.database();
    let suspended =
        "UPDATE partner SET status = 'SUSPENDED' WHERE id = (SELECT partner_id FROM link WHERE code = 'sus')";
    assert_eq!(database.execute(suspended).await, 1);
    assert_eq!(database.execute("UPDATE link SET archived_at = 1 WHERE code = 'old'").await, 1);
    let (visitor, rows) = (visitor(), table());
    assert!(rows.len() >= 120);
    let mut expected = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let said = format!("{} {} {} {:?}", row.method, row.path, row.agent, row.headers);
        let method = row.method.parse().unwrap();
        let mut request =
            visitor.request(method, format!("{}{}", server.url, row.path)).header("user-agent", row.agent);
        if !row.headers.iter().any(|(name, _)| *name == "x-forwarded-for") {
            request = request.header("x-forwarded-for", format!("10.{}.{}.1", number / 256, number % 256));
        }
        for (name, value) in &row.headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (302, row.location), "{said}");
        assert_eq!(header(&answer, "cache-control"), "no-store", "{said}");
        let cookie = header(&answer, "set-cookie");
        let leaves = matches!(row.verdict, "COUNTED" | "DUPLICATE");
        assert_eq!(cookie.starts_with("parrain_visitor=v1."), leaves, "{said}: {cookie}");
        let attributes =
            "; Max-Age=34560000; Path=/; Domain=provider.example; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(cookie.ends_with(attributes), leaves, "{said}: {cookie}");
        expected.extend(Some(row.verdict.to_owned()).filter(|verdict| !verdict.is_empty()));
    }
    super::all_counted(database).await;
    let verdicts: Vec<String> = database.column("SELECT verdict FROM visit ORDER BY id").await;
    assert_eq!(verdicts, expected);
    let referrers: Vec<String> =
        database.column("SELECT DISTINCT referrer FROM visit WHERE referrer IS NOT NULL ORDER BY 1").await;
    assert_eq!(referrers, ["ads.example", "blog.example", "notads.example", "www.ads.example"]);
}

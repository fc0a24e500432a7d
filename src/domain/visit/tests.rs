use super::*;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn rules() -> VisitRules {
    VisitRules { bots: BotList::new(&["ProbeTool".into()]).unwrap(), ad_hosts: vec!["ads.example".into()] }
}

#[test]
fn a_persons_click_counts_and_nothing_else_does() {
    use VisitVerdict::{Bot, ContextualAdvertising, Forced, PartnerSuspended, Prefetch};
    let person = VisitFacts { user_agent: FIREFOX, ..VisitFacts::default() };
    let fetched =
        |destination, site, user| VisitFacts { fetch: FetchMetadata { destination, site, user }, ..person };
    for (facts, verdict) in [
        (person, None),
        (VisitFacts::default(), None),
        (VisitFacts { query: "utm_medium=email&utm_source=x", ..person }, None),
        (VisitFacts { query: "next=gclid&x=cpc", ..person }, None),
        (VisitFacts { referrer: "https://blog.example/post?gclid=1", ..person }, None),
        (VisitFacts { referrer: "https://notads.example/", ..person }, None),
        (fetched("document", "cross-site", "?1"), None),
        (fetched("document", "none", ""), None),
        (fetched("document", "same-origin", ""), None),
        (VisitFacts { is_head: true, ..person }, Some(Prefetch)),
        (VisitFacts { purposes: ["prefetch;prerender", ""], ..person }, Some(Prefetch)),
        (VisitFacts { purposes: ["", "Prefetch"], ..person }, Some(Prefetch)),
        (VisitFacts { user_agent: "Mozilla/5.0 (compatible; Googlebot/2.1)", ..person }, Some(Bot)),
        (VisitFacts { user_agent: "ProbeTool in a browser", ..person }, Some(Bot)),
        (VisitFacts { query: "gclid=x", ..person }, Some(ContextualAdvertising)),
        (VisitFacts { query: "a=1&GCLID=", ..person }, Some(ContextualAdvertising)),
        (VisitFacts { query: "%67clid=x", ..person }, Some(ContextualAdvertising)),
        (VisitFacts { query: "utm_medium=CPC", ..person }, Some(ContextualAdvertising)),
        (VisitFacts { query: "utm_medium=paid%5Fsearch", ..person }, Some(ContextualAdvertising)),
        (VisitFacts { referrer: "https://www.ads.example/x", ..person }, Some(ContextualAdvertising)),
        (VisitFacts { referrer: "https://ADS.example", ..person }, Some(ContextualAdvertising)),
        (fetched("iframe", "cross-site", "?1"), Some(Forced)),
        (fetched("iframe", "same-origin", ""), Some(Forced)),
        (fetched("image", "cross-site", ""), Some(Forced)),
        (fetched("empty", "cross-site", ""), Some(Forced)),
        (fetched("document", "cross-site", ""), Some(Forced)),
        (VisitFacts { is_suspended: true, ..person }, Some(PartnerSuspended)),
        // The first that holds, in the order of the rule.
        (VisitFacts { is_head: true, user_agent: "Googlebot", ..person }, Some(Prefetch)),
        (VisitFacts { user_agent: "Googlebot", query: "gclid=x", ..person }, Some(Bot)),
        (VisitFacts { query: "gclid=x", ..fetched("iframe", "", "") }, Some(ContextualAdvertising)),
        (VisitFacts { is_suspended: true, ..fetched("iframe", "", "") }, Some(Forced)),
    ] {
        assert_eq!(screen(&rules(), &facts), verdict, "{facts:?}");
        assert_eq!(leaves_attribution(verdict), verdict.is_none());
    }
    assert!(
        leaves_attribution(Some(VisitVerdict::Duplicate)) && leaves_attribution(Some(VisitVerdict::Counted))
    );
}

#[test]
fn visits_within_the_hour_are_one() {
    const HOUR: i64 = 3_600_000_000;
    let at = Moment(1_790_000_000_000_000);
    for (later, duplicate) in
        [(0, true), (HOUR - 1, true), (HOUR, false), (-(HOUR - 1), true), (-HOUR, false)]
    {
        assert_eq!(is_duplicate(at, Moment(at.0 + later)), duplicate, "{later}");
    }
}

#[test]
fn a_referrer_is_kept_by_its_host_alone() {
    for (referrer, host) in [
        ("https://Blog.example:8443/post/1?mail=ann@example.com", Some("blog.example")),
        ("android-app://com.example.mail/", Some("com.example.mail")),
        ("https://bücher.example/", Some("xn--bcher-kva.example")),
        ("about:blank", None),
        ("blog.example", None),
        ("", None),
    ] {
        assert_eq!(host_of(referrer).as_deref(), host, "{referrer}");
    }
}

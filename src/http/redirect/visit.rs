//! Whether a visit may leave or renew attribution (rule 4). The one place that decides it.

use axum::http::header::{HeaderName, REFERER, USER_AGENT};
use axum::http::{Method, Request};
use url::{Url, form_urlencoded};

use crate::config::SiteConfig;

/// Parts of the user agents of what is no person, in small letters.
const BOTS: [&str; 26] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "scan",
    "preview",
    "monitor",
    "headless",
    "lighthouse",
    "facebookexternalhit",
    "whatsapp",
    "embedly",
    "ia_archiver",
    "archive.org",
    "curl/",
    "wget/",
    "python-",
    "python/",
    "go-http-client",
    "java/",
    "libwww",
    "okhttp",
    "axios/",
    "node-fetch",
    "httpclient",
    "phantomjs",
];
/// Phones of a maker whose name holds "bot".
const NO_BOTS: [&str; 1] = ["cubot"];
/// What advertising networks add to an address that was paid for.
const CLICK_IDS: [&str; 8] =
    ["gclid", "gbraid", "wbraid", "dclid", "gad_source", "gad_campaignid", "msclkid", "yclid"];
const PAID_MEDIUMS: [&str; 5] = ["cpc", "ppc", "paid_search", "paidsearch", "sem"];

/// Whether a person followed the link of his own will, and not over a paid advertisement.
pub fn counts<B>(request: &Request<B>, site: &SiteConfig) -> bool {
    !is_prefetch(request) && !is_bot(request, site) && !is_advertising(request, site) && !is_forced(request)
}

fn header<'a, B>(request: &'a Request<B>, name: &str) -> Option<&'a str> {
    let name: HeaderName = name.parse().ok()?;
    request.headers().get(name)?.to_str().ok()
}

fn is_prefetch<B>(request: &Request<B>) -> bool {
    let is_prefetch =
        |name| header(request, name).is_some_and(|purpose| purpose.to_ascii_lowercase().contains("prefetch"));
    request.method() == Method::HEAD || is_prefetch("sec-purpose") || is_prefetch("purpose")
}

fn is_bot<B>(request: &Request<B>, site: &SiteConfig) -> bool {
    let agent = request
        .headers()
        .get(USER_AGENT)
        .map(|agent| String::from_utf8_lossy(agent.as_bytes()).to_lowercase());
    let Some(mut agent) = agent else {
        return false;
    };
    if site.bot_patterns.iter().any(|pattern| agent.contains(&pattern.to_lowercase())) {
        return true;
    }
    for name in NO_BOTS {
        agent = agent.replace(name, "");
    }
    BOTS.iter().any(|part| agent.contains(part))
}

fn is_advertising<B>(request: &Request<B>, site: &SiteConfig) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let paid_for = form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_paid_medium =
            name == "utm_medium" && PAID_MEDIUMS.contains(&value.trim().to_ascii_lowercase().as_str());
        CLICK_IDS.contains(&name.as_str()) || is_paid_medium
    });
    let referrer = request.headers().get(REFERER).and_then(|referrer| referrer.to_str().ok());
    let referrer = referrer.and_then(|referrer| Url::parse(referrer).ok());
    let host = referrer.as_ref().and_then(Url::host_str).unwrap_or_default();
    paid_for || site.ad_hosts.iter().any(|ad_host| is_host_or_below(host, ad_host))
}

fn is_host_or_below(host: &str, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    host == domain || host.strip_suffix(domain.as_str()).is_some_and(|below| below.ends_with('.'))
}

/// A page that opens the link in a frame or as an image, or sends the visitor there without a click.
fn is_forced<B>(request: &Request<B>) -> bool {
    let is_no_page = header(request, "sec-fetch-dest").is_some_and(|destination| destination != "document");
    let is_cross_site = header(request, "sec-fetch-site") == Some("cross-site");
    let is_activated = header(request, "sec-fetch-user") == Some("?1");
    is_no_page || (is_cross_site && !is_activated)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

    fn visit(method: &str, query: &str, headers: &[(&str, &str)]) -> bool {
        let site = SiteConfig {
            ad_hosts: vec!["ads.example".into()],
            bot_patterns: vec!["ProbeTool".into()],
            ..SiteConfig::default()
        };
        let mut request = Request::builder().method(method).uri(format!("/r/abc?{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        counts(&request.body(()).unwrap(), &site)
    }

    #[test]
    fn a_persons_click_counts_and_nothing_else_does() {
        let clicked =
            [("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site"), ("sec-fetch-user", "?1")];
        for (method, query, headers, counted) in [
            ("GET", "", vec![("user-agent", FIREFOX)], true),
            ("GET", "utm_medium=email&utm_source=x", vec![("user-agent", FIREFOX)], true),
            ("GET", "", clicked.to_vec(), true),
            ("GET", "", vec![("sec-fetch-dest", "document"), ("sec-fetch-site", "none")], true),
            ("GET", "", vec![("user-agent", "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) Chrome/120")], true),
            ("GET", "", vec![("referer", "https://blog.example/post")], true),
            ("GET", "", vec![("referer", "https://notads.example/")], true),
            ("HEAD", "", vec![], false),
            ("GET", "", vec![("sec-purpose", "prefetch;prerender")], false),
            ("GET", "", vec![("purpose", "prefetch")], false),
            ("GET", "", vec![("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)")], false),
            ("GET", "", vec![("user-agent", "facebookexternalhit/1.1")], false),
            ("GET", "", vec![("user-agent", "probetool 1")], false),
            ("GET", "gclid=x", vec![], false),
            ("GET", "a=1&GCLID=", vec![], false),
            ("GET", "utm_medium=CPC", vec![], false),
            ("GET", "", vec![("referer", "https://www.ads.example/x")], false),
            ("GET", "", vec![("sec-fetch-dest", "iframe")], false),
            ("GET", "", vec![("sec-fetch-dest", "image")], false),
            ("GET", "", vec![("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")], false),
        ] {
            assert_eq!(visit(method, query, &headers), counted, "{method} {query} {headers:?}");
        }
    }
}

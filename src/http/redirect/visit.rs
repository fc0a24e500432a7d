//! What a request says of the visit that it is (rule 4). What follows from it is the domain's.

use axum::http::header::{HeaderName, REFERER, USER_AGENT};
use axum::http::{HeaderMap, Method, Request};

use crate::domain::visit::{FetchMetadata, VisitFacts};

const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const PURPOSE: HeaderName = HeaderName::from_static("purpose");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_USER: HeaderName = HeaderName::from_static("sec-fetch-user");

/// The facts of a request; a header that is no text says nothing.
pub fn facts_of<B>(request: &Request<B>, is_suspended: bool) -> VisitFacts<'_> {
    let text = |name| header(request.headers(), &name);
    VisitFacts {
        is_head: request.method() == Method::HEAD,
        purposes: [text(SEC_PURPOSE), text(PURPOSE)],
        // In a user agent that is not UTF-8 there is still much to read.
        user_agent: request.headers().get(USER_AGENT).map_or("", |agent| readable(agent.as_bytes())),
        query: request.uri().query().unwrap_or_default(),
        referrer: text(REFERER),
        fetch: FetchMetadata {
            destination: text(SEC_FETCH_DEST),
            site: text(SEC_FETCH_SITE),
            user: text(SEC_FETCH_USER),
        },
        is_suspended,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// As far as it is UTF-8.
fn readable(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_it_is() {
        let request = Request::head("/r/abc/x?gclid=1")
            .header("sec-purpose", "prefetch")
            .header("user-agent", b"Googlebot \xff".as_slice())
            .header("referer", "https://blog.example/")
            .header("sec-fetch-dest", "iframe")
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-user", "?1")
            .body(())
            .unwrap();
        let facts = VisitFacts {
            is_head: true,
            purposes: ["prefetch", ""],
            user_agent: "Googlebot ",
            query: "gclid=1",
            referrer: "https://blog.example/",
            fetch: FetchMetadata { destination: "iframe", site: "cross-site", user: "?1" },
            is_suspended: true,
        };
        assert_eq!(facts_of(&request, true), facts);
        let bare = Request::get("/r/abc").body(()).unwrap();
        assert_eq!(facts_of(&bare, false), VisitFacts::default());
    }
}

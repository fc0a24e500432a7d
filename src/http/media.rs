//! Media types: what a client sends, and what it wants back.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};

/// The two forms of an answer (GraphQL over HTTP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: 200 for whatever was a GraphQL request.
    Json,
    /// `application/graphql-response+json`: the status tells what became of the request.
    GraphqlResponse,
}

impl Media {
    pub const fn content_type(self) -> &'static str {
        match self {
            Media::Json => "application/json; charset=utf-8",
            Media::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// What `Accept` asks for; `None` where neither form will do. Without a wish, or with equal wishes by wildcard,
    /// it is JSON; the newer form must be named.
    pub fn accepted(headers: &HeaderMap) -> Option<Media> {
        let ranges: Vec<Range> = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::read)
            .collect();
        if ranges.is_empty() {
            return Some(Media::Json);
        }
        let wish = |media_type: &str| ranges.iter().filter_map(|range| range.wish(media_type)).max();
        let json = wish("application/json").filter(|wish| wish.weight > 0);
        let response = wish("application/graphql-response+json").filter(|wish| wish.weight > 0);
        match (json, response) {
            (Some(json), Some(response)) if response.is_exact && response.weight >= json.weight => {
                Some(Media::GraphqlResponse)
            }
            (Some(_), _) => Some(Media::Json),
            (None, Some(_)) => Some(Media::GraphqlResponse),
            (None, None) => None,
        }
    }
}

/// Whether a stream of events is asked for by its name: it is nothing that a wildcard means.
pub fn takes_events(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(',')).filter_map(Range::read);
    ranges.any(|range| range.media_type.eq_ignore_ascii_case("text/event-stream") && range.weight > 0)
}

/// One range of `Accept`, its weight in thousandths.
struct Range<'a> {
    media_type: &'a str,
    weight: u16,
}

/// How much a media type is wanted. The range that names it most exactly decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    precision: u8,
    weight: u16,
    is_exact: bool,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Option<Range<'a>> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().filter(|media_type| !media_type.is_empty())?;
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1_000, |(_, weight)| thousandths(weight.trim()));
        Some(Range { media_type, weight })
    }

    fn wish(&self, media_type: &str) -> Option<Wish> {
        let precision = match self.media_type {
            "*/*" => 0,
            "application/*" => 1,
            exact if exact.eq_ignore_ascii_case(media_type) => 2,
            _ => return None,
        };
        Some(Wish { precision, weight: self.weight, is_exact: precision == 2 })
    }
}

/// `0.25` is 250; what is no weight counts for nothing.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1")
        || fraction.len() > 3
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return 0;
    }
    if whole == "1" {
        return 1_000;
    }
    format!("{fraction:0<3}").parse().unwrap_or(0)
}

/// Whether a body is plain `application/json` in UTF-8.
pub fn sends_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || matches!(value.trim().trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8")
    });
    let is_plain = headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding.as_bytes() == b"identity");
    is_json && is_utf8 && is_plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_chooses_the_form() {
        for (accept, media) in [
            ("*/*", Some(Media::Json)),
            ("application/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/json, text/plain, */*", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphqlResponse)),
            (
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                Some(Media::GraphqlResponse),
            ),
            ("application/json, application/graphql-response+json", Some(Media::GraphqlResponse)),
            ("application/graphql-response+json;q=0.9, application/json", Some(Media::Json)),
            ("application/graphql-response+json, application/json;q=0.9", Some(Media::GraphqlResponse)),
            ("application/graphql-response+json, */*;q=0.1", Some(Media::GraphqlResponse)),
            ("application/json;q=0, */*", Some(Media::GraphqlResponse)),
            ("APPLICATION/JSON", Some(Media::Json)),
            ("text/html", None),
            ("text/html, image/*", None),
            ("application/json;q=0", None),
            ("*/*;q=0", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(Media::accepted(&headers), media, "{accept}");
        }
        assert_eq!(Media::accepted(&HeaderMap::new()), Some(Media::Json));
    }

    #[test]
    fn events_are_asked_for_by_their_name() {
        for (accept, taken) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream; q=0.5", true),
            ("text/event-stream;q=0", false),
            ("text/*, */*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(takes_events(&headers), taken, "{accept}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for (content_type, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json; charset=\"utf-8\"", true),
            ("application/json; charset=iso-8859-1", false),
            ("application/graphql", false),
            ("text/plain", false),
            ("multipart/form-data; boundary=x", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            assert_eq!(sends_json(&headers), taken, "{content_type}");
            headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
            assert!(!sends_json(&headers), "a packed body is not unpacked");
        }
        assert!(!sends_json(&HeaderMap::new()));
    }
}

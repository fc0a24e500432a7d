//! W3C Trace Context: which trace of the caller's a request belongs to.

use axum::http::HeaderMap;

/// The head of a trace, of which this request is a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext<'a> {
    text: &'a str,
}

/// `00-` before the trace id, `-` after it and after the parent id, then two digits of flags.
const TRACE_ID: std::ops::Range<usize> = 3..35;
const PARENT_ID: std::ops::Range<usize> = 36..52;
const LENGTH: usize = 55;

impl<'a> TraceContext<'a> {
    /// What `traceparent` says; nothing where it is malformed or there are two. A later version may say more behind
    /// what this one knows.
    pub fn of(headers: &'a HeaderMap) -> Option<TraceContext<'a>> {
        let mut values = headers.get_all("traceparent").iter();
        let text = values.next()?.to_str().ok()?;
        if values.next().is_some() || text.len() > 256 {
            return None;
        }
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let is_formed = known.bytes().enumerate().all(|(position, byte)| match position {
            2 | 35 | 52 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        let context = TraceContext { text };
        let has_ids =
            [context.trace_id(), context.parent_id()].iter().all(|id| id.bytes().any(|byte| byte != b'0'));
        let is_of_version = match known.get(..2)? {
            "00" => rest.is_empty(),
            "ff" => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        (is_formed && has_ids && is_of_version).then_some(context)
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(self) -> &'a str {
        self.text.get(TRACE_ID).unwrap_or_default()
    }

    /// 16 hexadecimal digits.
    pub fn parent_id(self) -> &'a str {
        self.text.get(PARENT_ID).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_trace_context_is_ignored() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (text, is_taken) in [
            (format!("00-{trace}-00f067aa0ba902b7-01"), true),
            (format!("00-{trace}-00f067aa0ba902b7-00"), true),
            (format!("cc-{trace}-00f067aa0ba902b7-01"), true),
            (format!("cc-{trace}-00f067aa0ba902b7-01-more"), true),
            (format!("cc-{trace}-00f067aa0ba902b7-01more"), false),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{trace}-0000000000000000-01"), false),
            (format!("00-{trace}-00f067aa0ba902b7"), false),
            (format!("00-{trace}-00f067aa0ba902b7-0x"), false),
            (format!("00_{trace}-00f067aa0ba902b7-01"), false),
            (format!("cc-{trace}-00f067aa0ba902b7-01-{}", "x".repeat(300)), false),
            (format!("é-{trace}-00f067aa0ba902b7-01"), false),
            (String::new(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("traceparent", axum::http::HeaderValue::from_bytes(text.as_bytes()).unwrap());
            let taken = TraceContext::of(&headers);
            assert_eq!(taken.map(TraceContext::trace_id), is_taken.then_some(trace), "{text}");
            headers.append("traceparent", headers.get("traceparent").cloned().unwrap());
            assert_eq!(TraceContext::of(&headers), None, "two are none: {text}");
        }
    }
}

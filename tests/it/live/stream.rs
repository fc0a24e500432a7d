//! Server-sent events as they are on the wire.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::Server;

/// No event takes nearly as long.
const AT_MOST: Duration = Duration::from_secs(30);

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    /// None where it only says where on it goes, or is a comment.
    pub name: Option<String>,
    pub data: Value,
}

/// A stream that is read.
pub struct Stream {
    response: Response,
    unread: Vec<u8>,
    /// The id that was sent last, to go on after it.
    pub last_id: Option<String>,
}

/// Asks for a stream by POST.
pub async fn ask(server: &Server, token: &str, body: &Value, headers: &[(&str, &str)]) -> Response {
    let mut request = server
        .http
        .post(format!("{}/graphql", server.url))
        .header("content-type", "application/json")
        .body(body.to_string());
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if !headers.iter().any(|(name, _)| *name == "accept") {
        request = request.header("accept", "text/event-stream");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

impl Stream {
    /// Subscribes, and waits until that has begun.
    pub async fn open(server: &Server, token: &str, query: &str, after: Option<&str>) -> Stream {
        let headers: Vec<_> = after.iter().map(|id| ("last-event-id", *id)).collect();
        let mut stream = Stream::of(ask(server, token, &json!({ "query": query }), &headers).await);
        // The first that is said is that it has begun.
        let first = stream.response.chunk().await.unwrap().expect("a beginning");
        stream.unread.extend_from_slice(&first);
        if query.contains("partnerEvents") {
            let begin = stream.next().await.expect("a beginning");
            assert!(begin.name.is_none() && begin.id.is_some(), "{begin:?}");
        }
        stream
    }

    #[track_caller]
    pub fn of(response: Response) -> Stream {
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header("content-type"), "text/event-stream; charset=utf-8");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("content-encoding"), "");
        Stream { response, unread: Vec::new(), last_id: None }
    }

    /// What comes next but comments; none at the end.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(AT_MOST, self.read()).await.expect("nothing comes")
    }

    /// The next results, so many.
    pub async fn results(&mut self, count: usize) -> Vec<Value> {
        let mut results = Vec::new();
        while results.len() < count {
            let event = self.next().await.unwrap_or_else(|| panic!("it has ended after {results:?}"));
            if event.name.as_deref() == Some("next") {
                results.push(event.data);
            }
        }
        results
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let text: Vec<u8> = self.unread.drain(..end + 2).collect();
                let event = parse(std::str::from_utf8(&text).unwrap());
                if let Some(event) = event {
                    if event.id.is_some() {
                        self.last_id.clone_from(&event.id);
                    }
                    return Some(event);
                }
            }
            // Cut off or ended: a client cannot tell either.
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.unread.extend_from_slice(&chunk),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

fn parse(text: &str) -> Option<Event> {
    let mut event = Event { id: None, name: None, data: Value::Null };
    let mut is_comment = true;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
        is_comment = false;
        let (field, value) = line.split_once(':').unwrap();
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => event.id = Some(value.to_owned()),
            "event" => event.name = Some(value.to_owned()),
            "data" if value.is_empty() => {}
            "data" => event.data = serde_json::from_str(value).unwrap(),
            other => panic!("{other}"),
        }
    }
    (!is_comment).then_some(event)
}

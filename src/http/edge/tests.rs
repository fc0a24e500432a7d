use std::io::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::instrument::WithSubscriber;

use super::super::testing::{app, get, post, router, router_of, send};
use super::super::{Listeners, Ready, ops_router, serve};
use super::*;

/// What is logged, for reading.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_of_a_request_names_the_trace_it_belongs_to() {
    let router = router(|_| ()).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (traceparent, is_named) in
        [(format!("00-{trace}-00f067aa0ba902b7-01"), true), (format!("00-{trace}-0-01"), false)]
    {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        let headers = [("traceparent", traceparent.as_str()), ("x-request-id", "r-1")];
        let asked = json!({"query": "{ hello broken }"});
        send(&router, post(&asked, &headers)).with_subscriber(subscriber).await;
        let text = log.text();
        for message in ["a field failed", "answered"] {
            let line = text.lines().find(|line| line.contains(message)).unwrap_or_default();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["span"]["request_id"], "r-1", "{line}");
            assert_eq!(line["span"]["trace_id"] == trace, is_named, "{line}");
        }
    }
}

/// A server with the limits as they are by default.
async fn start() -> SocketAddr {
    let app = app(|_| ()).await;
    let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners { public: listen().await, ops: listen().await };
    let address = listeners.public.local_addr().unwrap();
    let (ready, limits) = (Ready::default(), app.config.limits.clone());
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let ops = ops_router(app.clone(), ready.clone(), recorder.handle());
    let public = router_of(app);
    tokio::spawn(async move {
        serve(listeners, public, ops, &limits, &ready, std::future::pending()).await;
    });
    address
}

/// Sends a byte each half second until the server has enough; how long that took.
async fn drip(address: SocketAddr, start: &str, byte: Option<u8>) -> Duration {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let drip = async {
        while let Some(byte) = byte {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = reader.read_to_end(&mut answer) => {}
        () = drip => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => {}
    }
    started.elapsed()
}

const BODY: &str =
    "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{";
const HTTP_2: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test]
async fn whoever_is_slow_or_silent_is_gone_in_15_seconds_while_others_are_served() {
    let address = start().await;
    let kinds = [
        ("", None),
        ("", Some(b'G')),
        ("GET /graphql HTTP/1.1\r\n", None),
        ("GET /graphql HTTP/1.1\r\nX-Slow: ", Some(b'x')),
        (BODY, None),
        (BODY, Some(b' ')),
        ("GET /schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n", None),
        (HTTP_2, None),
        (HTTP_2, Some(0)),
    ];
    let clients = kinds.iter().cycle().take(180).map(|(start, byte)| drip(address, start, *byte));
    let slow = tokio::spawn(futures_util::future::join_all(clients));
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let mut served = 0;
    while !slow.is_finished() {
        let asked = Instant::now();
        let answer = client.post(format!("http://{address}/graphql")).json(&json!({"query": "{ hello }"}));
        assert_eq!(answer.send().await.unwrap().status().as_u16(), 200);
        assert!(asked.elapsed() < Duration::from_secs(2), "an honest client waited {:?}", asked.elapsed());
        served += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(served > 20, "{served}");
    for (position, took) in slow.await.unwrap().into_iter().enumerate() {
        assert!(took < Duration::from_secs(15), "{:?} took {took:?}", kinds[position % kinds.len()]);
    }
}

#[tokio::test]
async fn addresses_behind_a_proxy_are_told_apart_and_made_up_ones_are_not() {
    let cost =
        |answer: &super::super::testing::Answer| answer.json()["extensions"]["cost"]["remaining"].clone();
    for (trusted, is_apart) in [(vec!["10.0.0.0/8".parse().unwrap()], true), (vec![], false)] {
        let router = router(|config| config.trusted_proxies = trusted).await;
        let ask = async |client: &str| {
            let mut request = get("/graphql?query={nested{hello}}", &[("x-forwarded-for", client)]);
            let peer: SocketAddr = "10.0.0.1:4711".parse().unwrap();
            request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
            send(&router, request).await
        };
        let first = cost(&ask("198.51.100.1").await);
        assert_eq!(first, json!(9_999));
        assert_eq!(cost(&ask("198.51.100.2").await) == first, is_apart);
        assert_ne!(
            cost(&ask("203.0.113.1, 198.51.100.1").await),
            first,
            "what stands to the left is made up"
        );
    }
}

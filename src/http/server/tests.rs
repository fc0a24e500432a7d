use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::super::testing::{app, router_of};
use super::*;
use crate::config::Config;

struct Server {
    public: SocketAddr,
    ops: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

async fn start(adjust: impl FnOnce(&mut LimitsConfig)) -> Server {
    let mut limits = LimitsConfig {
        header_timeout: Duration::from_millis(400),
        body_timeout: Duration::from_millis(400),
        idle_timeout: Duration::from_millis(400),
        ..LimitsConfig::default()
    };
    adjust(&mut limits);
    let app = app(|config: &mut Config| config.limits = limits.clone()).await;
    let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners { public: listen().await, ops: listen().await };
    let (public, ops) = (listeners.public.local_addr().unwrap(), listeners.ops.local_addr().unwrap());
    let ready = Ready::default();
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let ops_router = super::super::ops_router(app.clone(), ready.clone(), recorder.handle());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        serve(listeners, router_of(app), ops_router, &limits, &ready, shutdown).await;
    });
    Server { public, ops, stop, ended }
}

/// Sends the pieces, then reads to the end: what came, and how long the end took.
async fn talk(address: SocketAddr, pieces: &[&str]) -> (String, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    for piece in pieces {
        if stream.write_all(piece.as_bytes()).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection was never closed");
    (String::from_utf8_lossy(&answer).into_owned(), started.elapsed())
}

fn slow_request(milliseconds: u32) -> String {
    let body = format!("{{\"query\":\"{{ slow(milliseconds: {milliseconds}) }}\"}}");
    format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn silence_slow_headers_and_half_prefaces_end() {
    let server = start(|_| ()).await;
    let drip: Vec<&str> = "GET / HTTP/1.1\r\nA: b\r\n".split_inclusive("").collect();
    for pieces in [&[][..], &["GET /gr"], &["PRI * HT"], &drip, &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]] {
        let (_, took) = talk(server.public, pieces).await;
        assert!(took < Duration::from_secs(3), "{pieces:?} took {took:?}");
    }
}

#[tokio::test]
async fn a_connection_that_asked_once_and_fell_silent_ends() {
    let server = start(|_| ()).await;
    let (answer, took) = talk(server.public, &["GET /schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 200") && took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let server = start(|_| ()).await;
    let head =
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let (answer, took) = talk(server.public, &[head, "\"", "q"]).await;
    assert!(answer.starts_with("HTTP/1.1 408") && took < Duration::from_secs(3), "{answer} {took:?}");
}

#[tokio::test]
async fn a_request_at_work_is_not_taken_for_silence() {
    let server = start(|_| ()).await;
    let (answer, _) = talk(server.public, &[&slow_request(1_000)]).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_connection_over_capacity_is_told_so_at_once() {
    let server = start(|limits| {
        limits.max_connections = 1;
        limits.idle_timeout = Duration::from_secs(5);
    })
    .await;
    let _held = TcpStream::connect(server.public).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (answer, took) = talk(server.public, &["GET /schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Retry-After: 1"), "{answer}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn stopping_lets_requests_end_and_takes_no_new_ones() {
    let server = start(|_| ()).await;
    let at_work = tokio::spawn({
        let (public, request) = (server.public, slow_request(800));
        async move { talk(public, &[&request]).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let probe = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(talk(server.ops, &[probe]).await.0.starts_with("HTTP/1.1 503"), "unready at once");
    assert!(TcpStream::connect(server.public).await.is_err(), "no new connection");
    assert!(at_work.await.unwrap().0.starts_with("HTTP/1.1 200"), "what was in flight has ended well");
    tokio::time::timeout(Duration::from_secs(3), server.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let server = start(|limits| limits.shutdown_grace = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(server.public).await.unwrap();
    stream.write_all(slow_request(8_000).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(3), server.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn http_2_is_spoken_too() {
    let server = start(|_| ()).await;
    let mut stream = TcpStream::connect(server.public).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "the server's settings come first");
}

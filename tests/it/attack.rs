//! What is made to wear the service out, sent to the built server over sockets of the test's own (hardening).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Backend, Parrain, Server, block_on, wait_until};

/// In each bomb, so that an answer that repeats what was sent is known by it.
const MARK: &str = "markofthebomb";
/// Each bomb is sent so often by each caller, so that ticks of 10 ms can tell what it costs.
const TIMES: u64 = 10;
/// What is promised of each, in milliseconds of CPU.
const CPU_MS: u64 = 50;
/// What may come on top of the memory that answering everyone once has taken.
const MEMORY_KIB: u64 = 16 * 1024;
/// What connections of which nothing comes are promised to last at most.
const AT_MOST: Duration = Duration::from_secs(15);

struct Bomb {
    name: String,
    body: String,
}

fn bomb(name: impl Into<String>, document: &str) -> Bomb {
    Bomb { name: name.into(), body: json!({ "query": document }).to_string() }
}

fn doubling_fragments(n: usize) -> String {
    let mut document = format!("query {MARK} {{ ...F{n} }} fragment F0 on Query {{ programme {{ name }} }}");
    for n in 1..=n {
        document += &format!(" fragment F{n} on Query {{ ...F{} ...F{} }}", n - 1, n - 1);
    }
    document
}

/// Each of the levels asks for the next under ten names.
fn fan_out(levels: usize) -> String {
    let mut document = format!(
        "query {MARK} {{ viewer {{ referredClients(first: 1) {{ edges {{ node {{ ...F{levels} }} }} }} }} }}"
    );
    document += " fragment F0 on ReferredClient { id }";
    for n in 1..=levels {
        let again = |name| {
            format!("a{name}: commissions(first: 1) {{ edges {{ node {{ client {{ ...F{} }} }} }} }} ", n - 1)
        };
        let fields: String = (0..10).map(again).collect();
        document += &format!(" fragment F{n} on ReferredClient {{ {fields} }}");
    }
    document
}

fn bombs() -> Vec<Bomb> {
    let around = |open: &str, times: usize, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let aliases = |n: usize| -> String { (0..n).map(|n| format!("{MARK}{n}: __typename ")).collect() };
    let mut bombs: Vec<Bomb> =
        (11..=31).map(|n| bomb(format!("{n} doubling fragments"), &doubling_fragments(n))).collect();
    bombs.extend((3..=6).map(|n| bomb(format!("a fan-out of {n} levels"), &fan_out(n))));
    for (name, document) in [
        ("10,000 aliases", format!("{{ {} }}", aliases(10_000))),
        ("500 aliases", format!("{{ {} }}", aliases(500))),
        ("50,000 directives", format!("{{ __typename {} }} # {MARK}", "@a".repeat(50_000))),
        ("1,900 directives", format!("{{ __typename {} }} # {MARK}", "@skip(if: false)".repeat(300))),
        ("5,000 levels", format!("query {MARK} {}", around("{ viewer", 5_000, "", "}"))),
        ("20 levels", format!("query {MARK} {}", around("{ node(id: 1) ", 20, "{ id }", "}"))),
        ("7,000 lists", format!("{{ {MARK}(x: {}) }}", around("[", 7_000, "1", "]"))),
        ("2,500 objects", format!("{{ {MARK}(x: {}) }}", around("{a:", 2_500, "1", "}"))),
        ("7,000 lists in a type", format!("query($x: {}) {{ {MARK} }}", around("[", 7_000, "Int", "]"))),
        ("a fragment within itself", format!("{{ ...{MARK} }} fragment {MARK} on Query {{ ...{MARK} }}")),
        ("21 operations", (0..21).map(|n| format!("query {MARK}{n} {{ __typename }} ")).collect()),
        ("a document without an end", format!("query {MARK} {{ viewer {{ id(")),
        ("an unended string", format!("{{ node(id: \"{MARK}) {{ id }} }}")),
        ("2 MB of a comment", format!("{{ __typename }} # {MARK}{}", "x".repeat(2_000_000))),
        ("500 KB of a comment", format!("{{ __typename }} # {MARK}{}", "x".repeat(500_000))),
        (
            "introspection within introspection",
            format!(
                "query {MARK} {{ __schema {{ types {} }} }}",
                around("{ fields { type ", 8, "{ name }", "} }")
            ),
        ),
    ] {
        bombs.push(bomb(name, &document));
    }
    let one = json!({ "query": format!("{{ {MARK}: __typename }}") }).to_string();
    let nested = |open: &str, close: &str| {
        let value = around(open, 7_000, "1", close);
        format!("{{\"query\":\"query {MARK} {{ __typename }}\",\"variables\":{{\"x\":{value}}}}}")
    };
    for (name, body) in [
        ("a list of one", format!("[{one}]")),
        ("a list of 1,000", format!("[{}]", vec![one; 1_000].join(","))),
        ("7,000 JSON lists in variables", nested("[", "]")),
        ("7,000 JSON objects in variables", nested("{\"a\":", "}")),
        ("30,000 JSON lists", "[".repeat(30_000)),
        ("2 MB of blanks", " ".repeat(2_000_000)),
        ("no JSON", format!("{MARK}{{")),
    ] {
        bombs.push(Bomb { name: name.to_owned(), body });
    }
    bombs
}

/// A server, and who talks to it.
struct Target {
    server: Server,
    bearers: Vec<String>,
    _parrain: Parrain,
}

impl Target {
    async fn new() -> Target {
        let parrain = Parrain::new(Backend::Sqlite).await;
        let server = parrain.serve().await;
        let bearers = ["partner", "service"]
            .map(|role| format!("Authorization: Bearer {}\r\n", parrain.token(role, "acct-1")));
        let bearers = std::iter::once(String::new()).chain(bearers).collect();
        Target { server, bearers, _parrain: parrain }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(AT_MOST)).unwrap();
        stream
    }

    /// Status and body of what a request is answered.
    fn send(&self, bearer: &str, body: &str) -> (u16, String) {
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: application/graphql-response+json\r\n{bearer}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answering = stream.try_clone().unwrap();
        // What is too long is answered before all of it is sent, and the rest is not taken.
        let answer = thread::scope(|scope| {
            scope.spawn(|| stream.write_all(body.as_bytes()));
            read_all(&mut answering)
        });
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no answer: {answer:?}")), body.to_owned())
    }

    /// An honest request, which must be answered.
    fn is_served(&self) {
        let (status, body) = self.send("", &json!({ "query": "{ programme { currencyCode } }" }).to_string());
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["data"]["programme"]["currencyCode"], "EUR");
    }

    fn cpu_ms(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server.process_id())).unwrap();
        // utime and stime, in ticks of 10 ms, are the 14th and 15th fields; the second may hold blanks.
        let (_, after) = stat.rsplit_once(')').unwrap();
        after.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
    }

    /// The most memory that was ever resident.
    fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.process_id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.split_whitespace().next().unwrap().parse().unwrap()
    }
}

/// All that comes until the end, however it ends.
fn read_all(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut part = [0; 8_192];
    while let Ok(length @ 1..) = stream.read(&mut part) {
        read.extend_from_slice(&part[..length]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[test]
fn bombs_are_refused_at_no_cost_and_never_repeated() {
    let target = block_on(Target::new());
    let bombs = bombs();
    let round = || {
        for bomb in &bombs {
            let before = target.cpu_ms();
            for _ in 0..TIMES {
                for bearer in &target.bearers {
                    refused(&target, bearer, bomb);
                }
            }
            let each = (target.cpu_ms() - before) / (TIMES * target.bearers.len() as u64);
            assert!(each < CPU_MS, "{} costs {each} ms of CPU", bomb.name);
        }
    };
    round();
    let peak = target.peak_kib();
    round();
    let grown = target.peak_kib().saturating_sub(peak);
    assert!(grown < MEMORY_KIB, "{grown} KiB more after the same bombs again");
    target.is_served();
}

fn refused(target: &Target, bearer: &str, Bomb { name, body }: &Bomb) {
    let (status, answer) = target.send(bearer, body);
    assert!((400..500).contains(&status), "{name}: {status} {answer}");
    assert!(!answer.contains(MARK), "{name} is repeated: {answer}");
    assert!(answer.len() < 1_000, "{name}: the answer grows with the bomb");
    let answer: Value =
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{name}: {error}: {answer}"));
    let code = answer["errors"][0]["extensions"]["code"].as_str();
    let codes = ["QUERY_TOO_COMPLEX", "BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"];
    assert!(code.is_some_and(|code| codes.contains(&code)), "{name}: {answer}");
    assert!(answer.get("data").is_none(), "{name}: nothing ran");
}

#[test]
fn fragments_that_double_a_few_times_are_still_answered() {
    let target = block_on(Target::new());
    // Eight times the one field of the root.
    for n in 0..=3 {
        let body = json!({ "query": doubling_fragments(n) }).to_string();
        let (status, answer) = target.send("", &body);
        assert_eq!(status, 200, "{n}: {answer}");
    }
}

#[test]
fn connections_of_which_nothing_comes_end_while_others_are_served() {
    let target = block_on(Target::new());
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let body = format!("{head}Content-Length: 60000\r\n\r\n");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let began = Instant::now();
    thread::scope(|scope| {
        let target = &target;
        // What is sent at once, and what every half a second.
        let lazy: Vec<_> = [
            ("", ""),
            ("", "P"),
            ("GET /graphql HT", ""),
            ("GET /graphql HTTP/1.1\r\n", "x: y\r\n"),
            (body.as_str(), ""),
            (body.as_str(), "{"),
            (chunked.as_str(), "1\r\n{\r\n"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
        ]
        .into_iter()
        .flat_map(|pair| std::iter::repeat_n(pair, 8))
        .map(|(first, then)| scope.spawn(move || trickle(target.connect(), first, then, began)))
        .collect();
        wait_until("the lazy ones are cut off", AT_MOST, || {
            target.is_served();
            lazy.iter().all(|one| one.is_finished()).then_some(())
        });
        for one in lazy {
            one.join().unwrap();
        }
    });
}

/// Sends a beginning, then a little every half a second, until the server ends it.
fn trickle(mut stream: TcpStream, first: &str, then: &str, began: Instant) {
    stream.write_all(first.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut part = [0; 1_024];
    while began.elapsed() < AT_MOST {
        match stream.read(&mut part) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                if stream.write_all(then.as_bytes()).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    panic!("still open after {AT_MOST:?}: {first:?} and {then:?}");
}

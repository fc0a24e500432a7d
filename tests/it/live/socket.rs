//! A WebSocket by hand, frame by frame, so that it can also say what no client would.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::Server;

/// No message takes nearly as long.
const AT_MOST: Duration = Duration::from_secs(30);

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

pub struct Socket(TcpStream);

impl Socket {
    /// Asks for a WebSocket; answers it, or the status with which that was refused.
    pub async fn ask(server: &Server, headers: &str) -> Result<Socket, u16> {
        let address = server.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /graphql HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status == 101 {
            assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
            return Ok(Socket(stream));
        }
        Err(status)
    }

    pub async fn open(server: &Server) -> Socket {
        Socket::ask(server, "sec-websocket-protocol: graphql-transport-ws\r\n").await.unwrap()
    }

    /// One whose client has said who it is.
    pub async fn begun(server: &Server, token: &str) -> Socket {
        let mut socket = Socket::open(server).await;
        let payload = json!({ "authorization": format!("Bearer {token}") });
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub async fn say(&mut self, message: &Value) {
        self.send(TEXT, message.to_string().as_bytes()).await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    /// A whole message in a masked frame.
    pub async fn send(&mut self, kind: u8, bytes: &[u8]) {
        self.frame(0x80 | kind, bytes).await;
    }

    /// A masked frame; the first byte says what it is and whether it is the last of its message. Whoever was cut off
    /// already is not told.
    pub async fn frame(&mut self, first: u8, bytes: &[u8]) {
        let mut frame = vec![first];
        match bytes.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long => {
                frame.push(0x80 | 127);
                frame.extend(u64::try_from(long).unwrap().to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend(mask);
        frame.extend(bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.raw(&frame).await;
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        match self.next().await {
            (TEXT, text) => serde_json::from_slice(&text).unwrap(),
            (kind, bytes) => panic!("a frame of kind {kind}: {}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// Waits for the end; answers its code, 0 where there is none.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                (CLOSE, bytes) if bytes.len() >= 2 => return u16::from_be_bytes([bytes[0], bytes[1]]),
                (CLOSE, _) => return 0,
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> (u8, Vec<u8>) {
        loop {
            let frame = tokio::time::timeout(AT_MOST, self.read()).await.expect("nothing comes");
            match frame.unwrap_or((CLOSE, Vec::new())) {
                (PING, bytes) => self.send(PONG, &bytes).await,
                (PONG, _) => {}
                other => return other,
            }
        }
    }

    async fn read(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let (first, second) = (self.0.read_u8().await?, self.0.read_u8().await?);
        assert_eq!(
            (first & 0x70, first & 0x80, second & 0x80),
            (0, 0x80, 0),
            "servers send whole frames, unmasked"
        );
        let length = match second {
            126 => u64::from(self.0.read_u16().await?),
            127 => self.0.read_u64().await?,
            short => u64::from(short),
        };
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut bytes).await?;
        Ok((first & 0x0f, bytes))
    }
}

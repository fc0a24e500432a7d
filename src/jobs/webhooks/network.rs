//! The way out: names are resolved here, every address is looked at, and only those that were looked at are connected to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper_rustls::ConfigBuilderExt;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolving};
use reqwest::redirect::Policy;
use url::Url;

use crate::app::App;
use crate::services::webhook::may_reach;
use crate::services::webhook::sending::Answer;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an attempt may take in all, name and answer included: less than a claim on an endpoint holds.
const TOTAL: Duration = Duration::from_secs(15);
/// How much of an answer is read.
const MAX_ANSWER: usize = 2_048;
/// How long a connection is kept for the next delivery.
const IDLE: Duration = Duration::from_secs(20);

/// Finds the addresses of a name.
pub type Resolve = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("TLS needs this machine's certificates: {0}")]
    Certificates(#[from] std::io::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

#[derive(Clone, Debug)]
pub struct Network(Client);

impl Network {
    /// With the names as this machine resolves them.
    ///
    /// # Errors
    /// Where there are no certificates to check a server's with.
    pub fn new(app: &App) -> Result<Network, NetworkError> {
        Network::resolving_by(app, Arc::new(|name| Box::pin(by_this_machine(name))))
    }

    /// With names that are resolved in another way.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn resolving_by(app: &App, resolve: Resolve) -> Result<Network, NetworkError> {
        let tls =
            rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()?
                .with_native_roots()?
                .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Looked { app: app.clone(), resolve }))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("Parrain/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Network(client))
    }

    /// Sends a body; whatever goes wrong is an answer too.
    pub async fn send(&self, url: &Url, headers: &[(&'static str, String)], body: Vec<u8>) -> Answer {
        let mut request = self.0.post(url.clone()).header("content-type", "application/json").body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Answer::None { reason: reason(&error) },
        };
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let (retry_after, status) = (retry_after.map(str::to_owned), response.status().as_u16());
        // The status is what counts: how the body goes on, or whether it breaks off, does not.
        let mut bytes = Vec::new();
        while bytes.len() < MAX_ANSWER {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        bytes.truncate(MAX_ANSWER);
        Answer::Status { status, retry_after, body: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

/// In words of our own: the error's would name the address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(refused) = current.downcast_ref::<NotPublic>() {
            return refused.to_string();
        }
        cause = current.source();
    }
    let what = match error {
        error if error.is_timeout() => "it took too long",
        error if error.is_connect() => "no connection",
        error if error.is_body() || error.is_decode() => "the answer broke off",
        _ => "no answer",
    };
    what.to_owned()
}

/// A name that leads, with any of its addresses, to where nothing may be sent.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
struct NotPublic;

struct Looked {
    app: App,
    resolve: Resolve,
}

impl reqwest::dns::Resolve for Looked {
    fn resolve(&self, name: Name) -> Resolving {
        let (app, found) = (self.app.clone(), (self.resolve)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            // One is enough: a name that mixes them may lead to the other one the next time.
            if found.is_empty() || !found.iter().all(|address| may_reach(&app, *address)) {
                return Err(NotPublic.into());
            }
            // The client puts the address's port in the place of the 0.
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

async fn by_this_machine(name: String) -> std::io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
}

//! Gets a key set from where it lies, within bounds of time and size.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncReadExt;
use url::{Host, Url};

use super::jwks::MAX_BYTES;
use crate::config::ConfigError;

/// How long a key set may take, from the first byte sent to the last one read.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a key set could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("it took longer than {TIMEOUT:?}")]
    TooSlow,
    #[error("cannot ask for it: {0}")]
    Connect(#[from] hyper_util::client::legacy::Error),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer broke off or has more than {MAX_BYTES} bytes: {0}")]
    Body(#[from] axum::Error),
    #[error("cannot read it: {0}")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Bad(#[from] super::jwks::BadKeySet),
}

/// Where a key set lies.
pub enum Place {
    Url { address: Uri, client: Box<Client<HttpsConnector<HttpConnector>, Body>> },
    File(PathBuf),
}

impl Place {
    /// An address over https, or on this machine. The client follows no redirect, unpacks nothing and knows no proxy.
    ///
    /// # Errors
    /// `Refused` for another address, or where this machine has no certificates to check a server's with.
    pub fn at(url: &Url) -> Result<Place, ConfigError> {
        let refused = |message: String| ConfigError::refused("auth.jwks_url", message);
        let is_https = url.scheme() == "https";
        let is_here = url.scheme() == "http" && is_this_machine(url);
        if !is_https && !is_here {
            return Err(refused("must be an https address".to_owned()));
        }
        let address = url.as_str().parse().map_err(|error| refused(format!("cannot be used: {error}")))?;
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let connector = if is_https {
            let builder = builder
                .with_provider_and_native_roots(provider)
                .map_err(|error| refused(format!("needs this machine's certificates: {error}")))?;
            builder.https_only().enable_http1().build()
        } else {
            let config = rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .map_err(|error| refused(format!("needs TLS: {error}")))?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            builder.with_tls_config(config).https_or_http().enable_http1().build()
        };
        Ok(Place::Url { address, client: Box::new(Client::builder(TokioExecutor::new()).build(connector)) })
    }

    /// The key set's bytes.
    ///
    /// # Errors
    /// `FetchError`; nothing is tried twice.
    pub async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        tokio::time::timeout(TIMEOUT, self.read()).await.unwrap_or(Err(FetchError::TooSlow))
    }

    async fn read(&self) -> Result<Vec<u8>, FetchError> {
        match self {
            Place::Url { address, client } => {
                let mut request = Request::new(Body::empty());
                *request.uri_mut() = address.clone();
                let response = client.request(request).await?;
                if response.status() != StatusCode::OK {
                    return Err(FetchError::Status(response.status()));
                }
                Ok(axum::body::to_bytes(Body::new(response.into_body()), MAX_BYTES).await?.into())
            }
            Place::File(path) => {
                // One byte more than may be tells that there is more.
                let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
                let mut bytes = Vec::new();
                tokio::fs::File::open(path).await?.take(limit).read_to_end(&mut bytes).await?;
                Ok(bytes)
            }
        }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

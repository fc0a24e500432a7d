//! The whole configuration, typed: a TOML file, then the environment, then flags.

mod keys;
mod limits;
mod network;
mod programme;
mod sources;
mod values;
mod webhooks;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

pub use keys::{Keys, NamedKey};
pub use limits::LimitsConfig;
pub use network::Network;
pub use programme::{Attribution, ProgrammeConfig, SettlementMode, TierConfig};
pub use sources::Overrides;

/// Why a configuration is refused. The message names the key and where it came from, and never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {error}")]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{origin}: {message}")]
    Invalid { origin: String, message: String },
    #[error("{key} {message}")]
    Refused { key: String, message: String },
    #[error("no [auth] is configured: on PostgreSQL set auth.hs256_secret, auth.jwks_url or auth.jwks_file")]
    NoAuth,
    #[error(
        "keys.visitor and keys.encryption are required where tokens come from a JWKS and the database is PostgreSQL"
    )]
    NoKeys,
    #[error("cannot make or read the secret file {path}: {error}")]
    SecretFile { path: PathBuf, error: std::io::Error },
}

impl ConfigError {
    pub(crate) fn refused(key: impl Into<String>, message: impl Into<String>) -> ConfigError {
        ConfigError::Refused { key: key.into(), message: message.into() }
    }
}

/// Everything that can be configured. Each key with its default is in `parrain.example.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the API and the redirect listen.
    pub listen: SocketAddr,
    /// Where health and metrics listen; not for the public.
    pub ops_listen: SocketAddr,
    /// The address under which the world reaches `listen`: links are printed with it.
    #[serde(with = "values::text")]
    pub public_url: Url,
    /// Whether `/graphiql` answers.
    pub graphiql: bool,
    /// Whether introspection answers; `/schema.graphql` always does.
    pub introspection: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    pub database: DatabaseConfig,
    pub programme: ProgrammeConfig,
    pub site: SiteConfig,
    pub auth: AuthConfig,
    pub keys: KeysConfig,
    pub withdrawals: WithdrawalsConfig,
    pub sepa: SepaConfig,
    pub limits: LimitsConfig,
    pub cors: CorsConfig,
    pub webhooks: WebhooksConfig,
    pub telemetry: TelemetryConfig,
    /// The secret of the file beside the database, from which keys are derived where none are configured.
    #[serde(skip)]
    pub(crate) own_secret: Option<SecretString>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            ops_listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090),
            public_url: values::url("http://127.0.0.1:8080/"),
            graphiql: false,
            introspection: true,
            trusted_proxies: Vec::new(),
            database: DatabaseConfig::default(),
            programme: ProgrammeConfig::default(),
            site: SiteConfig::default(),
            auth: AuthConfig::default(),
            keys: KeysConfig::default(),
            withdrawals: WithdrawalsConfig::default(),
            sepa: SepaConfig::default(),
            limits: LimitsConfig::default(),
            cors: CorsConfig::default(),
            webhooks: WebhooksConfig::default(),
            telemetry: TelemetryConfig::default(),
            own_secret: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/NAME`.
    #[serde(serialize_with = "values::masked_database_url")]
    pub url: SecretString,
    /// Connections of one instance, those that dashboards share among them; six to eight do for two cores.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    #[serde(with = "values::duration")]
    pub acquire_timeout: Duration,
}

impl DatabaseConfig {
    pub fn is_sqlite(&self) -> bool {
        self.url.expose_secret().starts_with("sqlite:")
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: SecretString::from("sqlite://parrain.db"),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
        }
    }
}

/// The provider's site, to which links lead (rules 1 to 4).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteConfig {
    /// Where an unknown or archived code leads; its host is always allowed.
    #[serde(with = "values::text")]
    pub front_page: Url,
    /// Further hosts that a link may open, compared exactly.
    pub allowed_hosts: Vec<String>,
    /// Paths that no link may open, with all that lies below them.
    pub denied_paths: Vec<String>,
    /// The Domain of the visitor cookie; left out, it belongs to this host alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_domain: Option<String>,
    /// Whether the target gets `visitor=TOKEN`: for a site on another domain, or an app.
    pub append_visitor_token: bool,
    /// Referrers that are paid advertising (rule 4).
    pub ad_hosts: Vec<String>,
    /// User agents that are bots, besides the kept list: parts of the text, without regard to case.
    pub bot_patterns: Vec<String>,
    /// Days after which a visit's row goes; the counts stay (rule 5).
    pub visit_retention_days: u32,
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            front_page: values::url("https://www.example.com/"),
            allowed_hosts: Vec::new(),
            denied_paths: Vec::new(),
            cookie_domain: None,
            append_visitor_token: false,
            ad_hosts: Vec::new(),
            bot_patterns: Vec::new(),
            visit_retention_days: 400,
        }
    }
}

/// Who may call: a shared secret, or the public keys of an identity provider, never both.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// At least 32 bytes.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "values::masked")]
    pub hs256_secret: Option<SecretString>,
    #[serde(skip_serializing_if = "Option::is_none", default, with = "values::optional_text")]
    pub jwks_url: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// What a token signed with a public key may be signed with.
    pub algorithms: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

impl AuthConfig {
    /// Whether tokens are checked against public keys.
    pub fn uses_jwks(&self) -> bool {
        self.jwks_url.is_some() || self.jwks_file.is_some()
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            hs256_secret: None,
            jwks_url: None,
            jwks_file: None,
            algorithms: ["RS256", "ES256", "EdDSA"].map(String::from).to_vec(),
            issuer: None,
            audience: None,
        }
    }
}

/// Keys of 32 bytes in base64: the first is used, the rest are still read.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysConfig {
    pub visitor: Vec<KeyConfig>,
    pub encryption: Vec<KeyConfig>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    pub id: String,
    /// Base64 of 32 bytes.
    #[serde(serialize_with = "values::masked_secret")]
    pub key: SecretString,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct WithdrawalsConfig {
    /// Whether who approves a withdrawal may not be who puts it into a payment file.
    pub four_eyes: bool,
}

/// The account from which withdrawals are paid.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SepaConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debtor_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debtor_iban: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debtor_bic: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsConfig {
    /// Origins of browsers' pages that may call the API: `https://partners.example.com`.
    pub allowed_origins: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Private networks that deliveries may reach all the same.
    pub allowed_subnets: Vec<Network>,
    /// Where the provider itself is told of what happens.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "values::optional_text")]
    pub endpoint: Option<Url>,
    /// What deliveries to `endpoint` are signed with: `whsec_...`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "values::masked")]
    pub secret: Option<SecretString>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// What is logged, as `RUST_LOG` says it, which comes before this.
    pub level: String,
    pub format: LogFormat,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Json,
    Text,
}

#[cfg(test)]
mod tests;

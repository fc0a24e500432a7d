//! Whether the provider's own endpoint can be told anything.

use secrecy::ExposeSecret;

use super::{ConfigError, WebhooksConfig};
use crate::domain::webhook::signature::SigningSecret;

impl WebhooksConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        let is_mine = |address| self.allowed_subnets.iter().any(|network| network.contains(address));
        let is_here = match endpoint.host() {
            Some(url::Host::Ipv4(address)) => is_mine(address.into()),
            Some(url::Host::Ipv6(address)) => is_mine(address.into()),
            _ => false,
        };
        if endpoint.scheme() != "https" && !(endpoint.scheme() == "http" && is_here) {
            let message = "must be https, or http to an address that webhooks.allowed_subnets holds";
            return Err(ConfigError::refused("webhooks.endpoint", message));
        }
        let secret = self.secret.as_ref().and_then(|secret| SigningSecret::decode(secret.expose_secret()));
        match secret {
            Some(_) => Ok(()),
            None => {
                let message = "must be whsec_ and base64 of 24 to 64 bytes where webhooks.endpoint is set";
                Err(ConfigError::refused("webhooks.secret", message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_the_providers_needs_https_and_a_secret() {
        let config = |endpoint: &str, secret: Option<&str>| WebhooksConfig {
            allowed_subnets: vec!["10.0.0.0/8".parse().unwrap()],
            endpoint: Some(endpoint.parse().unwrap()),
            secret: secret.map(Into::into),
        };
        let secret = Some("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        assert!(config("https://billing.example.com/hooks", secret).check().is_ok());
        assert!(config("http://10.1.2.3:8080/hooks", secret).check().is_ok());
        assert!(config("http://billing.example.com/hooks", secret).check().is_err());
        assert!(config("http://11.1.2.3/hooks", secret).check().is_err());
        for secret in [None, Some("whsec_"), Some("a secret")] {
            assert!(config("https://billing.example.com/hooks", secret).check().is_err());
        }
        assert!(WebhooksConfig::default().check().is_ok());
    }
}

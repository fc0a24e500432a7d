//! `token`: a token under the configured secret, for scripts and development.

use std::time::Duration;

use clap::ValueEnum;

use super::error::CliError;
use super::open::Global;
use super::serve::ensure_auth;
use crate::clock::Clock;
use crate::config::Overrides;
use crate::http::token::{self, Role};

#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// Who it is for
    #[arg(long)]
    role: For,
    /// A partner's account id, or the name of a person or a service
    #[arg(long, value_name = "ID")]
    subject: String,
    /// How long it holds: 90s, 30m, 1h, 2d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = span)]
    expires_in: Duration,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    Partner,
    Staff,
    Service,
}

/// Prints the token.
pub fn run(global: &Global, args: &TokenArgs) -> Result<(), CliError> {
    let mut config = global.load(Overrides::default())?;
    if config.auth.uses_jwks() {
        let message = "tokens are checked against public keys here: ask the identity provider for one";
        return Err(CliError::Failed(message.to_owned()));
    }
    ensure_auth(&mut config)?;
    let role = match args.role {
        For::Partner => Role::Partner,
        For::Staff => Role::Staff,
        For::Service => Role::Service,
    };
    let expires_in = chrono::Duration::from_std(args.expires_in)
        .map_err(|_| CliError::Usage("--expires-in is too long".to_owned()))?;
    println!("{}", token::mint(&config, role, &args.subject, expires_in, Clock::system().now())?);
    Ok(())
}

/// A whole number and its unit.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "is no span of time such as 90s, 30m, 1h or 2d".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_is_a_number_with_its_unit() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("30m", Some(1_800)),
            ("2d", Some(172_800)),
            ("1", None),
            ("h", None),
            ("", None),
        ] {
            assert_eq!(span(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}

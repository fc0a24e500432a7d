//! `erase`: takes away what is personal of an account.

use super::actor::actor;
use super::error::CliError;
use super::open::{Global, open_migrated};
use super::serve::ensure_auth;
use crate::config::Overrides;
use crate::services::erase;

#[derive(Debug, clap::Args)]
pub struct EraseArgs {
    /// The provider's own id of the account
    #[arg(long, value_name = "ID")]
    account: String,
    /// Why, for the audit log; it must not name a person
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Erases, and waits until the database's files hold nothing of it either.
pub(super) async fn run(global: &Global, args: &EraseArgs) -> Result<(), CliError> {
    let mut config = global.load(Overrides::default())?;
    // What stays of the id is made under a key: the one that `serve` uses.
    ensure_auth(&mut config)?;
    let app = open_migrated(config, false).await?;
    let scrubbing = erase::erase(&app, &actor(), &args.account, args.reason.as_deref()).await?;
    if scrubbing.await.is_err() {
        return Err(CliError::Failed(
            "erased, but the database's files could not be written anew".to_owned(),
        ));
    }
    app.db.close().await?;
    println!("erased");
    Ok(())
}

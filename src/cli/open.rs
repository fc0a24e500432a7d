//! From the flags to an open database with the schema that this program knows.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::error::CliError;
use super::serve::ensure_auth;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Overrides};
use crate::services::{programme, schema_version};

/// The file that is read where no other is named, if it is there.
const DEFAULT_FILE: &str = "parrain.toml";

/// What every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Global {
    /// The configuration file; parrain.toml if it is there
    #[arg(long, global = true, value_name = "FILE", env = "PARRAIN_CONFIG")]
    pub config: Option<PathBuf>,
    /// The database: sqlite://FILE or postgres://...
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
}

impl Global {
    /// The configuration in force.
    ///
    /// # Errors
    /// `Config` names the key, and the file or the variable it came from.
    pub fn load(&self, flags: Overrides) -> Result<Config, CliError> {
        let default = Path::new(DEFAULT_FILE);
        let file = match &self.config {
            Some(named) => Some(named.as_path()),
            None => Some(default).filter(|file| file.exists()),
        };
        let flags = Overrides { database_url: self.database_url.clone(), ..flags };
        // A variable that is no text is none of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Config::load(file, &flags, variables)?)
    }

    /// Opens the database for a command that reads or writes what is encrypted.
    ///
    /// # Errors
    /// As [`open_migrated`]; `Config` where no key can be had.
    pub async fn open_with_keys(&self) -> Result<App, CliError> {
        let mut config = self.load(Overrides::default())?;
        if config.keys().is_err() {
            config.ensure_auth()?;
        }
        open_migrated(config, false).await
    }

    /// Opens the database for a command that must know erased accounts again: with the keys that `serve` uses, where
    /// there are any.
    ///
    /// # Errors
    /// As [`open_migrated`].
    pub async fn open_keyed(&self) -> Result<App, CliError> {
        let mut config = self.load(Overrides::default())?;
        if config.keys().is_err() && config.database.is_sqlite() {
            ensure_auth(&mut config)?;
        }
        open_migrated(without_secrets(config), false).await
    }

    /// Opens the database for a command that signs and encrypts nothing.
    ///
    /// # Errors
    /// As [`open_migrated`].
    pub async fn open_books(&self) -> Result<App, CliError> {
        open_migrated(without_secrets(self.load(Overrides::default())?), false).await
    }
}

/// Where no key can be had, one that nobody learns stands in: the command signs and encrypts nothing.
pub fn without_secrets(mut config: Config) -> Config {
    if config.keys().is_err() {
        let [a, b] = rand::random::<[u128; 2]>();
        config.own_secret = Some(SecretString::from(format!("{a:032x}{b:032x}")));
    }
    config
}

/// Opens the database. SQLite is migrated here; PostgreSQL, which other instances share, only where `migrate` says so.
///
/// # Errors
/// `Schema` where steps are pending or the database is newer; `Service` where the configuration contradicts what the
/// first line fixed.
pub async fn open_migrated(config: Config, migrate: bool) -> Result<App, CliError> {
    let migrates = migrate || config.database.is_sqlite();
    let app = App::open(config, Clock::system()).await?;
    if migrates {
        schema_version::bring_up(&app).await?;
    } else {
        schema_version::require_current(&app.db).await?;
    }
    programme::check_fixed_terms(&app).await?;
    Ok(app)
}

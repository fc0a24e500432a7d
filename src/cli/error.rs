//! Why a command fails, and the exit status that says so.

use std::io;
use std::path::PathBuf;

use sea_orm::DbErr;

use crate::app::OpenError;
use crate::config::ConfigError;
use crate::http::ServeError;
use crate::http::token::MintError;
use crate::services::copy::CopyError;
use crate::services::error::ServiceError;
use crate::services::export::ExportError;
use crate::services::schema_version::SchemaError;
use crate::telemetry::TelemetryError;

/// Each prints as one line that names what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line asks for what there is not.
    #[error("{0}")]
    Usage(String),
    /// Done, and what it found is bad; it has been said already.
    #[error("{0}")]
    Failed(String),
    #[error("{}: {message}", path.display())]
    File { path: PathBuf, message: String },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Database(#[from] DbErr),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Mint(#[from] MintError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    #[error("cannot write: {0}")]
    Csv(#[from] csv::Error),
}

impl CliError {
    /// Wraps a failure with a file.
    pub fn file(path: impl Into<PathBuf>, message: impl ToString) -> CliError {
        CliError::File { path: path.into(), message: message.to_string() }
    }

    /// 2 for a wrong usage, 1 for everything else.
    pub fn exit_status(&self) -> u8 {
        if matches!(self, CliError::Usage(_)) { 2 } else { 1 }
    }

    /// The message in one line: a database's own may have several.
    pub fn line(&self) -> String {
        self.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

//! `backup` and `copy`: the whole database, elsewhere.

use std::io::Write as _;
use std::path::PathBuf;

use super::error::CliError;
use super::open::Global;
use crate::db::{Db, PoolSize};
use crate::services::copy;

#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// The file to be made; it must not be there
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct CopyArgs {
    /// The database to copy to: sqlite://FILE or postgres://...
    #[arg(long, value_name = "URL")]
    to: String,
}

/// Writes a consistent copy of the SQLite database while it serves.
pub async fn backup(global: &Global, args: &BackupArgs) -> Result<(), CliError> {
    let app = global.open_books().await?;
    copy::backup(&app, &args.file).await?;
    eprintln!("backed up to {}; a secret file beside the database is not part of it", args.file.display());
    Ok(app.db.close().await?)
}

/// Copies everything into an empty database, and prints how many rows each table has.
pub async fn copy(global: &Global, args: &CopyArgs) -> Result<(), CliError> {
    let app = global.open_books().await?;
    let target = Db::connect(&args.to, PoolSize::default()).await?;
    let copied = copy::copy(&app.db, &target).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "table,rows")?;
    for table in copied {
        writeln!(out, "{},{}", table.table, table.rows)?;
    }
    target.close().await?;
    Ok(app.db.close().await?)
}

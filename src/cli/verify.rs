//! `verify`: recomputes the books from the recorded facts.

use std::io::Write as _;

use super::error::CliError;
use super::open::Global;
use crate::services::verify;

/// Prints what is off, a line each.
///
/// # Errors
/// `Failed` where anything is.
pub async fn run(global: &Global) -> Result<(), CliError> {
    let app = global.open_books().await?;
    let mut printed = Ok(());
    let summary = verify::verify(&app, |finding| {
        let done = writeln!(std::io::stdout().lock(), "{finding}");
        if printed.is_ok() {
            printed = done;
        }
    })
    .await?;
    app.db.close().await?;
    printed?;
    let verify::Summary { partners, lines, statements, transfers, findings } = summary;
    eprintln!("checked {partners} partners, {lines} lines, {statements} statements, {transfers} transfers");
    match findings {
        0 => Ok(()),
        _ => Err(CliError::Failed(format!("{findings} things are off"))),
    }
}

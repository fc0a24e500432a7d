//! `export withdrawals --format pain001`: the file that the bank is given.

use std::io::{self, Write as _};

use uuid::Uuid;

use crate::cli::actor::actor;
use crate::cli::error::CliError;
use crate::cli::open::Global;
use crate::domain::sepa::Unreachable;
use crate::services::payment_batch::{self, LeftOut, Made, PaymentFile};

/// Prints a new file, or the same bytes of one again. What became of it is on record before a byte is printed, and its id
/// on standard error: a file that was not printed to its end can be had again.
pub async fn run(global: &Global, batch: Option<Uuid>) -> Result<(), CliError> {
    let app = global.open_with_keys().await?;
    let file = match batch {
        Some(id) => Some(payment_batch::again(&app, &actor(), id).await?),
        None => {
            let made = payment_batch::make(&app, &actor()).await?;
            tell(&made);
            made.file
        }
    };
    if let Some(PaymentFile { batch, bytes }) = &file {
        eprintln!("batch {}: {} withdrawals, {} EUR", batch.id, batch.transfers, batch.amount);
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()?;
    }
    Ok(app.db.close().await?)
}

fn tell(made: &Made) {
    for (why, count) in &made.left_out {
        let why = match why {
            LeftOut::PartnerSuspended => "the partner is suspended",
            LeftOut::FourEyes => "approved by the same person, and four eyes are required",
            LeftOut::Unreachable(Unreachable::OutsideSepa) => {
                "to an account outside SEPA: pay by other means, and mark them paid"
            }
            LeftOut::Unreachable(Unreachable::TooMuch) => {
                "more than one transfer can carry: pay by other means, and mark them paid"
            }
            LeftOut::DestinationErased => "the destination was erased",
        };
        eprintln!("left out: {count} ({why})");
    }
    if made.file.is_none() {
        eprintln!("nothing is to be paid");
    }
}

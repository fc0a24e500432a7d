//! `settle`: what the background task does, at once and without the grace (rule 19).

use std::io::Write as _;

use chrono::NaiveDate;
use entity::Period;

use super::actor::actor;
use super::error::CliError;
use super::open::Global;
use crate::services::import_run;
use crate::services::settlement::{self, Occasion, SettlementPreview};

#[derive(Debug, clap::Args)]
pub struct SettleArgs {
    /// Settle the periods that end on or before this day; today if left out
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// Print what would be settled, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Settles, and prints a row of CSV a period as each is done.
pub async fn run(global: &Global, args: &SettleArgs) -> Result<(), CliError> {
    let app = global.open_books().await?;
    println_row(&HEADER.map(str::to_owned))?;
    if args.dry_run {
        for preview in settlement::dry_run(&app, args.until).await? {
            println_row(&row(&preview))?;
        }
        return Ok(app.db.close().await?);
    }
    settlement::put_on_record(&app, &actor(), args.until).await?;
    import_run::forget_ended(&app).await?;
    let occasion = Occasion::ByHand { until: args.until };
    let mut printed = Ok(());
    settlement::settle_due(&app, occasion, |settled| {
        let preview = SettlementPreview {
            period: settled.period,
            partner_count: settled.partner_count,
            top_up_count: settled.top_up_count,
            base: settled.base,
            commission: settled.commission,
            credited: settled.credited,
            carried_out: settled.carried_out,
            digest: settled.digest.clone().unwrap_or_default(),
        };
        let done = println_row(&row(&preview));
        if printed.is_ok() {
            printed = done;
        }
    })
    .await?;
    app.db.close().await?;
    Ok(printed?)
}

const HEADER: [&str; 9] = [
    "period_start",
    "period_end",
    "partners",
    "top_ups",
    "base",
    "commission",
    "credited",
    "carried_out",
    "digest",
];

fn row(settled: &SettlementPreview) -> [String; 9] {
    let period: Period = settled.period;
    [
        period.to_string(),
        period.end().to_string(),
        settled.partner_count.to_string(),
        settled.top_up_count.to_string(),
        settled.base.to_string(),
        settled.commission.to_string(),
        settled.credited.to_string(),
        settled.carried_out.to_string(),
        settled.digest.clone(),
    ]
}

/// No cell of these holds a comma or a quote.
fn println_row(cells: &[String; 9]) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{}", cells.join(","))
}

//! Settles each period once it is due, in order, and catches up on those that were missed (rule 19).

use std::time::Duration;

use entity::{Period, settlement};
use tokio_util::sync::CancellationToken;

use super::goes_on_after;
use crate::app::App;
use crate::config::SettlementMode;
use crate::services::error::ServiceError;
use crate::services::import_run;
use crate::services::settlement::{self as service, Occasion, StepOutcome};

/// How often it is asked whether a period is due.
const PAUSE: Duration = Duration::from_secs(30);

/// What one step came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The configuration leaves it to `settle`.
    ByHand,
    NothingDue,
    /// An import runs, or one ended within the hour.
    WaitsForImport,
    HeldByAnother(Period),
    Settled(settlement::Model),
}

pub async fn run(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match step(app).await {
            Ok(Outcome::ByHand) => return,
            // The next one may be due as well.
            Ok(Outcome::Settled(settled)) => {
                log(&settled);
                continue;
            }
            Ok(Outcome::WaitsForImport) => tracing::info!("a period is due; an import comes first"),
            Ok(Outcome::HeldByAnother(period)) => tracing::debug!(%period, "another worker settles it"),
            Ok(Outcome::NothingDue) => {}
            Err(error) => {
                metrics::counter!("settlement_failures_total").increment(1);
                tracing::error!(%error, "a settlement failed; it is tried again");
            }
        }
        if !goes_on_after(PAUSE, stop).await {
            return;
        }
    }
}

/// Settles one period if one is due and nothing is in its way.
async fn step(app: &App) -> Result<Outcome, ServiceError> {
    if app.config.programme.settlement == SettlementMode::ByHand {
        return Ok(Outcome::ByHand);
    }
    if service::due(app, Occasion::Background).await?.is_none() {
        return Ok(Outcome::NothingDue);
    }
    if import_run::is_waiting(app).await? {
        return Ok(Outcome::WaitsForImport);
    }
    Ok(match service::step(app, Occasion::Background).await? {
        StepOutcome::NothingDue => Outcome::NothingDue,
        StepOutcome::HeldByAnother(period) => Outcome::HeldByAnother(period),
        StepOutcome::Settled(settled) => Outcome::Settled(settled),
    })
}

fn log(settled: &settlement::Model) {
    metrics::counter!("settlements_total").increment(1);
    tracing::info!(
        period = %settled.period,
        partners = settled.partner_count,
        credited = %settled.credited,
        carried_out = %settled.carried_out,
        digest = settled.digest.as_deref().unwrap_or_default(),
        "period settled"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::testing::record_top_up;
    use crate::services::testing::{app_in, empty_database};
    use chrono::Duration as Span;

    #[tokio::test]
    async fn missed_periods_are_settled_in_order_and_an_import_comes_first() {
        let (_folder, url) = empty_database();
        let app = app_in(&url).await;
        assert!(matches!(step(&app).await.unwrap(), Outcome::NothingDue), "there is no line");
        record_top_up(&app, "1").await;
        app.clock.advance(Span::days(32));
        let import = import_run::begin(&app, "top-ups").await.unwrap();
        assert!(matches!(step(&app).await.unwrap(), Outcome::WaitsForImport));
        import_run::end(&app, import).await.unwrap();
        app.clock.advance(Span::minutes(61));
        let mut settled = Vec::new();
        while let Outcome::Settled(done) = step(&app).await.unwrap() {
            settled.push(done.period.0);
        }
        assert_eq!(settled, [20260101, 20260115]);
        assert!(matches!(step(&app).await.unwrap(), Outcome::NothingDue));
    }
}

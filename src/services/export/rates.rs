//! The rate in force for a partner in a period (rules 17 and 18).

use entity::{Money, Period, RateBasisPoints};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{ExportError, too_large};
use crate::app::App;
use crate::db;
use crate::services::lock::Progress;
use crate::services::programme::{IndividualRates, TierTables, rate_of};

/// What a line's rate follows from, besides the standing that its row brings along.
pub struct Rates {
    pub progress: Progress,
    tables: TierTables,
    individual: IndividualRates,
}

impl Rates {
    pub async fn load(app: &App, db: &DatabaseTransaction) -> Result<Rates, ExportError> {
        let rows = db::query(db, "SELECT DISTINCT partner_id FROM individual_rate", vec![]).await?;
        let with_rates = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        Ok(Rates {
            progress: Progress::load(db).await?,
            tables: TierTables::load(db, &app.terms).await?,
            individual: IndividualRates::load(db, &with_rates).await?,
        })
    }

    /// The last period whose standings are fixed; later ones go by it until they have their own (rule 18).
    pub fn last_standing(&self) -> Period {
        self.progress.closed.map_or(Period::NEVER, Period::next)
    }

    /// The rate in force for a partner in a period, and what it makes of a base.
    pub fn commission(
        &self,
        partner_id: Uuid,
        rate_period: Period,
        standing: Option<RateBasisPoints>,
        base: Money,
    ) -> Result<(RateBasisPoints, Money), ExportError> {
        let individual = self.individual.in_force(partner_id, rate_period);
        let rate = rate_of(&self.tables, individual, standing, rate_period).rate;
        Ok((rate, rate.of(base).ok_or_else(too_large)?))
    }
}

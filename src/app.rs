//! What every use case is handed: the database, the clock, the terms of the programme.

use std::sync::Arc;

use chrono::Duration;
use entity::{Moment, Money};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::domain::calendar::Calendar;
use crate::domain::link::SiteRules;
use crate::domain::tier::Tiers;
use crate::domain::visitor_token::VisitorKeys;

/// Cheap to clone: handles and shared values.
#[derive(Clone, Debug)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub terms: Arc<Terms>,
    pub keys: Arc<Keys>,
}

/// The terms of the programme as the rules read them, made once from the configuration.
#[derive(Clone, Debug)]
pub struct Terms {
    pub name: String,
    /// The programme's currency, an ISO 4217 code.
    pub currency: String,
    /// How many decimals the programme's currency has: 0 to 2 (rule 9).
    pub minor_units: u32,
    pub calendar: Calendar,
    /// What occurred before is INVALID (rule 12).
    pub starts_at: Moment,
    pub minimum_active_clients: u32,
    pub window_days: u32,
    pub withdrawal_threshold: Money,
    pub exchange_rate_max_age_days: u32,
    pub settlement_grace: Duration,
    /// The first table of tiers, in force until `setTiers` changes it.
    pub first_tiers: Tiers,
    pub site: SiteRules,
}

/// The secrets that services need, each under its purpose.
#[derive(Debug)]
pub struct Keys {
    pub visitor: VisitorKeys,
    /// Over the values of an idempotent mutation (rule 28).
    pub idempotency: [u8; 32],
    /// Payout destinations at rest: key id and key, the first seals.
    pub encryption: Vec<(String, [u8; 32])>,
}

impl App {
    /// Opens a writing transaction: the one way to do so.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.db.begin_writing().await
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.db.reader().execute_unprepared("SELECT 1").await.map(|_| ())
    }
}

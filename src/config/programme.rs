//! The programme's terms as configured.

use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use entity::{Money, RateBasisPoints};
use iso_currency::Currency;
use serde::{Deserialize, Serialize};

use super::{ConfigError, values};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProgrammeConfig {
    pub name: String,
    /// At most two decimals (rule 9).
    #[serde(with = "values::currency")]
    pub currency: Currency,
    /// In which periods change at midnight (rule 14).
    #[serde(with = "values::text")]
    pub time_zone: Tz,
    /// Nothing can have happened before it (rule 12).
    pub starts_on: NaiveDate,
    /// Active clients a partner needs before commission is credited (rule 20).
    pub minimum_active_clients: u32,
    /// Days a client stays active after a purchase (rule 16).
    pub active_client_window_days: u32,
    /// The available balance must exceed it before money can be withdrawn (rule 24).
    #[serde(with = "values::money")]
    pub withdrawal_threshold: Money,
    pub settlement: SettlementMode,
    /// How long after its end a period is settled by itself (rule 19).
    #[serde(with = "values::duration")]
    pub settlement_grace: Duration,
    /// Days after which a published exchange rate is too old (rule 10).
    pub exchange_rate_max_age_days: u32,
    pub attribution: Attribution,
    /// The first table of tiers, lowest first (rule 17).
    pub tiers: Vec<TierConfig>,
}

/// Who settles (rule 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementMode {
    Automatic,
    ByHand,
}

/// Which counted visit wins (rule 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    FirstTouch,
    LastTouch,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TierConfig {
    pub name: String,
    pub minimum_active_clients: u32,
    #[serde(with = "values::percent")]
    pub rate_percent: RateBasisPoints,
}

impl Default for ProgrammeConfig {
    fn default() -> Self {
        let tier = |name: &str, minimum_active_clients, points| TierConfig {
            name: name.to_owned(),
            minimum_active_clients,
            rate_percent: RateBasisPoints(points),
        };
        Self {
            name: "Partner programme".to_owned(),
            currency: Currency::EUR,
            time_zone: chrono_tz::Europe::Paris,
            starts_on: NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default(),
            minimum_active_clients: 3,
            active_client_window_days: 90,
            withdrawal_threshold: Money::from_units(100),
            settlement: SettlementMode::Automatic,
            settlement_grace: Duration::from_secs(60 * 60),
            exchange_rate_max_age_days: 10,
            attribution: Attribution::FirstTouch,
            tiers: vec![tier("Standard", 0, 1_000), tier("Growth", 20, 1_500), tier("Premier", 100, 2_000)],
        }
    }
}

impl ProgrammeConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refused = |key: &str, message: &str| ConfigError::refused(format!("programme.{key}"), message);
        let decimals = self.currency.exponent().map_or(0, u32::from);
        if !self.withdrawal_threshold.is_whole_at(decimals) || self.withdrawal_threshold.is_negative() {
            return Err(refused("withdrawal_threshold", "must be an amount in minor units, not below 0"));
        }
        if self.active_client_window_days == 0 {
            return Err(refused("active_client_window_days", "must be above 0"));
        }
        if self.tiers.first().is_none_or(|first| first.minimum_active_clients != 0) {
            return Err(refused("tiers", "must begin with one from 0 active clients"));
        }
        if self.tiers.windows(2).any(|pair| pair[0].minimum_active_clients >= pair[1].minimum_active_clients)
        {
            return Err(refused("tiers", "must rise in their minimum_active_clients"));
        }
        if self.tiers.iter().any(|tier| tier.name.trim().is_empty()) {
            return Err(refused("tiers", "must have names"));
        }
        Ok(())
    }
}

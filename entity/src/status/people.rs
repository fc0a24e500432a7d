//! Of partners, visits and clients.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// Whether a partner's links count (rule 27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum PartnerStatus {
    Active,
    Suspended,
}

impl PartnerStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What an account's fingerprint was taken of (rule 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum FingerprintKind {
    PaymentInstrument,
    Device,
}

impl FingerprintKind {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a visit counts for (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum VisitVerdict {
    Counted,
    Prefetch,
    Bot,
    ContextualAdvertising,
    Forced,
    PartnerSuspended,
    Duplicate,
}

impl VisitVerdict {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What bound a client to his partner (rule 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum BroughtBy {
    Visit,
    Code,
    Staff,
}

impl BroughtBy {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

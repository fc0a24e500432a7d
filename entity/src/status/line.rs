//! Of lines, and of facts that wait to become some.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// A top-up, or a refund that takes part of one back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum LineKind {
    TopUp,
    Refund,
}

impl LineKind {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a client's payment was; only a purchase earns (rule 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum TopUpKind {
    Purchase,
    Bonus,
    Transfer,
    Commission,
}

impl TopUpKind {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The stored state of a line; pending and settled follow from its settle period (rule 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum LineState {
    Earning,
    Held,
    Rejected,
    NotEarning,
}

impl LineState {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a line is held, rejected or earns nothing (rule 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum LineReason {
    SelfReferral,
    SharedPaymentInstrument,
    NotAPurchase,
    PartnerSuspended,
    UnderReview,
    RejectedByStaff,
}

impl LineReason {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What became of a fact that waits for what it belongs to (rule 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum ParkedStatus {
    Waiting,
    Refused,
    Expired,
}

impl ParkedStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

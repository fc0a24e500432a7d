//! Of settlements, movements of money and payouts.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// Whether all statements of a closed period are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum SettlementStatus {
    Running,
    Completed,
}

impl SettlementStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a net was carried and not credited (rule 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum CarryReason {
    PartnerSuspended,
    NegativeNet,
    TooFewActiveClients,
}

impl CarryReason {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a movement of money was (rule 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum TransferKind {
    Commission,
    WithdrawalReserved,
    WithdrawalReleased,
    WithdrawalPaid,
    ServiceTransfer,
    ServiceTransferReturned,
    Adjustment,
}

impl TransferKind {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Where money moves from and to: a partner's two balances and the programme's own accounts (rule 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum LedgerAccount {
    Available,
    Reserved,
    CommissionExpense,
    PaidOut,
    ServiceBalance,
    Adjustments,
}

impl LedgerAccount {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A withdrawal's state (rule 25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum WithdrawalStatus {
    Requested,
    Approved,
    Paid,
    Rejected,
    Cancelled,
    Failed,
}

impl WithdrawalStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How a withdrawal is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum DestinationKind {
    BankTransfer,
    Paypal,
}

impl DestinationKind {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A transfer to the service balance (rule 24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum ServiceTransferStatus {
    Requested,
    Completed,
    Failed,
}

impl ServiceTransferStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

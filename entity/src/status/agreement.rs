//! Of contracts and tickets.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// A partner's contract (rule 26).
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum ContractStatus {
    #[default]
    None,
    Requested,
    Offered,
    Active,
    Terminated,
}

impl ContractStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a ticket is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum TicketKind {
    Contract,
    Dispute,
    Question,
}

impl TicketKind {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum TicketStatus {
    Open,
    Answered,
    Closed,
}

impl TicketStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum TicketAuthor {
    Partner,
    Staff,
    System,
}

impl TicketAuthor {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

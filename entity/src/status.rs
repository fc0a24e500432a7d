//! States, kinds and reasons, named in the tables as in the interface: by their names in capitals.

mod agreement;
mod books;
mod line;
mod people;

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

pub use agreement::*;
pub use books::*;
pub use line::*;
pub use people::*;

/// What happened, as a partner's programs are told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum EventType {
    ClientRegistered,
    CommissionRecorded,
    CommissionReversed,
    StatementSettled,
    TierChanged,
    WithdrawalChanged,
    ServiceTransferChanged,
    ContractChanged,
    TicketChanged,
}

impl EventType {
    /// Every one there is.
    pub fn all() -> impl Iterator<Item = EventType> {
        <EventType as strum::IntoEnumIterator>::iter()
    }

    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What kind of object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum SubjectKind {
    Partner,
    Link,
    Client,
    Line,
    Statement,
    Withdrawal,
    ServiceTransfer,
    Ticket,
    WebhookEndpoint,
}

impl SubjectKind {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whether an endpoint is told of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum WebhookStatus {
    Active,
    Disabled,
    Deleted,
}

impl WebhookStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How far the delivery of an event to an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[derive(Display, EnumIter, EnumString, IntoStaticStr, DeriveValueType)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(value_type = "String")]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    Failed,
}

impl DeliveryStatus {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_table_is_the_name_in_the_interface() {
        assert_eq!(LineReason::SharedPaymentInstrument.to_string(), "SHARED_PAYMENT_INSTRUMENT");
        assert_eq!("TOP_UP".parse(), Ok(LineKind::TopUp));
        assert_eq!(<&'static str>::from(CarryReason::TooFewActiveClients), "TOO_FEW_ACTIVE_CLIENTS");
    }
}

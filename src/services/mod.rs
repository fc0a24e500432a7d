//! The use cases: load, ask the domain, record, in one transaction.

pub mod client;
pub mod crash_point;
pub mod error;
pub mod exchange_rate;
pub mod fingerprint;
pub mod ledger;
pub mod line;
pub mod lock;
pub mod parked_fact;
pub mod partner;
pub mod programme;
pub mod referral_link;
pub mod refund;
pub mod registration;
pub mod settlement;
pub mod sums;
pub mod top_up;
pub mod verify;

//! The rules of the programme: pure and synchronous, without clock, database or transport. One file a noun.

pub mod account;
pub mod activity;
pub mod attribution;
pub mod balance;
pub mod calendar;
pub mod caller;
pub mod contract;
pub mod currency;
pub mod digest;
pub mod error;
pub mod exchange;
pub mod idempotency;
mod keyed;
pub mod link;
pub mod payment_status;
pub mod payout;
pub mod rate;
pub mod reason;
pub mod reference;
pub mod refund;
pub mod review;
mod rounding;
pub mod sepa;
pub mod service_transfer;
pub mod settlement;
pub mod settlement_period;
pub mod target;
pub mod text;
pub mod ticket;
pub mod tier;
pub mod top_up;
pub mod transfer;
pub mod visitor_token;
pub mod withdrawal;
pub mod word;

pub use error::{Invalid, Refusal};

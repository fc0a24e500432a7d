//! The nouns of the programme: one file a table, and the values they are made of.

mod money;
mod status;
mod time;

pub mod account;
pub mod account_fingerprint;
pub mod active_day;
pub mod api_key;
pub mod audit_record;
pub mod balance;
pub mod contract;
pub mod event;
pub mod exchange_rate;
pub mod idempotency_key;
pub mod import_run;
pub mod individual_rate;
pub mod ledger_transfer;
pub mod line;
pub mod link;
pub mod parked_fact;
pub mod partner;
pub mod partner_sum;
pub mod payment_batch;
pub mod programme;
pub mod referral;
pub mod referral_sum;
pub mod referral_total;
pub mod service_transfer;
pub mod settlement;
pub mod site;
pub mod standing;
pub mod statement;
pub mod suspension;
pub mod ticket;
pub mod ticket_message;
pub mod tier_table;
pub mod visit;
pub mod webhook_delivery;
pub mod webhook_endpoint;
pub mod withdrawal;

pub use money::{MICROS_PER_UNIT, Money, MoneyError, RateBasisPoints};
pub use status::*;
pub use time::{Day, Moment, Period};

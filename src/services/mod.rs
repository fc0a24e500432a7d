//! The use cases: load, ask the domain, record, in one transaction.

pub mod adjustment;
pub mod audit;
pub mod audit_log;
pub mod backlog;
pub mod balance;
pub mod client;
pub mod commission;
pub mod contract;
pub mod copy;
pub mod crash_point;
pub mod dashboard;
pub mod error;
pub mod exchange_rate;
pub mod export;
pub mod fingerprint;
pub mod forecast;
pub mod hold;
pub mod idempotency;
pub mod import_run;
pub mod individual_rate;
pub mod ledger;
pub mod line;
pub mod listing;
pub mod lock;
pub mod owner;
pub mod paging;
pub mod parked_fact;
pub mod partner;
pub mod payment_batch;
pub mod payment_status;
pub mod payout;
pub mod position;
pub mod programme;
pub mod reassignment;
pub mod referral_link;
pub mod referred_client;
pub mod refund;
pub mod registration;
pub mod review;
pub mod schema_version;
pub mod service_transfer;
pub mod settlement;
pub mod standing;
pub mod statement;
pub mod statistics;
pub mod sums;
pub mod suspension;
pub mod ticket;
pub mod tier_table;
pub mod top_up;
pub mod verify;
pub mod withdrawal;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

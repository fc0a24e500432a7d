//! The interface as a whole, on a database of its own.

mod audit_log;
mod dashboard;
mod facts;
mod links;
mod lists;
mod nodes;
mod rates;
mod tickets;

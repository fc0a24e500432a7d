//! The whole program from outside and, where that says more, its services: on SQLite and again on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod api_key;
mod architecture;
mod attack;
mod backup;
mod change;
mod clients;
mod dashboard;
mod erasure;
mod explanation;
mod exports;
mod harness;
mod import;
mod lists;
mod live;
mod migration;
mod model;
mod operations;
mod payouts;
mod reference;
mod sample;
mod schema;
mod serve;
mod settlement;
mod statements;
mod statistics;
mod visit;
mod webhooks;
mod withdrawal;

//! Parrain, the backend of a partner programme: referral links, commissions, settlements and payouts over GraphQL.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod domain;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod services;
pub mod telemetry;

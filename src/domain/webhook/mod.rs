//! Webhooks: which addresses may be told, how a delivery is signed, and what comes of an answer (Standard Webhooks 1.0).

pub mod address;
pub mod schedule;
pub mod signature;

use chrono::Duration;

/// How many endpoints a partner may have, deleted ones not counted.
pub const MAX_ENDPOINTS: u32 = 10;
/// How many deliveries of an endpoint may wait to be sent by hand: tests.
pub const MAX_WAITING_TESTS: u32 = 5;
/// How long the secret before the last rotation still signs.
pub const ROTATION: Duration = Duration::hours(24);
/// An endpoint that has failed for so long, with no success in between, is disabled.
pub const DISABLED_AFTER: Duration = Duration::days(5);
/// How long a delivery is kept once it is over.
pub const KEPT: Duration = Duration::days(30);

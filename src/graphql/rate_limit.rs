//! The query field `rateLimit`: what the caller may still spend.

use async_graphql::{Context, Object, Value, value};
use entity::Moment;

use super::scalar::DateTime;

/// What a request costs, and what its caller's bucket holds after it. Goes with the request as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub cost: u32,
    pub limit: u32,
    pub remaining: u32,
    /// A second.
    pub restore_rate: u32,
    /// When the bucket is full again if nothing more is spent.
    pub reset_at: Moment,
}

impl RateLimit {
    /// As `extensions.cost` of every answer says it.
    pub fn extension(&self) -> Value {
        value!({
            "requested": (self.cost),
            "remaining": (self.remaining),
            "limit": (self.limit),
            "restoreRate": (self.restore_rate),
        })
    }
}

/// What the caller's bucket holds.
#[Object]
impl RateLimit {
    /// What this request costs.
    async fn cost(&self) -> i32 {
        int(self.cost)
    }

    /// What the bucket holds when it is full.
    async fn limit(&self) -> i32 {
        int(self.limit)
    }

    /// What it holds after this request.
    async fn remaining(&self) -> i32 {
        int(self.remaining)
    }

    /// What flows back into it each second.
    async fn restore_rate(&self) -> i32 {
        int(self.restore_rate)
    }

    /// When it is full again if nothing more is spent.
    async fn reset_at(&self) -> DateTime {
        DateTime(self.reset_at)
    }
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What can be asked about the caller's own limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimitQuery;

#[Object]
impl RateLimitQuery {
    /// What the caller's rate-limit bucket holds.
    async fn rate_limit(&self, context: &Context<'_>) -> Option<RateLimit> {
        context.data_opt().copied()
    }
}

//! What each caller may spend: a bucket that empties with each request and fills again with time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use chrono::Duration;
use entity::Moment;

use crate::config::{ConfigError, LimitsConfig};
use crate::domain::caller::Caller;
use crate::graphql::rate_limit::RateLimit;

/// The most buckets of one kind of caller, about 10 MB: those without a token must not crowd out those with one.
const MAX_BUCKETS: usize = 100_000;
/// Between two searches for buckets that are full again and need not be kept.
const BETWEEN_SWEEPS: Duration = Duration::seconds(10);
/// What is in a bucket is counted in millionths: the rate a second is then the rate a microsecond, and exact.
const MILLIONTHS: i64 = 1_000_000;

/// Whose bucket it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Principal {
    /// By the address, an IPv6 one by its network of 64 bits: that much is one customer's.
    Anonymous(Option<IpAddr>),
    /// By the role and the name in the token.
    Known(&'static str, String),
    /// All for whom there is no room for a bucket of their own.
    Rest,
}

impl Principal {
    fn of(caller: &Caller, address: Option<IpAddr>) -> Principal {
        match caller.subject() {
            Some(subject) => Principal::Known(caller.role(), subject.to_owned()),
            None => Principal::Anonymous(address.map(network)),
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// How large a bucket is and how fast it fills.
#[derive(Clone, Copy, Debug)]
struct Size {
    capacity: u32,
    restored_per_second: u32,
}

/// What a bucket held at a moment, in millionths.
#[derive(Clone, Copy, Debug)]
struct Level {
    held: i64,
    at: Moment,
}

impl Size {
    fn checked(
        prefix: &str,
        capacity: u32,
        restored_per_second: u32,
        dearest: u32,
    ) -> Result<Size, ConfigError> {
        let refused =
            |key: &str, message: &str| ConfigError::refused(format!("limits.{prefix}{key}"), message);
        if capacity < dearest {
            return Err(refused("cost_bucket", "must not be below limits.cost_per_request"));
        }
        if restored_per_second == 0 {
            return Err(refused("cost_restored_per_second", "must be above 0"));
        }
        Ok(Size { capacity, restored_per_second })
    }

    fn full(self) -> i64 {
        i64::from(self.capacity) * MILLIONTHS
    }

    /// A clock that went back gives nothing and takes nothing.
    fn later(self, level: Level, now: Moment) -> Level {
        let elapsed = now.0.saturating_sub(level.at.0).max(0);
        let restored = elapsed.saturating_mul(i64::from(self.restored_per_second));
        Level { held: level.held.saturating_add(restored).min(self.full()), at: now }
    }

    /// How long it takes to fill by this much, rounded up to the microsecond.
    fn time_for(self, missing: i64) -> Duration {
        let rate = i64::from(self.restored_per_second).max(1);
        Duration::microseconds(missing.max(0).saturating_add(rate - 1) / rate)
    }

    fn rate_limit(self, level: Level, cost: u32) -> RateLimit {
        RateLimit {
            cost,
            limit: self.capacity,
            remaining: u32::try_from(level.held / MILLIONTHS).unwrap_or(0),
            restore_rate: self.restored_per_second,
            reset_at: level.at.plus(self.time_for(self.full() - level.held)),
        }
    }
}

/// A request that its caller cannot pay for yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    pub rate_limit: RateLimit,
    /// After how many seconds it can be paid for.
    pub retry_after: u64,
}

/// The buckets of this instance.
pub struct Buckets {
    known: Mutex<Shelf>,
    services: Mutex<Shelf>,
    anonymous: Mutex<Shelf>,
}

impl Buckets {
    /// Takes what `[limits]` says.
    ///
    /// # Errors
    /// `Refused` where the dearest request could never be paid for.
    pub fn new(limits: &LimitsConfig) -> Result<Buckets, ConfigError> {
        let dearest = limits.cost_per_request;
        let size = Size::checked("", limits.cost_bucket, limits.cost_restored_per_second, dearest)?;
        let service = Size::checked(
            "service_",
            limits.service_cost_bucket,
            limits.service_cost_restored_per_second,
            dearest,
        )?;
        let shelf = |size| Mutex::new(Shelf { size, levels: HashMap::new(), swept_at: None });
        Ok(Buckets { known: shelf(size), services: shelf(service), anonymous: shelf(size) })
    }

    /// Takes the cost of a request out of its caller's bucket, or nothing where it holds less.
    ///
    /// # Errors
    /// `Throttled`, with what the bucket holds.
    pub fn spend(
        &self,
        caller: &Caller,
        address: Option<IpAddr>,
        cost: u32,
        now: Moment,
    ) -> Result<RateLimit, Throttled> {
        let shelf = match caller {
            Caller::Anonymous => &self.anonymous,
            Caller::Service { .. } => &self.services,
            Caller::Partner { .. } | Caller::ApiKey { .. } | Caller::Staff { .. } => &self.known,
        };
        // A thread that panicked within left whole levels: each is set in one step.
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.spend(Principal::of(caller, address), cost, now)
    }
}

/// Buckets of one size.
struct Shelf {
    size: Size,
    /// Of the buckets that are not full.
    levels: HashMap<Principal, Level>,
    swept_at: Option<Moment>,
}

impl Shelf {
    fn spend(&mut self, principal: Principal, cost: u32, now: Moment) -> Result<RateLimit, Throttled> {
        let size = self.size;
        self.sweep(now);
        let has_room = self.levels.len() < MAX_BUCKETS || self.levels.contains_key(&principal);
        let principal = if has_room { principal } else { Principal::Rest };

        let full = Level { held: size.full(), at: now };
        let level = self.levels.get(&principal).map_or(full, |level| size.later(*level, now));
        let held = level.held - i64::from(cost) * MILLIONTHS;
        if held < 0 {
            let micros = size.time_for(-held).num_microseconds().unwrap_or(i64::MAX);
            // Rounded up to whole seconds, as the header is.
            let retry_after = u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000).max(1);
            return Err(Throttled { rate_limit: size.rate_limit(level, cost), retry_after });
        }
        let level = Level { held, ..level };
        if held < size.full() {
            self.levels.insert(principal, level);
        }
        Ok(size.rate_limit(level, cost))
    }

    /// A bucket that is full again is as good as none, and goes.
    fn sweep(&mut self, now: Moment) {
        let size = self.size;
        if self.swept_at.is_none_or(|at| now < at || now >= at.plus(BETWEEN_SWEEPS)) {
            self.swept_at = Some(now);
            self.levels.retain(|_, level| size.later(*level, now).held < size.full());
        }
    }
}

#[cfg(test)]
mod tests;

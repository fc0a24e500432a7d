//! The only place that reads the time and makes ids.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{Duration, Utc};
use entity::Moment;
use uuid::{ContextV7, Timestamp, Uuid};

/// What time it is: the system's, or one that tests and the demo's simulated past set. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Microseconds, where the time is set by hand.
    fixed: Option<Arc<AtomicI64>>,
    ids: Arc<Mutex<ContextV7>>,
}

impl Clock {
    pub fn system() -> Clock {
        Clock { fixed: None, ids: Arc::default() }
    }

    /// A clock that stands at `now` until it is set.
    pub fn fixed(now: Moment) -> Clock {
        Clock { fixed: Some(Arc::new(AtomicI64::new(now.0))), ids: Arc::default() }
    }

    /// Now, to the microsecond, which both databases keep.
    pub fn now(&self) -> Moment {
        match &self.fixed {
            Some(micros) => Moment(micros.load(Ordering::SeqCst)),
            None => {
                #[expect(clippy::disallowed_methods, reason = "the one place where the time is read")]
                let now = Utc::now();
                Moment::from_utc(now)
            }
        }
    }

    /// Sets a fixed clock; the system's goes its own way.
    pub fn set(&self, now: Moment) {
        if let Some(micros) = &self.fixed {
            micros.store(now.0, Ordering::SeqCst);
        }
    }

    /// Moves a fixed clock on; the system's goes its own way.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// A new id that carries this clock's time, greater than every earlier one of this clock.
    pub fn new_id(&self) -> Uuid {
        let micros = u64::try_from(self.now().0).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
        // A thread that panicked within left the counter whole: it is set in one step.
        let context = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(Timestamp::from_unix(&*context, micros / 1_000_000, nanos))
    }
}

/// When an id was made, to the millisecond; none for an id that carries no time.
pub fn time_of_id(id: Uuid) -> Option<Moment> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let micros = seconds.checked_mul(1_000_000)?.checked_add(u64::from(nanos / 1_000))?;
    i64::try_from(micros).ok().map(Moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_until_it_is_moved_and_clones_share_it() {
        let clock = Clock::fixed(Moment(1_700_000_000_000_000));
        let clone = clock.clone();
        clone.advance(Duration::seconds(2));
        assert_eq!(clock.now(), Moment(1_700_000_002_000_000));
        clock.set(Moment(5));
        assert_eq!(clone.now(), Moment(5));
    }

    #[test]
    fn ids_rise_and_carry_the_time_of_the_clock() {
        let clock = Clock::fixed(Moment(1_700_000_000_123_456));
        let ids: Vec<Uuid> = (0..1_000).map(|_| clock.new_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(time_of_id(ids[0]), Some(Moment(1_700_000_000_123_000)));
        assert_eq!(time_of_id(Uuid::nil()), None);
        assert_eq!(ids[0].get_version_num(), 7);
    }

    #[test]
    fn ids_go_on_rising_when_the_time_goes_back() {
        let clock = Clock::fixed(Moment(1_700_000_000_000_000));
        let before = clock.new_id();
        clock.set(Moment(1_600_000_000_000_000));
        assert!(clock.new_id() > before);
    }
}

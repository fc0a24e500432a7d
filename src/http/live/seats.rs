//! How much may be open at once: of one caller, and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::error::Failure;
use crate::domain::caller::Caller;

/// The seats of this instance.
pub struct Seats {
    /// Of the metric that counts them.
    name: &'static str,
    most: usize,
    most_each: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// By role and name.
    each: HashMap<(&'static str, String), usize>,
}

impl Seats {
    pub fn new(name: &'static str, most: usize, most_each: usize) -> Arc<Seats> {
        Arc::new(Seats { name, most, most_each, taken: Mutex::default() })
    }

    /// Takes a seat for as long as it is held.
    ///
    /// # Errors
    /// THROTTLED where the caller has all that one may have; 503 where there is none left.
    pub fn take(self: &Arc<Seats>, caller: &Caller) -> Result<Seat, Failure> {
        let whose = (caller.role(), caller.subject().unwrap_or_default().to_owned());
        let mut taken = self.lock();
        if taken.each.get(&whose).is_some_and(|his| *his >= self.most_each) {
            return Err(Failure::too_many_subscriptions(self.most_each));
        }
        if taken.all >= self.most {
            return Err(Failure::over_capacity());
        }
        taken.all += 1;
        *taken.each.entry(whose.clone()).or_default() += 1;
        metrics::gauge!(self.name).increment(1);
        Ok(Seat { seats: self.clone(), whose })
    }

    /// Whoever panicked under it left it whole: it is changed in single steps.
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One seat that is taken.
pub struct Seat {
    seats: Arc<Seats>,
    whose: (&'static str, String),
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        if let Some(his) = taken.each.get_mut(&self.whose) {
            *his -= 1;
            if *his == 0 {
                taken.each.remove(&self.whose);
            }
        }
        metrics::gauge!(self.seats.name).decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_takes_no_more_than_his_and_all_no_more_than_there_are() {
        let seats = Seats::new("live_sockets", 3, 2);
        let caller = |name: &str| Caller::Partner { account_id: name.to_owned() };
        let first = seats.take(&caller("a")).unwrap();
        let _second = seats.take(&caller("a")).unwrap();
        assert!(seats.take(&caller("a")).is_err());
        let _other = seats.take(&caller("b")).unwrap();
        assert!(seats.take(&caller("c")).is_err(), "none is left");
        drop(first);
        let _again = seats.take(&caller("a")).unwrap();
        assert!(seats.take(&caller("a")).is_err());
        assert_eq!(seats.lock().each.len(), 2);
    }
}

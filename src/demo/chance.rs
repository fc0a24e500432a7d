//! Chance under a seed: the same draws for the same seed, on every machine.

use chrono::Duration;
use entity::Moment;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of draws. Everybody in the world has streams of his own, so that a world that goes on for longer begins with
/// the same days.
#[derive(Debug)]
pub struct Chance(Xoshiro256PlusPlus);

impl Chance {
    /// The stream of one thing under the world's seed.
    pub fn of(seed: u64, what: &str) -> Chance {
        let seed: [u8; 32] = Sha256::digest(format!("{seed} {what}")).into();
        Chance(Xoshiro256PlusPlus::from_seed(seed))
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if high <= low { low } else { self.0.random_range(low..=high) }
    }

    /// True `percent` times in a hundred.
    pub fn percent(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// True `permille` times in a thousand.
    pub fn permille(&mut self, permille: i64) -> bool {
        self.between(1, 1_000) <= permille
    }

    /// One of the choices, each as likely as its weight; the first where there is nothing to weigh.
    pub fn weighted<T: Copy, const N: usize>(&mut self, choices: &[(T, i64); N]) -> T {
        let mut left = self.between(1, choices.iter().map(|(_, weight)| weight).sum());
        for (choice, weight) in choices {
            left -= weight;
            if left <= 0 {
                return *choice;
            }
        }
        choices[0].0
    }

    /// One of several, all alike.
    pub fn one<T: Copy, const N: usize>(&mut self, of: &[T; N]) -> T {
        let last = i64::try_from(N).unwrap_or(1) - 1;
        of[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }

    /// A whole number with the mean `permille` thousandths: how many of something happen in a day.
    pub fn count(&mut self, permille: i64) -> i64 {
        let sure = permille.div_euclid(1_000);
        let more = i64::from(self.permille(permille.rem_euclid(1_000)));
        // Days differ: a busy one and a quiet one balance each other.
        let spread = if sure > 0 { self.between(-sure, sure) } else { 0 };
        sure + more + spread
    }

    /// Sixteen random bytes.
    pub fn bytes(&mut self) -> [u8; 16] {
        self.0.random::<u128>().to_be_bytes()
    }

    /// A moment of a day that begins at `midnight`: most people are awake.
    pub fn time_of_day(&mut self, midnight: Moment) -> Moment {
        let hour = self.weighted(&[(0, 2), (3, 1), (6, 8), (9, 30), (12, 24), (15, 26), (18, 22), (21, 10)]);
        let seconds = hour * 3_600 + self.between(0, 3 * 3_600 - 1);
        midnight.plus(Duration::seconds(seconds))
    }

    /// A moment of a day at the office.
    pub fn office_hour(&mut self, midnight: Moment) -> Moment {
        midnight.plus(Duration::seconds(self.between(9 * 3_600, 17 * 3_600)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_thing_something_else() {
        let draw = |seed, what| {
            (0..8).map(|_| 0).scan(Chance::of(seed, what), |chance, _: i32| Some(chance.between(0, 1 << 40)))
        };
        let first: Vec<i64> = draw(7, "a").collect();
        assert_eq!(first, draw(7, "a").collect::<Vec<_>>());
        assert_ne!(first, draw(7, "b").collect::<Vec<_>>());
        assert_ne!(first, draw(8, "a").collect::<Vec<_>>());
    }

    #[test]
    fn weights_and_counts_come_out_on_the_average() {
        let mut chance = Chance::of(1, "weights");
        let heads = (0..10_000).filter(|_| chance.weighted(&[(true, 3), (false, 1)])).count();
        assert!((7_300..7_700).contains(&heads), "{heads}");
        for permille in [40, 900, 2_500] {
            let sum: i64 = (0..10_000).map(|_| chance.count(permille)).sum();
            assert!((sum - permille * 10).abs() < permille + 200, "{permille}: {sum}");
        }
    }
}

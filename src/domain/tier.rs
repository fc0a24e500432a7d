//! Tiers: the rate that a number of active clients earns (rule 17).

use entity::RateBasisPoints;
use serde::{Deserialize, Serialize};

use super::text::check_text;

/// The programme's minimum: no tier and no individual rate lies below 10 %.
pub const MINIMUM_RATE: RateBasisPoints = RateBasisPoints(1_000);
/// The longest table.
pub const MAX_TIERS: usize = 20;
/// The longest name of a tier, in characters.
pub const MAX_TIER_NAME: usize = 64;

const WHOLE: RateBasisPoints = RateBasisPoints(10_000);

/// One step of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    pub name: String,
    /// The floor: from this many active clients on.
    pub minimum_active_clients: u32,
    pub rate: RateBasisPoints,
}

/// A table of tiers that holds together: lowest first, from floor 0, floors rising, rates never falling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    first: Tier,
    higher: Vec<Tier>,
}

/// Why a list of tiers is no table. Tiers are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TierError {
    #[error("must be 1 to 20")]
    Number,
    #[error("tier {tier} must have a printable name of 1 to 64 characters")]
    Name { tier: usize },
    #[error("two tiers are called {name}")]
    SameName { name: String },
    #[error("the first tier must begin at 0 active clients")]
    FirstFloor,
    #[error("tier {tier} must begin above the tier before it")]
    FloorNotRising { tier: usize },
    #[error("the rate of tier {tier} must not lie below {minimum} %")]
    RateTooLow { tier: usize, minimum: RateBasisPoints },
    #[error("the rate of tier {tier} must not lie below that of the tier before it")]
    RateFalling { tier: usize },
    #[error("the rate of tier {tier} must not lie above 100 %")]
    RateTooHigh { tier: usize },
}

impl Tiers {
    /// Makes a table of tiers, lowest first; `minimum_rate` is the programme's minimum for the first.
    pub fn new(tiers: Vec<Tier>, minimum_rate: RateBasisPoints) -> Result<Tiers, TierError> {
        if tiers.len() > MAX_TIERS {
            return Err(TierError::Number);
        }
        for (index, tier) in tiers.iter().enumerate() {
            check_alone(tier, index + 1, minimum_rate)?;
            if tiers[..index].iter().any(|earlier| earlier.name == tier.name) {
                return Err(TierError::SameName { name: tier.name.clone() });
            }
        }
        for (index, pair) in tiers.windows(2).enumerate() {
            check_step(&pair[0], &pair[1], index + 2)?;
        }
        let mut tiers = tiers.into_iter();
        let first = tiers.next().ok_or(TierError::Number)?;
        if first.minimum_active_clients != 0 {
            return Err(TierError::FirstFloor);
        }
        Ok(Tiers { first, higher: tiers.collect() })
    }

    /// The lowest tier: that of a partner without a standing.
    pub fn first(&self) -> &Tier {
        &self.first
    }

    /// All tiers, lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Tier> {
        std::iter::once(&self.first).chain(&self.higher)
    }

    /// The tier above one of this table; `None` above the highest.
    pub fn next_after(&self, tier: &Tier) -> Option<&Tier> {
        self.iter().find(|higher| higher.minimum_active_clients > tier.minimum_active_clients)
    }
}

/// The highest tier whose floor is reached (rule 17).
pub fn tier_for(tiers: &Tiers, active_clients: u32) -> &Tier {
    tiers.iter().rev().find(|tier| tier.minimum_active_clients <= active_clients).unwrap_or(&tiers.first)
}

/// Standard 10 % from 0, Growth 15 % from 20, Premier 20 % from 100 active clients.
impl Default for Tiers {
    fn default() -> Tiers {
        let tier = |name: &str, minimum_active_clients, points| Tier {
            name: name.to_owned(),
            minimum_active_clients,
            rate: RateBasisPoints(points),
        };
        Tiers {
            first: tier("Standard", 0, 1_000),
            higher: vec![tier("Growth", 20, 1_500), tier("Premier", 100, 2_000)],
        }
    }
}

fn check_alone(tier: &Tier, number: usize, minimum: RateBasisPoints) -> Result<(), TierError> {
    if check_text("name", &tier.name, MAX_TIER_NAME).is_err() {
        return Err(TierError::Name { tier: number });
    }
    if tier.rate < minimum {
        return Err(TierError::RateTooLow { tier: number, minimum });
    }
    if tier.rate > WHOLE {
        return Err(TierError::RateTooHigh { tier: number });
    }
    Ok(())
}

fn check_step(lower: &Tier, higher: &Tier, number: usize) -> Result<(), TierError> {
    if higher.minimum_active_clients <= lower.minimum_active_clients {
        return Err(TierError::FloorNotRising { tier: number });
    }
    if higher.rate < lower.rate {
        return Err(TierError::RateFalling { tier: number });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(name: &str, minimum_active_clients: u32, points: i32) -> Tier {
        Tier { name: name.to_owned(), minimum_active_clients, rate: RateBasisPoints(points) }
    }

    #[test]
    fn the_tier_is_the_highest_whose_floor_is_reached() {
        let tiers = Tiers::default();
        for (active_clients, name, percent) in [
            (0, "Standard", "10"),
            (19, "Standard", "10"),
            (20, "Growth", "15"),
            (99, "Growth", "15"),
            (100, "Premier", "20"),
            (u32::MAX, "Premier", "20"),
        ] {
            let tier = tier_for(&tiers, active_clients);
            assert_eq!(
                (tier.name.as_str(), tier.rate.to_string().as_str()),
                (name, percent),
                "{active_clients}"
            );
        }
    }

    #[test]
    fn after_each_tier_comes_the_next() {
        let tiers = Tiers::default();
        let names: Vec<_> =
            tiers.iter().map(|tier| tiers.next_after(tier).map(|next| next.name.as_str())).collect();
        assert_eq!(names, [Some("Growth"), Some("Premier"), None]);
        assert_eq!(tiers.first().name, "Standard");
    }

    #[test]
    fn the_default_table_holds_together() {
        let tiers: Vec<_> = Tiers::default().iter().cloned().collect();
        assert_eq!(Tiers::new(tiers, MINIMUM_RATE), Ok(Tiers::default()));
    }

    #[test]
    fn a_table_that_does_not_hold_together_is_refused() {
        let too_many = (0..21).map(|n| tier(&n.to_string(), n, 1_000)).collect();
        let name_too_long = "x".repeat(65);
        for (tiers, error) in [
            (vec![], TierError::Number),
            (too_many, TierError::Number),
            (vec![tier("A", 1, 1_000)], TierError::FirstFloor),
            (vec![tier("A", 0, 999)], TierError::RateTooLow { tier: 1, minimum: MINIMUM_RATE }),
            (vec![tier("A", 0, 10_001)], TierError::RateTooHigh { tier: 1 }),
            (vec![tier("A", 0, 1_000), tier("B", 0, 1_500)], TierError::FloorNotRising { tier: 2 }),
            (vec![tier("A", 0, 1_500), tier("B", 5, 1_400)], TierError::RateFalling { tier: 2 }),
            (vec![tier("A", 0, 1_000), tier("A", 5, 1_000)], TierError::SameName { name: "A".to_owned() }),
            (vec![tier("", 0, 1_000)], TierError::Name { tier: 1 }),
            (vec![tier("A\n", 0, 1_000)], TierError::Name { tier: 1 }),
            (vec![tier(&name_too_long, 0, 1_000)], TierError::Name { tier: 1 }),
        ] {
            assert_eq!(Tiers::new(tiers.clone(), MINIMUM_RATE), Err(error), "{tiers:?}");
        }
        assert!(
            Tiers::new(vec![tier("A", 0, 1_000), tier("B", 5, 1_000)], MINIMUM_RATE).is_ok(),
            "rates may stay"
        );
    }
}

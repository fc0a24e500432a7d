//! The rate that holds for a partner in one period (rule 17).

use std::str::FromStr;

use entity::RateBasisPoints;

use super::word::{self, UnknownWord};

/// A rate, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateInForce {
    pub rate: RateBasisPoints,
    pub source: RateSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateSource {
    Tier,
    Individual,
}

impl RateSource {
    pub const ALL: [RateSource; 2] = [RateSource::Tier, RateSource::Individual];

    pub const fn as_str(self) -> &'static str {
        match self {
            RateSource::Tier => "TIER",
            RateSource::Individual => "INDIVIDUAL",
        }
    }
}

impl FromStr for RateSource {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        word::find(&Self::ALL, Self::as_str, word)
    }
}

/// The individual rate set by staff replaces the standing's; where it lies below the first tier of the table in
/// force, the first tier's rate holds. Without a standing the first tier's rate holds as well.
pub fn rate_in_force(
    individual: Option<RateBasisPoints>,
    standing: Option<RateBasisPoints>,
    first_tier: RateBasisPoints,
) -> RateInForce {
    let of_tier = |rate| RateInForce { rate, source: RateSource::Tier };
    match individual {
        Some(rate) if rate >= first_tier => RateInForce { rate, source: RateSource::Individual },
        Some(_) => of_tier(first_tier),
        None => of_tier(standing.unwrap_or(first_tier)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_individual_rate_replaces_the_tiers_but_never_lies_below_the_first() {
        use RateSource::{Individual, Tier};
        for (individual, standing, first, in_force) in [
            (None, None, 1_000, (1_000, Tier)),
            (None, Some(1_500), 1_000, (1_500, Tier)),
            (Some(3_000), Some(1_500), 1_000, (3_000, Individual)),
            (Some(3_000), None, 1_000, (3_000, Individual)),
            (Some(1_200), Some(1_500), 1_000, (1_200, Individual)),
            (Some(1_000), Some(1_500), 1_000, (1_000, Individual)),
            (Some(1_000), Some(2_000), 1_200, (1_200, Tier)),
            (Some(1_000), None, 1_200, (1_200, Tier)),
        ] {
            let found = rate_in_force(
                individual.map(RateBasisPoints),
                standing.map(RateBasisPoints),
                RateBasisPoints(first),
            );
            assert_eq!((found.rate.0, found.source), in_force, "{individual:?} {standing:?} {first}");
        }
    }
}

//! Whether a partner's visits look like people (abuse rules).

/// Fewer visits say nothing.
const ENOUGH: u64 = 20;

/// How many visits there were, and how many of them no person made of his own will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VisitQuality {
    pub visits: u64,
    pub forced: u64,
    pub bots: u64,
}

impl VisitQuality {
    /// Whether most of them were FORCED or BOT.
    pub fn is_suspicious(self) -> bool {
        self.visits >= ENOUGH && 2 * (self.forced + self.bots) > self.visits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_is_suspicious_whose_visits_are_mostly_forced_or_bots() {
        for (visits, forced, bots, suspicious) in
            [(0, 0, 0, false), (19, 19, 0, false), (20, 5, 5, false), (20, 6, 5, true), (100, 0, 51, true)]
        {
            assert_eq!(
                VisitQuality { visits, forced, bots }.is_suspicious(),
                suspicious,
                "{visits} {forced} {bots}"
            );
        }
    }
}

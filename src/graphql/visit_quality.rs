//! What a partner's visits were taken for, for staff.

use async_graphql::Object;

use crate::domain::visit::VisitQuality as Figures;

pub struct VisitQuality(pub Figures);

/// What a partner's visits of the last thirty days were taken for.
#[Object]
impl VisitQuality {
    /// All visits but prefetches.
    async fn visits(&self) -> u64 {
        self.0.visits
    }

    /// Those in a frame, as an image or by a script.
    async fn forced(&self) -> u64 {
        self.0.forced
    }

    /// Those of programs.
    async fn bots(&self) -> u64 {
        self.0.bots
    }

    /// Whether there are at least twenty, and most of them FORCED or BOT.
    async fn is_suspicious(&self) -> bool {
        self.0.is_suspicious()
    }
}

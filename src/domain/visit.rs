//! What a visit over a link is taken for, and what it leaves behind (rule 4).

mod advertising;
mod bots;
mod quality;
mod visitor;

use chrono::Duration;
use entity::{Moment, VisitVerdict};

pub use advertising::{host_of, is_host_or_below};
pub use bots::BotList;
pub use quality::VisitQuality;
pub use visitor::{SALT_BYTES, visitor_without_token};

/// A visitor counts once on a link within this time.
pub const DUPLICATE_WITHIN: Duration = Duration::hours(1);

/// What the programme holds for no person's own doing.
#[derive(Clone, Debug)]
pub struct VisitRules {
    pub bots: BotList,
    /// Referrers that are paid advertising, with all hosts below them.
    pub ad_hosts: Vec<String>,
}

/// All that a request says of a visit. What it does not say is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VisitFacts<'a> {
    /// A request for the headers alone.
    pub is_head: bool,
    /// `Sec-Purpose` and `Purpose`.
    pub purposes: [&'a str; 2],
    pub user_agent: &'a str,
    /// Of the address that was asked for, without its question mark.
    pub query: &'a str,
    /// The address of the page it came from.
    pub referrer: &'a str,
    pub fetch: FetchMetadata<'a>,
    /// Whether the link's partner is suspended.
    pub is_suspended: bool,
}

/// What a browser says of how a request came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchMetadata<'a> {
    /// `Sec-Fetch-Dest`.
    pub destination: &'a str,
    /// `Sec-Fetch-Site`.
    pub site: &'a str,
    /// `Sec-Fetch-User`.
    pub user: &'a str,
}

impl FetchMetadata<'_> {
    /// A page that opens the link in a frame or as an image, or sends the visitor there without a click.
    fn is_forced(&self) -> bool {
        let is_no_page = !self.destination.is_empty() && self.destination != "document";
        is_no_page || (self.site == "cross-site" && self.user != "?1")
    }
}

/// Why a visit does not count, whoever the visitor is; `None` where he decides: COUNTED or, within the hour, DUPLICATE.
pub fn screen(rules: &VisitRules, facts: &VisitFacts<'_>) -> Option<VisitVerdict> {
    let is_prefetch = |purpose: &&str| purpose.to_ascii_lowercase().contains("prefetch");
    if facts.is_head || facts.purposes.iter().any(is_prefetch) {
        return Some(VisitVerdict::Prefetch);
    }
    if rules.bots.is_bot(facts.user_agent) {
        return Some(VisitVerdict::Bot);
    }
    if advertising::is_paid_for(facts.query) || advertising::is_ad_host(&rules.ad_hosts, facts.referrer) {
        return Some(VisitVerdict::ContextualAdvertising);
    }
    if facts.fetch.is_forced() {
        return Some(VisitVerdict::Forced);
    }
    facts.is_suspended.then_some(VisitVerdict::PartnerSuspended)
}

/// Whether a visit leaves or renews attribution; every other leaves none and takes none away.
pub fn leaves_attribution(verdict: Option<VisitVerdict>) -> bool {
    matches!(verdict, None | Some(VisitVerdict::Counted | VisitVerdict::Duplicate))
}

/// Whether two visits of one visitor over one link are one: they lie less than an hour apart.
pub fn is_duplicate(counted_at: Moment, at: Moment) -> bool {
    at.0.abs_diff(counted_at.0) < DUPLICATE_WITHIN.num_microseconds().unwrap_or(0).unsigned_abs()
}

#[cfg(test)]
mod tests;

//! Who followed the links of the world: those who registered, and many more who did not.

use chrono::Duration;
use entity::{Moment, VisitVerdict};
use uuid::Uuid;

use super::chance::Chance;
use crate::services::referral_link::LinkTarget;
use crate::services::visit::{NewVisit, Visitor};

/// Where links are published.
const REFERRERS: [Option<&str>; 7] = [
    None,
    Some("www.google.com"),
    Some("voip-vergleich.example"),
    Some("forum.telefonie.example"),
    Some("t.co"),
    Some("www.youtube.com"),
    Some("newsletter.example"),
];

/// The visit of somebody who registered, and those of others in the days before it over the same link.
pub fn around(
    chance: &mut Chance,
    link: &LinkTarget,
    visitor_id: [u8; 16],
    visited_at: Moment,
    is_spoilt: bool,
) -> Vec<NewVisit> {
    let visit = |visitor_id: [u8; 16], at, screened, referrer: Option<&str>| NewVisit {
        link_id: link.link_id,
        partner_id: link.partner_id,
        at,
        screened,
        visitor: Visitor { id: Uuid::from_bytes(visitor_id), next_id: None, first_came_at: None },
        referrer: referrer.map(str::to_owned),
    };
    let mut visits = vec![visit(visitor_id, visited_at, None, chance.one(&REFERRERS))];
    for _ in 0..chance.between(3, 9) {
        let at = visited_at.minus(Duration::minutes(chance.between(1, 2_800)));
        let forced = if is_spoilt { 150 } else { 2 };
        let screened = chance.weighted(&[
            (None, 74),
            (Some(VisitVerdict::Bot), 14),
            (Some(VisitVerdict::Prefetch), 4),
            (Some(VisitVerdict::ContextualAdvertising), 4),
            (Some(VisitVerdict::Forced), forced),
        ]);
        let (who, referrer) = (chance.bytes(), chance.one(&REFERRERS));
        visits.push(visit(who, at, screened, referrer));
        if screened.is_none() && chance.percent(15) {
            visits.push(visit(who, at.plus(Duration::minutes(chance.between(1, 50))), None, None));
        }
    }
    visits
}

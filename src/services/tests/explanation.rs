use entity::RateBasisPoints;

use super::*;
use crate::domain::explanation::{Explanation, Step, StepCode};
use crate::services::explanation::{LineKey, Reader, TopUpKey, of_lines, why_not};
use crate::services::hold::hold_client;
use crate::services::individual_rate;
use crate::services::reassignment::reassign_client;
use crate::services::review::release;

fn codes(explanation: &Explanation) -> Vec<&'static str> {
    explanation.steps.iter().map(|step| step.code.as_str()).collect()
}

fn step(explanation: &Explanation, code: StepCode) -> &Step {
    explanation.steps.iter().find(|step| step.code == code).unwrap_or_else(|| panic!("{explanation:#?}"))
}

fn fact(explanation: &Explanation, code: StepCode, name: &str) -> String {
    let facts = &step(explanation, code).facts;
    facts.iter().find(|fact| fact.name == name).unwrap_or_else(|| panic!("{facts:?}")).value.clone()
}

/// Three clients of the partner's with a top-up each.
async fn paying(world: &World) -> (Uuid, Vec<line::Model>) {
    let partner = world.partner("p").await;
    let mut lines = Vec::new();
    for client in ["a-1042", "b-1042", "c-1042"] {
        world.client(partner, client).await;
        lines.push(world.line(client, client, "2026-10-01T08:00:00Z", "100").await);
    }
    (partner, lines)
}

impl World {
    async fn explain(&self, line: &line::Model, reader: Reader) -> Explanation {
        let key = LineKey { line_id: line.id, reader };
        of_lines(self.app.clone(), vec![key]).await.unwrap().remove(&key).unwrap()
    }

    async fn why_not(
        &self,
        partner: Uuid,
        top_up: Option<(&str, &str)>,
        client: Option<&str>,
    ) -> Option<Explanation> {
        let partner = partner::find(self.app.db.reader(), partner).await.unwrap().unwrap();
        let key =
            top_up.map(|(source, id)| TopUpKey { source: source.to_owned(), external_id: id.to_owned() });
        why_not(&self.app, &partner, key.as_ref(), client, Reader::Partner).await.unwrap()
    }
}

#[tokio::test]
async fn a_line_is_traced_from_the_code_to_the_balance() {
    let world = World::new().await;
    let (partner, lines) = paying(&world).await;
    let pending = world.explain(&lines[0], Reader::Partner).await;
    assert_eq!(
        codes(&pending),
        [
            "BROUGHT_BY_CODE",
            "CLIENT_REGISTERED",
            "TOP_UP_RECORDED",
            "PERIOD_OF_OCCURRENCE",
            "TIER_RATE",
            "STANDING_PROVISIONAL",
            "COMMISSION_CALCULATED",
            "STATEMENT_PENDING"
        ]
    );
    assert_eq!(fact(&pending, StepCode::ClientRegistered, "client"), "a•••42");
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    let refund = world.refund("a-1042", "a-1042", "r", "2026-10-15T12:00:00Z", "40").await;
    let settled = world.explain(&lines[0], Reader::Partner).await;
    assert_eq!(codes(&settled)[6..], ["STATEMENT_SETTLED", "BALANCE_CREDITED", "REFUNDED"]);
    assert_eq!(fact(&settled, StepCode::CommissionCalculated, "amount"), "10.000000");
    assert_eq!(fact(&settled, StepCode::StatementSettled, "commission"), "30.000000");
    assert_eq!(fact(&settled, StepCode::BalanceCredited, "availableAfter"), "30.000000");
    assert_eq!(fact(&settled, StepCode::Refunded, "commission"), "-4.000000");
    assert_eq!(world.balances(partner).await.0, "30.000000");
    let refund = world.explain(&refund, Reader::Partner).await;
    assert_eq!(fact(&refund, StepCode::RefundRecorded, "topUpExternalId"), "a-1042");
    let system = world.explain(&lines[0], Reader::Service).await;
    assert_eq!(codes(&system)[0], "TOP_UP_RECORDED");
    assert!(!codes(&system).contains(&"STATEMENT_SETTLED"), "{system:#?}");
}

#[tokio::test]
async fn what_was_carried_is_followed_to_the_statement_that_credited_it() {
    let world = World::with(|config| config.programme.minimum_active_clients = 4).await;
    let (partner, lines) = paying(&world).await;
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    let carried = world.explain(&lines[0], Reader::Partner).await;
    assert_eq!(codes(&carried)[6..], ["STATEMENT_SETTLED", "NET_CARRIED"]);
    assert_eq!(fact(&carried, StepCode::NetCarried, "carryReason"), "TOO_FEW_ACTIVE_CLIENTS");
    world.client(partner, "d").await;
    world.line("d", "d", "2026-10-15T12:00:00Z", "1").await;
    world.app.clock.set(at("2026-11-02T00:00:00Z"));
    world.settle().await;
    let credited = world.explain(&lines[0], Reader::Partner).await;
    assert_eq!(fact(&credited, StepCode::CarryCredited, "period"), "2026-10-15");
}

#[tokio::test]
async fn staff_alone_sees_who_set_a_rate() {
    let world = World::new().await;
    let (partner, lines) = paying(&world).await;
    let rate = Some(RateBasisPoints(3_000));
    individual_rate::set(&world.app, &staff("ann"), partner, rate, "He is good.").await.unwrap();
    for (reader, by) in [(Reader::Partner, "STAFF"), (Reader::Staff, "ann")] {
        let explanation = world.explain(&lines[0], reader).await;
        assert_eq!(fact(&explanation, StepCode::IndividualRate, "setBy"), by);
        assert_eq!(fact(&explanation, StepCode::CommissionCalculated, "amount"), "30.000000");
    }
}

#[tokio::test]
async fn why_not_answers_for_ones_own_alone() {
    let world = World::new().await;
    let (partner, _) = paying(&world).await;
    let other = world.partner("other").await;
    world.register("direct", None).await;
    world.top_up("unreported", "parked", "2026-10-01T08:00:00Z", "1").await;
    for (whose, top_up, client) in [
        (partner, None, None),
        (partner, Some(("till", "nothing")), None),
        (partner, Some(("till", "parked")), None),
        (partner, Some(("till\0", "a-1042")), None),
        (other, Some(("till", "a-1042")), None),
        (other, None, Some("a-1042")),
        (partner, None, Some("direct")),
        (partner, None, Some("unreported")),
        (partner, None, Some("nobody")),
        (partner, None, Some("\0")),
        (partner, None, Some("other")),
    ] {
        assert_eq!(world.why_not(whose, top_up, client).await, None, "{top_up:?} {client:?}");
    }
    let own = world.why_not(partner, None, Some("p")).await.unwrap();
    assert_eq!(codes(&own), ["SELF_REFERRAL"]);
    let both = world.why_not(partner, Some(("till", "a-1042")), Some("nobody")).await.unwrap();
    assert!(codes(&both).contains(&"TOP_UP_RECORDED"), "with both the top-up is explained");
}

#[tokio::test]
async fn why_not_names_the_rule_that_decided() {
    let world = World::new().await;
    let (partner, _) = paying(&world).await;
    let (app, ann) = (&world.app, staff("ann"));
    let client = world.why_not(partner, None, Some("a-1042")).await.unwrap();
    assert_eq!(codes(&client)[2..], ["TOP_UPS_EARNED", "CLIENT_ACTIVE"]);
    assert_eq!(fact(&client, StepCode::TopUpsEarned, "commission"), "10.000000");
    world.client(partner, "new").await;
    let new = world.why_not(partner, None, Some("new")).await.unwrap();
    assert_eq!(codes(&new)[2..], ["NO_TOP_UPS", "CLIENT_INACTIVE"]);
    hold_client(app, &ann, "new", "Look at him.").await.unwrap();
    let held = world.line("new", "held", "2026-10-01T08:00:00Z", "10").await;
    let explained = world.why_not(partner, Some(("till", "held")), None).await.unwrap();
    assert!(explained.summary.contains("held for review"), "{}", explained.summary);
    let new = world.why_not(partner, None, Some("new")).await.unwrap();
    assert_eq!(fact(&new, StepCode::UnderReview, "rule"), "22");
    release(app, &ann, held.id, "All is well.").await.unwrap();
    let released = world.why_not(partner, Some(("till", "held")), None).await.unwrap();
    assert!(codes(&released).contains(&"RELEASED_BY_STAFF"), "{released:#?}");
    let other = world.partner("other").await;
    reassign_client(app, &ann, "new", other, "He asked.").await.unwrap();
    let before = world.why_not(partner, None, Some("new")).await.unwrap();
    assert!(codes(&before).contains(&"REASSIGNED"), "{before:#?}");
    let after = world.why_not(other, None, Some("new")).await.unwrap();
    assert_eq!(codes(&after)[0], "ASSIGNED_BY_STAFF");
}

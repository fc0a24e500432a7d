use entity::SubjectKind;

use super::*;
use crate::domain::watermark::Watermark;
use crate::services::change::{Feed, after};
use crate::services::hold::hold_client;
use crate::services::reassignment::reassign_client;
use crate::services::referral_link::{NewLink, create};
use crate::services::review::release;
use crate::services::service_transfer::{self as transfers, RequestServiceTransfer};
use crate::services::suspension::suspend;
use crate::services::ticket::{self, OpenTicket};
use crate::services::withdrawal::{self, RequestWithdrawal};
use crate::services::{import_run, individual_rate};

/// A program of the partner's that keeps up with his changes.
struct Follower {
    partner_id: Uuid,
    watermark: Option<Watermark>,
}

impl Follower {
    /// One that knows all there is.
    async fn of(world: &World, partner_id: Uuid) -> Follower {
        let mut follower = Follower { partner_id, watermark: None };
        follower.read(world).await;
        follower
    }

    async fn page(&mut self, world: &World, first: u32) -> Feed {
        let feed = after(&world.app, self.partner_id, self.watermark, first).await.unwrap();
        self.watermark = Some(feed.watermark);
        feed
    }

    /// What has changed since.
    async fn read(&mut self, world: &World) -> Vec<(SubjectKind, Uuid)> {
        let feed = self.page(world, 100).await;
        assert!(feed.is_complete);
        feed.changed
    }

    async fn kinds(&mut self, world: &World) -> Vec<SubjectKind> {
        self.read(world).await.into_iter().map(|(kind, _)| kind).collect()
    }
}

#[tokio::test]
async fn every_change_is_told_in_the_transaction_that_makes_it() {
    use SubjectKind::{Client, Line, Link, Partner, ServiceTransfer, Statement, Ticket};
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let partner = world.partner_with("p", "500").await;
    let mut follower = Follower::of(&world, partner).await;
    assert_eq!(follower.read(&world).await, [], "nothing twice");

    world.client(partner, "c").await;
    let line = world.line("c", "1", "2026-10-01T08:00:00Z", "10").await;
    let refund = world.refund("c", "1", "r", "2026-10-01T09:00:00Z", "4").await;
    let told = follower.read(&world).await;
    assert_eq!(told[0].0, Client);
    assert_eq!(told[1..], [(Line, line.id), (Line, refund.id)]);

    let open = OpenTicket {
        kind: entity::TicketKind::Question,
        subject: "A question".to_owned(),
        text: "Why?".to_owned(),
        about_id: None,
    };
    let asked = ticket::open(app, partner, &open).await.unwrap();
    assert_eq!(follower.read(&world).await, [(Ticket, asked.id)]);
    ticket::answer(app, &ann, asked.id, "Because.").await.unwrap();
    ticket::close(app, &ann, asked.id, None).await.unwrap();
    assert_eq!(follower.read(&world).await, [(Ticket, asked.id)], "once a page, as it is now");

    let asked = RequestServiceTransfer { amount: money("1"), idempotency_key: "k".to_owned() };
    let transfer = transfers::request(app, partner, &asked).await.unwrap();
    assert_eq!(follower.read(&world).await, [(ServiceTransfer, transfer.id)]);
    transfers::request(app, partner, &asked).await.unwrap();
    assert_eq!(follower.read(&world).await, [], "nothing has changed");
    transfers::fail(app, transfer.id, "No such account.").await.unwrap();
    assert_eq!(follower.read(&world).await, [(ServiceTransfer, transfer.id)]);

    individual_rate::set(app, &ann, partner, Some(entity::RateBasisPoints(3_000)), "Good.").await.unwrap();
    assert_eq!(follower.kinds(&world).await, [Partner]);
    contracts::terminate(app, &ann, partner, "Over.").await.unwrap();
    assert_eq!(follower.kinds(&world).await, [Partner, Ticket]);
    suspend(app, &ann, partner, "Doubts.").await.unwrap();
    assert_eq!(follower.kinds(&world).await, [Partner]);
    let link = create(app, partner, &NewLink::default()).await.unwrap();
    assert_eq!(follower.read(&world).await, [(Link, link.id)]);
    world.credit(partner, "1").await;
    assert_eq!(follower.kinds(&world).await, [Partner]);
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    assert_eq!(follower.kinds(&world).await, [Statement]);
}

#[tokio::test]
async fn a_withdrawal_is_told_at_each_step() {
    let world = World::new().await;
    let partner = world.partner_with("p", "500").await;
    let mut follower = Follower::of(&world, partner).await;
    let asked = RequestWithdrawal {
        amount: None,
        destination: crate::domain::payout::PayoutDestination::Paypal { email: "p@example.com".to_owned() },
        idempotency_key: "k".to_owned(),
        only_known_destination: false,
    };
    let asked = withdrawal::request(&world.app, partner, &asked).await.unwrap();
    assert_eq!(follower.read(&world).await, [(SubjectKind::Withdrawal, asked.id)]);
    withdrawal::approve(&world.app, &staff("ann"), asked.id, None).await.unwrap();
    assert_eq!(follower.read(&world).await, [(SubjectKind::Withdrawal, asked.id)]);
    let refused = withdrawal::cancel(&world.app, partner, asked.id).await;
    refused.unwrap_err();
    assert_eq!(follower.read(&world).await, [], "what was refused changed nothing");
}

#[tokio::test]
async fn a_release_tells_of_the_line_again_and_a_reassignment_of_a_new_client() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let (partner, other) = (world.partner("p").await, world.partner("other").await);
    world.client(partner, "c").await;
    hold_client(app, &ann, "c", "Look at it.").await.unwrap();
    let line = world.line("c", "1", "2026-10-01T08:00:00Z", "10").await;
    let mut follower = Follower::of(&world, partner).await;
    let mut of_other = Follower::of(&world, other).await;
    release(app, &ann, line.id, "All is well.").await.unwrap();
    assert_eq!(follower.read(&world).await, [(SubjectKind::Line, line.id)]);
    let moved = reassign_client(app, &ann, "c", other, "He asked.").await.unwrap();
    assert_eq!(of_other.read(&world).await, [(SubjectKind::Client, moved.id)]);
    assert_eq!(follower.read(&world).await, [], "what was his stays where it is");
}

#[tokio::test]
async fn whoever_reaches_another_tier_is_told_when_the_period_closes() {
    let world = World::with(|config| config.programme.tiers[1].minimum_active_clients = 2).await;
    let (partner, other) = (world.partner("p").await, world.partner("other").await);
    for (owner, client) in [(partner, "a"), (partner, "b"), (other, "c")] {
        world.client(owner, client).await;
        world.line(client, client, "2026-10-01T08:00:00Z", "100").await;
    }
    let mut follower = Follower::of(&world, partner).await;
    let mut of_other = Follower::of(&world, other).await;
    world.app.clock.set(at("2026-10-16T00:00:00Z"));
    world.settle().await;
    assert_eq!(follower.kinds(&world).await, [SubjectKind::Partner, SubjectKind::Statement]);
    assert_eq!(of_other.kinds(&world).await, [SubjectKind::Statement]);
}

#[tokio::test]
async fn what_is_imported_is_told_nobody_and_comes_first_to_whoever_begins() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    world.client(partner, "live").await;
    let mut follower = Follower::of(&world, partner).await;
    let importing = World { app: App { makes_events: false, ..world.app.clone() }, directory: "".into() };
    let run = import_run::begin(&importing.app, "top-ups").await.unwrap();
    importing.client(partner, "old").await;
    let mut lines = Vec::new();
    for n in 0..5 {
        let occurred_at = format!("2026-09-0{}T08:00:00Z", 5 - n);
        lines.push(importing.line("old", &n.to_string(), &occurred_at, "10").await.id);
    }
    import_run::end(&importing.app, run).await.unwrap();
    assert_eq!(follower.read(&world).await, []);
    let line = world.line("live", "x", "2026-08-01T08:00:00Z", "10").await;
    assert_eq!(follower.read(&world).await, [(SubjectKind::Line, line.id)]);

    let mut begins = Follower { partner_id: partner, watermark: None };
    let mut told = Vec::new();
    loop {
        let feed = begins.page(&world, 2).await;
        assert!(feed.changed.len() <= 2);
        told.extend(feed.changed);
        if feed.is_complete {
            break;
        }
    }
    lines.reverse();
    let of_lines: Vec<Uuid> =
        told.iter().filter(|(kind, _)| *kind == SubjectKind::Line).map(|(_, id)| *id).collect();
    assert_eq!(of_lines, [lines, vec![line.id]].concat(), "by when it happened, then the events");
    let clients = told.iter().filter(|(kind, _)| *kind == SubjectKind::Client).count();
    assert_eq!((clients, told.len()), (2, 8));
    assert_eq!(begins.read(&world).await, []);
}

use entity::{ContractStatus, TicketAuthor, TicketKind, TicketStatus, ticket_message};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::*;
use crate::services::contract::{accept, find, is_in_force, offer, request, terminate};
use crate::services::ticket::{self, OpenTicket};

async fn thread(world: &World, ticket_id: Option<Uuid>) -> Vec<(TicketAuthor, String)> {
    let messages = ticket_message::Entity::find()
        .filter(ticket_message::Column::TicketId.eq(ticket_id.unwrap()))
        .order_by_asc(ticket_message::Column::Id)
        .all(world.app.db.reader())
        .await
        .unwrap();
    messages.into_iter().map(|message| (message.author, message.text)).collect()
}

async fn ticket_status(world: &World, ticket_id: Option<Uuid>) -> TicketStatus {
    ticket::find(world.app.db.reader(), ticket_id.unwrap()).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_contract_is_asked_for_offered_accepted_and_ended_in_one_thread() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let partner = world.partner("p").await;
    let asked = request(app, partner, Some("May I?")).await.unwrap();
    assert_eq!((asked.status, asked.requested_at), (ContractStatus::Requested, Some(at(NOW))));
    assert_eq!(ticket_status(&world, asked.ticket_id).await, TicketStatus::Open);
    assert_eq!(refusal(request(app, partner, None).await), Refusal::AlreadyDone);
    let offered = offer(app, &ann, partner, &document("1"), Some("Here.")).await.unwrap();
    assert_eq!((offered.status, offered.ticket_id), (ContractStatus::Offered, asked.ticket_id));
    assert_eq!(ticket_status(&world, asked.ticket_id).await, TicketStatus::Answered);
    assert!(!is_in_force(app.db.reader(), partner).await.unwrap());
    let other_digest = refusal(accept(app, partner, &document("2").digest).await);
    assert!(matches!(other_digest, Refusal::Invalid(invalid) if invalid.field == "documentDigest"));
    let active = accept(app, partner, &document("1").digest).await.unwrap();
    assert_eq!((active.status, active.offer_digest), (ContractStatus::Active, None));
    assert_eq!((active.accepted_version.as_deref(), active.accepted_at), (Some("1"), Some(at(NOW))));
    assert_eq!(active.accepted_by, Some(partner.to_string()), "no account id outside its table");
    assert_eq!(refusal(accept(app, partner, &document("1").digest).await), Refusal::AlreadyDone);
    assert_eq!(
        refusal(request(app, partner, None).await),
        Refusal::IllegalTransition { from: "ACTIVE", to: "REQUESTED" }
    );
    let ended = terminate(app, &ann, partner, "Fraud.").await.unwrap();
    assert_eq!((ended.status, ended.terminated_at), (ContractStatus::Terminated, Some(at(NOW))));
    assert_eq!(ended.accepted_version.as_deref(), Some("1"), "who accepted what stays on record");
    assert!(!is_in_force(app.db.reader(), partner).await.unwrap());
    assert_eq!(refusal(terminate(app, &ann, partner, "x").await), Refusal::AlreadyDone);
    let authors: Vec<TicketAuthor> =
        thread(&world, asked.ticket_id).await.into_iter().map(|(author, _)| author).collect();
    use TicketAuthor::{Partner, Staff, System};
    assert_eq!(authors, [System, Partner, System, Staff, System, System, Staff]);
    let actions: Vec<String> = world.audit(partner).await.into_iter().map(|(action, ..)| action).collect();
    assert_eq!(actions, ["offerContract", "terminateContract"]);
}

#[tokio::test]
async fn after_the_end_a_request_begins_anew_in_a_new_thread() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let partner = world.partner("p").await;
    let unasked = offer(app, &ann, partner, &document("1"), None).await.unwrap();
    assert_eq!((unasked.status, unasked.requested_at), (ContractStatus::Offered, None));
    assert_eq!(ticket_status(&world, unasked.ticket_id).await, TicketStatus::Answered);
    assert_eq!(refusal(offer(app, &ann, partner, &document("1"), None).await), Refusal::AlreadyDone);
    accept(app, partner, &document("1").digest).await.unwrap();
    terminate(app, &ann, partner, "Over.").await.unwrap();
    let again = request(app, partner, None).await.unwrap();
    assert_eq!(again.status, ContractStatus::Requested);
    assert_ne!(again.ticket_id, unasked.ticket_id);
    assert_eq!((again.accepted_digest, again.accepted_at, again.terminated_at), (None, None, None));
    let refused = refusal(accept(app, partner, &document("1").digest).await);
    assert_eq!(refused, Refusal::IllegalTransition { from: "REQUESTED", to: "ACTIVE" });
}

#[tokio::test]
async fn a_new_offer_leaves_the_old_acceptance_in_force() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let partner = world.partner_with("p", "0.01").await;
    let offered = offer(app, &ann, partner, &document("2"), None).await.unwrap();
    assert_eq!((offered.status, offered.offer_version.as_deref()), (ContractStatus::Active, Some("2")));
    assert_eq!(offered.accepted_version.as_deref(), Some("1"));
    assert!(is_in_force(app.db.reader(), partner).await.unwrap());
    let accepted = accept(app, partner, &document("2").digest).await.unwrap();
    assert_eq!(accepted.accepted_version.as_deref(), Some("2"));
    assert_eq!(find(app.db.reader(), partner).await.unwrap(), Some(accepted));
}

#[tokio::test]
async fn what_was_never_begun_cannot_be_accepted_or_ended() {
    let world = World::new().await;
    let partner = world.partner("p").await;
    let refused = refusal(accept(&world.app, partner, &document("1").digest).await);
    assert_eq!(refused, Refusal::IllegalTransition { from: "NONE", to: "ACTIVE" });
    let refused = refusal(terminate(&world.app, &staff("ann"), partner, "x").await);
    assert_eq!(refused, Refusal::IllegalTransition { from: "NONE", to: "TERMINATED" });
    let insecure = ContractDocument { url: "http://example.com/1.pdf".to_owned(), ..document("1") };
    let refused = refusal(offer(&world.app, &staff("ann"), partner, &insecure, None).await);
    assert!(matches!(refused, Refusal::Invalid(invalid) if invalid.field == "documentUrl"));
    let stranger = refusal(request(&world.app, Uuid::nil(), None).await);
    assert_eq!(stranger, Refusal::NotFound { what: "partner" });
    assert_eq!(world.count("ticket").await, 0, "a refused step changes nothing");
}

#[tokio::test]
async fn a_ticket_is_open_answered_and_closed() {
    let world = World::new().await;
    let (app, ann) = (&world.app, staff("ann"));
    let (partner, other) = (world.partner("p").await, world.partner("other").await);
    let asking = |about_id| OpenTicket {
        kind: TicketKind::Question,
        subject: "My link".to_owned(),
        text: "Where is it?".to_owned(),
        about_id,
    };
    let refused = refusal(ticket::open(app, partner, &asking(Some(Uuid::nil()))).await);
    assert!(matches!(refused, Refusal::NotFound { .. }));
    let opened = ticket::open(app, partner, &asking(None)).await.unwrap();
    assert_eq!(ticket::answer(app, &ann, opened.id, "There.").await.unwrap().status, TicketStatus::Answered);
    assert_eq!(ticket::reply(app, partner, opened.id, "Where?").await.unwrap().status, TicketStatus::Open);
    let foreign = refusal(ticket::reply(app, other, opened.id, "Mine!").await);
    assert_eq!(foreign, Refusal::NotFound { what: "ticket" });
    assert_eq!(
        ticket::close(app, &ann, opened.id, Some("Done.")).await.unwrap().status,
        TicketStatus::Closed
    );
    assert_eq!(refusal(ticket::close(app, &ann, opened.id, None).await), Refusal::AlreadyDone);
    let late = refusal(ticket::reply(app, partner, opened.id, "But").await);
    assert_eq!(late, Refusal::IllegalTransition { from: "CLOSED", to: "OPEN" });
    let texts: Vec<String> =
        thread(&world, Some(opened.id)).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["Where is it?", "There.", "Where?", "The ticket was closed.", "Done."]);
    assert!(world.audit(opened.id).await.iter().all(|(_, before, after)| {
        ![before, after].into_iter().flatten().any(|state| state.contains("Where") || state.contains("There"))
    }));
    let about_own = ticket::open(app, partner, &asking(Some(own_link(&world, partner).await))).await;
    assert!(about_own.is_ok());
    let about_foreign = ticket::open(app, other, &asking(Some(own_link(&world, partner).await))).await;
    assert!(matches!(refusal(about_foreign), Refusal::NotFound { .. }));
}

async fn own_link(world: &World, partner: Uuid) -> Uuid {
    let sql = "SELECT id FROM link WHERE partner_id = $1";
    let row = db::query_one(world.app.db.reader(), sql, vec![partner.into()]).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

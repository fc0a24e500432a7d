//! The outbox: each change that is no row of its own, written in the transaction that makes it.
//!
//! Lines, referrals and statements are events themselves (`services/change.rs`). The partners' rows are locked: that is
//! what keeps the order of their changes.

use entity::{EventType, LineKind, Moment, SubjectKind, line};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::change::Numbers;
use super::webhook::outbox::tell_provider;
use crate::app::App;
use crate::db::{Column, Rows};

/// What happened to one object of a partner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    partner_id: Uuid,
    /// None: of the feed alone.
    event_type: Option<EventType>,
    subject: (SubjectKind, Uuid),
}

impl Event {
    pub fn withdrawal_changed(partner_id: Uuid, id: Uuid) -> Event {
        Event::typed(partner_id, EventType::WithdrawalChanged, (SubjectKind::Withdrawal, id))
    }

    pub fn service_transfer_changed(partner_id: Uuid, id: Uuid) -> Event {
        Event::typed(partner_id, EventType::ServiceTransferChanged, (SubjectKind::ServiceTransfer, id))
    }

    pub fn ticket_changed(partner_id: Uuid, id: Uuid) -> Event {
        Event::typed(partner_id, EventType::TicketChanged, (SubjectKind::Ticket, id))
    }

    /// Its subject is the partner.
    pub fn contract_changed(partner_id: Uuid) -> Event {
        Event::typed(partner_id, EventType::ContractChanged, (SubjectKind::Partner, partner_id))
    }

    /// His tier or his rate is another one. Its subject is the partner.
    pub fn tier_changed(partner_id: Uuid) -> Event {
        Event::typed(partner_id, EventType::TierChanged, (SubjectKind::Partner, partner_id))
    }

    /// A line on record was released or rejected.
    pub fn line_reviewed(line: &line::Model) -> Event {
        let event_type = match line.kind {
            LineKind::TopUp => EventType::CommissionRecorded,
            LineKind::Refund => EventType::CommissionReversed,
        };
        Event::typed(line.partner_id, event_type, (SubjectKind::Line, line.id))
    }

    /// His status or his balance, by staff's hand.
    pub fn partner_changed(partner_id: Uuid) -> Event {
        Event { partner_id, event_type: None, subject: (SubjectKind::Partner, partner_id) }
    }

    /// It was disabled, since it has failed for too long or asked for it.
    pub fn webhook_endpoint_changed(partner_id: Uuid, id: Uuid) -> Event {
        Event { partner_id, event_type: None, subject: (SubjectKind::WebhookEndpoint, id) }
    }

    pub fn link_changed(partner_id: Uuid, id: Uuid) -> Event {
        Event { partner_id, event_type: None, subject: (SubjectKind::Link, id) }
    }

    fn typed(partner_id: Uuid, event_type: EventType, subject: (SubjectKind, Uuid)) -> Event {
        Event { partner_id, event_type: Some(event_type), subject }
    }
}

/// Writes what happened, in this order.
pub async fn record(app: &App, tx: &impl ConnectionTrait, events: &[Event], at: Moment) -> Result<(), DbErr> {
    if events.is_empty() {
        return Ok(());
    }
    let mut numbers = Numbers::draw(app, tx, events.iter().map(|event| event.partner_id)).await?;
    let mut rows = Rows::new(COLUMNS);
    for event in events {
        let Some(number) = numbers.take() else { return Ok(()) };
        rows.push([
            event.partner_id.into(),
            number.into(),
            event.event_type.map(EventType::as_str).into(),
            event.subject.0.as_str().into(),
            event.subject.1.into(),
            at.0.into(),
        ]);
        if let Some(event_type) = event.event_type {
            let (partner_id, subject) = (event.partner_id, event.subject);
            tell_provider(app, tx, partner_id, number, event_type, subject, at).await?;
        }
    }
    rows.execute(tx, INSERT, vec![]).await.map(|_| ())
}

const COLUMNS: &[(&str, Column)] = &[
    ("partner_id", Column::Uuid),
    ("number", Column::BigInt),
    ("event_type", Column::TextOrNull),
    ("subject_kind", Column::Text),
    ("subject_id", Column::Uuid),
    ("at", Column::BigInt),
];

const INSERT: &str = "WITH {rows} INSERT INTO event (partner_id, number, event_type, subject_kind, subject_id, at) \
    SELECT partner_id, number, event_type, subject_kind, subject_id, at FROM v";

//! Writes who was bound to whom, and attaches what had waited for the accounts.

use std::collections::HashMap;

use entity::{BroughtBy, FingerprintKind, LineKind, LineReason, Moment};
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::Registration;
use super::known::{Known, visitor_id};
use crate::db::{Column, Rows};
use crate::domain::attribution::is_doubtful;
use crate::domain::reference;
use crate::domain::visitor_token::VisitorToken;
use crate::services::change::Numbers;
use crate::services::client::Referral;
use crate::services::error::ServiceError;
use crate::services::line::{NewLines, Recording};
use crate::services::lock::LockedPartner;
use crate::services::{fingerprint, parked_fact, referred_client, statistics, top_up};

/// A client bound just now.
pub(super) struct Bound {
    referral: Referral,
    account_id: Uuid,
    reference: String,
    link_id: Uuid,
    token: Option<VisitorToken>,
    registered_at: Moment,
}

pub(super) fn bind(
    recording: &Recording<'_>,
    known: &mut Known,
    account_id: Uuid,
    registration: &Registration,
    partner_id: Uuid,
    link_id: Uuid,
    token: Option<VisitorToken>,
) -> Bound {
    let hold_reason = token.and_then(|token| {
        let bound = known.bound_before.entry(visitor_id(&token)).or_default();
        let doubtful = is_doubtful(*bound);
        *bound += 1;
        doubtful.then_some(LineReason::UnderReview)
    });
    Bound {
        referral: Referral {
            id: recording.app.clock.new_id(),
            partner_id,
            since: Moment::BEGINNING,
            until: None,
            hold_reason,
        },
        account_id,
        reference: reference::shown(&registration.client_id),
        link_id,
        token,
        registered_at: registration.registered_at,
    }
}

pub(super) async fn write(
    recording: &Recording<'_>,
    tx: &DatabaseTransaction,
    known: &Known,
    reported: &[(Uuid, &Registration)],
    mut bound: Vec<Bound>,
) -> Result<(), ServiceError> {
    let mut rows = Rows::new(&[("id", Column::Uuid), ("registered_at", Column::BigInt)]);
    reported.iter().for_each(|(id, sent)| rows.push([(*id).into(), sent.registered_at.0.into()]));
    let sql = "WITH {rows} UPDATE account SET registered_at = v.registered_at FROM v WHERE account.id = v.id";
    rows.execute(tx, sql, vec![]).await?;
    let fingerprints = reported.iter().flat_map(|(id, sent)| {
        let instrument = sent.payment_instrument_hash.as_deref();
        let device = sent.device_hash.as_deref();
        let instrument = instrument.map(|hash| (*id, FingerprintKind::PaymentInstrument, hash));
        instrument.into_iter().chain(device.map(|hash| (*id, FingerprintKind::Device, hash)))
    });
    // Collected: a future that holds such closures is not known to be Send.
    let fingerprints: Vec<_> = fingerprints.collect();
    fingerprint::keep_all(tx, recording, fingerprints.into_iter()).await?;
    let pairs = bound.iter().filter_map(|bound| {
        Some((bound.account_id, known.partners.get(&bound.referral.partner_id)?.account_id))
    });
    let pairs: Vec<(Uuid, Uuid)> = pairs.collect();
    let shared = fingerprint::shared_by_accounts(tx, pairs.into_iter()).await?;
    for bound in bound.iter_mut().filter(|bound| shared.contains(&bound.account_id)) {
        bound.referral.hold_reason = Some(LineReason::SharedPaymentInstrument);
    }
    insert(recording, tx, &bound).await?;
    count(recording, tx, &bound).await?;
    attach(recording, tx, known, reported, &bound).await
}

async fn insert(recording: &Recording<'_>, tx: &DatabaseTransaction, bound: &[Bound]) -> Result<(), DbErr> {
    if bound.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(&[
        ("id", Column::Uuid),
        ("partner_id", Column::Uuid),
        ("account_id", Column::Uuid),
        ("link_id", Column::Uuid),
        ("brought_by", Column::Text),
        ("visitor_id", Column::UuidOrNull),
        ("visited_at", Column::BigIntOrNull),
        ("registered_at", Column::BigInt),
        ("recorded_at", Column::BigInt),
        ("since", Column::BigInt),
        ("hold_reason", Column::TextOrNull),
        ("change", Column::BigIntOrNull),
    ]);
    let partners = bound.iter().map(|bound| bound.referral.partner_id);
    let mut numbers = Numbers::draw(recording.app, tx, partners).await?;
    for bound in bound {
        let brought_by = if bound.token.is_some() { BroughtBy::Visit } else { BroughtBy::Code };
        rows.push([
            bound.referral.id.into(),
            bound.referral.partner_id.into(),
            bound.account_id.into(),
            bound.link_id.into(),
            <&str>::from(brought_by).into(),
            bound.token.as_ref().map(visitor_id).into(),
            bound.token.map(|token| token.visited_at.0).into(),
            bound.registered_at.0.into(),
            recording.now.0.into(),
            bound.referral.since.0.into(),
            bound.referral.hold_reason.map(<&str>::from).into(),
            numbers.take().into(),
        ]);
    }
    let sql = "WITH {rows} INSERT INTO referral (id, partner_id, account_id, link_id, brought_by, \
               visitor_id, visited_at, registered_at, recorded_at, since, hold_reason, change) SELECT id, partner_id, \
               account_id, link_id, brought_by, visitor_id, visited_at, registered_at, recorded_at, since, hold_reason, change FROM v";
    rows.execute(tx, sql, vec![]).await?;
    let clients = bound.iter().map(|bound| referred_client::WithoutLines {
        referral_id: bound.referral.id,
        partner_id: bound.referral.partner_id,
        link_id: Some(bound.link_id),
        registered_at: bound.registered_at,
        reference: &bound.reference,
    });
    referred_client::open_totals(tx, clients).await
}

async fn count(recording: &Recording<'_>, tx: &DatabaseTransaction, bound: &[Bound]) -> Result<(), DbErr> {
    let registered = bound.iter().map(|bound| statistics::CountedRegistration {
        partner_id: bound.referral.partner_id,
        link_id: bound.link_id,
        at: bound.registered_at,
    });
    let registered: Vec<_> = registered.collect();
    statistics::count_registrations(&recording.app.terms.calendar, tx, &registered).await
}

/// Attaches the top-ups that waited for these accounts; those of a DIRECT client belong to nobody (rule 12).
async fn attach(
    recording: &Recording<'_>,
    tx: &DatabaseTransaction,
    known: &Known,
    reported: &[(Uuid, &Registration)],
    bound: &[Bound],
) -> Result<(), ServiceError> {
    let accounts: Vec<Uuid> = reported.iter().map(|(id, _)| *id).collect();
    let referrals: HashMap<Uuid, &Referral> =
        bound.iter().map(|bound| (bound.account_id, &bound.referral)).collect();
    let mut new = NewLines::default();
    let mut done: Vec<Uuid> = Vec::new();
    for fact in parked_fact::waiting_of(tx, &accounts, recording.now).await? {
        let referral = referrals.get(&fact.account_id);
        match (referral, fact.kind) {
            (Some(referral), LineKind::TopUp) => {
                let is_suspended =
                    known.partners.get(&referral.partner_id).is_some_and(LockedPartner::is_suspended);
                new.push_top_up(top_up::line_of(recording, &fact, referral, is_suspended, false));
                done.push(fact.id);
            }
            // Attached with its top-up, or it goes on waiting for it.
            (Some(_), LineKind::Refund) => {}
            (None, _) => done.push(fact.id),
        }
    }
    parked_fact::remove(tx, done.into_iter()).await?;
    top_up::write(recording, tx, new).await
}

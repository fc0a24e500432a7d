//! Records new accounts, and whose clients they are, once and for ever (rules 6 to 8).

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{BroughtBy, FingerprintKind, LineReason, Moment, PartnerStatus};
use sea_orm::{DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

use super::client::{self, Client, Referral};
use super::error::{ServiceError, retrying};
use super::line::{NewLines, Recording};
use super::lock::LockedPartner;
use super::{fingerprint, lock, parked_fact, top_up};
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::account::check_account_id;
use crate::domain::attribution::{
    Attribution, BoundBy, Candidate, CodeLookup, RegistrationFacts, TokenFacts, attribute, is_doubtful,
};
use crate::domain::error::{Invalid, Refusal};
use crate::domain::link::{check_code, code_key};
use crate::domain::text::check_text;
use crate::domain::top_up::{FactLimits, MAX_HASH};
use crate::domain::visitor_token::{self, VisitorToken};

/// A new account as the provider reports it.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    pub client_id: String,
    pub registered_at: Moment,
    pub visitor_token: Option<String>,
    pub code: Option<String>,
    pub payment_instrument_hash: Option<String>,
    pub device_hash: Option<String>,
}

/// What an unknown or archived code does: a client who mistyped it is nobody's, a wrong row of a file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePolicy {
    /// As the sign-up site reports it (rule 6).
    Typed,
    /// As a file of the provider's own records says it: a suspended partner's code binds too.
    Recorded,
}

/// What became of a reported account.
#[derive(Clone, Debug)]
pub enum RegistrationOutcome {
    Attributed,
    /// Nobody's client; the refusal says why where the report named somebody.
    Direct(Option<Refusal>),
    Replayed,
    Refused(Refusal),
}

/// Records a batch in one transaction; the outcomes are in its order.
pub async fn register(
    app: &App,
    registrations: &[Registration],
    policy: CodePolicy,
) -> Result<Vec<RegistrationOutcome>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let outcomes = register_in(app, &tx, registrations, policy).await?;
        tx.commit().await?;
        Ok(outcomes)
    })
    .await
}

async fn register_in(
    app: &App,
    tx: &DatabaseTransaction,
    registrations: &[Registration],
    policy: CodePolicy,
) -> Result<Vec<RegistrationOutcome>, ServiceError> {
    let limits = FactLimits { starts_at: app.terms.starts_at, now: app.clock.now() };
    lock::period_shared(tx).await?;
    let mut seen = HashSet::new();
    let invalid: Vec<Option<Invalid>> =
        registrations.iter().map(|registration| check(registration, &limits).err()).collect();
    // An account named twice in a batch is a replay the second time.
    let is_first: Vec<bool> = registrations
        .iter()
        .zip(&invalid)
        .map(|(registration, invalid)| invalid.is_none() && seen.insert(registration.client_id.as_str()))
        .collect();
    let first: Vec<&Registration> =
        registrations.iter().zip(&is_first).filter(|(_, first)| **first).map(|(sent, _)| sent).collect();
    let mut decided = register_each_once(app, tx, &first, policy).await?.into_iter();
    let outcomes = invalid.into_iter().zip(is_first).map(|(invalid, is_first)| match (invalid, is_first) {
        (Some(invalid), _) => RegistrationOutcome::Refused(invalid.into()),
        (None, true) => decided.next().unwrap_or(RegistrationOutcome::Replayed),
        (None, false) => RegistrationOutcome::Replayed,
    });
    Ok(outcomes.collect())
}

fn check(registration: &Registration, limits: &FactLimits) -> Result<(), Invalid> {
    check_account_id("clientId", &registration.client_id)?;
    limits.check("registeredAt", registration.registered_at)?;
    for (field, hash) in [
        ("paymentInstrumentHash", &registration.payment_instrument_hash),
        ("deviceHash", &registration.device_hash),
    ] {
        hash.as_deref().map_or(Ok(()), |hash| check_text(field, hash, MAX_HASH))?;
    }
    Ok(())
}

/// What is known when accounts are judged; read under the locks.
struct Known {
    clients: HashMap<String, Client>,
    tokens: HashMap<String, VisitorToken>,
    links: Links,
    partners: HashMap<Uuid, LockedPartner>,
    bound_before: HashMap<Uuid, u32>,
}

async fn register_each_once(
    app: &App,
    tx: &DatabaseTransaction,
    registrations: &[&Registration],
    policy: CodePolicy,
) -> Result<Vec<RegistrationOutcome>, ServiceError> {
    let mut known = load(app, tx, registrations).await?;
    let recording = Recording::begin(app, tx).await?;
    let mut bound = Vec::new();
    let mut reported = Vec::new();
    let mut outcomes = Vec::with_capacity(registrations.len());
    for registration in registrations {
        let Some(client) = known.clients.get(&registration.client_id) else {
            return Err(ServiceError::Broken("an account that was just made is not there".to_owned()));
        };
        if client.registered_at.is_some() {
            outcomes.push(RegistrationOutcome::Replayed);
            continue;
        }
        let facts = facts_of(&known, client, registration, policy);
        let attribution = attribute(&facts);
        if let (CodePolicy::Recorded, Attribution::Direct { error: Some(refusal) }) = (policy, &attribution)
            && *refusal != Refusal::SelfReferral
        {
            outcomes.push(RegistrationOutcome::Refused(refusal.clone()));
            continue;
        }
        reported.push((client.id, *registration));
        outcomes.push(match attribution {
            Attribution::Direct { error } => RegistrationOutcome::Direct(error),
            Attribution::Bound { partner_id, link_id, by } => {
                let token = known.tokens.get(registration.visitor_token.as_deref().unwrap_or_default());
                let token = token.filter(|_| by == BoundBy::Token).copied();
                let client_id = client.id;
                bound.push(bind(&recording, &mut known, client_id, registration, partner_id, link_id, token));
                RegistrationOutcome::Attributed
            }
        });
    }
    write(&recording, tx, &known, &reported, bound).await?;
    Ok(outcomes)
}

async fn load(
    app: &App,
    tx: &DatabaseTransaction,
    registrations: &[&Registration],
) -> Result<Known, ServiceError> {
    let account_ids: BTreeSet<&str> = registrations.iter().map(|sent| sent.client_id.as_str()).collect();
    let clients = client::lock_unreported(app, tx, &account_ids).await?;
    let tokens: HashMap<String, VisitorToken> = registrations
        .iter()
        .filter_map(|sent| sent.visitor_token.as_deref())
        .filter_map(|text| Some((text.to_owned(), visitor_token::verify(&app.keys.visitor, text)?)))
        .collect();
    let codes = registrations
        .iter()
        .filter_map(|sent| sent.code.as_deref())
        .filter(|code| check_code("code", code).is_ok())
        .map(code_key)
        .collect();
    let links = Links::load(tx, &tokens, &codes).await?;
    let partner_ids = links.by_id.values().map(|link| link.partner_id).collect();
    let partners = lock::partners(tx, &partner_ids).await?;
    let bound_before = bound_before(tx, &tokens).await?;
    Ok(Known { clients, tokens, links, partners, bound_before })
}

/// A link as far as attribution asks.
#[derive(Clone, Copy, Debug)]
struct Link {
    id: Uuid,
    partner_id: Uuid,
    is_archived: bool,
}

#[derive(Debug)]
struct Links {
    by_id: HashMap<Uuid, Link>,
    by_code: HashMap<String, Link>,
}

impl Links {
    async fn load(
        tx: &DatabaseTransaction,
        tokens: &HashMap<String, VisitorToken>,
        codes: &BTreeSet<String>,
    ) -> Result<Links, DbErr> {
        let (mut by_id, mut by_code) = (HashMap::new(), HashMap::new());
        let ids: BTreeSet<Uuid> = tokens.values().map(|token| token.link_id).collect();
        let select = "SELECT l.id, l.code_key, l.partner_id, l.archived_at FROM v JOIN link l";
        let by_ids = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
        let by_codes =
            Rows::of(&[("code_key", Column::Text)], codes.iter().map(|code| Value::from(code.as_str())));
        let mut rows = by_ids.query(tx, &format!("WITH {{rows}} {select} ON l.id = v.id"), vec![]).await?;
        let on_code = format!("WITH {{rows}} {select} ON l.code_key = v.code_key");
        rows.extend(by_codes.query(tx, &on_code, vec![]).await?);
        for row in rows {
            let archived_at: Option<Moment> = row.try_get_by_index(3)?;
            let link = Link {
                id: row.try_get_by_index(0)?,
                partner_id: row.try_get_by_index(2)?,
                is_archived: archived_at.is_some(),
            };
            by_id.insert(link.id, link);
            by_code.insert(row.try_get_by_index(1)?, link);
        }
        Ok(Links { by_id, by_code })
    }
}

/// How many accounts each visitor id has bound.
async fn bound_before(
    tx: &DatabaseTransaction,
    tokens: &HashMap<String, VisitorToken>,
) -> Result<HashMap<Uuid, u32>, DbErr> {
    let ids: BTreeSet<Uuid> = tokens.values().map(visitor_id).collect();
    let sql = "WITH {rows} SELECT r.visitor_id, COUNT(*) FROM v JOIN referral r ON r.visitor_id = v.id \
               GROUP BY r.visitor_id";
    let rows =
        Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from)).query(tx, sql, vec![]).await?;
    rows.iter()
        .map(|row| {
            let bound: i64 = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, u32::try_from(bound).unwrap_or(u32::MAX)))
        })
        .collect()
}

fn visitor_id(token: &VisitorToken) -> Uuid {
    Uuid::from_bytes(token.visitor_id)
}

fn facts_of(
    known: &Known,
    client: &Client,
    registration: &Registration,
    policy: CodePolicy,
) -> RegistrationFacts {
    let candidate = |link: &Link| Candidate {
        partner_id: link.partner_id,
        link_id: link.id,
        is_the_client: known
            .partners
            .get(&link.partner_id)
            .is_some_and(|partner| partner.account_id == client.id),
    };
    let token = registration.visitor_token.as_deref().and_then(|text| {
        let token = known.tokens.get(text)?;
        let link = known.links.by_id.get(&token.link_id)?;
        Some(TokenFacts { candidate: candidate(link), visited_at: token.visited_at })
    });
    let code = match registration.code.as_deref().filter(|code| !code.is_empty()) {
        None => CodeLookup::NotGiven,
        Some(code) => match known.links.by_code.get(&code_key(code)) {
            None => CodeLookup::Unknown,
            Some(link) if link.is_archived => CodeLookup::Archived,
            Some(link) => {
                let status = known.partners.get(&link.partner_id).map(|partner| partner.status);
                match (status, policy) {
                    (Some(PartnerStatus::Suspended), CodePolicy::Typed) => CodeLookup::OfSuspended,
                    _ => CodeLookup::Partner(candidate(link)),
                }
            }
        },
    };
    RegistrationFacts { registered_at: registration.registered_at, token, code }
}

/// A client bound just now.
struct Bound {
    referral: Referral,
    account_id: Uuid,
    link_id: Uuid,
    token: Option<VisitorToken>,
    registered_at: Moment,
}

fn bind(
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
        link_id,
        token,
        registered_at: registration.registered_at,
    }
}

async fn write(
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
    attach(recording, tx, known, reported, &bound).await
}

async fn insert(recording: &Recording<'_>, tx: &DatabaseTransaction, bound: &[Bound]) -> Result<(), DbErr> {
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
    ]);
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
        ]);
    }
    let sql = "WITH {rows} INSERT INTO referral (id, partner_id, account_id, link_id, brought_by, visitor_id, \
               visited_at, registered_at, recorded_at, since, hold_reason) SELECT id, partner_id, account_id, link_id, \
               brought_by, visitor_id, visited_at, registered_at, recorded_at, since, hold_reason FROM v";
    rows.execute(tx, sql, vec![]).await.map(|_| ())
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
            (Some(referral), entity::LineKind::TopUp) => {
                let is_suspended =
                    known.partners.get(&referral.partner_id).is_some_and(LockedPartner::is_suspended);
                new.push_top_up(top_up::line_of(recording, &fact, referral, is_suspended, false));
                done.push(fact.id);
            }
            // Attached with its top-up, or it goes on waiting for it.
            (Some(_), entity::LineKind::Refund) => {}
            (None, _) => done.push(fact.id),
        }
    }
    parked_fact::remove(tx, done.into_iter()).await?;
    top_up::write(recording, tx, new).await
}

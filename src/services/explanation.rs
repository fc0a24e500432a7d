//! Loads what explains a line of the commission history, or a client; the domain words it.

use std::collections::BTreeSet;

use entity::{
    BroughtBy, LineKind, LineReason, LineState, Moment, Money, Period, account, ledger_transfer, line, link,
    partner, referral, statement,
};
use sea_orm::{DbErr, EntityTrait, FromQueryResult};
use uuid::Uuid;

use super::error::ServiceError;
use super::line::find_by_key;
use super::referred_client::{self, active_from, mask};
use super::standing::RateBook;
use crate::app::App;
use crate::db;
use crate::domain::account::check_account_id;
use crate::domain::explanation::{
    ClientFacts, ClientTotals, Conversion, Credit, Explained, Explanation, Individual, NotEarning, Origin,
    Paid, Refunded, Review, Standing, Statement, explain_client, explain_line, explain_own_account,
};
use crate::domain::rate::RateSource;
use crate::domain::text::check_text;
use crate::domain::top_up::MAX_EXTERNAL_ID;

/// How many refunds are named.
const MAX_REFUNDS: i64 = 100;

/// Who reads an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Partner,
    /// Sees who set an individual rate.
    Staff,
    /// A system of the provider's: sees neither client nor statement.
    Service,
}

/// A top-up as the provider names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpKey {
    pub source: String,
    pub external_id: String,
}

/// Why a top-up or a client of this partner earned what it did; nothing for what is not his. With both the top-up is
/// explained.
pub async fn why_not(
    app: &App,
    partner: &partner::Model,
    top_up: Option<&TopUpKey>,
    client_id: Option<&str>,
    reader: Reader,
) -> Result<Option<Explanation>, ServiceError> {
    if let Some(key) = top_up {
        let is_possible = |text| check_text("topUp", text, MAX_EXTERNAL_ID).is_ok();
        if !is_possible(&key.source) || !is_possible(&key.external_id) {
            return Ok(None);
        }
        let keys = std::iter::once((key.source.as_str(), key.external_id.as_str()));
        let found = find_by_key(app.db.reader(), LineKind::TopUp, keys).await?.into_values().next();
        return match found.filter(|known| known.line.partner_id == partner.id) {
            Some(known) => Ok(Some(of_line(app, &known.line, reader).await?)),
            None => Ok(None),
        };
    }
    match client_id.filter(|id| check_account_id("clientId", id).is_ok()) {
        Some(client_id) => of_client(app, partner, client_id).await,
        None => Ok(None),
    }
}

/// Why a line earned what it did.
pub async fn of_line(app: &App, line: &line::Model, reader: Reader) -> Result<Explanation, ServiceError> {
    let client = match reader {
        Reader::Service => None,
        Reader::Partner | Reader::Staff => Some(client_facts(app, line.referral_id).await?),
    };
    let statement = match reader {
        Reader::Service => None,
        Reader::Partner | Reader::Staff => settled_by(app, line).await?,
    };
    let conversion = line.exchange_rate.clone().zip(line.rate_published_on);
    Ok(explain_line(&Explained {
        client,
        paid: paid(app, line).await?,
        conversion: conversion.map(|(rate, published_on)| Conversion { rate, published_on }),
        base: line.base,
        currency: app.terms.currency.clone(),
        state: line.state,
        reason: line.reason,
        review: review_of(app, line.reverses.unwrap_or(line.id)).await?,
        rate_period: line.rate_period,
        occurred_in: app.terms.calendar.period_of(line.occurred_at),
        settle_period: line.settle_period,
        settles_after: line.settle_period.map(|period| app.terms.calendar.ends_at(period)),
        standing: standing(app, line.partner_id, line.rate_period, reader).await?,
        statement,
        refunds: refunds_of(app, line.id).await?,
    }))
}

async fn client_facts(app: &App, referral_id: Uuid) -> Result<ClientFacts, ServiceError> {
    let broken = |what: &str| ServiceError::Broken(format!("referral {referral_id} has no {what}"));
    let db = app.db.reader();
    let referral = referral::Entity::find_by_id(referral_id).one(db).await?.ok_or_else(|| broken("row"))?;
    let account = account::Entity::find_by_id(referral.account_id).one(db).await?;
    let reference = mask(&account.ok_or_else(|| broken("account"))?.account_id);
    let link = match referral.link_id {
        Some(id) => link::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let code = link.map(|link| link.code).unwrap_or_default();
    let origin = match referral.brought_by {
        BroughtBy::Visit => {
            Origin::Visit { code, visited_at: referral.visited_at.unwrap_or(referral.registered_at) }
        }
        BroughtBy::Code => Origin::Code { code },
        BroughtBy::Staff => Origin::Staff { since: referral.since },
    };
    let (registered_at, until, hold) = (referral.registered_at, referral.until, referral.hold_reason);
    Ok(ClientFacts { reference, origin, registered_at, until, hold })
}

async fn paid(app: &App, line: &line::Model) -> Result<Paid, ServiceError> {
    let reverses = match line.reverses {
        Some(id) => super::line::find(app.db.reader(), id).await?.map(|top_up| top_up.external_id),
        None => None,
    };
    Ok(Paid {
        kind: line.kind,
        top_up_kind: line.top_up_kind,
        source: line.source.clone(),
        external_id: line.external_id.clone(),
        reverses,
        amount: line.amount,
        currency: line.currency.clone(),
        occurred_at: line.occurred_at,
        recorded_at: line.recorded_at,
    })
}

/// What staff decided of a top-up with its refunds, last.
async fn review_of(app: &App, top_up: Uuid) -> Result<Option<Review>, DbErr> {
    let sql = "SELECT action, at FROM audit_record WHERE subject_id = $1 \
               AND action IN ('releaseCommission', 'rejectCommission') ORDER BY at DESC, id DESC LIMIT 1";
    let row = db::query_one(app.db.reader(), sql, vec![top_up.into()]).await?;
    row.map(|row| {
        let action: String = row.try_get_by_index(0)?;
        Ok(Review { released: action == "releaseCommission", at: row.try_get_by_index(1)? })
    })
    .transpose()
}

async fn standing(
    app: &App,
    partner_id: Uuid,
    period: Period,
    reader: Reader,
) -> Result<Standing, ServiceError> {
    let db = app.db.reader();
    let book = RateBook::load(db, &app.terms, &BTreeSet::from([(partner_id, period)]), None).await?;
    let standing = book.standing(partner_id, period);
    let sql = "SELECT set_at, set_by FROM individual_rate WHERE partner_id = $1 AND from_period <= $2 \
               ORDER BY from_period DESC, id DESC LIMIT 1";
    let row = match standing.rate.source {
        RateSource::Tier => None,
        RateSource::Individual => db::query_one(db, sql, vec![partner_id.into(), period.0.into()]).await?,
    };
    let individual = row.map(|row| {
        let by = if reader == Reader::Staff { Some(row.try_get_by_index(1)?) } else { None };
        Ok::<_, DbErr>(Individual { at: row.try_get_by_index(0)?, by })
    });
    Ok(Standing {
        active_clients: standing.active_clients,
        tier: standing.tier.name,
        rate: standing.rate.rate,
        source: standing.rate.source,
        is_fixed: book.is_fixed(period),
        individual: individual.transpose()?,
    })
}

async fn settled_by(app: &App, line: &line::Model) -> Result<Option<Statement>, ServiceError> {
    let Some(period) = line.settle_period else { return Ok(None) };
    let db = app.db.reader();
    let sql = "SELECT s.*, m.minimum_active_clients AS minimum FROM statement s \
               JOIN settlement m ON m.period = s.period WHERE s.partner_id = $1 AND s.period = $2";
    let Some(row) = db::query_one(db, sql, vec![line.partner_id.into(), period.0.into()]).await? else {
        return Ok(None);
    };
    let minimum: i32 = row.try_get("", "minimum")?;
    let found = statement::Model::from_query_result(&row, "")?;
    let sql = "SELECT * FROM ledger_transfer WHERE source_id = $1 AND kind = 'COMMISSION'";
    let credit = db::query_one(db, sql, vec![found.id.into()]).await?;
    let credit = credit.map(|row| ledger_transfer::Model::from_query_result(&row, "")).transpose()?;
    let later = "SELECT period, settled_at FROM statement WHERE partner_id = $1 AND period > $2 AND credited > 0 \
                 ORDER BY period LIMIT 1";
    let later = match found.carried_out == Money::ZERO {
        true => None,
        false => db::query_one(db, later, vec![line.partner_id.into(), period.0.into()]).await?,
    };
    let later = later.map(|row| Ok::<_, DbErr>((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    Ok(Some(Statement {
        settled_at: found.settled_at,
        commission: found.commission,
        carried_in: found.carried_in,
        credited: found.credited,
        carried_out: found.carried_out,
        carry_reason: found.carry_reason,
        active_clients: u32::try_from(found.active_clients).unwrap_or(u32::MAX),
        minimum_active_clients: minimum.unsigned_abs(),
        digest: found.digest,
        credit: credit.map(|credit| Credit {
            at: credit.at,
            amount: credit.amount,
            available_after: credit.available_after,
        }),
        credited_later: later.transpose()?,
    }))
}

async fn refunds_of(app: &App, top_up: Uuid) -> Result<Vec<Refunded>, DbErr> {
    let sql = "SELECT * FROM line WHERE reverses = $1 ORDER BY occurred_at, id LIMIT $2";
    let rows = db::query(app.db.reader(), sql, vec![top_up.into(), MAX_REFUNDS.into()]).await?;
    let refunds = rows.iter().map(|row| {
        let refund = line::Model::from_query_result(row, "")?;
        Ok(Refunded {
            external_id: refund.external_id,
            occurred_at: refund.occurred_at,
            amount: refund.amount,
            base: refund.base,
            settle_period: refund.settle_period,
        })
    });
    refunds.collect()
}

/// A client's last time with this partner, or the partner's own account.
async fn of_client(
    app: &App,
    partner: &partner::Model,
    client_id: &str,
) -> Result<Option<Explanation>, ServiceError> {
    let sql = "SELECT a.id, (SELECT r.id FROM referral r WHERE r.account_id = a.id AND r.partner_id = $2 \
               ORDER BY r.since DESC, r.id DESC LIMIT 1) FROM account a WHERE a.account_id = $1";
    let values = vec![client_id.into(), partner.id.into()];
    let Some(row) = db::query_one(app.db.reader(), sql, values).await? else { return Ok(None) };
    if row.try_get_by_index::<Uuid>(0)? == partner.account_id {
        return Ok(Some(explain_own_account()));
    }
    let Some(referral_id) = row.try_get_by_index::<Option<Uuid>>(1)? else { return Ok(None) };
    let facts = client_facts(app, referral_id).await?;
    let mut found = referred_client::by_id(app.clone(), vec![referral_id]).await?;
    let client = found
        .remove(&referral_id)
        .ok_or_else(|| ServiceError::Broken(format!("referral {referral_id} is gone")))?;
    let mut commissions = referred_client::commission_totals(app.clone(), vec![referral_id]).await?;
    let totals = ClientTotals {
        currency: app.terms.currency.clone(),
        top_ups: u64::try_from(client.top_ups).unwrap_or(0),
        base: client.base,
        commission: commissions.remove(&referral_id).unwrap_or_default(),
        not_earning: not_earning(app, referral_id).await?,
        last_purchase_at: client.last_purchase_at,
        is_active: client.last_purchase_at.is_some_and(|last: Moment| last >= active_from(app)),
        window_days: app.terms.window_days,
    };
    Ok(Some(explain_client(&facts, &totals)))
}

async fn not_earning(app: &App, referral_id: Uuid) -> Result<Vec<NotEarning>, DbErr> {
    let sql = "SELECT state, reason, COUNT(*) FROM line WHERE referral_id = $1 AND state <> 'EARNING' \
               GROUP BY state, reason ORDER BY COUNT(*) DESC, state, reason";
    let rows = db::query(app.db.reader(), sql, vec![referral_id.into()]).await?;
    let groups = rows.iter().map(|row| {
        let (state, reason): (LineState, LineReason) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let lines: i64 = row.try_get_by_index(2)?;
        Ok(NotEarning { state, reason, lines: u64::try_from(lines).unwrap_or(0) })
    });
    groups.collect()
}

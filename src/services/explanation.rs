//! What explains lines of the commission history, or a client; the domain words it.

mod records;

use std::collections::{BTreeSet, HashMap};

use entity::{LineKind, LineReason, LineState, Moment, line, partner};
use sea_orm::DbErr;
use uuid::Uuid;

use super::commission;
use super::error::ServiceError;
use super::line::find_by_key;
use super::referred_client::{self, active_from};
use crate::app::App;
use crate::db;
use crate::domain::account::check_account_id;
use crate::domain::explanation::{
    ClientTotals, Conversion, Explained, Explanation, Individual, NotEarning, Paid, Standing, explain_client,
    explain_line, explain_own_account,
};
use crate::domain::rate::RateSource;
use crate::domain::text::check_text;
use crate::domain::top_up::MAX_EXTERNAL_ID;
use records::Records;

/// Who reads an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
            Some(known) => {
                let key = LineKey { line_id: known.line.id, reader };
                Ok(of_lines(app.clone(), vec![key]).await?.remove(&key))
            }
            None => Ok(None),
        };
    }
    match client_id.filter(|id| check_account_id("clientId", id).is_ok()) {
        Some(client_id) => of_client(app, partner, client_id).await,
        None => Ok(None),
    }
}

/// Which line is explained, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineKey {
    pub line_id: Uuid,
    pub reader: Reader,
}

/// Why lines earned what they did: a number of statements that does not depend on how many they are.
pub async fn of_lines(app: App, keys: Vec<LineKey>) -> Result<HashMap<LineKey, Explanation>, ServiceError> {
    let ids: BTreeSet<Uuid> = keys.iter().map(|key| key.line_id).collect();
    let lines = commission::by_id(app.clone(), ids.into_iter().collect()).await?;
    let records = Records::load(&app, lines.values()).await?;
    let known = keys.into_iter().filter_map(|key| Some((key, lines.get(&key.line_id)?)));
    Ok(known.map(|(key, line)| (key, explain_line(&explained(&app, &records, line, key.reader)))).collect())
}

fn explained(app: &App, records: &Records, line: &line::Model, reader: Reader) -> Explained {
    let is_system = reader == Reader::Service;
    let conversion = line.exchange_rate.clone().zip(line.rate_published_on);
    Explained {
        client: records.client(line).filter(|_| !is_system),
        paid: paid(line, records),
        conversion: conversion.map(|(rate, published_on)| Conversion { rate, published_on }),
        base: line.base,
        currency: app.terms.currency.clone(),
        state: line.state,
        reason: line.reason,
        review: records.review(line),
        rate_period: line.rate_period,
        occurred_in: app.terms.calendar.period_of(line.occurred_at),
        settle_period: line.settle_period,
        settles_after: line.settle_period.map(|period| app.terms.calendar.ends_at(period)),
        standing: standing(line, records, reader),
        statement: records.statement(line).filter(|_| !is_system),
        refunds: records.refunds(line),
    }
}

fn paid(line: &line::Model, records: &Records) -> Paid {
    Paid {
        kind: line.kind,
        top_up_kind: line.top_up_kind,
        source: line.source.clone(),
        external_id: line.external_id.clone(),
        reverses: records.reversed(line),
        amount: line.amount,
        currency: line.currency.clone(),
        occurred_at: line.occurred_at,
        recorded_at: line.recorded_at,
    }
}

fn standing(line: &line::Model, records: &Records, reader: Reader) -> Standing {
    let standing = records.rates.standing(line.partner_id, line.rate_period);
    let individual = match standing.rate.source {
        RateSource::Tier => None,
        RateSource::Individual => records.individual(line),
    };
    Standing {
        active_clients: standing.active_clients,
        tier: standing.tier.name,
        rate: standing.rate.rate,
        source: standing.rate.source,
        is_fixed: records.rates.is_fixed(line.rate_period),
        individual: individual
            .map(|set| Individual { by: set.by.filter(|_| reader == Reader::Staff), ..set }),
    }
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
    let gone = || ServiceError::Broken(format!("referral {referral_id} is gone"));
    let facts = records::clients(app, BTreeSet::from([referral_id])).await?;
    let facts = facts.get(&referral_id).ok_or_else(gone)?;
    let mut found = referred_client::by_id(app.clone(), vec![referral_id]).await?;
    let client = found.remove(&referral_id).ok_or_else(gone)?;
    let totals = ClientTotals {
        currency: app.terms.currency.clone(),
        top_ups: u64::try_from(client.top_up_count).unwrap_or(0),
        base: client.base,
        commission: referred_client::commission(app, client.clone()).await?,
        not_earning: not_earning(app, referral_id).await?,
        last_purchase_at: client.last_purchase_at,
        is_active: client.last_purchase_at.is_some_and(|last: Moment| last >= active_from(app)),
        window_days: app.terms.window_days,
    };
    Ok(Some(explain_client(facts, &totals)))
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

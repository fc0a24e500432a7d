//! What the explanations of some lines are made of, read for all of them together.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use entity::{BroughtBy, Moment, Money, Period, ledger_transfer, line, referral, statement};
use futures_util::try_join;
use sea_orm::{DatabaseConnection, DbErr, FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::explanation::{ClientFacts, Credit, Individual, Origin, Refunded, Review, Statement};
use crate::domain::reference;
use crate::services::error::ServiceError;
use crate::services::standing::RateBook;

/// How many refunds of a top-up are named.
const MAX_REFUNDS: i64 = 100;

/// A partner and one of his periods.
type PartnerPeriod = (Uuid, Period);

/// What is on record behind some lines.
pub(super) struct Records {
    clients: HashMap<Uuid, ClientFacts>,
    /// The external ids of the top-ups that refunds take back.
    reversed: HashMap<Uuid, String>,
    /// By the top-up: it is reviewed with its refunds.
    reviews: HashMap<Uuid, Review>,
    pub(super) rates: RateBook,
    individual: HashMap<PartnerPeriod, Individual>,
    statements: HashMap<PartnerPeriod, Statement>,
    /// By the top-up.
    refunds: HashMap<Uuid, Vec<Refunded>>,
}

impl Records {
    pub(super) async fn load(
        app: &App,
        lines: impl Iterator<Item = &line::Model> + Clone,
    ) -> Result<Records, ServiceError> {
        let db = app.db.reader();
        let rate_periods: BTreeSet<PartnerPeriod> =
            lines.clone().map(|line| (line.partner_id, line.rate_period)).collect();
        let settle_periods =
            lines.clone().filter_map(|line| Some((line.partner_id, line.settle_period?))).collect();
        let (clients, reversed, reviews, rates, individual, statements, refunds) = try_join!(
            clients(app, lines.clone().map(|line| line.referral_id).collect()),
            reversed(db, lines.clone().filter_map(|line| line.reverses).collect()),
            reviews(db, lines.clone().map(reviewed).collect()),
            RateBook::load(db, &app.terms, &rate_periods, None),
            individual(db, &rate_periods),
            statements(db, &settle_periods),
            refunds(db, lines.map(|line| line.id).collect()),
        )?;
        Ok(Records { clients, reversed, reviews, rates, individual, statements, refunds })
    }

    pub(super) fn client(&self, line: &line::Model) -> Option<ClientFacts> {
        self.clients.get(&line.referral_id).cloned()
    }

    pub(super) fn reversed(&self, line: &line::Model) -> Option<String> {
        self.reversed.get(&line.reverses?).cloned()
    }

    /// What staff decided last of the top-up with its refunds.
    pub(super) fn review(&self, line: &line::Model) -> Option<Review> {
        self.reviews.get(&reviewed(line)).copied()
    }

    /// The individual rate on record for the period whose rate the line earns.
    pub(super) fn individual(&self, line: &line::Model) -> Option<Individual> {
        self.individual.get(&(line.partner_id, line.rate_period)).cloned()
    }

    /// The statement that settled the line.
    pub(super) fn statement(&self, line: &line::Model) -> Option<Statement> {
        self.statements.get(&(line.partner_id, line.settle_period?)).cloned()
    }

    pub(super) fn refunds(&self, line: &line::Model) -> Vec<Refunded> {
        self.refunds.get(&line.id).cloned().unwrap_or_default()
    }
}

/// A refund alone cannot be reviewed.
fn reviewed(line: &line::Model) -> Uuid {
    line.reverses.unwrap_or(line.id)
}

/// The clients of referrals.
pub(super) async fn clients(
    app: &App,
    referrals: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, ClientFacts>, ServiceError> {
    let sql = "WITH {rows} SELECT r.*, a.account_id AS account, k.code AS link_code FROM v \
               JOIN referral r ON r.id = v.id JOIN account a ON a.id = r.account_id \
               LEFT JOIN link k ON k.id = r.link_id";
    let read = |row: &QueryResult| {
        let referral = referral::Model::from_query_result(row, "")?;
        let (account, code): (String, Option<String>) =
            (row.try_get("", "account")?, row.try_get("", "link_code")?);
        let code = code.unwrap_or_default();
        let origin = match referral.brought_by {
            BroughtBy::Visit => {
                Origin::Visit { code, visited_at: referral.visited_at.unwrap_or(referral.registered_at) }
            }
            BroughtBy::Code => Origin::Code { code },
            BroughtBy::Staff => Origin::Staff { since: referral.since },
        };
        let facts = ClientFacts {
            reference: reference::shown(&account),
            origin,
            registered_at: referral.registered_at,
            until: referral.until,
            hold: referral.hold_reason,
        };
        Ok((referral.id, facts))
    };
    keyed(&ids(referrals).query(app.db.reader(), sql, vec![]).await?, read)
}

async fn reversed(
    db: &DatabaseConnection,
    top_ups: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, String>, ServiceError> {
    let sql = "WITH {rows} SELECT l.id, l.external_id FROM v JOIN line l ON l.id = v.id";
    let rows = ids(top_ups).query(db, sql, vec![]).await?;
    keyed(&rows, |row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
}

async fn reviews(
    db: &DatabaseConnection,
    top_ups: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Review>, ServiceError> {
    // The last one stays.
    let sql = "WITH {rows} SELECT a.subject_id, a.action, a.at FROM v JOIN audit_record a ON a.subject_id = v.id \
               WHERE a.action IN ('releaseCommission', 'rejectCommission') ORDER BY a.at, a.id";
    let rows = ids(top_ups).query(db, sql, vec![]).await?;
    keyed(&rows, |row| {
        let action: String = row.try_get_by_index(1)?;
        let review = Review { released: action == "releaseCommission", at: row.try_get_by_index(2)? };
        Ok((row.try_get_by_index(0)?, review))
    })
}

async fn individual(
    db: &DatabaseConnection,
    periods: &BTreeSet<PartnerPeriod>,
) -> Result<HashMap<PartnerPeriod, Individual>, ServiceError> {
    // The last one from the period or before stays.
    let sql = "WITH {rows} SELECT v.partner_id, v.period, i.set_at, i.set_by FROM v JOIN individual_rate i \
               ON i.partner_id = v.partner_id AND i.from_period <= v.period ORDER BY i.from_period, i.id";
    let rows = pairs(periods).query(db, sql, vec![]).await?;
    keyed(&rows, |row| {
        let set = Individual { at: row.try_get_by_index(2)?, by: Some(row.try_get_by_index(3)?) };
        Ok(((row.try_get_by_index(0)?, row.try_get_by_index(1)?), set))
    })
}

async fn statements(
    db: &DatabaseConnection,
    periods: &BTreeSet<PartnerPeriod>,
) -> Result<HashMap<PartnerPeriod, Statement>, ServiceError> {
    let sql = "WITH {rows} SELECT s.*, m.minimum_active_clients AS minimum FROM v \
               JOIN statement s ON s.partner_id = v.partner_id AND s.period = v.period \
               JOIN settlement m ON m.period = s.period";
    let rows = pairs(periods).query(db, sql, vec![]).await?;
    let read = |row: &QueryResult| {
        Ok((statement::Model::from_query_result(row, "")?, row.try_get::<i32>("", "minimum")?))
    };
    let found = rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()?;
    let carried = found.iter().filter(|(statement, _)| statement.carried_out != Money::ZERO);
    let carried = carried.map(|(statement, _)| (statement.partner_id, statement.period)).collect();
    let (credits, credited_later) = try_join!(
        credits(db, found.iter().map(|(statement, _)| statement.id).collect()),
        credited_later(db, &carried)
    )?;
    let of = |(found, minimum): (statement::Model, i32)| {
        let key = (found.partner_id, found.period);
        let statement = Statement {
            settled_at: found.settled_at,
            commission: found.commission,
            carried_in: found.carried_in,
            credited: found.credited,
            carried_out: found.carried_out,
            carry_reason: found.carry_reason,
            active_clients: u32::try_from(found.active_clients).unwrap_or(u32::MAX),
            minimum_active_clients: minimum.unsigned_abs(),
            digest: found.digest,
            credit: credits.get(&found.id).copied(),
            credited_later: credited_later.get(&key).copied(),
        };
        (key, statement)
    };
    Ok(found.into_iter().map(of).collect())
}

/// The movements of money behind statements.
async fn credits(
    db: &DatabaseConnection,
    statements: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Credit>, ServiceError> {
    let sql = "WITH {rows} SELECT t.* FROM v JOIN ledger_transfer t ON t.source_id = v.id AND t.kind = 'COMMISSION'";
    let rows = ids(statements).query(db, sql, vec![]).await?;
    keyed(&rows, |row| {
        let transfer = ledger_transfer::Model::from_query_result(row, "")?;
        let credit =
            Credit { at: transfer.at, amount: transfer.amount, available_after: transfer.available_after };
        Ok((transfer.source_id, credit))
    })
}

/// Where what statements carried on was credited.
async fn credited_later(
    db: &DatabaseConnection,
    carried: &BTreeSet<PartnerPeriod>,
) -> Result<HashMap<PartnerPeriod, (Period, Moment)>, ServiceError> {
    let sql = "WITH {rows} SELECT v.partner_id, v.period, s.period, s.settled_at FROM v \
               JOIN statement s ON s.partner_id = v.partner_id AND s.period = (SELECT MIN(x.period) FROM statement x \
               WHERE x.partner_id = v.partner_id AND x.period > v.period AND x.credited > 0)";
    let rows = pairs(carried).query(db, sql, vec![]).await?;
    keyed(&rows, |row| {
        let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok((key, (row.try_get_by_index(2)?, row.try_get_by_index(3)?)))
    })
}

async fn refunds(
    db: &DatabaseConnection,
    top_ups: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Vec<Refunded>>, ServiceError> {
    let sql = "WITH {rows} SELECT * FROM (SELECT l.*, ROW_NUMBER() OVER (PARTITION BY l.reverses \
               ORDER BY l.occurred_at, l.id) AS place FROM v JOIN line l ON l.reverses = v.id) AS r \
               WHERE r.place <= $1 ORDER BY r.place";
    let mut refunds: HashMap<Uuid, Vec<Refunded>> = HashMap::new();
    for row in ids(top_ups).query(db, sql, vec![MAX_REFUNDS.into()]).await? {
        let refund = line::Model::from_query_result(&row, "")?;
        let Some(top_up) = refund.reverses else { continue };
        refunds.entry(top_up).or_default().push(Refunded {
            external_id: refund.external_id,
            occurred_at: refund.occurred_at,
            amount: refund.amount,
            base: refund.base,
            settle_period: refund.settle_period,
        });
    }
    Ok(refunds)
}

fn ids(ids: BTreeSet<Uuid>) -> Rows {
    Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from))
}

fn pairs(keys: &BTreeSet<PartnerPeriod>) -> Rows {
    let mut rows = Rows::new(&[("partner_id", Column::Uuid), ("period", Column::Int)]);
    keys.iter().for_each(|(partner_id, period)| rows.push([(*partner_id).into(), period.0.into()]));
    rows
}

/// Of rows under one key the last stays.
fn keyed<K: Eq + Hash, V>(
    rows: &[QueryResult],
    read: impl Fn(&QueryResult) -> Result<(K, V), DbErr>,
) -> Result<HashMap<K, V>, ServiceError> {
    Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
}

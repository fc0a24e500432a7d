//! Reads the commission history: lines by page, filtered as a partner asks.

use std::collections::HashMap;
use std::sync::LazyLock;

use entity::{LineKind, Moment, Period, RateBasisPoints, line};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::listing::rows_by_id;
use super::owner::Owner;
use super::paging::{List, Page, PageRequest};
use super::position::Position;
use super::referred_client::{self, ReferredClient};
use crate::app::App;

/// A line's state with what its settle period makes of it (rule 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommissionStatus {
    Pending,
    Held,
    Settled,
    Rejected,
    NotEarning,
}

/// A line with what its partner's rates and statements make of it.
#[derive(Clone, Debug)]
pub struct Commission {
    pub line: line::Model,
    /// Of its rate period, whatever its state.
    pub rate: RateBasisPoints,
    /// Whether a statement has counted it.
    pub is_settled: bool,
    pub client: ReferredClient,
}

/// Which page of a partner's lines is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinesAsked {
    pub request: PageRequest,
    pub filter: CommissionFilter,
}

/// Which lines of a partner are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommissionFilter {
    pub kind: Option<LineKind>,
    pub status: Option<CommissionStatus>,
    /// Settled, or to be settled, in it.
    pub settle_period: Option<Period>,
    pub referral_id: Option<Uuid>,
    pub link_id: Option<Uuid>,
    pub occurred_from: Option<Moment>,
    pub occurred_before: Option<Moment>,
}

/// The lines of a partner, newest first.
pub fn of_partner(owner: &Owner, filter: &CommissionFilter) -> List {
    let mut condition = format!("l.partner_id = {}", owner.sql());
    let mut values: Vec<Value> = vec![owner.value()];
    let mut and = |sql: &str, value: Value| {
        values.push(value);
        condition.push_str(&format!(" AND {sql}${}", values.len()));
    };
    if let Some(period) = filter.settle_period {
        and("l.settle_period = ", period.0.into());
    }
    if let Some(referral_id) = filter.referral_id {
        and("l.referral_id = ", referral_id.into());
    }
    if let Some(from) = filter.occurred_from {
        and("l.occurred_at >= ", from.0.into());
    }
    if let Some(before) = filter.occurred_before {
        and("l.occurred_at < ", before.0.into());
    }
    let mut from = "line l".to_owned();
    if let Some(link_id) = filter.link_id {
        from.push_str(" JOIN referral r ON r.id = l.referral_id");
        and("r.link_id = ", link_id.into());
    }
    if let Some(kind) = filter.kind {
        // Spelled out: refunds have an index of their own.
        condition.push_str(match kind {
            LineKind::TopUp => " AND l.kind = 'TOP_UP'",
            LineKind::Refund => " AND l.kind = 'REFUND'",
        });
    }
    // Whoever has lines in a period has a statement of it, so that the last one parts the two.
    let settled =
        format!("COALESCE((SELECT MAX(s.period) FROM statement s WHERE s.partner_id = {}), 0)", owner.sql());
    condition.push_str(&match filter.status {
        None => String::new(),
        // Nearly all are settled: they are met in the order of their occurrence. What is pending is looked for by its
        // periods and sorted, since it may be little, far back. The sign keeps the first from the second's index.
        // They share an index that holds no others: it is taken where the statement says so.
        Some(CommissionStatus::Held) => " AND l.state = 'HELD' AND l.state <> 'EARNING'".to_owned(),
        Some(CommissionStatus::Rejected) => " AND l.state = 'REJECTED' AND l.state <> 'EARNING'".to_owned(),
        Some(CommissionStatus::NotEarning) => {
            " AND l.state = 'NOT_EARNING' AND l.state <> 'EARNING'".to_owned()
        }
        Some(CommissionStatus::Settled) => format!(" AND +l.settle_period <= {settled}"),
        Some(CommissionStatus::Pending) => format!(" AND l.settle_period > {settled}"),
    });
    newest_first(from, condition, values)
}

/// A page of a partner's lines, each with its client.
pub async fn page_with_clients(
    db: &impl ConnectionTrait,
    owner: &Owner,
    asked: &LinesAsked,
) -> Result<Page<(line::Model, ReferredClient)>, DbErr> {
    let list = of_partner(owner, &asked.filter);
    let join = if asked.filter.link_id.is_some() { "" } else { " JOIN referral r ON r.id = l.referral_id" };
    let with_clients = List {
        columns: &WITH_CLIENTS,
        from: format!("{}{join} {}", list.from, referred_client::JOINED),
        ..list
    };
    let read = |row: &QueryResult, first| {
        Ok((read_line(row, first)?, ReferredClient::read(row, first + LINE_COLUMNS)?))
    };
    with_clients.page_of(db, &asked.request, read).await
}

impl Commission {
    /// A line of a partner whose position is known.
    pub fn of(line: line::Model, client: ReferredClient, position: &Position) -> Commission {
        Commission {
            rate: position.rates.rate(position.partner.id, line.rate_period).rate,
            is_settled: line.settle_period.is_some_and(|period| position.is_settled(period)),
            client,
            line,
        }
    }
}

const LINE: &str = "l.id, l.kind, l.source, l.external_id, l.partner_id, l.referral_id, l.reverses, l.top_up_kind, \
    l.occurred_at, l.recorded_at, l.amount, l.currency, l.exchange_rate, l.rate_published_on, l.base, l.rate_period, \
    l.settle_period, l.state, l.reason, l.checksum, l.released_at";
const LINE_COLUMNS: usize = 21;
static WITH_CLIENTS: LazyLock<String> = LazyLock::new(|| format!("{LINE}, {}", referred_client::COLUMNS));

/// By number: twenty-one columns by their names would take longer than the rest of a line.
fn read_line(row: &QueryResult, first: usize) -> Result<line::Model, DbErr> {
    Ok(line::Model {
        id: row.try_get_by_index(first)?,
        kind: row.try_get_by_index(first + 1)?,
        source: row.try_get_by_index(first + 2)?,
        external_id: row.try_get_by_index(first + 3)?,
        partner_id: row.try_get_by_index(first + 4)?,
        referral_id: row.try_get_by_index(first + 5)?,
        reverses: row.try_get_by_index(first + 6)?,
        top_up_kind: row.try_get_by_index(first + 7)?,
        occurred_at: row.try_get_by_index(first + 8)?,
        recorded_at: row.try_get_by_index(first + 9)?,
        amount: row.try_get_by_index(first + 10)?,
        currency: row.try_get_by_index(first + 11)?,
        exchange_rate: row.try_get_by_index(first + 12)?,
        rate_published_on: row.try_get_by_index(first + 13)?,
        base: row.try_get_by_index(first + 14)?,
        rate_period: row.try_get_by_index(first + 15)?,
        settle_period: row.try_get_by_index(first + 16)?,
        state: row.try_get_by_index(first + 17)?,
        reason: row.try_get_by_index(first + 18)?,
        checksum: row.try_get_by_index(first + 19)?,
        released_at: row.try_get_by_index(first + 20)?,
    })
}

/// The lines of one client, newest first.
pub fn of_client(referral_id: Uuid) -> List {
    newest_first("line l".to_owned(), "l.referral_id = $1".to_owned(), vec![referral_id.into()])
}

/// The lines that a statement settled, newest first.
pub fn of_statement(partner_id: Uuid, period: Period) -> List {
    let condition = "l.partner_id = $1 AND l.settle_period = $2".to_owned();
    newest_first("line l".to_owned(), condition, vec![partner_id.into(), period.0.into()])
}

/// The lines held for review, of all partners or of one, oldest first by their recording.
pub fn held(partner_id: Option<Uuid>) -> List {
    let of_one = partner_id.map_or("", |_| " AND l.partner_id = $1 AND l.state <> 'EARNING'");
    List {
        columns: "l.*",
        from: "line l".to_owned(),
        condition: format!("l.state = 'HELD'{of_one}"),
        values: partner_id.into_iter().map(Value::from).collect(),
        key: "l.recorded_at",
        id: "l.id",
        is_descending: false,
    }
}

fn newest_first(from: String, condition: String, values: Vec<Value>) -> List {
    let (key, id) = ("l.occurred_at", "l.id");
    List { columns: "l.*", from, condition, values, key, id, is_descending: true }
}

pub async fn by_id(app: App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, line::Model>, ServiceError> {
    let found: Vec<line::Model> = rows_by_id(app.db.reader(), "line", ids).await?;
    Ok(found.into_iter().map(|line| (line.id, line)).collect())
}

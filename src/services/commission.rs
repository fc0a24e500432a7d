//! Reads the commission history: lines by page, filtered as a partner asks.

use std::collections::HashMap;

use entity::{LineKind, Moment, Period, RateBasisPoints, line};
use sea_orm::{DbErr, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::listing::rows_by_id;
use super::owner::Owner;
use super::paging::{AskedPage, List, Page, PageRequest};
use super::position::Position;
use super::referred_client::ClientName;
use crate::app::App;
use crate::db::{Answer, Column, Columns, Selected, Together};

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
    pub client: ClientName,
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
pub fn of_partner(owner: Owner, filter: &CommissionFilter) -> List {
    let mut condition = format!("l.partner_id = {}", owner.sql());
    let mut values = owner.values();
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
        // Spelled out: refunds have an index of their own, and top-ups none that is taken.
        condition.push_str(match kind {
            LineKind::TopUp => " AND l.kind <> 'REFUND'",
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

impl LinesAsked {
    /// Asks for the page together with other queries: lines, each with who its client is.
    pub fn ask(&self, together: &mut Together, owner: Owner) -> AskedPage {
        let list = of_partner(owner, &self.filter);
        let from = format!("{} JOIN referral_total t ON t.referral_id = l.referral_id", list.from);
        let with_clients = List { from, ..list };
        with_clients.ask(together, self.request, SELECTED)
    }

    /// Reads what was asked for.
    pub fn read(asked: &AskedPage, found: &[Vec<Answer>]) -> Result<Page<(line::Model, ClientName)>, DbErr> {
        asked.read(found, |row, first| {
            let line = read_line(row, first)?;
            let client = ClientName { id: line.referral_id, reference: row.column(first + LINE_COLUMNS)? };
            Ok((line, client))
        })
    }
}

impl Commission {
    /// A line of a partner whose position is known.
    pub fn of(line: line::Model, client: ClientName, position: &Position) -> Commission {
        Commission {
            rate: position.rates.rate(position.partner.id, line.rate_period).rate,
            is_settled: line.settle_period.is_some_and(|period| position.is_settled(period)),
            client,
            line,
        }
    }
}

/// A line, and how its client is called.
const SELECTED: &Selected = &[
    ("l.id", Column::Uuid),
    ("l.kind", Column::Text),
    ("l.source", Column::Text),
    ("l.external_id", Column::Text),
    ("l.partner_id", Column::Uuid),
    ("l.referral_id", Column::Uuid),
    ("l.reverses", Column::Uuid),
    ("l.top_up_kind", Column::Text),
    ("l.occurred_at", Column::BigInt),
    ("l.recorded_at", Column::BigInt),
    ("l.amount", Column::BigInt),
    ("l.currency", Column::Text),
    ("l.exchange_rate", Column::Text),
    ("l.rate_published_on", Column::Int),
    ("l.base", Column::BigInt),
    ("l.rate_period", Column::Int),
    ("l.settle_period", Column::Int),
    ("l.state", Column::Text),
    ("l.reason", Column::Text),
    ("l.checksum", Column::BigInt),
    ("l.released_at", Column::BigInt),
    ("t.reference", Column::Text),
];
const LINE_COLUMNS: usize = SELECTED.len() - 1;

/// By number: twenty-one columns by their names would take longer than the rest of a line.
fn read_line(row: &impl Columns, first: usize) -> Result<line::Model, DbErr> {
    Ok(line::Model {
        id: row.column(first)?,
        kind: row.column(first + 1)?,
        source: row.column(first + 2)?,
        external_id: row.column(first + 3)?,
        partner_id: row.column(first + 4)?,
        referral_id: row.column(first + 5)?,
        reverses: row.column(first + 6)?,
        top_up_kind: row.column(first + 7)?,
        occurred_at: row.column(first + 8)?,
        recorded_at: row.column(first + 9)?,
        amount: row.column(first + 10)?,
        currency: row.column(first + 11)?,
        exchange_rate: row.column(first + 12)?,
        rate_published_on: row.column(first + 13)?,
        base: row.column(first + 14)?,
        rate_period: row.column(first + 15)?,
        settle_period: row.column(first + 16)?,
        state: row.column(first + 17)?,
        reason: row.column(first + 18)?,
        checksum: row.column(first + 19)?,
        released_at: row.column(first + 20)?,
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

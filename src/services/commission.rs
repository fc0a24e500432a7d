//! Reads the commission history: lines by page, filtered as a partner asks.

use std::collections::HashMap;

use entity::{LineKind, Moment, Period, line};
use sea_orm::Value;
use uuid::Uuid;

use super::error::ServiceError;
use super::listing::rows_by_id;
use super::paging::List;
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
pub fn of_partner(partner_id: Uuid, filter: &CommissionFilter) -> List {
    let mut condition = "l.partner_id = $1".to_owned();
    let mut values: Vec<Value> = vec![partner_id.into()];
    let mut and = |sql: &str, value: Value| {
        values.push(value);
        condition.push_str(&format!(" AND {sql}${}", values.len()));
    };
    if let Some(kind) = filter.kind {
        and("l.kind = ", kind.as_str().into());
    }
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
    condition.push_str(match filter.status {
        None => "",
        Some(CommissionStatus::Held) => " AND l.state = 'HELD'",
        Some(CommissionStatus::Rejected) => " AND l.state = 'REJECTED'",
        Some(CommissionStatus::NotEarning) => " AND l.state = 'NOT_EARNING'",
        // Whoever has lines in a period has a statement of it, so that the last one parts the two.
        Some(CommissionStatus::Settled) => {
            " AND l.settle_period <= (SELECT MAX(s.period) FROM statement s WHERE s.partner_id = $1)"
        }
        Some(CommissionStatus::Pending) => {
            " AND l.settle_period > COALESCE((SELECT MAX(s.period) FROM statement s WHERE s.partner_id = $1), 0)"
        }
    });
    newest_first(from, condition, values)
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
    let of_one = partner_id.map_or("", |_| " AND l.partner_id = $1");
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

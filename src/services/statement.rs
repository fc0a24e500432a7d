//! Reads statements: what settlements did for a partner.

use std::collections::HashMap;

use entity::{Money, Period, statement};
use sea_orm::{FromQueryResult, TryGetable, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::listing::rows_by_id;
use super::paging::List;
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::digest::{StatementDigest, statement_json};

/// The statements of a partner, newest first.
pub fn of_partner(partner_id: Uuid) -> List {
    List {
        columns: "s.*",
        from: "statement s".to_owned(),
        condition: "s.partner_id = $1".to_owned(),
        values: vec![partner_id.into()],
        key: "s.period",
        id: "s.id",
        is_descending: true,
    }
}

pub async fn by_id(app: App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, statement::Model>, ServiceError> {
    let found: Vec<statement::Model> = rows_by_id(app.db.reader(), "statement", ids).await?;
    Ok(found.into_iter().map(|statement| (statement.id, statement)).collect())
}

fn key_rows(keys: &[(Uuid, Period)]) -> Rows {
    let mut rows = Rows::new(&[("partner_id", Column::Uuid), ("period", Column::Int)]);
    keys.iter().for_each(|(partner_id, period)| rows.push([(*partner_id).into(), period.0.into()]));
    rows
}

/// The statements of partners for periods.
pub async fn by_period(
    app: App,
    keys: Vec<(Uuid, Period)>,
) -> Result<HashMap<(Uuid, Period), statement::Model>, ServiceError> {
    let sql = "WITH {rows} SELECT s.* FROM v JOIN statement s ON s.partner_id = v.partner_id AND s.period = v.period";
    let rows = key_rows(&keys).query(app.db.reader(), sql, vec![]).await?;
    let statements = rows.iter().map(|row| statement::Model::from_query_result(row, ""));
    statements
        .map(|found| found.map(|statement| ((statement.partner_id, statement.period), statement)))
        .collect::<Result<_, _>>()
        .map_err(ServiceError::from)
}

/// The closing balances of the statements before those of partners and periods; nothing for a first one.
pub async fn opening_balances(
    app: App,
    keys: Vec<(Uuid, Period)>,
) -> Result<HashMap<(Uuid, Period), Money>, ServiceError> {
    before(&app, "closing_balance", &keys).await
}

/// The digests of the statements before those of partners and periods; nothing for a first one.
pub async fn previous_digests(
    app: App,
    keys: Vec<(Uuid, Period)>,
) -> Result<HashMap<(Uuid, Period), String>, ServiceError> {
    before(&app, "digest", &keys).await
}

async fn before<T: TryGetable>(
    app: &App,
    column: &str,
    keys: &[(Uuid, Period)],
) -> Result<HashMap<(Uuid, Period), T>, ServiceError> {
    let sql = format!(
        "WITH {{rows}} SELECT v.partner_id, v.period, (SELECT s.{column} FROM statement s \
         WHERE s.partner_id = v.partner_id AND s.period < v.period ORDER BY s.period DESC LIMIT 1) FROM v"
    );
    let mut found = HashMap::new();
    for row in key_rows(keys).query(app.db.reader(), &sql, Vec::<Value>::new()).await? {
        if let Some(value) = row.try_get_by_index::<Option<T>>(2)? {
            found.insert((row.try_get_by_index(0)?, row.try_get_by_index(1)?), value);
        }
    }
    Ok(found)
}

/// The canonical JSON over which a statement's digest is made (rule 21).
pub fn digested_json(statement: &statement::Model, previous_digest: Option<&str>) -> String {
    statement_json(&StatementDigest {
        partner_id: statement.partner_id,
        period: statement.period,
        active_clients: u32::try_from(statement.active_clients).unwrap_or(u32::MAX),
        rate: statement.rate_basis_points,
        top_up_count: statement.top_ups,
        base: statement.base,
        commission: statement.commission,
        carried_in: statement.carried_in,
        credited: statement.credited,
        carried_out: statement.carried_out,
        carry_reason: statement.carry_reason,
        previous_digest,
    })
}

//! Reads what other use cases write: lists by page, and objects by their ids, many in one statement.

use std::collections::HashMap;

use entity::{
    Moment, PartnerStatus, TicketKind, TicketStatus, WithdrawalStatus, account, api_key, audit_record,
    contract, ledger_transfer, parked_fact, partner, service_transfer, settlement, site, ticket,
    ticket_message, visit, withdrawal,
};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::paging::{List, Page, PageRequest};
use crate::app::App;
use crate::db::{self, Column, Rows};

/// The rows of a table that have these ids.
pub(super) async fn rows_by_id<T: FromQueryResult>(
    db: &impl ConnectionTrait,
    table: &str,
    ids: Vec<Uuid>,
) -> Result<Vec<T>, DbErr> {
    let sql = format!("WITH {{rows}} SELECT t.* FROM v JOIN {table} t ON t.id = v.id");
    let rows = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
    rows.query(db, &sql, vec![]).await?.iter().map(|row| T::from_query_result(row, "")).collect()
}

type Found<T> = Result<HashMap<Uuid, T>, ServiceError>;

async fn keyed<T: FromQueryResult>(app: &App, table: &str, ids: Vec<Uuid>, id: fn(&T) -> Uuid) -> Found<T> {
    let found: Vec<T> = rows_by_id(app.db.reader(), table, ids).await?;
    Ok(found.into_iter().map(|row| (id(&row), row)).collect())
}

pub async fn partners_by_id(app: App, ids: Vec<Uuid>) -> Found<partner::Model> {
    keyed(&app, "partner", ids, |row: &partner::Model| row.id).await
}

pub async fn accounts_by_id(app: App, ids: Vec<Uuid>) -> Found<account::Model> {
    keyed(&app, "account", ids, |row: &account::Model| row.id).await
}

pub async fn visits_by_id(app: App, ids: Vec<Uuid>) -> Found<visit::Model> {
    keyed(&app, "visit", ids, |row: &visit::Model| row.id).await
}

pub async fn sites_by_id(app: App, ids: Vec<Uuid>) -> Found<site::Model> {
    keyed(&app, "site", ids, |row: &site::Model| row.id).await
}

pub async fn api_keys_by_id(app: App, ids: Vec<Uuid>) -> Found<api_key::Model> {
    keyed(&app, "api_key", ids, |row: &api_key::Model| row.id).await
}

pub async fn withdrawals_by_id(app: App, ids: Vec<Uuid>) -> Found<withdrawal::Model> {
    keyed(&app, "withdrawal", ids, |row: &withdrawal::Model| row.id).await
}

pub async fn service_transfers_by_id(app: App, ids: Vec<Uuid>) -> Found<service_transfer::Model> {
    keyed(&app, "service_transfer", ids, |row: &service_transfer::Model| row.id).await
}

pub async fn settlements_by_id(app: App, ids: Vec<Uuid>) -> Found<settlement::Model> {
    keyed(&app, "settlement", ids, |row: &settlement::Model| row.id).await
}

pub async fn parked_facts_by_id(app: App, ids: Vec<Uuid>) -> Found<parked_fact::Model> {
    keyed(&app, "parked_fact", ids, |row: &parked_fact::Model| row.id).await
}

pub async fn ledger_transfers_by_id(app: App, ids: Vec<Uuid>) -> Found<ledger_transfer::Model> {
    keyed(&app, "ledger_transfer", ids, |row: &ledger_transfer::Model| row.id).await
}

pub async fn audit_records_by_id(app: App, ids: Vec<Uuid>) -> Found<audit_record::Model> {
    keyed(&app, "audit_record", ids, |row: &audit_record::Model| row.id).await
}

/// The contracts of partners; none is no row.
pub async fn contracts(app: App, partner_ids: Vec<Uuid>) -> Found<contract::Model> {
    let sql = "WITH {rows} SELECT c.* FROM v JOIN contract c ON c.partner_id = v.id";
    let rows = Rows::of(&[("id", Column::Uuid)], partner_ids.into_iter().map(Value::from));
    let rows = rows.query(app.db.reader(), sql, vec![]).await?;
    let contracts = rows.iter().map(|row| contract::Model::from_query_result(row, ""));
    contracts.map(|found| found.map(|row| (row.partner_id, row)).map_err(ServiceError::from)).collect()
}

pub async fn tickets_by_id(app: App, ids: Vec<Uuid>) -> Found<ticket::Model> {
    keyed(&app, "ticket", ids, |row: &ticket::Model| row.id).await
}

/// The messages of tickets, oldest first.
pub async fn ticket_messages(app: App, ids: Vec<Uuid>) -> Found<Vec<ticket_message::Model>> {
    let sql = "WITH {rows} SELECT m.* FROM v JOIN ticket_message m ON m.ticket_id = v.id ORDER BY m.at, m.id";
    grouped(&app, sql, ids, |message: &ticket_message::Model| message.ticket_id).await
}

/// Rows by what they belong to, in the order in which a statement over a table `v` of ids answers them.
pub(super) async fn grouped<T: FromQueryResult>(
    app: &App,
    sql: &str,
    ids: Vec<Uuid>,
    parent: fn(&T) -> Uuid,
) -> Found<Vec<T>> {
    let rows = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
    let mut found: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows.query(app.db.reader(), sql, vec![]).await? {
        let row = T::from_query_result(&row, "")?;
        found.entry(parent(&row)).or_default().push(row);
    }
    Ok(found)
}

/// The partner behind an account, if it is one.
pub async fn partner_of_account(app: &App, account_id: &str) -> Result<Option<partner::Model>, ServiceError> {
    Ok(super::partner::find_by_account(app.db.reader(), account_id).await?)
}

/// The partner whose link has a code, whatever its case; an archived link's too.
pub async fn partner_of_code(app: &App, code: &str) -> Result<Option<partner::Model>, ServiceError> {
    let sql = "SELECT p.* FROM link l JOIN partner p ON p.id = l.partner_id WHERE l.code_key = $1";
    let values = vec![crate::domain::link::code_key(code).into()];
    let row = db::query_one(app.db.reader(), sql, values).await?;
    Ok(row.map(|row| partner::Model::from_query_result(&row, "")).transpose()?)
}

/// A page of a list.
pub async fn page<T: FromQueryResult>(
    app: &App,
    list: &List,
    request: &PageRequest,
) -> Result<Page<T>, ServiceError> {
    Ok(list.page(app.db.reader(), request).await?)
}

/// The items of a page whose rows were read together with others'.
pub fn read_page<T: FromQueryResult>(rows: &Page<QueryResult>) -> Result<Page<T>, ServiceError> {
    let items = rows.items.iter().map(|(cursor, row)| Ok((*cursor, T::from_query_result(row, "")?)));
    let items = items.collect::<Result<_, DbErr>>()?;
    Ok(Page { items, has_previous: rows.has_previous, has_next: rows.has_next })
}

/// How many items a whole list has.
pub async fn count(app: &App, list: &List) -> Result<u64, ServiceError> {
    Ok(list.count(app.db.reader()).await?)
}

/// A list that begins with the newest; every table here is called `t` in its SQL.
fn newest_first(table: &str, key: &'static str, conditions: Conditions) -> List {
    List {
        columns: "t.*",
        from: format!("{table} t"),
        condition: conditions.sql,
        values: conditions.values,
        key,
        id: "t.id",
        is_descending: true,
    }
}

/// Conditions joined by AND, with their values.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn none() -> Conditions {
        Conditions { sql: "1 = 1".to_owned(), values: Vec::new() }
    }

    /// Adds `before $n after` where there is a value.
    fn and(mut self, before: &str, value: Option<impl Into<Value>>, after: &str) -> Conditions {
        if let Some(value) = value {
            self.values.push(value.into());
            self.sql.push_str(&format!(" AND {before}${}{after}", self.values.len()));
        }
        self
    }
}

/// Every movement of a partner's money.
pub fn ledger_transfers(partner_id: Uuid) -> List {
    let conditions = Conditions::none().and("t.partner_id = ", Some(partner_id), "");
    newest_first("ledger_transfer", "t.number", conditions)
}

/// Which withdrawals are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithdrawalFilter {
    pub status: Option<WithdrawalStatus>,
    pub partner_id: Option<Uuid>,
    pub requested_from: Option<Moment>,
    pub requested_before: Option<Moment>,
}

pub fn withdrawals(filter: &WithdrawalFilter) -> List {
    let conditions = Conditions::none()
        .and("t.partner_id = ", filter.partner_id, "")
        .and("t.status = ", filter.status.map(WithdrawalStatus::as_str), "")
        .and("t.requested_at >= ", filter.requested_from.map(|at| at.0), "")
        .and("t.requested_at < ", filter.requested_before.map(|at| at.0), "");
    newest_first("withdrawal", "t.requested_at", conditions)
}

pub fn service_transfers(partner_id: Uuid) -> List {
    let conditions = Conditions::none().and("t.partner_id = ", Some(partner_id), "");
    newest_first("service_transfer", "t.requested_at", conditions)
}

/// Which tickets are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketFilter {
    pub status: Option<TicketStatus>,
    pub kind: Option<TicketKind>,
    pub partner_id: Option<Uuid>,
}

pub fn tickets(filter: &TicketFilter) -> List {
    let conditions = Conditions::none()
        .and("t.partner_id = ", filter.partner_id, "")
        .and("t.status = ", filter.status.map(TicketStatus::as_str), "")
        .and("t.kind = ", filter.kind.map(TicketKind::as_str), "");
    newest_first("ticket", "t.opened_at", conditions)
}

pub fn settlements() -> List {
    newest_first("settlement", "t.period", Conditions::none())
}

/// Facts that wait, with those that expired or were refused; oldest first.
pub fn parked_facts() -> List {
    List { is_descending: false, ..newest_first("parked_fact", "t.arrived_at", Conditions::none()) }
}

/// Which partners are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartnerFilter {
    /// Part of an account id or of a code.
    pub search: Option<String>,
    pub status: Option<PartnerStatus>,
    /// The name in the last standing.
    pub tier: Option<String>,
}

/// What the list of partners is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartnerOrder {
    #[default]
    JoinedAt,
    Available,
    ActiveClients,
    LifetimeCredited,
}

/// The partners of the programme, for staff.
pub fn partners(filter: &PartnerFilter, order: PartnerOrder, is_descending: bool) -> List {
    const LAST: &str = "s.partner_id = t.id AND s.period = (SELECT MAX(x.period) FROM standing x)";
    // What the list is ordered by comes first, so that its index is walked and partners are looked up along it.
    let mut conditions = Conditions::none();
    let (from, key, id) = match order {
        PartnerOrder::JoinedAt => ("partner t".to_owned(), "t.joined_at", "t.id"),
        PartnerOrder::Available | PartnerOrder::LifetimeCredited => {
            conditions.sql = "t.id = b.partner_id".to_owned();
            let is_available = order == PartnerOrder::Available;
            let key = if is_available { "b.available" } else { "b.lifetime_credited" };
            ("balance b CROSS JOIN partner t".to_owned(), key, "b.partner_id")
        }
        // Whoever has no standing has none of its index: here the partners themselves are sorted.
        PartnerOrder::ActiveClients => {
            (format!("partner t LEFT JOIN standing s ON {LAST}"), "COALESCE(s.active_clients, 0)", "t.id")
        }
    };
    conditions = conditions.and("t.status = ", filter.status.map(PartnerStatus::as_str), "").and(
        &format!("EXISTS (SELECT 1 FROM standing s WHERE {LAST} AND s.tier = "),
        filter.tier.as_deref(),
        ")",
    );
    if let Some(search) = &filter.search {
        let pattern = format!("%{}%", escape_like(&search.to_ascii_lowercase()));
        let number = conditions.values.len() + 1;
        let (before, after) = (
            "(EXISTS (SELECT 1 FROM account a WHERE a.id = t.account_id AND lower(a.account_id) LIKE ",
            format!(
                " ESCAPE '!') OR EXISTS (SELECT 1 FROM link l WHERE l.partner_id = t.id AND l.is_own \
                 AND l.code_key LIKE ${number} ESCAPE '!'))"
            ),
        );
        conditions = conditions.and(before, Some(pattern), &after);
    }
    let list = newest_first("partner", key, conditions);
    List { from, id, is_descending, ..list }
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// What an id without a kind names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Partner,
    Link,
    Client,
    Line,
    Statement,
    LedgerTransfer,
    Withdrawal,
    ServiceTransfer,
    Ticket,
    Settlement,
}

/// The kinds of objects; nothing for an id that names none of these.
pub async fn subjects(app: App, ids: Vec<Uuid>) -> Found<Subject> {
    const TABLES: [(&str, Subject); 10] = [
        ("partner", Subject::Partner),
        ("link", Subject::Link),
        ("referral", Subject::Client),
        ("line", Subject::Line),
        ("statement", Subject::Statement),
        ("ledger_transfer", Subject::LedgerTransfer),
        ("withdrawal", Subject::Withdrawal),
        ("service_transfer", Subject::ServiceTransfer),
        ("ticket", Subject::Ticket),
        ("settlement", Subject::Settlement),
    ];
    let select = |(index, (table, _)): (usize, &(&str, Subject))| {
        format!("SELECT v.id, {index} AS kind FROM v JOIN {table} t ON t.id = v.id")
    };
    let selects = TABLES.iter().enumerate().map(select).collect::<Vec<_>>().join(" UNION ALL ");
    let rows = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
    let mut subjects = HashMap::new();
    for row in rows.query(app.db.reader(), &format!("WITH {{rows}} {selects}"), vec![]).await? {
        let kind = usize::try_from(row.try_get_by_index::<i32>(1)?).unwrap_or(usize::MAX);
        if let Some((_, subject)) = TABLES.get(kind) {
            subjects.insert(row.try_get_by_index(0)?, *subject);
        }
    }
    Ok(subjects)
}

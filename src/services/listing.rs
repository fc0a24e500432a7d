//! Reads what other use cases write: lists by page, and objects by their ids, many in one statement.

use std::collections::{BTreeSet, HashMap};

use entity::{
    Moment, PartnerStatus, TicketKind, TicketStatus, WithdrawalStatus, account, contract, ledger_transfer,
    parked_fact, partner, service_transfer, settlement, ticket, ticket_message, withdrawal,
};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::ledger;
use super::paging::{List, Page, PageRequest};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::balance::Balance;

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

pub async fn withdrawals_by_id(app: App, ids: Vec<Uuid>) -> Found<withdrawal::Model> {
    keyed(&app, "withdrawal", ids, |row: &withdrawal::Model| row.id).await
}

pub async fn service_transfers_by_id(app: App, ids: Vec<Uuid>) -> Found<service_transfer::Model> {
    keyed(&app, "service_transfer", ids, |row: &service_transfer::Model| row.id).await
}

pub async fn tickets_by_id(app: App, ids: Vec<Uuid>) -> Found<ticket::Model> {
    keyed(&app, "ticket", ids, |row: &ticket::Model| row.id).await
}

/// The messages of tickets, oldest first.
pub async fn ticket_messages(app: App, ids: Vec<Uuid>) -> Found<Vec<ticket_message::Model>> {
    let sql = "WITH {rows} SELECT m.* FROM v JOIN ticket_message m ON m.ticket_id = v.id ORDER BY m.at, m.id";
    let rows = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
    let mut messages: HashMap<Uuid, Vec<ticket_message::Model>> = HashMap::new();
    for row in rows.query(app.db.reader(), sql, vec![]).await? {
        let message = ticket_message::Model::from_query_result(&row, "")?;
        messages.entry(message.ticket_id).or_default().push(message);
    }
    Ok(messages)
}

/// A partner's contract; none is no row.
pub async fn contract(app: &App, partner_id: Uuid) -> Result<Option<contract::Model>, ServiceError> {
    Ok(contract::Entity::find_by_id(partner_id).one(app.db.reader()).await?)
}

/// A partner's two balances.
pub async fn balance(app: &App, partner_id: Uuid) -> Result<Balance, ServiceError> {
    let partners = BTreeSet::from([partner_id]);
    let found = ledger::balances(app.db.reader(), &partners).await?.remove(&partner_id);
    Ok(found.map_or(Balance::ZERO, |held| held.balance))
}

/// The partner behind an account, if it is one.
pub async fn partner_of_account(app: &App, account_id: &str) -> Result<Option<partner::Model>, ServiceError> {
    Ok(super::partner::find_by_account(app.db.reader(), account_id).await?)
}

pub async fn settlement(app: &App, id: Uuid) -> Result<Option<settlement::Model>, ServiceError> {
    Ok(settlement::Entity::find_by_id(id).one(app.db.reader()).await?)
}

pub async fn parked_fact(app: &App, id: Uuid) -> Result<Option<parked_fact::Model>, ServiceError> {
    Ok(parked_fact::Entity::find_by_id(id).one(app.db.reader()).await?)
}

pub async fn ledger_transfer(app: &App, id: Uuid) -> Result<Option<ledger_transfer::Model>, ServiceError> {
    Ok(ledger_transfer::Entity::find_by_id(id).one(app.db.reader()).await?)
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
    // Only what is asked for is joined, so that the common order is served by its index alone.
    let mut from = "partner t".to_owned();
    if matches!(order, PartnerOrder::Available | PartnerOrder::LifetimeCredited) {
        from.push_str(" JOIN balance b ON b.partner_id = t.id");
    }
    if filter.tier.is_some() || order == PartnerOrder::ActiveClients {
        from.push_str(
            " LEFT JOIN standing s ON s.partner_id = t.id \
             AND s.period = (SELECT MAX(x.period) FROM standing x)",
        );
    }
    if filter.search.is_some() {
        from.push_str(" JOIN account a ON a.id = t.account_id");
    }
    let mut conditions = Conditions::none()
        .and("t.status = ", filter.status.map(PartnerStatus::as_str), "")
        .and("s.tier = ", filter.tier.as_deref(), "");
    if let Some(search) = &filter.search {
        let pattern = format!("%{}%", escape_like(&search.to_ascii_lowercase()));
        let number = conditions.values.len() + 1;
        let (before, after) = (
            "(lower(a.account_id) LIKE ",
            format!(
                " ESCAPE '!' OR EXISTS (SELECT 1 FROM link l WHERE l.partner_id = t.id AND l.is_own \
                 AND l.code_key LIKE ${number} ESCAPE '!'))"
            ),
        );
        conditions = conditions.and(before, Some(pattern), &after);
    }
    let key = match order {
        PartnerOrder::JoinedAt => "t.joined_at",
        PartnerOrder::Available => "b.available",
        PartnerOrder::ActiveClients => "COALESCE(s.active_clients, 0)",
        PartnerOrder::LifetimeCredited => "b.lifetime_credited",
    };
    let list = newest_first("partner", key, conditions);
    List { from, is_descending, ..list }
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// What an id without a kind names among a partner's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Withdrawal,
    ServiceTransfer,
    Line,
    Statement,
    Client,
    Link,
}

/// The kind of a partner's object; none where he has no such.
pub async fn subject_kind(app: &App, partner_id: Uuid, id: Uuid) -> Result<Option<Subject>, ServiceError> {
    const TABLES: [(&str, Subject); 6] = [
        ("withdrawal", Subject::Withdrawal),
        ("service_transfer", Subject::ServiceTransfer),
        ("line", Subject::Line),
        ("statement", Subject::Statement),
        ("referral", Subject::Client),
        ("link", Subject::Link),
    ];
    let select = |(index, (table, _)): (usize, &(&str, Subject))| {
        format!("SELECT {index} AS kind FROM {table} WHERE id = $1 AND partner_id = $2")
    };
    let sql = TABLES.iter().enumerate().map(select).collect::<Vec<_>>().join(" UNION ALL ");
    let row = db::query_one(app.db.reader(), sql, vec![id.into(), partner_id.into()]).await?;
    let kind: Option<i32> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    let index = kind.and_then(|kind| usize::try_from(kind).ok());
    Ok(index.and_then(|index| TABLES.get(index)).map(|(_, subject)| *subject))
}

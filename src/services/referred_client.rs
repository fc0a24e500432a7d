//! Reads a partner's clients with what they have brought; who they are stays masked.

use std::collections::HashMap;
use std::sync::LazyLock;

use entity::{Moment, Money};
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::earned;
use super::error::ServiceError;
use super::owner::Owner;
use super::paging::{AskedPage, FIRST_COLUMN, List, Page, PageRequest};
use super::standing::RateBook;
use crate::app::App;
use crate::db::{Answer, Column, Columns, Rows, Selected, Together, select_list};
use crate::domain::activity::window_from;
use crate::domain::earned::Earned;

/// A client of a partner with his totals.
#[derive(Clone, Debug)]
pub struct ReferredClient {
    pub name: ClientName,
    pub partner_id: Uuid,
    /// The link that brought him, if a link did.
    pub link_id: Option<Uuid>,
    pub registered_at: Moment,
    pub top_up_count: i64,
    /// The last purchase that is not refunded in full.
    pub last_purchase_at: Option<Moment>,
    /// Of top-ups less refunds, in the programme's currency.
    pub base: Money,
    pub earned: Earned,
    /// All that his lines have earned, where the rates were read along with him.
    pub commission: Option<Money>,
}

/// Who a client of a partner is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName {
    /// Of the referral.
    pub id: Uuid,
    /// The provider's own id of the account, masked.
    pub reference: String,
}

impl ReferredClient {
    /// From the first of a client's columns on.
    fn read(row: &impl Columns, first: usize) -> Result<ReferredClient, DbErr> {
        let (base, earned) = earned::read(row, first + CLIENT.len())?;
        Ok(ReferredClient {
            name: ClientName { id: row.column(first)?, reference: row.column(first + 1)? },
            partner_id: row.column(first + 2)?,
            link_id: row.column(first + 3)?,
            registered_at: row.column(first + 4)?,
            top_up_count: row.column(first + 5)?,
            last_purchase_at: row.column(first + 6)?,
            base,
            earned,
            commission: None,
        })
    }

    /// With all that his lines have earned, by the rates of his partner.
    pub fn with_commission(self, rates: &RateBook) -> Result<ReferredClient, ServiceError> {
        let commission = self.earned.commission(|period| Some(rates.rate(self.partner_id, period).rate));
        let commission = commission.ok_or_else(|| {
            ServiceError::Broken(format!("what client {} has earned leaves 64 bits", self.name.id))
        })?;
        Ok(ReferredClient { commission: Some(commission), ..self })
    }
}

/// As an item of a page.
impl FromQueryResult for ReferredClient {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<ReferredClient, DbErr> {
        ReferredClient::read(row, FIRST_COLUMN)
    }
}

/// All that a list shows stands in one row, and each order of a list has an index of these rows.
const CLIENT: &Selected = &[
    ("t.referral_id", Column::Uuid),
    ("t.reference", Column::Text),
    ("t.partner_id", Column::Uuid),
    ("t.link_id", Column::Uuid),
    ("t.registered_at", Column::BigInt),
    ("t.top_up_count", Column::BigInt),
    ("t.last_purchase_at", Column::BigInt),
];
static SELECTED: LazyLock<Vec<(&str, Column)>> = LazyLock::new(|| [CLIENT, earned::SELECTED].concat());
static COLUMNS: LazyLock<String> = LazyLock::new(|| select_list(&SELECTED));

/// A client who has no line yet.
pub struct WithoutLines<'a> {
    pub referral_id: Uuid,
    pub partner_id: Uuid,
    pub link_id: Option<Uuid>,
    pub registered_at: Moment,
    pub reference: &'a str,
}

/// Makes the totals of new clients: lists show and order by them.
pub async fn open_totals(
    tx: &DatabaseTransaction,
    clients: impl Iterator<Item = WithoutLines<'_>>,
) -> Result<(), DbErr> {
    let mut rows = Rows::new(&[
        ("referral_id", Column::Uuid),
        ("partner_id", Column::Uuid),
        ("link_id", Column::UuidOrNull),
        ("registered_at", Column::BigInt),
        ("reference", Column::Text),
    ]);
    clients.for_each(|client| {
        let WithoutLines { referral_id, partner_id, link_id, registered_at, reference } = client;
        rows.push([
            referral_id.into(),
            partner_id.into(),
            link_id.into(),
            registered_at.0.into(),
            reference.into(),
        ]);
    });
    let sql = "WITH {rows} INSERT INTO referral_total (referral_id, partner_id, link_id, registered_at, reference, \
               base, top_up_count, closed_through, closed_base, closed_commission) \
               SELECT referral_id, partner_id, link_id, registered_at, reference, 0, 0, 0, 0, 0 FROM v";
    rows.execute(tx, sql, vec![]).await.map(|_| ())
}

/// Which page of a partner's clients is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientsAsked {
    pub request: PageRequest,
    pub filter: ReferredClientFilter,
    pub order: ReferredClientOrder,
    pub is_descending: bool,
}

impl ClientsAsked {
    /// Asks for the page together with other queries.
    pub fn ask(&self, app: &App, together: &mut Together, owner: Owner) -> AskedPage {
        of_partner(app, owner, self).ask(together, self.request, &SELECTED)
    }

    /// Reads what was asked for.
    pub fn read(asked: &AskedPage, found: &[Vec<Answer>]) -> Result<Page<ReferredClient>, DbErr> {
        asked.read(found, ReferredClient::read)
    }
}

/// Which clients of a partner are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferredClientFilter {
    pub is_active: Option<bool>,
    pub link_id: Option<Uuid>,
    pub registered_from: Option<Moment>,
    pub registered_before: Option<Moment>,
    pub minimum_top_up_total: Option<Money>,
}

/// What a list of clients is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferredClientOrder {
    #[default]
    RegisteredAt,
    /// Who has none is taken for the beginning of time.
    LastTopUpAt,
    TopUpTotal,
}

/// The first moment of the window in which a purchase makes a client active now.
pub fn active_from(app: &App) -> Moment {
    window_from(app.clock.now(), app.terms.window_days)
}

/// The clients of a partner, with their totals.
pub fn of_partner(app: &App, owner: Owner, asked: &ClientsAsked) -> List {
    let ClientsAsked { filter, order, is_descending, .. } = asked;
    let key = match order {
        ReferredClientOrder::RegisteredAt => "t.registered_at",
        ReferredClientOrder::LastTopUpAt => "COALESCE(t.last_purchase_at, 0)",
        ReferredClientOrder::TopUpTotal => "t.base",
    };
    let mut condition = format!("t.partner_id = {}", owner.sql());
    let mut values = owner.values();
    let mut and = |before: &str, value: Value, after: &str| {
        values.push(value);
        condition.push_str(&format!(" AND {before}${}{after}", values.len()));
    };
    match filter.is_active {
        None => {}
        Some(is_active) => {
            let sign = if is_active { ">=" } else { "<" };
            let last = unless(*order == ReferredClientOrder::LastTopUpAt);
            and(&format!("{last}COALESCE(t.last_purchase_at, 0) {sign} "), active_from(app).0.into(), "");
        }
    }
    if let Some(link_id) = filter.link_id {
        and("t.link_id = ", link_id.into(), "");
    }
    let registered = unless(*order == ReferredClientOrder::RegisteredAt);
    if let Some(from) = filter.registered_from {
        and(&format!("{registered}t.registered_at >= "), from.0.into(), "");
    }
    if let Some(before) = filter.registered_before {
        and(&format!("{registered}t.registered_at < "), before.0.into(), "");
    }
    if let Some(minimum) = filter.minimum_top_up_total {
        let base = unless(*order == ReferredClientOrder::TopUpTotal);
        and(&format!("{base}t.base >= "), minimum.0.into(), "");
    }
    List {
        columns: &COLUMNS,
        from: "referral_total t".to_owned(),
        condition,
        values,
        key,
        id: "t.referral_id",
        is_descending: *is_descending,
    }
}

/// A sign that changes nothing but which index is taken: one that the list is not ordered by would have it sorted.
const fn unless(is_ordered_by: bool) -> &'static str {
    if is_ordered_by { "" } else { "+" }
}

pub async fn by_id(app: App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, ReferredClient>, ServiceError> {
    let sql =
        format!("WITH {{rows}} SELECT {} FROM v JOIN referral_total t ON t.referral_id = v.id", *COLUMNS);
    let rows = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
    let mut found = HashMap::new();
    for row in rows.query(app.db.reader(), &sql, vec![]).await? {
        let client = ReferredClient::read(&row, 0)?;
        found.insert(client.name.id, client);
    }
    Ok(found)
}

/// All that a client's lines have earned, at the rates in force.
pub async fn commission(app: &App, client: ReferredClient) -> Result<Money, ServiceError> {
    let keys = client.earned.open().map(|(period, _)| (client.partner_id, period)).collect();
    let rates = RateBook::load(app.db.reader(), &app.terms, &keys, None).await?;
    Ok(client.with_commission(&rates)?.commission.unwrap_or_default())
}

//! Reads a partner's clients with what they have brought; who they are stays masked.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use entity::{Moment, Money, Period, referral};
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::error::ServiceError;
use super::owner::Owner;
use super::paging::{AskedPage, FIRST_COLUMN, List, Page, PageRequest};
use super::standing::RateBook;
use super::sums::commission_of;
use crate::app::App;
use crate::db::{Answer, Column, Columns, Rows, Selected, Together, select_list};
use crate::domain::activity::window_from;

/// A referral with its totals.
#[derive(Clone, Debug)]
pub struct ReferredClient {
    pub referral: referral::Model,
    /// Of top-ups less refunds, in the programme's currency.
    pub base: Money,
    pub top_ups: i64,
    /// The last purchase that is not refunded in full.
    pub last_purchase_at: Option<Moment>,
    /// All that his lines have earned, where it was read along with him.
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
    pub fn name(&self) -> ClientName {
        ClientName { id: self.referral.id, reference: self.referral.reference.clone() }
    }

    /// From the first of a client's columns on.
    fn read(row: &impl Columns, first: usize) -> Result<ReferredClient, DbErr> {
        let totals = first + REFERRAL.len();
        Ok(ReferredClient {
            referral: read_referral(row, first)?,
            base: row.column(totals)?,
            top_ups: row.column(totals + 1)?,
            last_purchase_at: row.column(totals + 2)?,
            commission: None,
        })
    }
}

/// As an item of a page.
impl FromQueryResult for ReferredClient {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<ReferredClient, DbErr> {
        ReferredClient::read(row, FIRST_COLUMN)
    }
}

const REFERRAL: &Selected = &[
    ("r.id", Column::Uuid),
    ("r.partner_id", Column::Uuid),
    ("r.account_id", Column::Uuid),
    ("r.reference", Column::Text),
    ("r.link_id", Column::Uuid),
    ("r.brought_by", Column::Text),
    ("r.visitor_id", Column::Uuid),
    ("r.visited_at", Column::BigInt),
    ("r.registered_at", Column::BigInt),
    ("r.recorded_at", Column::BigInt),
    ("r.since", Column::BigInt),
    ("r.until", Column::BigInt),
    ("r.hold_reason", Column::Text),
];

fn read_referral(row: &impl Columns, first: usize) -> Result<referral::Model, DbErr> {
    Ok(referral::Model {
        id: row.column(first)?,
        partner_id: row.column(first + 1)?,
        account_id: row.column(first + 2)?,
        reference: row.column(first + 3)?,
        link_id: row.column(first + 4)?,
        brought_by: row.column(first + 5)?,
        visitor_id: row.column(first + 6)?,
        visited_at: row.column(first + 7)?,
        registered_at: row.column(first + 8)?,
        recorded_at: row.column(first + 9)?,
        since: row.column(first + 10)?,
        until: row.column(first + 11)?,
        hold_reason: row.column(first + 12)?,
    })
}

/// The columns of a client with his totals.
static COLUMNS: LazyLock<String> =
    LazyLock::new(|| format!("{}, t.base, t.top_ups, t.last_purchase_at", select_list(REFERRAL)));
const TOTALS: &str = "JOIN referral_total t ON t.referral_id = r.id";

/// Makes the totals of clients who have no line yet, each with his partner: lists are ordered by them.
pub async fn open_totals(
    tx: &DatabaseTransaction,
    clients: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<(), DbErr> {
    let mut rows = Rows::new(&[("referral_id", Column::Uuid), ("partner_id", Column::Uuid)]);
    clients.for_each(|(referral_id, partner_id)| rows.push([referral_id.into(), partner_id.into()]));
    let sql = "WITH {rows} INSERT INTO referral_total (referral_id, partner_id, base, top_ups, last_purchase_at) \
               SELECT referral_id, partner_id, 0, 0, NULL FROM v";
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

/// What the earning lines of a client come to that are settled in one period at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSum {
    rate_period: Period,
    base: Money,
    top_ups: i64,
    /// The last purchase among them that is not refunded in full.
    last_purchase_at: Option<Moment>,
}

/// A client with the sums of his lines, all that he has brought.
pub type WithSums = (referral::Model, Vec<ClientSum>);

impl ClientsAsked {
    /// Asks for the page together with other queries: clients, each with the sums of his lines, which make his totals
    /// too.
    pub fn ask(&self, app: &App, together: &mut Together, owner: Owner) -> AskedPage {
        static SELECTED: LazyLock<Vec<(&str, Column)>> =
            LazyLock::new(|| [REFERRAL, &[(SUMS.as_str(), Column::Text)]].concat());
        let by_totals = self.filter.is_active.is_some() || self.filter.minimum_top_up_total.is_some();
        self.list(app, owner, by_totals).ask(together, self.request, &SELECTED)
    }

    /// Reads what was asked for.
    pub fn read(asked: &AskedPage, found: &[Vec<Answer>]) -> Result<Page<WithSums>, DbErr> {
        asked.read(found, |row, first| {
            let sums: Option<String> = row.column(first + REFERRAL.len())?;
            let sums = sums.as_deref().unwrap_or_default();
            let read = sums.split_terminator(',').map(ClientSum::read).collect::<Option<_>>();
            let read = read.ok_or_else(|| DbErr::Type(format!("sums of a client: {sums}")))?;
            Ok((read_referral(row, first)?, read))
        })
    }
}

/// The sums of a client as one text: `20260101:5000000:2:1767225600000000,20260115:-1000:0:0`.
static SUMS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "(SELECT string_agg(s.rate_period || ':' || s.base || ':' || s.top_ups || ':' || \
         CASE WHEN s.taken_back_period = {} THEN COALESCE(s.last_purchase_at, 0) ELSE 0 END, ',') \
         FROM referral_sum s WHERE s.referral_id = r.id)",
        Period::NEVER.0
    )
});

impl ClientSum {
    fn read(text: &str) -> Option<ClientSum> {
        let mut parts = text.split(':');
        let mut number = || parts.next()?.parse::<i64>().ok();
        Some(ClientSum {
            rate_period: Period(number()?.try_into().ok()?),
            base: Money(number()?),
            top_ups: number()?,
            last_purchase_at: Some(number()?).filter(|at| *at != 0).map(Moment),
        })
    }
}

/// A client with his totals and his commission, by the rates of his partner.
pub fn of_sums((referral, sums): WithSums, rates: &RateBook) -> Result<ReferredClient, ServiceError> {
    let (id, partner_id) = (referral.id, referral.partner_id);
    let base = sums.iter().try_fold(Money::ZERO, |base, sum| base.checked_add(sum.base));
    let by_rate = sums.iter().map(|sum| (sum.rate_period, sum.base));
    let commission = commission_of(by_rate, |period| rates.rate(partner_id, period).rate);
    Ok(ReferredClient {
        referral,
        base: base.ok_or_else(|| leaves_64_bits(id))?,
        top_ups: sums.iter().map(|sum| sum.top_ups).sum(),
        last_purchase_at: sums.iter().filter_map(|sum| sum.last_purchase_at).max(),
        commission: Some(commission.ok_or_else(|| leaves_64_bits(id))?),
    })
}

fn leaves_64_bits(id: Uuid) -> ServiceError {
    ServiceError::Broken(format!("what client {id} has brought leaves 64 bits"))
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
    asked.list(app, owner, true)
}

impl ClientsAsked {
    fn list(&self, app: &App, owner: Owner, with_totals: bool) -> List {
        let ClientsAsked { filter, order, is_descending, .. } = self;
        // By totals the list begins where they lie in order; by registration with the clients.
        let by_totals = "referral_total t JOIN referral r ON r.id = t.referral_id".to_owned();
        let (from, whose, id, key) = match order {
            ReferredClientOrder::RegisteredAt => {
                let totals = if with_totals { TOTALS } else { "" };
                (format!("referral r {totals}"), "r.partner_id", "r.id", "r.registered_at")
            }
            ReferredClientOrder::LastTopUpAt => {
                (by_totals, "t.partner_id", "t.referral_id", "COALESCE(t.last_purchase_at, 0)")
            }
            ReferredClientOrder::TopUpTotal => (by_totals, "t.partner_id", "t.referral_id", "t.base"),
        };
        let mut condition = format!("{whose} = {}", owner.sql());
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
            and("r.link_id = ", link_id.into(), "");
        }
        if let Some(from) = filter.registered_from {
            and("r.registered_at >= ", from.0.into(), "");
        }
        if let Some(before) = filter.registered_before {
            and("r.registered_at < ", before.0.into(), "");
        }
        if let Some(minimum) = filter.minimum_top_up_total {
            let base = unless(*order == ReferredClientOrder::TopUpTotal);
            and(&format!("{base}t.base >= "), minimum.0.into(), "");
        }
        List { columns: &COLUMNS, from, condition, values, key, id, is_descending: *is_descending }
    }
}

/// A sign that changes nothing but which index is taken: one that the list is not ordered by would have it sorted.
const fn unless(is_ordered_by: bool) -> &'static str {
    if is_ordered_by { "" } else { "+" }
}

pub async fn by_id(app: App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, ReferredClient>, ServiceError> {
    let sql = format!("WITH {{rows}} SELECT {} FROM v JOIN referral r ON r.id = v.id {TOTALS}", *COLUMNS);
    let rows = Rows::of(&[("id", Column::Uuid)], ids.into_iter().map(Value::from));
    let mut found = HashMap::new();
    for row in rows.query(app.db.reader(), &sql, vec![]).await? {
        let client = ReferredClient::read(&row, 0)?;
        found.insert(client.referral.id, client);
    }
    Ok(found)
}

/// The commission that each client's lines come to: sums by rate period, at the rate of each.
pub async fn commission_totals(app: App, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Money>, ServiceError> {
    let sql = "WITH {rows} SELECT s.referral_id, s.partner_id, s.rate_period, CAST(SUM(s.base) AS BIGINT) \
               FROM v JOIN referral_sum s ON s.referral_id = v.id GROUP BY s.referral_id, s.partner_id, s.rate_period";
    let rows = Rows::of(&[("id", Column::Uuid)], ids.iter().map(|id| Value::from(*id)));
    let mut sums: HashMap<Uuid, (Uuid, Vec<(Period, Money)>)> = HashMap::new();
    for row in rows.query(app.db.reader(), sql, vec![]).await? {
        let partner_id = row.try_get_by_index(1)?;
        let of_client = sums.entry(row.try_get_by_index(0)?).or_insert((partner_id, Vec::new()));
        of_client.1.push((row.try_get_by_index(2)?, row.try_get_by_index(3)?));
    }
    let keys: BTreeSet<(Uuid, Period)> = sums
        .values()
        .flat_map(|(partner_id, sums)| sums.iter().map(|(period, _)| (*partner_id, *period)))
        .collect();
    let book = RateBook::load(app.db.reader(), &app.terms, &keys, None).await?;
    let mut totals: HashMap<Uuid, Money> = ids.into_iter().map(|id| (id, Money::ZERO)).collect();
    for (id, (partner_id, sums)) in sums {
        let total = commission_of(sums, |period| book.rate(partner_id, period).rate);
        let total = total.ok_or_else(|| leaves_64_bits(id))?;
        totals.insert(id, total);
    }
    Ok(totals)
}

/// What a partner sees of an account id: its first character and its last two, and of a short one less, so that at
/// least as much is hidden as is shown. The dots do not tell how long it is.
pub fn mask(account_id: &str) -> String {
    let characters: Vec<char> = account_id.chars().collect();
    let (first, last) = match characters.len() {
        0..=1 => (0, 0),
        2..=5 => (1, 0),
        _ => (1, 2),
    };
    let shown = |part: &[char]| part.iter().collect::<String>();
    format!("{}•••{}", shown(&characters[..first]), shown(&characters[characters.len() - last..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_hides_at_least_half_of_the_account_id() {
        for (account_id, reference) in [
            ("1234567", "1•••67"),
            ("123456", "1•••56"),
            ("12345", "1•••"),
            ("12", "1•••"),
            ("7", "•••"),
            ("a-very-long-account-id", "a•••id"),
        ] {
            assert_eq!(mask(account_id), reference);
        }
    }
}

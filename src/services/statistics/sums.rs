//! Reads the kept statistics: what a partner's rows come to, by day, by span of quarters or by link.

use std::collections::HashMap;

use entity::{Money, Period, RateBasisPoints, VisitVerdict};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, TryGetable, Value};
use uuid::Uuid;

use crate::db::{self, Column, Rows};

/// The verdicts in the order of the columns.
pub const VERDICTS: [VisitVerdict; 7] = [
    VisitVerdict::Counted,
    VisitVerdict::Prefetch,
    VisitVerdict::Bot,
    VisitVerdict::ContextualAdvertising,
    VisitVerdict::Forced,
    VisitVerdict::PartnerSuspended,
    VisitVerdict::Duplicate,
];

/// What came to pass in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// By verdict, in the order of [`VERDICTS`].
    pub visits: [i64; 7],
    pub unique_visitors: i64,
    pub registrations: i64,
    pub paying_clients: i64,
    pub top_ups: i64,
    pub base: Money,
    pub commission: Money,
}

impl Figures {
    /// Adds what another span has; none where an amount leaves 64 bits.
    pub fn plus(self, other: &Figures) -> Option<Figures> {
        let mut visits = self.visits;
        visits.iter_mut().zip(other.visits).for_each(|(sum, visits)| *sum += visits);
        Some(Figures {
            visits,
            unique_visitors: self.unique_visitors + other.unique_visitors,
            registrations: self.registrations + other.registrations,
            paying_clients: self.paying_clients + other.paying_clients,
            top_ups: self.top_ups + other.top_ups,
            base: self.base.checked_add(other.base)?,
            commission: self.commission.checked_add(other.commission)?,
        })
    }

    pub fn all_visits(&self) -> i64 {
        self.visits.iter().sum()
    }
}

/// Which links are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFilter {
    All,
    These {
        link_id: Option<Uuid>,
        campaign: Option<String>,
    },
    /// What was asked for names nothing.
    Nothing,
}

/// Which table holds the slots that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slots {
    /// Of the programme's zone.
    Days,
    /// Of an hour of UTC.
    Quarters,
}

impl Slots {
    fn statistic(self) -> (&'static str, &'static str) {
        match self {
            Slots::Days => ("statistic_day", "s.day"),
            Slots::Quarters => ("statistic_quarter", "s.quarter"),
        }
    }

    fn visit(self) -> (&'static str, &'static str) {
        match self {
            Slots::Days => ("visit_day", "s.day"),
            Slots::Quarters => ("visit_quarter", "s.quarter"),
        }
    }
}

/// Slots from one to before another.
pub type SlotSpan = (i32, i32);

/// A partner's rows that are looked at.
#[derive(Debug)]
pub struct Scope<'a> {
    pub partner_id: Uuid,
    pub slots: Slots,
    pub links: &'a LinkFilter,
    /// The partner's rates, each with the period from which it holds, latest first.
    pub rates: &'a [(Period, RateBasisPoints)],
}

/// A statement in the making: its values are `$1`, `$2`, ...
struct Draft {
    values: Vec<Value>,
}

impl Draft {
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }
}

const COUNTS: &str = "CAST(SUM(s.registrations) AS BIGINT), CAST(SUM(s.paying_clients) AS BIGINT), \
    CAST(SUM(s.top_ups) AS BIGINT), CAST(SUM(s.base) AS BIGINT), ";

const VISITS: &str = "CAST(SUM(s.counted) AS BIGINT), CAST(SUM(s.prefetch) AS BIGINT), CAST(SUM(s.bot) AS BIGINT), \
    CAST(SUM(s.contextual_advertising) AS BIGINT), CAST(SUM(s.forced) AS BIGINT), \
    CAST(SUM(s.partner_suspended) AS BIGINT), CAST(SUM(s.duplicate) AS BIGINT), \
    CAST(SUM(s.unique_visitors) AS BIGINT)";

impl Scope<'_> {
    /// What each day, or each link, of a span comes to.
    pub async fn by_slot(
        &self,
        db: &impl ConnectionTrait,
        span: SlotSpan,
    ) -> Result<HashMap<i32, Figures>, DbErr> {
        let column = |(_, slot): (&'static str, &'static str)| slot;
        self.grouped(db, span, column(self.slots.statistic()), column(self.slots.visit())).await
    }

    /// What each link comes to in a span; clients whom no link brought are under the nil id.
    pub async fn by_link(
        &self,
        db: &impl ConnectionTrait,
        span: SlotSpan,
    ) -> Result<HashMap<Uuid, Figures>, DbErr> {
        self.grouped(db, span, "s.link_id", "s.link_id").await
    }

    async fn grouped<K: TryGetable + Eq + std::hash::Hash>(
        &self,
        db: &impl ConnectionTrait,
        (from, to): SlotSpan,
        key: &str,
        visit_key: &str,
    ) -> Result<HashMap<K, Figures>, DbErr> {
        let select = |(table, slot): (&str, &str), key: &str, with_money: bool| {
            let mut draft = Draft { values: vec![self.partner_id.into(), from.into(), to.into()] };
            let sums = self.sums(&mut draft, with_money);
            let links = self.narrowed(&mut draft);
            let sql = format!(
                "SELECT {key}, {sums} FROM {table} s WHERE s.partner_id = $1 AND {slot} >= $2 AND {slot} < $3{links} \
                 GROUP BY {key}"
            );
            (sql, draft.values)
        };
        let (money, money_values) = select(self.slots.statistic(), key, true);
        let (visits, visit_values) = select(self.slots.visit(), visit_key, false);
        let (money, visits) =
            futures_util::try_join!(db::query(db, money, money_values), db::query(db, visits, visit_values))?;
        merged(&money, &visits)
    }

    /// What each of some spans comes to, by its place among them.
    pub async fn by_span(
        &self,
        db: &impl ConnectionTrait,
        spans: &[SlotSpan],
    ) -> Result<HashMap<i32, Figures>, DbErr> {
        let select = |(table, slot): (&str, &str), with_money: bool| {
            let mut rows =
                Rows::new(&[("place", Column::Int), ("first", Column::Int), ("after", Column::Int)]);
            for (place, (first, after)) in (0_i32..).zip(spans) {
                rows.push([place.into(), (*first).into(), (*after).into()]);
            }
            let mut draft = Draft { values: vec![self.partner_id.into()] };
            let sums = self.sums(&mut draft, with_money);
            let links = self.narrowed(&mut draft);
            let sql = format!(
                "WITH {{rows}} SELECT v.place, {sums} FROM v CROSS JOIN {table} s WHERE s.partner_id = $1 \
                 AND {slot} >= v.first AND {slot} < v.after{links} GROUP BY v.place"
            );
            (rows, sql, draft.values)
        };
        let (money_rows, money, money_values) = select(self.slots.statistic(), true);
        let (visit_rows, visits, visit_values) = select(self.slots.visit(), false);
        let (money, visits) = futures_util::try_join!(
            money_rows.query(db, &money, money_values),
            visit_rows.query(db, &visits, visit_values)
        )?;
        merged(&money, &visits)
    }

    fn sums(&self, draft: &mut Draft, with_money: bool) -> String {
        if with_money { format!("{COUNTS}{}", self.commission(draft)) } else { VISITS.to_owned() }
    }

    /// The sum of base x rate. A base is whole minor units, at least 10,000 micro-units each, so that a ten-thousandth
    /// of it times basis points is exact, and no larger than the base.
    fn commission(&self, draft: &mut Draft) -> String {
        if self.rates.is_empty() {
            return "CAST(0 AS BIGINT)".to_owned();
        }
        let mut rate = String::from("CASE");
        for (from, basis_points) in self.rates {
            let from = draft.bind(from.0);
            let basis_points = draft.bind(i64::from(basis_points.0));
            rate.push_str(&format!(" WHEN s.rate_period >= {from} THEN {basis_points}"));
        }
        rate.push_str(" ELSE 0 END");
        format!("CAST(SUM(s.base / 10000 * {rate}) AS BIGINT)")
    }

    fn narrowed(&self, draft: &mut Draft) -> String {
        let mut sql = String::new();
        match self.links {
            LinkFilter::All => {}
            LinkFilter::Nothing => sql.push_str(" AND 1 = 0"),
            LinkFilter::These { link_id, campaign } => {
                if let Some(link_id) = link_id {
                    sql.push_str(&format!(" AND s.link_id = {}", draft.bind(*link_id)));
                }
                if let Some(campaign) = campaign {
                    let campaign = draft.bind(campaign.as_str());
                    sql.push_str(&format!(
                        " AND s.link_id IN (SELECT k.id FROM link k WHERE k.partner_id = $1 AND k.campaign = {campaign})"
                    ));
                }
            }
        }
        sql
    }
}

fn merged<K: TryGetable + Eq + std::hash::Hash>(
    money: &[QueryResult],
    visits: &[QueryResult],
) -> Result<HashMap<K, Figures>, DbErr> {
    let mut figures: HashMap<K, Figures> = HashMap::with_capacity(money.len());
    for row in money {
        let known = figures.entry(row.try_get_by_index(0)?).or_default();
        known.registrations = row.try_get_by_index(1)?;
        known.paying_clients = row.try_get_by_index(2)?;
        known.top_ups = row.try_get_by_index(3)?;
        known.base = row.try_get_by_index(4)?;
        known.commission = row.try_get_by_index(5)?;
    }
    for row in visits {
        let known = figures.entry(row.try_get_by_index(0)?).or_default();
        for (column, visits) in (1..).zip(&mut known.visits) {
            *visits = row.try_get_by_index(column)?;
        }
        known.unique_visitors = row.try_get_by_index(8)?;
    }
    Ok(figures)
}

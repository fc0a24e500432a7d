//! The rates of the partner behind an account, by one statement: what a dashboard cannot wait for twice.

use entity::{Period, RateBasisPoints, SettlementStatus};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use super::{Books, RateBook, Row};
use crate::app::Terms;
use crate::db;
use crate::services::error::ServiceError;
use crate::services::programme::{IndividualRates, TierTables};

/// All that the rates of one partner depend on, before it is known who he is.
#[derive(Debug, Default)]
pub struct RateRecords {
    books: Books,
    tables: Vec<(Uuid, Period, String)>,
    individual: Vec<(Uuid, Period, Option<RateBasisPoints>)>,
    standings: Vec<(Period, Row)>,
}

impl RateRecords {
    /// Loads the records of the partner behind an account; without one those of the programme alone.
    pub async fn load(db: &impl ConnectionTrait, account_id: &str) -> Result<RateRecords, DbErr> {
        let mut records = RateRecords::default();
        for row in db::query(db, RECORDS, vec![account_id.into()]).await? {
            records.take(&row)?;
        }
        Ok(records)
    }

    fn take(&mut self, row: &QueryResult) -> Result<(), DbErr> {
        let kind: i32 = row.try_get_by_index(0)?;
        let period: Period = row.try_get_by_index(1)?;
        match kind {
            SETTLEMENT => {
                let status: SettlementStatus = row.try_get_by_index(2)?;
                self.books.last = Some((period, status));
                self.books.last_minimum = u32::try_from(row.try_get_by_index::<i64>(3)?).unwrap_or(0);
            }
            PROGRAMME => self.books.first = Some(period),
            TABLE => self.tables.push((row.try_get_by_index(6)?, period, row.try_get_by_index(2)?)),
            INDIVIDUAL => self.individual.push((row.try_get_by_index(6)?, period, row.try_get_by_index(4)?)),
            _ => {
                let active: i64 = row.try_get_by_index(3)?;
                let standing = Row {
                    active_clients: u32::try_from(active).unwrap_or(u32::MAX),
                    tier: row.try_get_by_index(2)?,
                    rate: row.try_get_by_index(4)?,
                    was_suspended: row.try_get_by_index(5)?,
                };
                self.standings.push((period, standing));
            }
        }
        Ok(())
    }

    /// The rates, now that it is known whose they are.
    pub fn of(mut self, partner_id: Uuid, terms: &Terms) -> Result<RateBook, ServiceError> {
        // Of two for one period the one set last holds: ids rise with time.
        self.tables.sort_unstable_by_key(|(id, ..)| *id);
        self.individual.sort_unstable_by_key(|(id, ..)| *id);
        let tables = self.tables.into_iter().map(|(_, period, tiers)| (period, tiers));
        let individual = self.individual.into_iter().map(|(_, period, rate)| (period, rate));
        let standings = self.standings.into_iter();
        Ok(RateBook {
            books: self.books,
            tables: TierTables::of(terms, tables)?,
            individual: IndividualRates::of_partner(partner_id, individual),
            standings: standings.map(|(period, row)| ((partner_id, period), row)).collect(),
        })
    }
}

const SETTLEMENT: i32 = 0;
const PROGRAMME: i32 = 1;
const TABLE: i32 = 2;
const INDIVIDUAL: i32 = 3;

/// kind, period, text, number, rate, flag, id.
const RECORDS: &str = "WITH me AS MATERIALIZED (\
        SELECT p.id FROM account a JOIN partner p ON p.account_id = a.id WHERE a.account_id = $1) \
    SELECT 0, s.period, s.status, CAST(s.minimum_active_clients AS BIGINT), CAST(NULL AS INTEGER), FALSE, s.id \
        FROM (SELECT * FROM settlement ORDER BY period DESC LIMIT 1) s \
    UNION ALL SELECT 1, first_period, NULL, NULL, NULL, FALSE, NULL FROM programme \
    UNION ALL SELECT 2, from_period, tiers, NULL, NULL, FALSE, id FROM tier_table \
    UNION ALL SELECT 3, i.from_period, NULL, NULL, i.rate_basis_points, FALSE, i.id \
        FROM me JOIN individual_rate i ON i.partner_id = me.id \
    UNION ALL SELECT 4, s.period, s.tier, s.active_clients, s.rate_basis_points, s.was_suspended, NULL \
        FROM me JOIN standing s ON s.partner_id = me.id";

//! The rates of one partner, as records that come with whatever else is asked of him: what a dashboard cannot wait for
//! twice.

use entity::{Period, RateBasisPoints, SettlementStatus};
use sea_orm::DbErr;
use uuid::Uuid;

use super::{Books, RateBook, Row};
use crate::app::Terms;
use crate::db::Columns;
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
    /// The records of the partner in the common table `me`, each a row: kind, period, text, number, rate, flag, id, and a
    /// second number that none of these has. SQLite takes the tables of a CROSS JOIN in their order: it would read all
    /// standings to find the one partner among them.
    pub const SQL: &str = "SELECT 0, s.period, s.status, CAST(s.minimum_active_clients AS BIGINT), \
            CAST(NULL AS INTEGER), FALSE, s.id, CAST(NULL AS BIGINT) \
            FROM (SELECT * FROM settlement ORDER BY period DESC LIMIT 1) s \
        UNION ALL SELECT 1, first_period, NULL, NULL, NULL, FALSE, NULL, NULL FROM programme \
        UNION ALL SELECT 2, from_period, tiers, NULL, NULL, FALSE, id, NULL FROM tier_table \
        UNION ALL SELECT 3, i.from_period, NULL, NULL, i.rate_basis_points, FALSE, i.id, NULL \
            FROM me CROSS JOIN individual_rate i WHERE i.partner_id = me.id \
        UNION ALL SELECT 4, s.period, s.tier, s.active_clients, s.rate_basis_points, s.was_suspended, NULL, NULL \
            FROM me CROSS JOIN standing s WHERE s.partner_id = me.id";

    /// Takes a row in whose first column stands its kind; one of no kind of these is somebody else's.
    pub fn take(&mut self, row: &impl Columns) -> Result<(), DbErr> {
        let kind: i32 = row.column(0)?;
        match kind {
            SETTLEMENT => {
                let status: SettlementStatus = row.column(2)?;
                self.books.last = Some((row.column(1)?, status));
                self.books.last_minimum = u32::try_from(row.column::<i64>(3)?).unwrap_or(0);
            }
            PROGRAMME => self.books.first = Some(row.column(1)?),
            TABLE => self.tables.push((row.column(6)?, row.column(1)?, row.column(2)?)),
            INDIVIDUAL => self.individual.push((row.column(6)?, row.column(1)?, row.column(4)?)),
            STANDING => {
                let active: i64 = row.column(3)?;
                let standing = Row {
                    active_clients: u32::try_from(active).unwrap_or(u32::MAX),
                    tier: row.column(2)?,
                    rate: row.column(4)?,
                    was_suspended: row.column(5)?,
                };
                self.standings.push((row.column(1)?, standing));
            }
            _ => {}
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
const STANDING: i32 = 4;

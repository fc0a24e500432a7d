//! The commission history: settled and pending lines by period and code, then those that are in no settlement.

use std::io::Write;

use entity::{LineState, Moment, Money, Period, RateBasisPoints};
use futures_util::TryStreamExt;
use sea_orm::{QueryResult, StreamTrait};
use uuid::Uuid;

use super::rates::Rates;
use super::sheet::Sheet;
use super::{Export, ExportError};
use crate::db;
use crate::domain::reference;

const HEADER: [&str; 16] = [
    "partner_code",
    "referred_client",
    "kind",
    "status",
    "reason",
    "source",
    "external_id",
    "occurred_at",
    "recorded_at",
    "amount",
    "currency",
    "exchange_rate",
    "base",
    "rate_percent",
    "commission",
    "period_start",
];

/// A line with its partner's code, its client and the standing of its period; `$1` is the last period with standings.
const SELECT: &str = "SELECT k.code, a.account_id, l.kind, l.state, l.reason, l.source, l.external_id, l.occurred_at, \
    l.recorded_at, l.amount, l.currency, l.exchange_rate, l.base, l.rate_period, t.rate_basis_points, l.partner_id, \
    l.settle_period, d.period \
    FROM line l JOIN link k ON k.partner_id = l.partner_id AND k.is_own \
    JOIN referral r ON r.id = l.referral_id JOIN account a ON a.id = r.account_id \
    LEFT JOIN standing t ON t.partner_id = l.partner_id \
      AND t.period = CASE WHEN l.rate_period > $1 THEN $1 ELSE l.rate_period END \
    LEFT JOIN statement d ON d.partner_id = l.partner_id AND d.period = l.settle_period \
    WHERE l.occurred_at >= $2 AND l.occurred_at < $3";

impl<W: Write> Export<'_, W> {
    pub(super) async fn commissions(&mut self) -> Result<(), ExportError> {
        self.sheet.header(&HEADER)?;
        let rates = Rates::load(self.app, self.db).await?;
        // A period at a time, so that no more than that is sorted at once.
        let first = self.selection.from.map_or(Period::BEGINNING, Period::holding);
        let mut sql =
            "SELECT DISTINCT s.settle_period FROM partner_sum s WHERE s.settle_period >= $1".to_owned();
        let mut values = vec![first.0.into()];
        self.of_partner(&mut sql, &mut values, "s.partner_id");
        sql.push_str(" ORDER BY 1");
        for row in db::query(self.db, sql, values).await? {
            self.lines_of_period(&rates, row.try_get_by_index(0)?).await?;
        }
        for (_, partner_id) in self.partners().await? {
            self.lines_in_no_settlement(&rates, partner_id).await?;
        }
        Ok(())
    }

    async fn lines_of_period(&mut self, rates: &Rates, period: Period) -> Result<(), ExportError> {
        let (from, until) = self.moments();
        let mut sql = format!(
            "{SELECT} AND l.settle_period = $4 AND l.partner_id IN \
             (SELECT s.partner_id FROM partner_sum s WHERE s.settle_period = $4)"
        );
        let mut values = vec![rates.last_standing().0.into(), from.0.into(), until.0.into(), period.0.into()];
        self.of_partner(&mut sql, &mut values, "l.partner_id");
        sql.push_str(" ORDER BY k.code, l.occurred_at, l.id");
        self.print_lines(rates, sql, values).await
    }

    async fn lines_in_no_settlement(&mut self, rates: &Rates, partner_id: Uuid) -> Result<(), ExportError> {
        let (from, until) = self.moments();
        let sql = format!(
            "{SELECT} AND l.partner_id = $4 AND l.settle_period IS NULL ORDER BY l.occurred_at, l.id"
        );
        let values = vec![rates.last_standing().0.into(), from.0.into(), until.0.into(), partner_id.into()];
        self.print_lines(rates, sql, values).await
    }

    async fn print_lines(
        &mut self,
        rates: &Rates,
        sql: String,
        values: Vec<sea_orm::Value>,
    ) -> Result<(), ExportError> {
        let mut rows = self.db.stream_raw(db::statement(self.db, sql, values)).await?;
        while let Some(row) = rows.try_next().await? {
            line_row(self.sheet, rates, &row)?;
        }
        Ok(())
    }
}

fn line_row(sheet: &mut Sheet<impl Write>, rates: &Rates, row: &QueryResult) -> Result<(), ExportError> {
    let state: LineState = row.try_get_by_index(3)?;
    let base: Money = row.try_get_by_index(12)?;
    let settle_period: Option<Period> = row.try_get_by_index(16)?;
    let has_statement = row.try_get_by_index::<Option<Period>>(17)?.is_some();
    let (rate, commission) = match state {
        // What is rejected or does not earn has no rate.
        LineState::Rejected | LineState::NotEarning => (RateBasisPoints(0), Money::ZERO),
        LineState::Earning | LineState::Held => rates.commission(
            row.try_get_by_index(15)?,
            row.try_get_by_index(13)?,
            row.try_get_by_index(14)?,
            base,
        )?,
    };
    sheet.text(&row.try_get_by_index::<String>(0)?)?;
    sheet.text(&reference::exported(&row.try_get_by_index::<String>(1)?))?;
    sheet.text(&row.try_get_by_index::<String>(2)?)?;
    sheet.text(status(state, has_statement))?;
    sheet.text(&row.try_get_by_index::<Option<String>>(4)?.unwrap_or_default())?;
    sheet.text(&row.try_get_by_index::<String>(5)?)?;
    sheet.text(&row.try_get_by_index::<String>(6)?)?;
    sheet.value(row.try_get_by_index::<Moment>(7)?)?;
    sheet.value(row.try_get_by_index::<Moment>(8)?)?;
    sheet.value(row.try_get_by_index::<Money>(9)?)?;
    sheet.text(&row.try_get_by_index::<String>(10)?)?;
    sheet.optional(row.try_get_by_index::<Option<String>>(11)?)?;
    sheet.value(base)?;
    sheet.value(rate)?;
    sheet.value(commission)?;
    sheet.optional(settle_period)?;
    Ok(sheet.end_row()?)
}

/// The status in the interface's words: pending until the partner's statement of the line's period is written.
fn status(state: LineState, has_statement: bool) -> &'static str {
    match state {
        LineState::Earning if has_statement => "SETTLED",
        LineState::Earning => "PENDING",
        other => other.as_str(),
    }
}

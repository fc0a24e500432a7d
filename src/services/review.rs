//! The review of held top-ups with all their refunds: released, or rejected for ever (rule 22).

use std::collections::{BTreeMap, HashMap};

use entity::{LineKind, LineReason, LineState, Money, Period, line};
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult, Value};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use super::event::{self, Event};
use super::line::{self as lines, Recording};
use super::sums::SumChanges;
use super::{lock, statistics};
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::error::Refusal;
use crate::domain::reason;
use crate::domain::review::{Verdict, judge};
use crate::domain::settlement_period::{refund_settle_period, settle_period};

/// Releases a held top-up with its refunds: each is settled as if it were recorded now (rule 15).
pub async fn release(
    app: &App,
    actor: &Actor,
    line_id: Uuid,
    reason: &str,
) -> Result<line::Model, ServiceError> {
    review(app, actor, line_id, Verdict::Release, reason).await
}

/// Rejects a held top-up with its refunds, those still to come as well: none is ever settled.
pub async fn reject(
    app: &App,
    actor: &Actor,
    line_id: Uuid,
    reason: &str,
) -> Result<line::Model, ServiceError> {
    review(app, actor, line_id, Verdict::Reject, reason).await
}

async fn review(
    app: &App,
    actor: &Actor,
    line_id: Uuid,
    verdict: Verdict,
    reason: &str,
) -> Result<line::Model, ServiceError> {
    let reason = reason::required(Some(reason))?;
    retrying(async || {
        let tx = app.begin().await?;
        // Against a period that closes, a refund that arrives, and another verdict.
        lock::period_shared(&tx).await?;
        let not_found = Refusal::NotFound { what: "commission" };
        let Some(unlocked) = lines::find(&tx, line_id).await? else { return Err(not_found.into()) };
        lock::partner(&tx, unlocked.partner_id).await?;
        let top_up = lines::find(&tx, line_id).await?.ok_or(not_found)?;
        judge(top_up.kind, top_up.state, verdict)?;
        let recording = Recording::begin(app, &tx).await?;
        let judged = judge_all(&recording, &tx, actor, &[top_up], verdict, reason).await?;
        tx.commit().await?;
        judged
            .into_iter()
            .next()
            .ok_or_else(|| ServiceError::Broken(format!("line {line_id} was not judged")))
    })
    .await
}

/// Passes one verdict on held top-ups with all their refunds; the period lock and the partners' rows are held.
/// Answers the top-ups as they are then.
pub(super) async fn judge_all(
    recording: &Recording<'_>,
    tx: &DatabaseTransaction,
    actor: &Actor,
    top_ups: &[line::Model],
    verdict: Verdict,
    reason: &str,
) -> Result<Vec<line::Model>, ServiceError> {
    let mut refunds = refunds_of(tx, top_ups).await?;
    let mut sums = SumChanges::default();
    let mut changed = Vec::with_capacity(top_ups.len());
    let mut judged = Vec::with_capacity(top_ups.len());
    for top_up in top_ups {
        let (state, line_reason) = judge(top_up.kind, top_up.state, verdict)?;
        let mut group = Group::of(top_up.clone(), refunds.remove(&top_up.id).unwrap_or_default());
        group.set_state(state, line_reason);
        if verdict == Verdict::Release {
            group.settle(recording);
            group.count(&mut sums);
        }
        judged.push(group.top_up.clone());
        changed.push(group.top_up);
        changed.extend(group.refunds);
    }
    update(tx, &changed).await?;
    let events: Vec<Event> = changed.iter().map(Event::line_reviewed).collect();
    event::record(recording.app, tx, &events, recording.now).await?;
    let clients = sums.apply(recording, tx).await?;
    statistics::count_lines(&recording.app.terms.calendar, tx, &changed, &clients).await?;
    let action = match verdict {
        Verdict::Release => "releaseCommission",
        Verdict::Reject => "rejectCommission",
    };
    let entries: Vec<AuditEntry<'_>> = top_ups
        .iter()
        .zip(&judged)
        .map(|(before, after)| AuditEntry {
            at: recording.now,
            actor,
            action,
            subject_id: Some(after.id),
            reason: Some(reason),
            before: json!({ "state": before.state, "reason": before.reason }),
            after: json!({
                "state": after.state,
                "reason": after.reason,
                "settlePeriod": after.settle_period.map(|period| period.to_string()),
            }),
        })
        .collect();
    audit::record_all(recording.app, tx, &entries).await?;
    Ok(judged)
}

/// A top-up with its refunds: they share one state.
struct Group {
    top_up: line::Model,
    refunds: Vec<line::Model>,
}

impl Group {
    fn of(top_up: line::Model, refunds: Vec<line::Model>) -> Group {
        Group { top_up, refunds }
    }

    fn set_state(&mut self, state: LineState, reason: Option<LineReason>) {
        for line in std::iter::once(&mut self.top_up).chain(&mut self.refunds) {
            (line.state, line.reason) = (state, reason);
        }
    }

    /// Gives each line the period in which it is settled, and the time of its release.
    fn settle(&mut self, recording: &Recording<'_>) {
        let open = recording.progress.after_last_closed();
        let settled_in = settle_period(self.top_up.rate_period, open);
        self.top_up.settle_period = Some(settled_in);
        self.top_up.released_at = Some(recording.now);
        for refund in &mut self.refunds {
            refund.released_at = Some(recording.now);
            let occurred_in = recording.period_of(refund.occurred_at);
            refund.settle_period = Some(refund_settle_period(occurred_in, open, settled_in));
        }
    }

    /// Counts each line in the sums.
    fn count(&self, sums: &mut SumChanges) {
        let Some(settled_in) = self.top_up.settle_period else { return };
        sums.add_top_up(&self.top_up, settled_in, self.taken_back_in());
        for refund in &self.refunds {
            if let Some(settled_in) = refund.settle_period {
                sums.add_refund(refund, settled_in);
            }
        }
    }

    /// The latest settle period of the refunds, where together they take back the whole top-up.
    fn taken_back_in(&self) -> Option<Period> {
        let refunded: Money = self.refunds.iter().map(|refund| refund.amount).sum();
        let last = self.refunds.iter().filter_map(|refund| refund.settle_period).max();
        last.filter(|_| refunded == self.top_up.amount)
    }
}

async fn refunds_of(
    tx: &DatabaseTransaction,
    top_ups: &[line::Model],
) -> Result<HashMap<Uuid, Vec<line::Model>>, DbErr> {
    let ids = top_ups.iter().map(|line| Value::from(line.id));
    let sql = "WITH {rows} SELECT r.* FROM v JOIN line r ON r.reverses = v.id";
    let mut refunds: HashMap<Uuid, Vec<line::Model>> = HashMap::new();
    for row in Rows::of(&[("id", Column::Uuid)], ids).query(tx, sql, vec![]).await? {
        let refund = line::Model::from_query_result(&row, "")?;
        refunds.entry(refund.reverses.unwrap_or_default()).or_default().push(refund);
    }
    Ok(refunds)
}

const REVIEWED: &[(&str, Column)] =
    &[("id", Column::Uuid), ("settle_period", Column::IntOrNull), ("released_at", Column::BigIntOrNull)];

/// The one UPDATE of lines there is: state, reason, settle period and release, which the checksum does not cover.
async fn update(tx: &DatabaseTransaction, changed: &[line::Model]) -> Result<(), ServiceError> {
    let mut by_verdict: BTreeMap<(LineState, Option<LineReason>), Rows> = BTreeMap::new();
    for line in changed {
        let rows = by_verdict.entry((line.state, line.reason)).or_insert_with(|| Rows::new(REVIEWED));
        let settle_period = line.settle_period.map(|period| period.0);
        rows.push([line.id.into(), settle_period.into(), line.released_at.map(|at| at.0).into()]);
    }
    let sql = "WITH {rows} UPDATE line SET state = $1, reason = $2, settle_period = v.settle_period, \
               released_at = v.released_at FROM v WHERE line.id = v.id AND line.state = 'HELD'";
    let mut updated = 0;
    for ((state, reason), rows) in by_verdict {
        let values = vec![<&str>::from(state).into(), reason.map(<&str>::from).into()];
        updated += rows.execute(tx, sql, values).await?;
    }
    if usize::try_from(updated).is_ok_and(|updated| updated == changed.len()) {
        return Ok(());
    }
    Err(ServiceError::Broken("a refund does not share the state of its top-up".to_owned()))
}

/// Why staff rejected top-ups, in its own words: they stand in the audit log, and the partner reads them.
pub async fn reasons(app: App, top_ups: Vec<Uuid>) -> Result<HashMap<Uuid, String>, ServiceError> {
    let sql = "WITH {rows} SELECT a.subject_id, a.reason FROM v JOIN audit_record a ON a.subject_id = v.id \
               WHERE a.action = 'rejectCommission' AND a.reason IS NOT NULL";
    let rows = Rows::of(&[("id", Column::Uuid)], top_ups.into_iter().map(Value::from));
    let rows = rows.query(app.db.reader(), sql, vec![]).await?;
    let read = |row: &sea_orm::QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
}

/// The held top-ups of clients with their partners, oldest first.
pub(super) async fn held_of(
    tx: &DatabaseTransaction,
    referrals: impl Iterator<Item = Uuid>,
) -> Result<Vec<line::Model>, DbErr> {
    let sql = "WITH {rows} SELECT t.* FROM v JOIN line t ON t.referral_id = v.id \
               WHERE t.kind = $1 AND t.state = $2 ORDER BY t.recorded_at, t.id";
    let values = vec![<&str>::from(LineKind::TopUp).into(), <&str>::from(LineState::Held).into()];
    let rows = Rows::of(&[("id", Column::Uuid)], referrals.map(Value::from)).query(tx, sql, values).await?;
    rows.iter().map(|row| line::Model::from_query_result(row, "")).collect()
}

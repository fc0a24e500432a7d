//! What settling would do: the same code on a snapshot, its rows kept in memory, holding up no writer.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use entity::{Money, Period};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::draw_up::{self, Drawn, Overlay};
use super::{Occasion, close, due_after};
use crate::app::App;
use crate::domain::digest::SettlementDigest;
use crate::services::error::ServiceError;
use crate::services::lock::Progress;
use crate::services::programme::TierTables;

/// What one period's settlement would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementPreview {
    pub period: Period,
    pub partner_count: i64,
    pub top_up_count: i64,
    pub base: Money,
    pub commission: Money,
    pub credited: Money,
    pub carried_out: Money,
    pub digest: String,
}

/// What settling the oldest open period would do if nothing more happened; none before a first line exists.
pub async fn preview(app: &App) -> Result<Option<SettlementPreview>, ServiceError> {
    let snapshot = app.db.begin_snapshot().await?;
    let mut dry = DryRun::begin(app, &snapshot).await?;
    let preview = match dry.oldest_open {
        Some(period) => Some(dry.settle(app, &snapshot, period).await?),
        None => None,
    };
    snapshot.rollback().await?;
    Ok(preview)
}

/// What `settle` by hand would do: a preview of every period that is due.
pub async fn dry_run(app: &App, until: Option<NaiveDate>) -> Result<Vec<SettlementPreview>, ServiceError> {
    let snapshot = app.db.begin_snapshot().await?;
    let mut dry = DryRun::begin(app, &snapshot).await?;
    let mut previews = Vec::new();
    while let Some(period) = due_after(app, dry.oldest_open, Occasion::ByHand { until }) {
        previews.push(dry.settle(app, &snapshot, period).await?);
    }
    snapshot.rollback().await?;
    Ok(previews)
}

struct DryRun {
    oldest_open: Option<Period>,
    tables: TierTables,
    overlay: Overlay,
}

impl DryRun {
    /// A settlement that is being written is first brought to its end in memory.
    async fn begin(app: &App, snapshot: &DatabaseTransaction) -> Result<DryRun, ServiceError> {
        let tables = TierTables::load(snapshot, &app.terms).await?;
        let progress = Progress::load(snapshot).await?;
        let mut dry = DryRun { oldest_open: progress.oldest_open(), tables, overlay: Overlay::default() };
        if let Some(running) = super::running(snapshot).await? {
            let after = running.settled_through.unwrap_or(Uuid::nil());
            let minimum = running.minimum_active_clients.unsigned_abs();
            let partners = draw_up::partners_after(snapshot, running.period, after, i64::MAX).await?;
            dry.draw_up(app, snapshot, running.period, minimum, &partners).await?;
        }
        Ok(dry)
    }

    async fn settle(
        &mut self,
        app: &App,
        snapshot: &DatabaseTransaction,
        period: Period,
    ) -> Result<SettlementPreview, ServiceError> {
        let tiers = self.tables.in_force(period.next());
        let standings = close::next_standings(app, snapshot, period, tiers).await?;
        self.overlay.closed.insert(period);
        let keyed =
            standings.into_iter().map(|(partner_id, standing)| ((partner_id, period.next()), standing));
        self.overlay.standings.extend(keyed);
        let partners = self.partners(snapshot, period).await?;
        let drawn = self.draw_up(app, snapshot, period, app.terms.minimum_active_clients, &partners).await?;
        self.oldest_open = Some(period.next());
        Ok(preview_of(period, &drawn))
    }

    /// Whoever has lines or a carry, as this run would have left it.
    async fn partners(
        &self,
        snapshot: &DatabaseTransaction,
        period: Period,
    ) -> Result<Vec<Uuid>, ServiceError> {
        let on_record = draw_up::partners_after(snapshot, period, Uuid::nil(), i64::MAX).await?;
        let with_lines: BTreeSet<Uuid> = draw_up::with_lines(snapshot, period).await?;
        let still_there = on_record.into_iter().filter(|id| {
            with_lines.contains(id)
                || self.overlay.carried.get(id).is_none_or(|carried| *carried != Money::ZERO)
        });
        let mut partners: BTreeSet<Uuid> = still_there.collect();
        let carrying = self.overlay.carried.iter().filter(|(_, carried)| **carried != Money::ZERO);
        partners.extend(carrying.map(|(id, _)| *id));
        Ok(partners.into_iter().collect())
    }

    async fn draw_up(
        &mut self,
        app: &App,
        snapshot: &DatabaseTransaction,
        period: Period,
        minimum_active_clients: u32,
        partners: &[Uuid],
    ) -> Result<Vec<Drawn>, ServiceError> {
        let (tables, balances) = draw_up::unlocked(snapshot, &app.terms, partners).await?;
        let minimum = minimum_active_clients;
        let drawn =
            draw_up::draw_up_for(snapshot, &tables, period, minimum, partners, &balances, &self.overlay)
                .await?;
        for statement in &drawn {
            self.overlay.carried.insert(statement.partner_id, statement.figures.carried_out);
            self.overlay.digests.insert(statement.partner_id, statement.digest.clone());
        }
        Ok(drawn)
    }
}

fn preview_of(period: Period, drawn: &[Drawn]) -> SettlementPreview {
    let total = |amount: fn(&Drawn) -> Money| -> Money { drawn.iter().map(amount).sum() };
    let mut digest = SettlementDigest::new();
    drawn.iter().for_each(|statement| digest.add(&statement.digest));
    SettlementPreview {
        period,
        partner_count: i64::try_from(drawn.len()).unwrap_or(i64::MAX),
        top_up_count: drawn.iter().map(|statement| statement.figures.top_ups).sum(),
        base: total(|statement| statement.figures.base),
        commission: total(|statement| statement.figures.commission),
        credited: total(|statement| statement.figures.credited),
        carried_out: total(|statement| statement.figures.carried_out),
        digest: digest.finish(),
    }
}

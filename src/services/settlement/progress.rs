//! A settlement as it runs, for whoever watches.

use entity::{Period, SettlementStatus, settlement};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use crate::app::App;
use crate::services::error::ServiceError;
use crate::services::notice::{self, Subscription};

/// How long to wait before the database is asked again after a failure.
const AFTER_FAILURE: std::time::Duration = std::time::Duration::from_secs(1);

/// Somebody who watches settlements.
#[derive(Debug)]
pub struct Watching {
    app: App,
    notices: Subscription,
    /// The settlement that was told last, as it was then.
    told: Option<settlement::Model>,
    /// Whether there may be something to tell that no notice will come of.
    is_behind: bool,
}

/// Watches from now on: a settlement that runs is told as it is.
pub async fn watch(app: &App) -> Result<Watching, ServiceError> {
    let notices = notice::subscribe(app);
    let last =
        settlement::Entity::find().order_by_desc(settlement::Column::Period).one(app.db.reader()).await?;
    let runs = last.as_ref().is_some_and(|last| last.status == SettlementStatus::Running);
    let told = last.map(|last| if runs { settlement::Model { partner_count: -1, ..last } } else { last });
    Ok(Watching { app: app.clone(), notices, told, is_behind: runs })
}

impl Watching {
    /// Waits until a settlement has gone on; answers each that has, as it is now, oldest period first.
    pub async fn next(&mut self) -> Vec<settlement::Model> {
        loop {
            if !self.is_behind && !self.notices.next().await.settlement {
                continue;
            }
            // Until it is read: whoever gives up here must not lose it.
            self.is_behind = true;
            match self.changed().await {
                Ok(changed) => {
                    self.is_behind = false;
                    if let Some(last) = changed.last() {
                        self.told = Some(last.clone());
                        return changed;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a settlement's progress cannot be read; trying again");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn changed(&self) -> Result<Vec<settlement::Model>, DbErr> {
        let from = self.told.as_ref().map_or(Period(i32::MIN), |told| told.period);
        let known = settlement::Entity::find()
            .filter(settlement::Column::Period.gte(from))
            .order_by_asc(settlement::Column::Period)
            .all(self.app.db.reader())
            .await?;
        let shown = |model: &settlement::Model| (model.period, model.partner_count, model.status);
        let told = self.told.as_ref().map(shown);
        Ok(known.into_iter().filter(|model| Some(shown(model)) != told).collect())
    }
}

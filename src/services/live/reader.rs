//! The one task of a process that reads new events for all who follow.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use uuid::Uuid;

use super::{AFTER_FAILURE, Batch, Hub, PAGE};
use crate::app::App;
use crate::services::notice::{self, Whose};
use crate::services::occurrence::{self, Occurrence};

/// How long commits are gathered before they are read together.
const GATHER: Duration = Duration::from_millis(15);
/// How often it is seen who follows no longer.
const TIDY_UP: Duration = Duration::from_secs(5);

/// Reads as long as anybody is followed.
pub(super) async fn run(app: App, hub: Arc<Hub>) {
    let mut notices = notice::subscribe(&app);
    loop {
        tokio::select! {
            news = notices.next() => {
                let mut state = hub.lock();
                match news.partners {
                    Whose::Anybodys => state.due = state.partners.keys().copied().collect(),
                    Whose::These(changed) => {
                        let followed: Vec<Uuid> =
                            changed.into_iter().filter(|id| state.partners.contains_key(id)).collect();
                        state.due.extend(followed);
                    }
                }
            }
            () = hub.asked.notified() => {}
            () = tokio::time::sleep(TIDY_UP) => {}
        }
        if !hub.goes_on() {
            return;
        }
        while let Some(partners) = hub.take_due() {
            if let Err(error) = read(&app, &hub, &partners).await {
                tracing::warn!(%error, "events cannot be read; trying again");
                hub.lock().due.extend(partners.iter().map(|(id, _)| *id));
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// Reads what is new of these partners and hands it out; whoever has more than a page is due again.
async fn read(app: &App, hub: &Hub, partners: &[(Uuid, i64)]) -> Result<(), DbErr> {
    let mut new: HashMap<Uuid, Vec<Occurrence>> = HashMap::new();
    let found = occurrence::after_of_many(app, partners, PAGE).await?;
    let may_be_more = found.len() >= PAGE;
    for (partner_id, occurrence) in found {
        new.entry(partner_id).or_default().push(occurrence);
    }
    let mut state = hub.lock();
    if may_be_more {
        state.due.extend(partners.iter().map(|(id, _)| *id));
    }
    for (partner_id, after) in partners {
        let Some(occurrences) = new.remove(partner_id) else { continue };
        let Some(followed) = state.partners.get_mut(partner_id) else { continue };
        followed.number = occurrences.last().map(|last| last.number);
        // Nobody may follow him any more.
        let _ = followed.batches.send(Batch { after: *after, occurrences: occurrences.into() });
    }
    Ok(())
}

impl Hub {
    /// Those who are to be read and where, if there are any.
    fn take_due(&self) -> Option<Vec<(Uuid, i64)>> {
        let mut state = self.lock();
        let due = std::mem::take(&mut state.due);
        let partners: Vec<(Uuid, i64)> =
            due.into_iter().filter_map(|id| Some((id, state.partners.get(&id)?.number?))).collect();
        (!partners.is_empty()).then_some(partners)
    }

    /// Forgets who is followed no longer. Where nobody is followed the reader is over, in the same step: whoever comes
    /// starts another.
    fn goes_on(&self) -> bool {
        let mut state = self.lock();
        state.partners.retain(|_, followed| followed.batches.receiver_count() > 0);
        state.reads = !state.partners.is_empty();
        state.reads
    }
}

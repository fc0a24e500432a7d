//! Top-ups of many callers in one transaction, by group commit: a caller who sends one at a time waits for no more than
//! the others.

use std::sync::Arc;

use super::error::ServiceError;
use super::group_commit::GroupCommit;
use super::top_up::{self, FactOutcome};
use crate::app::App;
use crate::domain::top_up::TopUpFact;

/// The batches of callers in wait for their commit.
type Group = GroupCommit<Vec<TopUpFact>, Vec<FactOutcome>>;

/// Records a batch together with those that others send in the same moment; the outcomes are in the order of the facts.
pub async fn record(app: &App, facts: Vec<TopUpFact>) -> Result<Vec<FactOutcome>, ServiceError> {
    let group: Arc<Group> = app.memory.of(|| GroupCommit::new(app.db.writers()));
    let (writer, weight) = (app.clone(), facts.len());
    // One client's top-ups touch the same rows.
    let key = facts.first().and_then(|fact| fact.client_id.bytes().last()).unwrap_or(0);
    let written = group.write(key, facts, weight, move |batches: Vec<Vec<TopUpFact>>| {
        let app = writer.clone();
        async move { record_together(&app, &batches).await }
    });
    written.await
}

/// What is sent in one batch is judged as if its callers had come one after another.
async fn record_together(
    app: &App,
    batches: &[Vec<TopUpFact>],
) -> Vec<Result<Vec<FactOutcome>, ServiceError>> {
    if let [alone] = batches {
        return vec![top_up::record(app, alone).await];
    }
    match top_up::record(app, &batches.concat()).await {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            batches.iter().map(|batch| Ok(outcomes.by_ref().take(batch.len()).collect())).collect()
        }
        // What one batch brings about is not the others' to bear.
        Err(_) => {
            let mut answers = Vec::with_capacity(batches.len());
            for batch in batches {
                answers.push(top_up::record(app, batch).await);
            }
            answers
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::{Money, TopUpKind};

    use super::*;
    use crate::services::testing::{app_in, empty_database, record_top_up};

    #[tokio::test]
    async fn callers_get_the_outcomes_of_their_own_facts_and_the_same_fact_is_recorded_once() {
        let (_folder, url) = empty_database();
        let app = app_in(&url).await;
        record_top_up(&app, "before").await;
        let fact = |external_id: String| TopUpFact {
            source: "shop".to_owned(),
            external_id,
            client_id: "client-1".to_owned(),
            occurred_at: entity::Moment(app.clock.now().0 - 1),
            amount: Money::from_units(5),
            currency: "EUR".to_owned(),
            kind: TopUpKind::Purchase,
            payment_instrument_hash: None,
        };
        let callers =
            (0..40).map(|number| record(&app, vec![fact(format!("own-{number}")), fact("shared".into())]));
        let mut shared = 0;
        for (number, answer) in futures_util::future::join_all(callers).await.into_iter().enumerate() {
            let answer = answer.unwrap();
            let FactOutcome::Recorded(own) = &answer[0] else { panic!("{answer:?}") };
            assert_eq!(own.external_id, format!("own-{number}"));
            shared += usize::from(matches!(answer[1], FactOutcome::Recorded(_)));
            assert!(matches!(answer[1], FactOutcome::Recorded(_) | FactOutcome::Replayed(_)));
        }
        assert_eq!(shared, 1);
        assert!(record(&app, vec![]).await.unwrap().is_empty());
    }
}

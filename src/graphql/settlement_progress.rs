//! A settlement as it runs.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::{Context, Object, Subscription};
use entity::settlement;
use futures_util::Stream;
use futures_util::stream;

use super::authority;
use super::error::Result;
use super::live::Place;
use super::period::Period;
use super::request::app;
use super::settlement::SettlementStatus;
use crate::services::settlement::watch;

pub struct SettlementProgress(settlement::Model);

/// How far a settlement is.
#[Object]
impl SettlementProgress {
    /// The period that is being settled.
    async fn period(&self) -> Period {
        Period(self.0.period)
    }

    /// Statements written so far.
    async fn partners_done(&self) -> i64 {
        self.0.partner_count
    }

    /// Statements to be written in all.
    async fn partners_total(&self) -> i64 {
        self.0.partners_total
    }

    /// Whether all statements are written.
    async fn status(&self) -> SettlementStatus {
        self.0.status.into()
    }
}

#[derive(Debug, Default)]
pub struct SettlementSubscription;

#[Subscription]
impl SettlementSubscription {
    /// Staff: a settlement as it runs; the one that is running already as it is. What comes fast is told together.
    async fn settlement_progress<'a>(
        &self,
        context: &Context<'a>,
    ) -> Result<impl Stream<Item = SettlementProgress> + use<'a>> {
        authority::staff(context)?;
        let watching = watch(app(context)?).await?;
        if let Some(place) = context.data_opt::<Arc<Place>>() {
            place.begin_unnumbered();
        }
        Ok(stream::unfold((watching, VecDeque::new()), |(mut watching, mut read)| async move {
            while read.is_empty() {
                read = watching.next().await.into();
            }
            let next = read.pop_front()?;
            Some((SettlementProgress(next), (watching, read)))
        }))
    }
}

//! Payment files against the withdrawals that are in them.

use std::collections::HashMap;

use entity::{DestinationKind, payment_batch};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryOrder};
use uuid::Uuid;

use super::{Check, Finding};
use crate::db;
use crate::services::error::ServiceError;
use crate::services::payment_batch::totals;

impl<F: FnMut(Finding)> Check<'_, F> {
    pub(super) async fn payments(&mut self, snapshot: &DatabaseTransaction) -> Result<(), ServiceError> {
        let totals = totals(snapshot).await?.into_iter();
        let mut totals: HashMap<Uuid, _> =
            totals.map(|(id, transfers, amount)| (id, (transfers, amount))).collect();
        let batches =
            payment_batch::Entity::find().order_by_asc(payment_batch::Column::Id).all(snapshot).await?;
        for batch in batches {
            let subject = format!("payment_batch {}", batch.id);
            let (transfers, amount) = totals.remove(&batch.id).unwrap_or_default();
            self.compare(&subject, "number of transfers", batch.transfers, transfers);
            self.compare(&subject, "amount", batch.amount, amount);
        }
        let sql = "SELECT id FROM withdrawal WHERE payment_batch_id IS NOT NULL AND destination_kind <> $1";
        let kind = <&str>::from(DestinationKind::BankTransfer);
        for row in db::query(snapshot, sql, vec![kind.into()]).await? {
            let id: Uuid = row.try_get_by_index(0)?;
            self.report(format!("withdrawal {id}"), "is in a payment file, and is no bank transfer");
        }
        Ok(())
    }
}

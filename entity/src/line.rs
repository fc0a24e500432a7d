//! The table `line`.

use sea_orm::entity::prelude::*;

use crate::{Day, LineKind, LineReason, LineState, Moment, Money, Period, TopUpKind};

/// The line of the commission history: written once (rules 11 to 13). `base` is negative for a refund;
/// `rate_period` is the period whose rate it earns, `settle_period` the one it is settled in, null while it is in
/// no settlement. `checksum` is over all that never changes, so that verify sees a value changed behind its back.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: LineKind,
    pub source: String,
    pub external_id: String,
    pub partner_id: Uuid,
    pub referral_id: Uuid,
    pub reverses: Option<Uuid>,
    pub top_up_kind: TopUpKind,
    pub occurred_at: Moment,
    pub recorded_at: Moment,
    pub amount: Money,
    pub currency: String,
    pub exchange_rate: Option<String>,
    pub rate_published_on: Option<Day>,
    pub base: Money,
    pub rate_period: Period,
    pub settle_period: Option<Period>,
    pub state: LineState,
    pub reason: Option<LineReason>,
    pub checksum: i64,
    /// When it was released; null where it was never held, or is still.
    pub released_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! The table `audit_record`.

use sea_orm::entity::prelude::*;

use crate::Moment;

/// Every change by staff or from the command line. Holds no personal value.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_record")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: Moment,
    pub actor: String,
    pub role: String,
    pub action: String,
    pub subject_id: Option<Uuid>,
    pub reason: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub request_id: Option<String>,
    /// The address of the request, or the host of the command.
    pub origin: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! The table `import_run`.

use sea_orm::entity::prelude::*;

use crate::Moment;

/// An import under way keeps the settlement task waiting (rule 19): a lease that it renews, and when it ended.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "import_run")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub what: String,
    pub started_at: Moment,
    pub lease_until: Moment,
    pub ended_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

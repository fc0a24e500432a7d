//! Visits as they arrive, before they are judged and counted.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }
}

const UP: &str = r#"
-- What came over the redirect and waits to be judged and counted with whatever else came: a row is written before the
-- visitor goes on, and goes in the transaction that makes it a visit. `screened` is why it does not count, whoever came.
CREATE TABLE arrived_visit (
    id UUID PRIMARY KEY,
    link_id UUID NOT NULL,
    partner_id UUID NOT NULL,
    at BIGINT NOT NULL,
    screened {text},
    visitor UUID NOT NULL,
    next_visitor UUID,
    first_came_at BIGINT,
    referrer {text}
){clustered};
"#;

//! What a partner sees of a client's account id, beside the client: lists show it of every client and of every line's.

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
ALTER TABLE referral ADD COLUMN reference {text} NOT NULL DEFAULT '•••';
UPDATE referral SET reference = (SELECT CASE
        WHEN LENGTH(a.account_id) < 2 THEN '•••'
        WHEN LENGTH(a.account_id) < 6 THEN SUBSTR(a.account_id, 1, 1) || '•••'
        ELSE SUBSTR(a.account_id, 1, 1) || '•••' || SUBSTR(a.account_id, LENGTH(a.account_id) - 1, 2)
    END FROM account a WHERE a.id = referral.account_id);
"#;

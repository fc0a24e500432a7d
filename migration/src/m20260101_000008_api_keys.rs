//! API keys.

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
-- A partner's API keys. Of a key itself SHA-256 and the beginning are kept; scopes are separated by blanks.
CREATE TABLE api_key (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    hash {text} NOT NULL UNIQUE,
    prefix {text} NOT NULL,
    label TEXT NOT NULL,
    scopes {text} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
){clustered};
CREATE INDEX api_key_partner ON api_key (partner_id, created_at, id);
"#;

//! Idempotency keys, the audit log and running imports.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await?;
        dialect::append_only(manager, "audit_record").await
    }
}

const UP: &str = r#"
-- Kept for ever (rule 28). owner is the partner's id, for staff the subject; fingerprint an HMAC of the values.
CREATE TABLE idempotency_key (
    owner {text} NOT NULL,
    mutation {text} NOT NULL,
    key {text} NOT NULL,
    fingerprint {text} NOT NULL,
    object_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, mutation, key)
){clustered};

-- Every change by staff or from the command line. Holds no personal value.
CREATE TABLE audit_record (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    role {text} NOT NULL,
    action {text} NOT NULL,
    subject_id UUID,
    reason TEXT,
    before TEXT,
    after TEXT,
    request_id {text}
){clustered};
CREATE INDEX audit_record_at ON audit_record (at, id);
CREATE INDEX audit_record_subject ON audit_record (subject_id, at, id);

-- An import under way keeps the settlement task waiting (rule 19): a lease that it renews, and when it ended.
CREATE TABLE import_run (
    id UUID PRIMARY KEY,
    what {text} NOT NULL,
    started_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    ended_at BIGINT
){clustered};
"#;

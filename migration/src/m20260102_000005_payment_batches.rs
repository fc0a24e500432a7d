//! Payment files, what a review has cleared, and where a change on record came from.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await?;
        dialect::never_replaced(manager, "audit_record").await
    }
}

const UP: &str = r#"
-- A payment file (rule 25): made again from its withdrawals and from what is sealed here, to the same digest.
CREATE TABLE payment_batch (
    id UUID PRIMARY KEY,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    transfers BIGINT NOT NULL CHECK (transfers > 0),
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- Who pays and what the file says of it, encrypted (AEAD) under the key of this id.
    head_key_id {text} NOT NULL,
    head_sealed {bytes} NOT NULL,
    digest {text} NOT NULL
){clustered};

-- In one file at the most: whoever is paid is not paid again.
ALTER TABLE withdrawal ADD COLUMN payment_batch_id UUID REFERENCES payment_batch (id)
    CHECK (payment_batch_id IS NULL OR status IN ('APPROVED', 'PAID', 'FAILED'));
CREATE INDEX withdrawal_payment_batch ON withdrawal (payment_batch_id) WHERE payment_batch_id IS NOT NULL;

-- Fingerprints that a client shares with his partner and that staff has looked at: they hold nothing any more (rule 7).
CREATE TABLE cleared_fingerprint (
    referral_id UUID NOT NULL REFERENCES referral (id),
    hash {text} NOT NULL,
    cleared_at BIGINT NOT NULL,
    PRIMARY KEY (referral_id, hash)
){clustered};

-- The address of the request, or the host of the command.
ALTER TABLE audit_record ADD COLUMN origin TEXT;
"#;

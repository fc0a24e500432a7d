//! Accounts, partners, links and who brought whom.

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
-- The one place that holds the provider's own account ids. A fact of an account not yet reported makes a row too.
CREATE TABLE account (
    id UUID PRIMARY KEY,
    account_id {text} NOT NULL UNIQUE,
    registered_at BIGINT,
    recorded_at BIGINT NOT NULL
){clustered};

-- Fingerprints by which the abuse rules tell that two accounts are one person: opaque, never the raw value (rule 7).
CREATE TABLE account_fingerprint (
    account_id UUID NOT NULL REFERENCES account (id),
    kind {text} NOT NULL CHECK (kind IN ('PAYMENT_INSTRUMENT', 'DEVICE')),
    hash {text} NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, hash)
){clustered};

CREATE TABLE partner (
    id UUID PRIMARY KEY,
    account_id UUID NOT NULL UNIQUE REFERENCES account (id),
    status {text} NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
    status_reason TEXT,
    joined_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL
){clustered};
CREATE INDEX partner_joined ON partner (joined_at, id);

-- When a partner was suspended, from and until (rule 27).
CREATE TABLE suspension (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    since BIGINT NOT NULL,
    until BIGINT CHECK (until >= since),
    reason TEXT NOT NULL,
    reinstated_reason TEXT
){clustered};
CREATE UNIQUE INDEX suspension_open ON suspension (partner_id) WHERE until IS NULL;
CREATE INDEX suspension_partner ON suspension (partner_id, since);

-- Codes are unique without regard to case (rule 1): code_key is the code in lower case.
CREATE TABLE link (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    code {text} NOT NULL,
    code_key {text} NOT NULL UNIQUE,
    target TEXT NOT NULL,
    label TEXT,
    campaign TEXT,
    is_own BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    CHECK (NOT is_own OR archived_at IS NULL)
){clustered};
CREATE UNIQUE INDEX link_own ON link (partner_id) WHERE is_own;
CREATE INDEX link_partner ON link (partner_id, created_at, id);

-- One client with one partner, from `since` (0: the beginning of time) to before `until` (rule 6).
CREATE TABLE referral (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    account_id UUID NOT NULL REFERENCES account (id),
    link_id UUID REFERENCES link (id),
    brought_by {text} NOT NULL CHECK (brought_by IN ('VISIT', 'CODE', 'STAFF')),
    -- Of the visitor token that bound the client: one visitor id binds three accounts without doubt (rule 3).
    visitor_id UUID,
    visited_at BIGINT,
    registered_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT CHECK (until >= since),
    -- Lines recorded while this is set are held for review, for this reason (rules 3, 7).
    hold_reason {text},
    UNIQUE (id, partner_id)
){clustered};
CREATE UNIQUE INDEX referral_current ON referral (account_id) WHERE until IS NULL;
CREATE INDEX referral_visitor ON referral (visitor_id) WHERE visitor_id IS NOT NULL;
CREATE INDEX referral_account ON referral (account_id, since);
CREATE INDEX referral_partner ON referral (partner_id, registered_at, id);
CREATE INDEX referral_link ON referral (link_id, registered_at, id);
"#;

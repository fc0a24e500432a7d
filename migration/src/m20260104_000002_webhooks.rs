//! Webhook endpoints, what is delivered to them, and the event that tells of one that was disabled.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await?;
        match manager.get_database_backend() {
            DbBackend::Postgres => dialect::run(manager, EVENT_ON_POSTGRES).await,
            _ => {
                dialect::run(manager, EVENT_ON_SQLITE).await?;
                dialect::append_only(manager, "event").await
            }
        }
    }
}

const UP: &str = r#"
-- Addresses that are told of a partner's events. One without a partner is the provider's: the configuration says its
-- address and its secret. Secrets are encrypted (AEAD) under the key of the id beside them.
CREATE TABLE webhook_endpoint (
    id UUID PRIMARY KEY,
    partner_id UUID REFERENCES partner (id),
    url {text},
    events {text} NOT NULL,
    status {text} NOT NULL CHECK (status IN ('ACTIVE', 'DISABLED', 'DELETED')),
    secret_key_id {text},
    secret_sealed {bytes},
    previous_key_id {text},
    previous_sealed {bytes},
    previous_until BIGINT,
    created_at BIGINT NOT NULL,
    told_until BIGINT NOT NULL,
    failing_since BIGINT,
    not_before BIGINT NOT NULL,
    lease_epoch BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    CHECK ((partner_id IS NULL) = (url IS NULL))
){clustered};
CREATE INDEX webhook_endpoint_partner ON webhook_endpoint (partner_id, created_at, id);

-- One event for one endpoint. Made together with the move of `told_until`, so that there is one of each and no second.
CREATE TABLE webhook_delivery (
    id UUID PRIMARY KEY,
    endpoint_id UUID NOT NULL REFERENCES webhook_endpoint (id),
    partner_id UUID NOT NULL REFERENCES partner (id),
    number BIGINT NOT NULL,
    event_type {text} NOT NULL,
    subject_kind {text} NOT NULL,
    subject_id UUID NOT NULL,
    occurred_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    status {text} NOT NULL CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    failures INTEGER NOT NULL CHECK (failures BETWEEN 0 AND attempts),
    last_attempt_at BIGINT,
    response_status INTEGER,
    response TEXT,
    next_attempt_at BIGINT,
    CHECK ((status = 'PENDING') = (next_attempt_at IS NOT NULL))
){clustered};
CREATE UNIQUE INDEX webhook_delivery_event ON webhook_delivery (endpoint_id, partner_id, number) WHERE number > 0;
CREATE INDEX webhook_delivery_listed ON webhook_delivery (endpoint_id, created_at, id);
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at) WHERE status = 'PENDING';
CREATE INDEX webhook_delivery_over ON webhook_delivery (created_at) WHERE status <> 'PENDING';
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (created_at) WHERE status = 'PENDING';
"#;

const EVENT_ON_POSTGRES: &str = "
ALTER TABLE event DROP CONSTRAINT event_subject_kind_check;
ALTER TABLE event ADD CONSTRAINT event_subject_kind_check CHECK (subject_kind IN ('PARTNER', 'LINK', 'LINE',
    'WITHDRAWAL', 'SERVICE_TRANSFER', 'TICKET', 'WEBHOOK_ENDPOINT'));";

/// A CHECK cannot be changed there: the table is written anew.
const EVENT_ON_SQLITE: &str = r#"
CREATE TABLE event_new (
    partner_id UUID NOT NULL REFERENCES partner (id),
    number BIGINT NOT NULL,
    event_type {text} CHECK (event_type IN ('COMMISSION_RECORDED', 'COMMISSION_REVERSED', 'TIER_CHANGED',
        'WITHDRAWAL_CHANGED', 'SERVICE_TRANSFER_CHANGED', 'CONTRACT_CHANGED', 'TICKET_CHANGED')),
    subject_kind {text} NOT NULL CHECK (subject_kind IN ('PARTNER', 'LINK', 'LINE', 'WITHDRAWAL', 'SERVICE_TRANSFER',
        'TICKET', 'WEBHOOK_ENDPOINT')),
    subject_id UUID NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (partner_id, number)
){clustered};
INSERT INTO event_new (partner_id, number, event_type, subject_kind, subject_id, at)
    SELECT partner_id, number, event_type, subject_kind, subject_id, at FROM event;
DROP TABLE event;
ALTER TABLE event_new RENAME TO event;
"#;

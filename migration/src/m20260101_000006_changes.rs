//! The outbox: what changed for a partner, in the order in which it was committed.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await?;
        dialect::sequence(manager, "change_number").await?;
        dialect::append_only(manager, "event").await
    }
}

const UP: &str = r#"
-- Lines, referrals and statements are events of their own: `change` is their number among their partner's changes, given
-- under the lock of his row. What an import brings makes no event and has none, so these indexes cost it nothing.
ALTER TABLE line ADD COLUMN change BIGINT;
CREATE UNIQUE INDEX line_change ON line (partner_id, change) WHERE change IS NOT NULL;
ALTER TABLE referral ADD COLUMN change BIGINT;
CREATE UNIQUE INDEX referral_change ON referral (partner_id, change) WHERE change IS NOT NULL;
ALTER TABLE statement ADD COLUMN change BIGINT;
CREATE UNIQUE INDEX statement_change ON statement (partner_id, change) WHERE change IS NOT NULL;

-- Every other change, written in the transaction that makes it. No event type: of the feed alone.
CREATE TABLE event (
    partner_id UUID NOT NULL REFERENCES partner (id),
    number BIGINT NOT NULL,
    event_type {text} CHECK (event_type IN ('COMMISSION_RECORDED', 'COMMISSION_REVERSED', 'TIER_CHANGED',
        'WITHDRAWAL_CHANGED', 'SERVICE_TRANSFER_CHANGED', 'CONTRACT_CHANGED', 'TICKET_CHANGED')),
    subject_kind {text} NOT NULL CHECK (subject_kind IN ('PARTNER', 'LINK', 'LINE', 'WITHDRAWAL', 'SERVICE_TRANSFER',
        'TICKET')),
    subject_id UUID NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (partner_id, number)
){clustered};
"#;

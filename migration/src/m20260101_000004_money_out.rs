//! Balances, the ledger, withdrawals, service transfers, contracts and tickets.

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
-- Never negative (rule 23). carried is the last statement's carried_out; transfers is the number of the last ledger transfer.
CREATE TABLE balance (
    partner_id UUID PRIMARY KEY REFERENCES partner (id),
    available BIGINT NOT NULL CHECK (available >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    carried BIGINT NOT NULL,
    lifetime_credited BIGINT NOT NULL CHECK (lifetime_credited >= 0),
    lifetime_paid BIGINT NOT NULL CHECK (lifetime_paid >= 0),
    transfers BIGINT NOT NULL CHECK (transfers >= 0)
){clustered};
CREATE INDEX balance_available ON balance (available, partner_id);
CREATE INDEX balance_carried ON balance (partner_id) WHERE carried <> 0;

-- Every movement of money (rule 23), numbered without a gap for each partner; one movement of a kind for a source.
CREATE TABLE ledger_transfer (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    number BIGINT NOT NULL CHECK (number > 0),
    kind {text} NOT NULL,
    from_account {text} NOT NULL,
    to_account {text} NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    source_id UUID NOT NULL,
    at BIGINT NOT NULL,
    available_after BIGINT NOT NULL CHECK (available_after >= 0),
    reserved_after BIGINT NOT NULL CHECK (reserved_after >= 0),
    CHECK (from_account <> to_account),
    UNIQUE (partner_id, number),
    UNIQUE (source_id, kind)
){clustered};

CREATE TABLE withdrawal (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    status {text} NOT NULL CHECK (status IN ('REQUESTED', 'APPROVED', 'PAID', 'REJECTED', 'CANCELLED', 'FAILED')),
    destination_kind {text} NOT NULL CHECK (destination_kind IN ('BANK_TRANSFER', 'PAYPAL')),
    destination_masked TEXT NOT NULL,
    -- The whole destination, encrypted (AEAD) under the key of this id.
    destination_key_id {text},
    destination_sealed {bytes},
    requested_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    paid_at BIGINT,
    reason TEXT,
    payment_reference TEXT
){clustered};
CREATE INDEX withdrawal_partner ON withdrawal (partner_id, requested_at, id);
CREATE INDEX withdrawal_status ON withdrawal (status, requested_at, id);
CREATE INDEX withdrawal_requested ON withdrawal (requested_at, id);

CREATE TABLE service_transfer (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    status {text} NOT NULL CHECK (status IN ('REQUESTED', 'COMPLETED', 'FAILED')),
    requested_at BIGINT NOT NULL,
    completed_at BIGINT,
    reason TEXT
){clustered};
CREATE INDEX service_transfer_partner ON service_transfer (partner_id, requested_at, id);

CREATE TABLE ticket (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    kind {text} NOT NULL CHECK (kind IN ('CONTRACT', 'DISPUTE', 'QUESTION')),
    subject TEXT NOT NULL,
    status {text} NOT NULL CHECK (status IN ('OPEN', 'ANSWERED', 'CLOSED')),
    about_id UUID,
    opened_at BIGINT NOT NULL
){clustered};
CREATE INDEX ticket_partner ON ticket (partner_id, opened_at, id);
CREATE INDEX ticket_opened ON ticket (opened_at, id);

CREATE TABLE ticket_message (
    id UUID PRIMARY KEY,
    ticket_id UUID NOT NULL REFERENCES ticket (id),
    author {text} NOT NULL CHECK (author IN ('PARTNER', 'STAFF', 'SYSTEM')),
    text TEXT NOT NULL,
    at BIGINT NOT NULL
){clustered};
CREATE INDEX ticket_message_ticket ON ticket_message (ticket_id, at, id);

-- The state of a partner's contract (rule 26); no row: none. What led to it is in the ticket's thread.
CREATE TABLE contract (
    partner_id UUID PRIMARY KEY REFERENCES partner (id),
    status {text} NOT NULL CHECK (status IN ('REQUESTED', 'OFFERED', 'ACTIVE', 'TERMINATED')),
    ticket_id UUID REFERENCES ticket (id),
    requested_at BIGINT,
    offer_version TEXT,
    offer_url TEXT,
    offer_digest {text},
    offered_at BIGINT,
    accepted_version TEXT,
    accepted_url TEXT,
    accepted_digest {text},
    accepted_at BIGINT,
    accepted_by TEXT,
    terminated_at BIGINT,
    CHECK ((offer_digest IS NULL) = (offered_at IS NULL)),
    CHECK ((accepted_digest IS NULL) = (accepted_at IS NULL)),
    CHECK (status <> 'ACTIVE' OR accepted_at IS NOT NULL),
    CHECK (status <> 'OFFERED' OR offered_at IS NOT NULL)
){clustered};
"#;

//! The programme, rates and tiers by period, settlements, statements and standings.

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
-- Fixed with the first line: another configuration then refuses to start. first_period is that of the earliest line.
CREATE TABLE programme (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    currency {text} NOT NULL,
    time_zone {text} NOT NULL,
    first_period INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);

-- Tier tables by the period from which they hold (rule 17); of two for one period the one set last.
CREATE TABLE tier_table (
    id UUID PRIMARY KEY,
    from_period INTEGER NOT NULL,
    tiers TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL,
    reason TEXT NOT NULL
){clustered};
CREATE INDEX tier_table_period ON tier_table (from_period, id);

-- Individual rates by the period from which they hold; a null rate takes it away (rule 17).
CREATE TABLE individual_rate (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    from_period INTEGER NOT NULL,
    rate_basis_points INTEGER CHECK (rate_basis_points BETWEEN 0 AND 10000),
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL,
    reason TEXT NOT NULL
){clustered};
CREATE INDEX individual_rate_partner ON individual_rate (partner_id, from_period, id);

-- The closing of one period for all partners. holder, epoch and lease_until are the lease under which statements are
-- written; settled_through is the last partner whose statement is written.
CREATE TABLE settlement (
    id UUID PRIMARY KEY,
    period INTEGER NOT NULL UNIQUE,
    status {text} NOT NULL CHECK (status IN ('RUNNING', 'COMPLETED')),
    closed_at BIGINT NOT NULL,
    completed_at BIGINT,
    minimum_active_clients INTEGER NOT NULL CHECK (minimum_active_clients >= 0),
    window_days INTEGER NOT NULL CHECK (window_days > 0),
    partner_count BIGINT NOT NULL,
    top_up_count BIGINT NOT NULL,
    base BIGINT NOT NULL,
    commission BIGINT NOT NULL,
    credited BIGINT NOT NULL,
    carried_out BIGINT NOT NULL,
    partners_total BIGINT NOT NULL,
    settled_through UUID,
    digest {text},
    holder {text} NOT NULL,
    epoch BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    CHECK ((status = 'COMPLETED') = (completed_at IS NOT NULL)),
    CHECK ((status = 'COMPLETED') = (digest IS NOT NULL))
){clustered};
-- At most one period is being settled at a time: strictly in order (rule 19).
CREATE UNIQUE INDEX settlement_running ON settlement (status) WHERE status = 'RUNNING';

-- Fixed when the period before is closed (rules 17, 21). No row: no active clients, the first tier, not suspended.
CREATE TABLE standing (
    partner_id UUID NOT NULL REFERENCES partner (id),
    period INTEGER NOT NULL,
    active_clients BIGINT NOT NULL CHECK (active_clients >= 0),
    tier TEXT NOT NULL,
    rate_basis_points INTEGER NOT NULL CHECK (rate_basis_points BETWEEN 0 AND 10000),
    -- Whether the partner was suspended when the period before was closed: the gate of its statement (rule 20).
    was_suspended BOOLEAN NOT NULL,
    PRIMARY KEY (partner_id, period)
){clustered};
CREATE INDEX standing_period ON standing (period, partner_id);

-- What one settlement did for one partner. Never changes (rule 20); its digest and verify tell.
CREATE TABLE statement (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    period INTEGER NOT NULL REFERENCES settlement (period),
    active_clients BIGINT NOT NULL CHECK (active_clients >= 0),
    tier TEXT NOT NULL,
    rate_basis_points INTEGER NOT NULL CHECK (rate_basis_points BETWEEN 0 AND 10000),
    top_ups BIGINT NOT NULL CHECK (top_ups >= 0),
    base BIGINT NOT NULL,
    commission BIGINT NOT NULL,
    carried_in BIGINT NOT NULL,
    credited BIGINT NOT NULL CHECK (credited >= 0),
    carried_out BIGINT NOT NULL,
    carry_reason {text} CHECK (carry_reason IN ('PARTNER_SUSPENDED', 'NEGATIVE_NET', 'TOO_FEW_ACTIVE_CLIENTS')),
    closing_balance BIGINT NOT NULL CHECK (closing_balance >= 0),
    settled_at BIGINT NOT NULL,
    digest {text} NOT NULL,
    UNIQUE (partner_id, period)
){clustered};
CREATE INDEX statement_period ON statement (period, partner_id);
"#;

//! Exchange rates, the commission history, what waits for it, and the sums kept beside it.

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
-- Units of a currency for one of the programme's; never overwritten (rule 10).
CREATE TABLE exchange_rate (
    currency {text} NOT NULL,
    published_on INTEGER NOT NULL,
    rate {text} NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (currency, published_on)
){clustered};

-- The line of the commission history: written once (rules 11 to 13). `base` is negative for a refund; `rate_period` is
-- the period whose rate it earns, `settle_period` the one it is settled in, null while it is in no settlement.
-- `checksum` is over all that never changes, so that verify sees a value changed behind its back.
CREATE TABLE line (
    id UUID PRIMARY KEY,
    kind {text} NOT NULL CHECK (kind IN ('TOP_UP', 'REFUND')),
    source {text} NOT NULL,
    external_id {text} NOT NULL,
    partner_id UUID NOT NULL,
    referral_id UUID NOT NULL,
    reverses UUID REFERENCES line (id),
    top_up_kind {text} NOT NULL,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency {text} NOT NULL,
    exchange_rate {text},
    rate_published_on INTEGER,
    base BIGINT NOT NULL,
    rate_period INTEGER NOT NULL,
    settle_period INTEGER,
    state {text} NOT NULL CHECK (state IN ('EARNING', 'HELD', 'REJECTED', 'NOT_EARNING')),
    reason {text},
    checksum BIGINT NOT NULL,
    FOREIGN KEY (referral_id, partner_id) REFERENCES referral (id, partner_id),
    UNIQUE (kind, source, external_id),
    CHECK ((kind = 'REFUND') = (reverses IS NOT NULL)),
    CHECK (CASE WHEN kind = 'TOP_UP' THEN base >= 0 ELSE base <= 0 END),
    CHECK ((exchange_rate IS NULL) = (rate_published_on IS NULL)),
    CHECK ((state = 'EARNING') = (settle_period IS NOT NULL)),
    CHECK ((state = 'EARNING') = (reason IS NULL)),
    CHECK (settle_period >= rate_period)
){clustered};
CREATE INDEX line_partner ON line (partner_id, occurred_at, id);
CREATE INDEX line_settled ON line (partner_id, settle_period, occurred_at, id);
CREATE INDEX line_referral ON line (referral_id, occurred_at, id);
CREATE INDEX line_reverses ON line (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX line_held ON line (recorded_at, id) WHERE state = 'HELD';

-- Facts that wait for what they belong to (rule 12): a top-up for its account, a refund for its top-up.
CREATE TABLE parked_fact (
    id UUID PRIMARY KEY,
    kind {text} NOT NULL CHECK (kind IN ('TOP_UP', 'REFUND')),
    source {text} NOT NULL,
    external_id {text} NOT NULL,
    account_id UUID NOT NULL REFERENCES account (id),
    top_up_external_id {text},
    top_up_kind {text},
    occurred_at BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency {text},
    exchange_rate {text},
    rate_published_on INTEGER,
    base BIGINT,
    arrived_at BIGINT NOT NULL,
    status {text} NOT NULL CHECK (status IN ('WAITING', 'REFUSED', 'EXPIRED')),
    reason TEXT,
    UNIQUE (kind, source, external_id),
    CHECK ((kind = 'REFUND') = (top_up_external_id IS NOT NULL)),
    CHECK ((kind = 'TOP_UP') = (base IS NOT NULL))
);
CREATE INDEX parked_fact_account ON parked_fact (account_id, occurred_at, external_id);
CREATE INDEX parked_fact_top_up ON parked_fact (source, top_up_external_id) WHERE top_up_external_id IS NOT NULL;
CREATE INDEX parked_fact_arrived ON parked_fact (status, arrived_at, id);

-- Kept sums over EARNING lines. They carry no foreign keys: they are derived, and verify makes them again.

-- What a settlement adds up: by partner, settle period and rate period.
CREATE TABLE partner_sum (
    partner_id UUID NOT NULL,
    settle_period INTEGER NOT NULL,
    rate_period INTEGER NOT NULL,
    base BIGINT NOT NULL,
    top_ups BIGINT NOT NULL,
    PRIMARY KEY (partner_id, settle_period, rate_period)
){clustered};
CREATE INDEX partner_sum_period ON partner_sum (settle_period, partner_id);

-- A client's totals by rate period and his activity: a purchase refunded in full counts under the period in which it
-- was taken back, every other line under 99999999; last_purchase_at is the last occurrence of a purchase in the group.
CREATE TABLE referral_sum (
    referral_id UUID NOT NULL,
    settle_period INTEGER NOT NULL,
    rate_period INTEGER NOT NULL,
    taken_back_period INTEGER NOT NULL,
    partner_id UUID NOT NULL,
    base BIGINT NOT NULL,
    top_ups BIGINT NOT NULL,
    last_purchase_at BIGINT,
    PRIMARY KEY (referral_id, settle_period, rate_period, taken_back_period)
){clustered};
CREATE INDEX referral_sum_period ON referral_sum {by_period};

-- A client's totals over all periods, and his last purchase that is not refunded in full.
CREATE TABLE referral_total (
    referral_id UUID PRIMARY KEY,
    partner_id UUID NOT NULL,
    base BIGINT NOT NULL,
    top_ups BIGINT NOT NULL,
    last_purchase_at BIGINT
){clustered};
CREATE INDEX referral_total_last ON referral_total (partner_id, last_purchase_at, referral_id);

-- How many clients of a partner have their last standing purchase on that day (UTC): "active now" is ninety rows.
CREATE TABLE active_day (
    partner_id UUID NOT NULL,
    day INTEGER NOT NULL,
    clients BIGINT NOT NULL CHECK (clients >= 0),
    PRIMARY KEY (partner_id, day)
){clustered};
"#;

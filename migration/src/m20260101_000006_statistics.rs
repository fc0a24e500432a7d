//! What statistics show, kept by day and by quarter of an hour, and when lines were released.

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
-- What is known of lines and registrations, added up in the transaction that records them: by day of the programme's
-- time zone, and by quarter of an hour of UTC (counted from 1970), of which the days of any zone are made. link_id is
-- all zeros where no link brought the client. Bases lie under the period of their rate, which is applied when they are
-- read; registrations and paying clients under 0. Derived, so without foreign keys: verify makes them again.
CREATE TABLE statistic_day (
    partner_id UUID NOT NULL,
    day INTEGER NOT NULL,
    link_id UUID NOT NULL,
    rate_period INTEGER NOT NULL,
    registrations BIGINT NOT NULL,
    paying_clients BIGINT NOT NULL,
    top_ups BIGINT NOT NULL,
    base BIGINT NOT NULL,
    PRIMARY KEY (partner_id, day, link_id, rate_period)
){clustered};

CREATE TABLE statistic_quarter (
    partner_id UUID NOT NULL,
    quarter INTEGER NOT NULL,
    link_id UUID NOT NULL,
    rate_period INTEGER NOT NULL,
    registrations BIGINT NOT NULL,
    paying_clients BIGINT NOT NULL,
    top_ups BIGINT NOT NULL,
    base BIGINT NOT NULL,
    PRIMARY KEY (partner_id, quarter, link_id, rate_period)
){clustered};

-- Where a client counts as paying: the occurrence of his first earning purchase, refunded or not.
ALTER TABLE referral_total ADD COLUMN first_purchase_at BIGINT;

-- When a held line was released: what was known earlier did not count it yet. A refund that came later was never held.
ALTER TABLE line ADD COLUMN released_at BIGINT;
UPDATE line SET released_at = a.at FROM audit_record a WHERE a.action = 'releaseCommission'
    AND a.subject_id = COALESCE(line.reverses, line.id) AND line.recorded_at <= a.at;

-- Visits by verdict, and how many were a visitor's first of the UTC day: apart from the money, so that visits and
-- top-ups do not wait for each other's rows. They stay when the visits themselves are deleted.
CREATE TABLE visit_day (
    partner_id UUID NOT NULL,
    day INTEGER NOT NULL,
    link_id UUID NOT NULL,
    counted BIGINT NOT NULL,
    prefetch BIGINT NOT NULL,
    bot BIGINT NOT NULL,
    contextual_advertising BIGINT NOT NULL,
    forced BIGINT NOT NULL,
    partner_suspended BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    unique_visitors BIGINT NOT NULL,
    PRIMARY KEY (partner_id, day, link_id)
){clustered};

CREATE TABLE visit_quarter (
    partner_id UUID NOT NULL,
    quarter INTEGER NOT NULL,
    link_id UUID NOT NULL,
    counted BIGINT NOT NULL,
    prefetch BIGINT NOT NULL,
    bot BIGINT NOT NULL,
    contextual_advertising BIGINT NOT NULL,
    forced BIGINT NOT NULL,
    partner_suspended BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    unique_visitors BIGINT NOT NULL,
    PRIMARY KEY (partner_id, quarter, link_id)
){clustered};
"#;

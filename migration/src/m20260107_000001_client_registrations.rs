//! When a client was registered, beside his totals: a list of clients is read from one table, whatever it is ordered by.

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

/// A table made anew, for a column without a default: a program of the version before cannot open totals without it.
const UP: &str = r#"
ALTER TABLE referral_total RENAME TO referral_total_before;
DROP INDEX referral_total_last;
DROP INDEX referral_total_base;
DROP INDEX referral_total_several;

CREATE TABLE referral_total (
    referral_id UUID NOT NULL PRIMARY KEY,
    partner_id UUID NOT NULL,
    link_id UUID,
    registered_at BIGINT NOT NULL,
    reference {text} NOT NULL,
    base BIGINT NOT NULL,
    top_up_count BIGINT NOT NULL,
    first_purchase_at BIGINT,
    last_purchase_at BIGINT,
    closed_through INTEGER NOT NULL,
    closed_base BIGINT NOT NULL,
    closed_commission BIGINT NOT NULL,
    open_period INTEGER
){clustered};
INSERT INTO referral_total (referral_id, partner_id, link_id, registered_at, reference, base, top_up_count,
        first_purchase_at, last_purchase_at, closed_through, closed_base, closed_commission, open_period)
    SELECT t.referral_id, t.partner_id, t.link_id, r.registered_at, t.reference, t.base, t.top_up_count,
        t.first_purchase_at, t.last_purchase_at, t.closed_through, t.closed_base, t.closed_commission, t.open_period
    FROM referral_total_before t JOIN referral r ON r.id = t.referral_id;
DROP TABLE referral_total_before;
CREATE INDEX referral_total_registered ON referral_total (partner_id, registered_at, referral_id);
CREATE INDEX referral_total_last ON referral_total (partner_id, COALESCE(last_purchase_at, 0), referral_id);
CREATE INDEX referral_total_base ON referral_total (partner_id, base, referral_id);
CREATE INDEX referral_total_several ON referral_total (closed_through, referral_id) WHERE open_period = 99999999;
"#;

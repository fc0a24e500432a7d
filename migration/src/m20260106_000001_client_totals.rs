//! What a list shows of a client, beside his totals: how he is called, and what he has earned at rates that are final.

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

/// A table made anew: columns without defaults, and `top_up_count` that was `top_ups`, so that a program of the version
/// before cannot write lines that it would not count in the new columns.
const UP: &str = r#"
ALTER TABLE referral_total RENAME TO referral_total_before;
DROP INDEX referral_total_last;
DROP INDEX referral_total_base;

-- `reference` is what a partner sees of the account id. `closed_base` and `closed_commission` are of the lines at the
-- rates of periods up to `closed_through`; `open_period` is the one whose rate the others earn, null where there are no
-- others, 99999999 where they are of several: then referral_sum has them.
CREATE TABLE referral_total (
    referral_id UUID NOT NULL PRIMARY KEY,
    partner_id UUID NOT NULL,
    link_id UUID,
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
INSERT INTO referral_total (referral_id, partner_id, link_id, reference, base, top_up_count, first_purchase_at,
        last_purchase_at, closed_through, closed_base, closed_commission, open_period)
    SELECT t.referral_id, t.partner_id, r.link_id, r.reference, t.base, t.top_ups, t.first_purchase_at,
        t.last_purchase_at, 0, 0, 0,
        (SELECT CASE WHEN MIN(s.rate_period) < MAX(s.rate_period) THEN 99999999 ELSE MIN(s.rate_period) END
            FROM (SELECT rate_period FROM referral_sum WHERE referral_id = t.referral_id
                GROUP BY rate_period HAVING SUM(base) <> 0) s)
    FROM referral_total_before t JOIN referral r ON r.id = t.referral_id;
DROP TABLE referral_total_before;
CREATE INDEX referral_total_last ON referral_total (partner_id, COALESCE(last_purchase_at, 0), referral_id);
CREATE INDEX referral_total_base ON referral_total (partner_id, base, referral_id);
CREATE INDEX referral_total_several ON referral_total (closed_through, referral_id) WHERE open_period = 99999999;

ALTER TABLE referral DROP COLUMN reference;
"#;

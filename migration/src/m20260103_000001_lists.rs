//! What lists are filtered and ordered by, each with an index that it walks.

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
-- Of the lines only those that are few: whoever writes an earning top-up touches neither.
CREATE INDEX line_set_aside ON line (partner_id, state, occurred_at, id) WHERE state <> 'EARNING';
CREATE INDEX line_refund ON line (partner_id, occurred_at, id) WHERE kind = 'REFUND';

-- Every client has totals from now on, so that lists ordered by them hold all: a client without lines has empty ones.
INSERT INTO referral_total (referral_id, partner_id, base, top_ups, last_purchase_at)
    SELECT r.id, r.partner_id, 0, 0, NULL FROM referral r
    WHERE NOT EXISTS (SELECT 1 FROM referral_total t WHERE t.referral_id = r.id);
DROP INDEX referral_total_last;
CREATE INDEX referral_total_last ON referral_total (partner_id, COALESCE(last_purchase_at, 0), referral_id);
CREATE INDEX referral_total_base ON referral_total (partner_id, base, referral_id);

-- What a balance was at a time.
CREATE INDEX ledger_transfer_at ON ledger_transfer (partner_id, at, number);

CREATE INDEX balance_credited ON balance (lifetime_credited, partner_id);
CREATE INDEX parked_fact_listed ON parked_fact (arrived_at, id);
CREATE INDEX ticket_status ON ticket (status, opened_at, id);
CREATE INDEX audit_record_action ON audit_record (action, at, id);
CREATE INDEX audit_record_actor ON audit_record (actor, at, id);
"#;

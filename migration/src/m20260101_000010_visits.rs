//! Visits, what tells a second one from a first, and the sites of partners.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await?;
        let statements = match manager.get_database_backend() {
            DbBackend::Postgres => ERASABLE_ON_POSTGRES,
            _ => ERASABLE_ON_SQLITE,
        };
        manager.get_connection().execute_unprepared(statements).await?;
        Ok(())
    }
}

const UP: &str = r#"
-- A visit over a link with its verdict (rule 4); no address (rule 5). Ids carry the time at which a row was written, so
-- that old rows are a range of them. Links are never deleted, so the check that a foreign key makes for every row, and
-- its lock on the one row of a busy link, would buy nothing.
CREATE TABLE visit (
    id UUID PRIMARY KEY,
    link_id UUID NOT NULL,
    at BIGINT NOT NULL,
    verdict {text} NOT NULL CHECK (verdict IN ('COUNTED', 'PREFETCH', 'BOT', 'CONTEXTUAL_ADVERTISING', 'FORCED',
        'PARTNER_SUSPENDED', 'DUPLICATE')),
    referrer {text}
){clustered};
CREATE INDEX visit_link ON visit (link_id, at, id, verdict);

-- When a visitor was counted last on a link: within the hour he is a duplicate, and on a day he is unique once. The
-- visitor is the id of his token or, without one, an HMAC under the day's salt. Rows go after two days.
CREATE TABLE recent_visitor (
    link_id UUID NOT NULL,
    visitor UUID NOT NULL,
    counted_at BIGINT NOT NULL,
    is_first_of_day BOOLEAN NOT NULL,
    PRIMARY KEY (link_id, visitor)
){clustered};

-- One for each UTC day, the same for all instances; deleted after two days (rule 5). Base64.
CREATE TABLE visitor_salt (
    day INTEGER PRIMARY KEY,
    salt {text} NOT NULL
);

-- The sites that partners declare.
CREATE TABLE site (
    id UUID PRIMARY KEY,
    partner_id UUID NOT NULL REFERENCES partner (id),
    host {text} NOT NULL,
    declared_at BIGINT NOT NULL,
    UNIQUE (partner_id, host)
){clustered};
CREATE INDEX site_partner ON site (partner_id, declared_at, id);
"#;

/// An audit record stays as it is, but for its reason, which may be taken away: it is the one text in it that somebody
/// typed, and that may name a person whose data is erased.
const ERASABLE_ON_SQLITE: &str = "
DROP TRIGGER audit_record_no_update;
CREATE TRIGGER audit_record_no_update BEFORE UPDATE ON audit_record
  WHEN NEW.reason IS NOT 'erased' OR NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at OR NEW.actor IS NOT OLD.actor
    OR NEW.role IS NOT OLD.role OR NEW.action IS NOT OLD.action OR NEW.subject_id IS NOT OLD.subject_id
    OR NEW.before IS NOT OLD.before OR NEW.after IS NOT OLD.after OR NEW.request_id IS NOT OLD.request_id
  BEGIN SELECT RAISE(ABORT, 'audit_record is append-only'); END;";

const ERASABLE_ON_POSTGRES: &str = "
DROP TRIGGER audit_record_append_only ON audit_record;
CREATE TRIGGER audit_record_append_only BEFORE DELETE ON audit_record
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_record_no_update BEFORE UPDATE ON audit_record FOR EACH ROW
  WHEN (NEW.reason IS DISTINCT FROM 'erased'
    OR (NEW.id, NEW.at, NEW.actor, NEW.role, NEW.action, NEW.subject_id, NEW.before, NEW.after, NEW.request_id)
      IS DISTINCT FROM (OLD.id, OLD.at, OLD.actor, OLD.role, OLD.action, OLD.subject_id, OLD.before, OLD.after, OLD.request_id))
  EXECUTE FUNCTION refuse_change();";

//! The use cases against a database of each test's own; after every story the books must verify.

mod api_key;
mod change;
mod contract;
mod explanation;
mod idempotency;
mod parking;
mod rates;
mod reassignment;
mod review;
mod service_transfer;
mod suspension;
mod withdrawal;

use std::path::PathBuf;

use entity::{Moment, Money, TopUpKind, line};
use migration::MigratorTrait;
use secrecy::SecretString;
use uuid::Uuid;

use super::adjustment::{self, AdjustBalance};
use super::audit::{Actor, ActorRole};
use super::error::ServiceError;
use super::registration::{self, CodePolicy, Registration};
use super::settlement::{self, Occasion};
use super::top_up::{self, FactOutcome};
use super::{contract as contracts, ledger, partner, refund};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{AuthConfig, Config, DatabaseConfig};
use crate::db::{self, Db, PoolSize};
use crate::domain::balance::Balance;
use crate::domain::contract::ContractDocument;
use crate::domain::error::Refusal;
use crate::domain::top_up::{RefundFact, TopUpFact};

/// 1 October 2026, 10:00 UTC: in the half-month that begins on the 1st.
const NOW: &str = "2026-10-01T10:00:00Z";

fn at(text: &str) -> Moment {
    Moment::from_utc(text.parse().unwrap())
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn staff(subject: &str) -> Actor {
    Actor {
        subject: subject.to_owned(),
        role: ActorRole::Staff,
        request_id: Some("req-1".to_owned()),
        origin: None,
    }
}

/// Another version of the contract for each name.
fn document(version: &str) -> ContractDocument {
    let digest = format!("{version:0>64}").replace(|c: char| !c.is_ascii_digit(), "a");
    ContractDocument {
        version: version.to_owned(),
        url: format!("https://example.com/{version}.pdf"),
        digest,
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, ServiceError>) -> Refusal {
    match outcome {
        Err(ServiceError::Refused(refusal)) => refusal,
        other => panic!("no refusal: {other:?}"),
    }
}

/// An application on a database that goes with it.
struct World {
    app: App,
    directory: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl World {
    async fn new() -> World {
        World::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> World {
        let directory = std::env::temp_dir().join(format!("parrain-{:032x}", rand::random::<u128>()));
        std::fs::create_dir_all(&directory).unwrap();
        let url = format!("sqlite://{}", directory.join("test.db").display());
        let auth =
            AuthConfig { hs256_secret: Some(SecretString::from("x".repeat(32))), ..AuthConfig::default() };
        let database = DatabaseConfig { url: SecretString::from(url.clone()), ..DatabaseConfig::default() };
        let mut config = Config { auth, database, ..Config::default() };
        change(&mut config);
        let db = Db::connect(&url, PoolSize::default()).await.unwrap();
        let tx = db.begin_writing().await.unwrap();
        migration::Migrator::up(&tx, None).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await.unwrap();
        let app = App::open(config, Clock::fixed(at(NOW))).await.unwrap();
        World { app, directory }
    }

    async fn partner(&self, account: &str) -> Uuid {
        partner::of_account(&self.app, account).await.unwrap().id
    }

    /// A partner with money and a contract in force.
    async fn partner_with(&self, account: &str, available: &str) -> Uuid {
        let id = self.partner(account).await;
        self.credit(id, available).await;
        contracts::offer(&self.app, &staff("ann"), id, &document("1"), None).await.unwrap();
        contracts::accept(&self.app, id, &document("1").digest).await.unwrap();
        id
    }

    async fn credit(&self, partner_id: Uuid, amount: &str) {
        let asked = AdjustBalance {
            partner_id,
            amount: money(amount),
            reason: "For a test.".to_owned(),
            idempotency_key: self.app.clock.new_id().to_string(),
        };
        adjustment::adjust_balance(&self.app, &staff("ann"), &asked).await.unwrap();
    }

    async fn balance(&self, partner_id: Uuid) -> Balance {
        ledger::lock_balance(self.app.db.reader(), partner_id).await.unwrap()
    }

    /// Available and reserved, in print.
    async fn balances(&self, partner_id: Uuid) -> (String, String) {
        let balance = self.balance(partner_id).await;
        (balance.available.to_string(), balance.reserved.to_string())
    }

    /// Binds an account to a partner by his code.
    async fn client(&self, partner_id: Uuid, account: &str) {
        let sql = "SELECT code FROM link WHERE partner_id = $1 AND is_own";
        let row = db::query_one(self.app.db.reader(), sql, vec![partner_id.into()]).await.unwrap().unwrap();
        self.register(account, Some(row.try_get_by_index(0).unwrap())).await;
    }

    async fn register(&self, account: &str, code: Option<String>) {
        let registered_at = at("2026-09-01T00:00:00Z");
        let client =
            Registration { client_id: account.to_owned(), registered_at, code, ..Registration::default() };
        registration::register(&self.app, &[client], CodePolicy::Typed).await.unwrap();
    }

    async fn top_up(&self, client: &str, id: &str, occurred_at: &str, amount: &str) -> FactOutcome {
        let fact = TopUpFact {
            source: "till".to_owned(),
            external_id: id.to_owned(),
            client_id: client.to_owned(),
            occurred_at: at(occurred_at),
            amount: money(amount),
            currency: "EUR".to_owned(),
            kind: TopUpKind::Purchase,
            payment_instrument_hash: None,
        };
        top_up::record(&self.app, &[fact]).await.unwrap().remove(0)
    }

    /// The line of a top-up that is recorded.
    async fn line(&self, client: &str, id: &str, occurred_at: &str, amount: &str) -> line::Model {
        match self.top_up(client, id, occurred_at, amount).await {
            FactOutcome::Recorded(line) => line,
            other => panic!("not recorded: {other:?}"),
        }
    }

    async fn refund(
        &self,
        client: &str,
        top_up: &str,
        id: &str,
        occurred_at: &str,
        amount: &str,
    ) -> line::Model {
        let fact = RefundFact {
            source: "till".to_owned(),
            external_id: id.to_owned(),
            top_up_external_id: top_up.to_owned(),
            client_id: client.to_owned(),
            occurred_at: at(occurred_at),
            amount: money(amount),
        };
        match refund::record(&self.app, &[fact]).await.unwrap().remove(0) {
            FactOutcome::Recorded(line) => line,
            other => panic!("not recorded: {other:?}"),
        }
    }

    async fn settle(&self) {
        settlement::settle_due(&self.app, Occasion::ByHand { until: None }, |_| {}).await.unwrap();
    }

    /// What the audit log says of a subject: action, before, after, oldest first.
    async fn audit(&self, subject: Uuid) -> Vec<(String, Option<String>, Option<String>)> {
        let sql = "SELECT action, before, after FROM audit_record WHERE subject_id = $1 ORDER BY id";
        let rows = db::query(self.app.db.reader(), sql, vec![subject.into()]).await.unwrap();
        let read = |row: &sea_orm::QueryResult| {
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
                row.try_get_by_index(2).unwrap(),
            )
        };
        rows.iter().map(read).collect()
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let row = db::query_one(self.app.db.reader(), sql, vec![]).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// The books must be as the facts say.
    async fn verify(&self) {
        let mut findings = Vec::new();
        super::verify::verify(&self.app, |finding| findings.push(finding.to_string())).await.unwrap();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

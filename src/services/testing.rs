//! Databases for the tests of this layer: each in a folder of its own that goes with it.

use std::path::PathBuf;

use entity::{Moment, Money, TopUpKind};
use secrecy::SecretString;

use super::partner::{self, Joining};
use super::registration::{self, CodePolicy, Registration};
use super::schema_version;
use super::top_up::{self, FactOutcome};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::top_up::TopUpFact;

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A new folder, and the address of a database in it that is not there yet.
pub fn empty_database() -> (Folder, String) {
    let path = std::env::temp_dir().join(format!("parrain-{:032x}", rand::random::<u128>()));
    std::fs::create_dir_all(&path).unwrap();
    let url = format!("sqlite://{}/parrain.db", path.display());
    (Folder(path), url)
}

/// An App over a new database; its clock stands at 2026-01-01.
pub async fn app_in(url: &str) -> App {
    let mut config = Config::default();
    config.database.url = SecretString::from(url.to_owned());
    config.auth.hs256_secret = Some(SecretString::from("a secret of more than thirty-two bytes"));
    config.sepa.debtor_name = Some("Example SAS".to_owned());
    config.sepa.debtor_iban = Some("FR7630006000011234567890189".to_owned());
    let app = App::open(config, Clock::fixed(Moment(1_767_225_600_000_000))).await.unwrap();
    schema_version::migrate(&app.db).await.unwrap();
    app
}

/// Records a top-up of 50.00 a microsecond ago; its client and his partner are made with it.
pub async fn record_top_up(app: &App, external_id: &str) {
    let now = app.clock.now();
    let joining = Joining { account_id: "p".to_owned(), code: Some("Code".to_owned()), joined_at: now };
    partner::join(app, &[joining]).await.unwrap();
    let client = Registration {
        client_id: "client-1".to_owned(),
        registered_at: now,
        code: Some("code".to_owned()),
        ..Registration::default()
    };
    registration::register(app, &[client], CodePolicy::Recorded).await.unwrap();
    let fact = TopUpFact {
        source: "shop".to_owned(),
        external_id: external_id.to_owned(),
        client_id: "client-1".to_owned(),
        occurred_at: Moment(now.0 - 1),
        amount: Money::from_units(50),
        currency: "EUR".to_owned(),
        kind: TopUpKind::Purchase,
        payment_instrument_hash: None,
    };
    let outcomes = top_up::record(app, &[fact]).await.unwrap();
    assert!(matches!(outcomes[..], [FactOutcome::Recorded(_)]), "{outcomes:?}");
}

//! What every use case is handed: the database, the clock, the terms of the programme.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Duration;
use entity::{Moment, Money};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use secrecy::ExposeSecret;

use crate::clock::Clock;
use crate::config::{Attribution, Config, ConfigError, NamedKey};
use crate::db::{Db, PoolSize};
use crate::domain::calendar::Calendar;
use crate::domain::link::SiteRules;
use crate::domain::programme_rules::{self, ProgrammeRule, RuleFigures};
use crate::domain::signed_address::AddressKeys;
use crate::domain::tier::{MINIMUM_RATE, Tier, Tiers};
use crate::domain::visit::{BotList, VisitRules};
use crate::domain::visitor_token::VisitorKeys;
use crate::domain::withdrawal::WithdrawalTerms;

/// Cheap to clone: handles and shared values.
#[derive(Clone, Debug)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub terms: Arc<Terms>,
    pub keys: Arc<Keys>,
    /// Whether what is recorded makes events; an import tells nobody.
    pub makes_events: bool,
    pub memory: Arc<Memory>,
}

/// What the services keep in memory for all requests of a process: one value of a type, made when it is first asked for.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Memory {
    pub fn of<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        // Whoever panicked under the lock left the map whole.
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = values.get(&TypeId::of::<T>()).cloned().and_then(|value| value.downcast::<T>().ok());
        known.unwrap_or_else(|| {
            let made = Arc::new(make());
            values.insert(TypeId::of::<T>(), made.clone());
            made
        })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

/// The terms of the programme as the rules read them, made once from the configuration.
#[derive(Clone, Debug)]
pub struct Terms {
    pub name: String,
    /// The programme's currency, an ISO 4217 code.
    pub currency: String,
    /// How many decimals the programme's currency has: 0 to 2 (rule 9).
    pub minor_units: u32,
    pub calendar: Calendar,
    /// What occurred before is INVALID (rule 12).
    pub starts_at: Moment,
    pub minimum_active_clients: u32,
    pub window_days: u32,
    pub withdrawal_threshold: Money,
    pub exchange_rate_max_age_days: u32,
    pub settlement_grace: Duration,
    /// The first table of tiers, in force until `setTiers` changes it.
    pub first_tiers: Tiers,
    pub site: SiteRules,
    pub visits: VisitRules,
}

impl Terms {
    /// Takes the terms from a configuration that was checked.
    pub fn of(config: &Config) -> Result<Terms, ConfigError> {
        let programme = &config.programme;
        let tiers = programme.tiers.iter().map(|tier| Tier {
            name: tier.name.clone(),
            minimum_active_clients: tier.minimum_active_clients,
            rate: tier.rate_percent,
        });
        let first_tiers = Tiers::new(tiers.collect(), MINIMUM_RATE)
            .map_err(|error| ConfigError::refused("programme.tiers", error.to_string()))?;
        let calendar = Calendar::new(programme.time_zone);
        Ok(Terms {
            name: programme.name.clone(),
            currency: programme.currency.code().to_owned(),
            minor_units: programme.currency.exponent().map_or(0, u32::from),
            starts_at: calendar.local_midnight(programme.starts_on),
            calendar,
            minimum_active_clients: programme.minimum_active_clients,
            window_days: programme.active_client_window_days,
            withdrawal_threshold: programme.withdrawal_threshold,
            exchange_rate_max_age_days: programme.exchange_rate_max_age_days,
            settlement_grace: Duration::from_std(programme.settlement_grace).unwrap_or(Duration::MAX),
            first_tiers,
            visits: VisitRules {
                bots: BotList::new(&config.site.bot_patterns)
                    .map_err(|error| ConfigError::refused("the list of bots", error.to_string()))?,
                ad_hosts: config.site.ad_hosts.clone(),
            },
            site: SiteRules {
                front_page: config.site.front_page.clone(),
                allowed_hosts: config.site.allowed_hosts.clone(),
                denied_paths: config.site.denied_paths.clone(),
            },
        })
    }

    pub fn withdrawal(&self) -> WithdrawalTerms {
        WithdrawalTerms { threshold: self.withdrawal_threshold, minor_units: self.minor_units }
    }
}

/// The keys that the service signs and encrypts with; of each list the first is used, the rest still read.
#[derive(Debug)]
pub struct Keys {
    pub visitor: VisitorKeys,
    /// Payout destinations at rest.
    pub encryption: Vec<NamedKey>,
    /// Over the values of an idempotent mutation (rule 28).
    pub idempotency: Vec<NamedKey>,
    /// Of addresses that work without a token.
    pub address: AddressKeys,
    /// Over account ids that were erased.
    pub erasure: Vec<NamedKey>,
}

impl Keys {
    fn of(config: &Config) -> Result<Keys, ConfigError> {
        let keys = config.keys()?;
        let visitor = keys.visitor.iter().map(|key| (key.id.clone(), *key.bytes())).collect();
        let visitor = VisitorKeys::new(visitor).ok_or_else(|| {
            ConfigError::refused("keys.visitor", "needs ids of 1 to 32 letters, digits, - and _")
        })?;
        let address = keys.address.iter().map(|key| (key.id.clone(), *key.bytes())).collect();
        let address = AddressKeys::new(address)
            .ok_or_else(|| ConfigError::refused("keys.encryption", "needs a key"))?;
        Ok(Keys {
            visitor,
            encryption: keys.encryption,
            idempotency: keys.idempotency,
            address,
            erasure: keys.erasure,
        })
    }
}

/// Why the service cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot open the database: {0}")]
    Database(#[from] DbErr),
}

impl App {
    /// Connects to the configured database; the schema is not looked at.
    pub async fn open(config: Config, clock: Clock) -> Result<App, OpenError> {
        let keys = Arc::new(Keys::of(&config)?);
        let terms = Arc::new(Terms::of(&config)?);
        let size = PoolSize {
            connections: config.database.max_connections,
            acquire_timeout: config.database.acquire_timeout,
        };
        let db = Db::connect(config.database.url.expose_secret(), size).await?;
        Ok(App {
            db,
            clock,
            terms,
            keys,
            memory: Arc::default(),
            config: Arc::new(config),
            makes_events: true,
        })
    }

    /// Opens a writing transaction: the one way to do so.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.db.begin_writing().await
    }

    /// The programme's rules in plain words.
    pub fn rules(&self) -> Vec<ProgrammeRule> {
        programme_rules::rules(&RuleFigures {
            currency: self.terms.currency.clone(),
            minimum_active_clients: self.terms.minimum_active_clients,
            window_days: self.terms.window_days,
            withdrawal_threshold: self.terms.withdrawal_threshold,
            is_last_touch: self.config.programme.attribution == Attribution::LastTouch,
        })
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.db.reader().execute_unprepared("SELECT 1").await.map(|_| ())
    }
}

//! The services behind the reference's words, and what their tables say.

use chrono::NaiveDate;
use entity::{Day, Moment, Money, RateBasisPoints, TopUpKind};
use parrain::app::App;
use parrain::clock::Clock;
use parrain::config::{Config, TierConfig};
use parrain::domain::contract::ContractDocument;
use parrain::domain::error::Refusal;
use parrain::domain::payout::PayoutDestination;
use parrain::domain::tier::Tier;
use parrain::domain::top_up::{RefundFact, TopUpFact};
use parrain::services::audit::{Actor, ActorRole};
use parrain::services::error::ServiceError;
use parrain::services::exchange_rate::{self, PublishedRate, RateOutcome};
use parrain::services::partner::{self, JoinOutcome, Joining};
use parrain::services::registration::{self, CodePolicy, Registration, RegistrationOutcome};
use parrain::services::settlement::{self, Occasion};
use parrain::services::top_up::{self, FactOutcome};
use parrain::services::{
    contract, hold, individual_rate, reassignment, refund, review, service_transfer as transfers, suspension,
    tier_table, verify, withdrawal as withdrawals,
};
use rust_decimal::Decimal;
use sea_orm::{DatabaseConnection, DbBackend};
use uuid::Uuid;

use super::tables::query;
use crate::harness::TestDatabase;
use crate::reference::{self, Act, Event, Outcome, Step, Terms};

/// The program's books, as the services keep them.
pub struct Books {
    pub(super) app: App,
    pub(super) connection: DatabaseConnection,
    pub(super) tables: Vec<String>,
    pub(super) withdrawals: Vec<Uuid>,
    pub(super) transfers: Vec<Uuid>,
}

/// A refusal by its name, or what was done.
type Done = Result<&'static str, ServiceError>;

impl Books {
    pub async fn open(database: &TestDatabase, terms: &Terms) -> Books {
        let mut config = Config::default();
        config.database.url = database.url().into();
        config.auth.hs256_secret = Some("a-secret-of-the-tests-of-32-bytes-or-more".into());
        config.programme.minimum_active_clients = terms.minimum_active_clients;
        config.programme.withdrawal_threshold = Money(terms.threshold);
        config.programme.starts_on = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
        config.programme.tiers = tiers(&terms.tiers)
            .into_iter()
            .map(|tier| TierConfig {
                name: tier.name,
                minimum_active_clients: tier.minimum_active_clients,
                rate_percent: tier.rate,
            })
            .collect();
        let app = App::open(config, Clock::fixed(Moment(0))).await.unwrap();
        let connection = database.connect().await;
        let tables = match connection.get_database_backend() {
            DbBackend::Postgres => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
            }
            _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        };
        let tables =
            query(&connection, tables).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        Books { app, connection, tables, withdrawals: Vec::new(), transfers: Vec::new() }
    }

    pub async fn close(self) {
        self.connection.close().await.unwrap();
        self.app.db.close().await.unwrap();
    }

    /// Everything that `verify` finds.
    pub async fn verify(&self) -> Vec<String> {
        let mut findings = Vec::new();
        verify::verify(&self.app, |finding| findings.push(finding.to_string())).await.unwrap();
        findings
    }

    /// Does what an event says; answers in the reference's words.
    pub async fn happens(&mut self, event: &Event) -> String {
        self.app.clock.set(Moment(event.at));
        match self.act(event.at, &event.act).await {
            Ok(done) => done.to_owned(),
            Err(ServiceError::Refused(refusal)) => format!("refused: {}", name_of(&refusal)),
            Err(error) => format!("failed: {error}"),
        }
    }

    async fn act(&mut self, at: i64, act: &Act) -> Done {
        let app = &self.app;
        let staff =
            &Actor { subject: "staff".to_owned(), role: ActorRole::Staff, request_id: None, origin: None };
        match act {
            Act::Join { account, code } => {
                let joining =
                    Joining { account_id: account.clone(), code: Some(code.clone()), joined_at: Moment(at) };
                match partner::join(app, &[joining]).await?.remove(0) {
                    JoinOutcome::Joined(_) => Ok("Joined"),
                    JoinOutcome::Replayed(_) => Ok("Replayed"),
                    JoinOutcome::Refused(refusal) => Err(refusal.into()),
                }
            }
            Act::Register { client, code, hash } => {
                let registration = Registration {
                    client_id: client.clone(),
                    registered_at: Moment(at),
                    code: code.clone(),
                    payment_instrument_hash: hash.clone(),
                    ..Registration::default()
                };
                match registration::register(app, &[registration], CodePolicy::Typed).await?.remove(0) {
                    RegistrationOutcome::Attributed => Ok("Attributed"),
                    RegistrationOutcome::Direct(_) => Ok("Direct"),
                    RegistrationOutcome::Replayed => Ok("Replayed"),
                    RegistrationOutcome::Refused(refusal) => Err(refusal.into()),
                }
            }
            Act::Publish { currency, day, rate } => {
                let rate = Decimal::new(rate.mantissa, rate.decimals);
                let rate =
                    PublishedRate { currency: currency.clone(), published_on: Day::from_date(*day), rate };
                match exchange_rate::record(app, &[rate]).await?.remove(0) {
                    RateOutcome::Recorded => Ok("Recorded"),
                    RateOutcome::Replayed => Ok("Replayed"),
                    RateOutcome::Refused(refusal) => Err(refusal.into()),
                }
            }
            Act::TopUp(fact) => recorded(top_up::record(app, &[sent_top_up(fact)]).await?.remove(0)),
            Act::Refund(fact) => recorded(refund::record(app, &[sent_refund(fact)]).await?.remove(0)),
            Act::Settle { until, grace } => {
                let occasion =
                    if *grace > 0 { Occasion::Background } else { Occasion::ByHand { until: *until } };
                let settled = settlement::settle_due(app, occasion, |_| {}).await?;
                Ok(if settled.is_empty() { "NothingDue" } else { "Settled" })
            }
            Act::Suspend { partner } => {
                suspension::suspend(app, staff, self.partner(partner).await, "why").await.map(|_| "Suspended")
            }
            Act::Reinstate { partner } => {
                suspension::reinstate(app, staff, self.partner(partner).await, "why")
                    .await
                    .map(|_| "Reinstated")
            }
            Act::Release { top_up } => {
                review::release(app, staff, self.line(top_up).await, "why").await.map(|_| "Reviewed")
            }
            Act::Reject { top_up } => {
                review::reject(app, staff, self.line(top_up).await, "why").await.map(|_| "Reviewed")
            }
            Act::Hold { client } => hold::hold_client(app, staff, client, "why").await.map(|_| "Held"),
            Act::Clear { client, release } => {
                hold::clear_client(app, staff, client, *release, "why").await.map(|_| "Cleared")
            }
            Act::Reassign { client, partner } => {
                let partner = self.partner(partner).await;
                reassignment::reassign_client(app, staff, client, partner, "why").await.map(|_| "Reassigned")
            }
            Act::SetRate { partner, rate } => {
                let partner = self.partner(partner).await;
                let rate = rate.map(|points| RateBasisPoints(i32::try_from(points).unwrap()));
                individual_rate::set(app, staff, partner, rate, "why").await.map(|_| "RateSet")
            }
            Act::SetTiers { tiers: table } => {
                tier_table::set(app, staff, &tiers(table), "why").await.map(|_| "TiersSet")
            }
            _ => self.act_on_money(staff, act).await,
        }
    }

    async fn act_on_money(&mut self, staff: &Actor, act: &Act) -> Done {
        let app = &self.app;
        let key = || format!("key-{}-{}", self.withdrawals.len(), self.transfers.len());
        match act {
            Act::GrantContract { partner } => {
                let partner = self.partner(partner).await;
                if contract::is_in_force(app.db.reader(), partner).await? {
                    return Ok("Replayed");
                }
                let document = ContractDocument {
                    version: "1".to_owned(),
                    url: "https://www.example.com/contract.pdf".to_owned(),
                    digest: "ab".repeat(32),
                };
                contract::offer(app, staff, partner, &document, None).await?;
                contract::accept(app, partner, &document.digest).await?;
                Ok("Granted")
            }
            Act::Withdraw { partner, amount } => {
                let asked = withdrawals::RequestWithdrawal {
                    amount: amount.map(Money),
                    destination: PayoutDestination::paypal("partner@example.com").unwrap(),
                    idempotency_key: key(),
                    only_known_destination: false,
                };
                let withdrawal = withdrawals::request(app, self.partner(partner).await, &asked).await?;
                self.withdrawals.push(withdrawal.id);
                Ok("Requested")
            }
            Act::Decide { withdrawal, step } => {
                let id = self.withdrawals[*withdrawal];
                let why = Some("why");
                match step {
                    Step::Approve => withdrawals::approve(app, staff, id, why).await?,
                    Step::Reject => withdrawals::reject(app, staff, id, why).await?,
                    Step::Cancel => {
                        let owner = withdrawals::find(app.db.reader(), id).await?.unwrap().partner_id;
                        withdrawals::cancel(app, owner, id).await?
                    }
                    Step::MarkPaid => withdrawals::mark_paid(app, staff, id, "reference").await?,
                    Step::MarkFailed => withdrawals::mark_failed(app, staff, id, why).await?,
                };
                Ok("Decided")
            }
            Act::Transfer { partner, amount } => {
                let asked =
                    transfers::RequestServiceTransfer { amount: Money(*amount), idempotency_key: key() };
                let transfer = transfers::request(app, self.partner(partner).await, &asked).await?;
                self.transfers.push(transfer.id);
                Ok("Requested")
            }
            Act::AnswerTransfer { transfer, booked } => {
                let id = self.transfers[*transfer];
                match booked {
                    true => transfers::complete(app, id).await?,
                    false => transfers::fail(app, id, "why").await?,
                };
                Ok("Answered")
            }
            other => panic!("{other:?} is about no money"),
        }
    }

    async fn partner(&self, account: &str) -> Uuid {
        partner::find_by_account(&self.connection, account).await.unwrap().unwrap().id
    }

    async fn line(&self, top_up: &str) -> Uuid {
        let sql = format!("SELECT id FROM line WHERE kind = 'TOP_UP' AND external_id = '{top_up}'");
        query(&self.connection, &sql).await[0].try_get_by_index(0).unwrap()
    }
}

/// The outcome as the services are made to say it.
pub fn words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done("ParkedAgain") => "Parked".to_owned(),
        Outcome::Done(done) => done.to_owned(),
        Outcome::Refused(refusal) => format!("refused: {refusal}"),
    }
}

fn name_of(refusal: &Refusal) -> String {
    let debug = format!("{refusal:?}");
    debug.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

fn recorded(outcome: FactOutcome) -> Done {
    match outcome {
        FactOutcome::Recorded(_) => Ok("Recorded"),
        FactOutcome::Replayed(_) => Ok("Replayed"),
        FactOutcome::NotReferred => Ok("NotReferred"),
        FactOutcome::Parked => Ok("Parked"),
        FactOutcome::Refused(refusal) => Err(refusal.into()),
    }
}

fn sent_top_up(fact: &reference::TopUpFact) -> TopUpFact {
    TopUpFact {
        source: "model".to_owned(),
        external_id: fact.external_id.clone(),
        client_id: fact.client.clone(),
        occurred_at: Moment(fact.occurred_at),
        amount: Money(fact.amount),
        currency: fact.currency.clone(),
        kind: match fact.kind {
            "PURCHASE" => TopUpKind::Purchase,
            "BONUS" => TopUpKind::Bonus,
            _ => TopUpKind::Transfer,
        },
        payment_instrument_hash: fact.hash.clone(),
    }
}

fn sent_refund(fact: &reference::RefundFact) -> RefundFact {
    RefundFact {
        source: "model".to_owned(),
        external_id: fact.external_id.clone(),
        top_up_external_id: fact.top_up.clone(),
        client_id: fact.client.clone(),
        occurred_at: Moment(fact.occurred_at),
        amount: Money(fact.amount),
    }
}

fn tiers(table: &[reference::Tier]) -> Vec<Tier> {
    let tier = |(name, floor, rate): &reference::Tier| Tier {
        name: (*name).to_owned(),
        minimum_active_clients: *floor,
        rate: RateBasisPoints(i32::try_from(*rate).unwrap()),
    };
    table.iter().map(tier).collect()
}

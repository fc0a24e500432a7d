//! The services behind the reference's words, and what their tables say.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use entity::{Day, Moment, Money, RateBasisPoints, TopUpKind, service_transfer, statement, withdrawal};
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
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::harness::TestDatabase;
use crate::reference::{self, Act, Event, LineState, Outcome, Step, Terms, WithdrawalState, World};

/// The program's books, as the services keep them.
pub struct Books {
    app: App,
    connection: DatabaseConnection,
    tables: Vec<String>,
    withdrawals: Vec<Uuid>,
    transfers: Vec<Uuid>,
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
        let staff = &Actor { subject: "staff".to_owned(), role: ActorRole::Staff, request_id: None };
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

    /// Every row of every table, as text. The name of an account that is not reported means nothing yet: it is left out.
    pub async fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let mut everything = BTreeMap::new();
        for table in &self.tables {
            let meaningful = if table == "account" { " WHERE registered_at IS NOT NULL" } else { "" };
            let sql = match self.connection.get_database_backend() {
                DbBackend::Postgres => format!("SELECT t::text FROM \"{table}\" t{meaningful} ORDER BY 1"),
                _ => {
                    let columns =
                        query(&self.connection, &format!("SELECT name FROM pragma_table_info('{table}')"))
                            .await;
                    let quoted = columns
                        .iter()
                        .map(|row| format!("quote({})", row.try_get_by_index::<String>(0).unwrap()));
                    format!(
                        "SELECT {} FROM {table}{meaningful} ORDER BY 1",
                        quoted.collect::<Vec<_>>().join(" || ',' || ")
                    )
                }
            };
            let rows = query(&self.connection, &sql).await;
            let rows = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
            everything.insert(table.clone(), rows);
        }
        everything
    }

    /// In what the tables say otherwise than the reference; nothing where they agree.
    pub async fn differs_from(&self, world: &World, now: i64) -> Option<String> {
        let said: BTreeMap<String, Vec<String>> = [
            ("lines", self.lines().await),
            ("parked facts", self.parked(now).await),
            ("balances", self.balances().await),
            ("ledger", self.ledger().await),
            ("standings", self.standings().await),
            ("statements", self.statements().await),
            ("withdrawals", self.money_out().await),
            ("referrals", self.referrals().await),
        ]
        .map(|(name, rows)| (name.to_owned(), rows))
        .into();
        difference(&expected(world, now, &self.partner_ids().await), &said)
    }

    async fn partner_ids(&self) -> BTreeMap<String, Uuid> {
        let sql = "SELECT a.account_id, p.id FROM partner p JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        rows.iter().map(|row| (text(row, 0), row.try_get_by_index(1).unwrap())).collect()
    }

    async fn lines(&self) -> Vec<String> {
        let sql = "SELECT l.kind, l.external_id, t.external_id, c.account_id, p.account_id, l.occurred_at, l.recorded_at, \
                   l.amount, l.currency, l.top_up_kind, l.base, l.rate_period, l.settle_period, l.state, l.reason FROM line l \
                   LEFT JOIN line t ON t.id = l.reverses JOIN referral r ON r.id = l.referral_id \
                   JOIN account c ON c.id = r.account_id JOIN partner q ON q.id = l.partner_id \
                   JOIN account p ON p.id = q.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            format!(
                "{} {} of {:?}: {} with {}, occurred {} recorded {}, {} {} {} base {} rate of {} settled {:?} {} {:?}",
                text(row, 0), text(row, 1), maybe(row, 2), text(row, 3), text(row, 4), number(row, 5), number(row, 6),
                number(row, 7), text(row, 8), text(row, 9), number(row, 10), day(small(row, 11)),
                row.try_get_by_index::<Option<i32>>(12).unwrap().map(day), text(row, 13), maybe(row, 14),
            )
        }))
    }

    async fn parked(&self, now: i64) -> Vec<String> {
        let sql = "SELECT f.kind, f.external_id, a.account_id, f.status, f.arrived_at FROM parked_fact f \
                   JOIN account a ON a.id = f.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            let is_over = text(row, 3) == "WAITING" && number(row, 4) + 45 * reference::DAY <= now;
            let status = if is_over { "EXPIRED".to_owned() } else { text(row, 3) };
            format!(
                "{} {} of {} arrived {} {status}",
                text(row, 0),
                text(row, 1),
                text(row, 2),
                number(row, 4)
            )
        }))
    }

    async fn balances(&self) -> Vec<String> {
        let sql = "SELECT a.account_id, b.available, b.reserved, b.carried, b.lifetime_credited, b.lifetime_paid FROM balance b \
                   JOIN partner p ON p.id = b.partner_id JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            format!(
                "{}: available {} reserved {} carried {} credited {} paid {}",
                text(row, 0),
                number(row, 1),
                number(row, 2),
                number(row, 3),
                number(row, 4),
                number(row, 5),
            )
        }))
    }

    async fn ledger(&self) -> Vec<String> {
        let sql = "SELECT a.account_id, t.number, t.kind, t.amount, t.available_after, t.reserved_after FROM ledger_transfer t \
                   JOIN partner p ON p.id = t.partner_id JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            format!(
                "{} {}: {} {} then {} and {}",
                text(row, 0),
                number(row, 1),
                text(row, 2),
                number(row, 3),
                number(row, 4),
                number(row, 5),
            )
        }))
    }

    async fn standings(&self) -> Vec<String> {
        let sql = "SELECT s.period, a.account_id, s.active_clients, s.tier, s.rate_basis_points, s.was_suspended \
                   FROM standing s JOIN partner p ON p.id = s.partner_id JOIN account a ON a.id = p.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            let suspended: bool = row.try_get_by_index(5).unwrap();
            let period = day(small(row, 0));
            format!(
                "{period} {}: {} active {} {} {suspended}",
                text(row, 1),
                number(row, 2),
                text(row, 3),
                small(row, 4)
            )
        }))
    }

    async fn statements(&self) -> Vec<String> {
        let accounts: BTreeMap<Uuid, String> =
            self.partner_ids().await.into_iter().map(|(account, id)| (id, account)).collect();
        let statements: Vec<statement::Model> =
            TestDatabase::models(&self.connection, "SELECT * FROM statement").await;
        sorted(statements.iter().map(|row| {
            format!(
                "{} {}: {} active {} {} {} top-ups {} {} in {} credited {} out {} {:?} closing {} {}",
                row.period,
                accounts[&row.partner_id],
                row.active_clients,
                row.tier,
                row.rate_basis_points.0,
                row.top_ups,
                row.base.0,
                row.commission.0,
                row.carried_in.0,
                row.credited.0,
                row.carried_out.0,
                row.carry_reason.map(<&str>::from),
                row.closing_balance.0,
                row.digest,
            )
        }))
    }

    async fn money_out(&self) -> Vec<String> {
        let requested: Vec<withdrawal::Model> =
            TestDatabase::models(&self.connection, "SELECT * FROM withdrawal").await;
        let moved: Vec<service_transfer::Model> =
            TestDatabase::models(&self.connection, "SELECT * FROM service_transfer").await;
        let place = |ids: &[Uuid], id: Uuid| ids.iter().position(|known| *known == id);
        let requested = requested.iter().map(|row| {
            let place = place(&self.withdrawals, row.id);
            format!("withdrawal {place:?}: {} {}", row.amount.0, <&str>::from(row.status))
        });
        let moved = moved.iter().map(|row| {
            let place = place(&self.transfers, row.id);
            format!("service transfer {place:?}: {} {}", row.amount.0, <&str>::from(row.status))
        });
        sorted(requested.chain(moved))
    }

    async fn referrals(&self) -> Vec<String> {
        let sql = "SELECT c.account_id, p.account_id, r.since, r.until, r.hold_reason FROM referral r \
                   JOIN account c ON c.id = r.account_id JOIN partner q ON q.id = r.partner_id \
                   JOIN account p ON p.id = q.account_id";
        let rows = query(&self.connection, sql).await;
        sorted(rows.iter().map(|row| {
            let until: Option<i64> = row.try_get_by_index(3).unwrap();
            format!(
                "{} with {} from {} to {until:?} {:?}",
                text(row, 0),
                text(row, 1),
                number(row, 2),
                maybe(row, 4)
            )
        }))
    }
}

/// What the tables should say.
fn expected(world: &World, now: i64, ids: &BTreeMap<String, Uuid>) -> BTreeMap<String, Vec<String>> {
    let lines = world.lines.iter().map(|line| {
        let kind = if line.reverses.is_some() { "REFUND" } else { "TOP_UP" };
        let state = match line.state {
            LineState::Earning => "EARNING",
            LineState::Held => "HELD",
            LineState::Rejected => "REJECTED",
            LineState::NotEarning => "NOT_EARNING",
        };
        format!(
            "{kind} {} of {:?}: {} with {}, occurred {} recorded {}, {} {} {} base {} rate of {} settled {:?} {state} {:?}",
            line.external_id, line.reverses, line.client, line.partner, line.occurred_at, line.recorded_at, line.amount,
            line.currency, line.kind, line.base, line.rate_period, line.settle_period, line.reason,
        )
    });
    let parked = world.parked.iter().map(|parked| {
        let status = match (parked.is_refused, parked.is_expired(now)) {
            (true, _) => "REFUSED",
            (_, true) => "EXPIRED",
            _ => "WAITING",
        };
        let kind = if parked.is_top_up() { "TOP_UP" } else { "REFUND" };
        format!(
            "{kind} {} of {} arrived {} {status}",
            parked.external_id(),
            parked.client(),
            parked.arrived_at
        )
    });
    let balances = world.codes.keys().map(|partner| {
        format!(
            "{partner}: available {} reserved {} carried {} credited {} paid {}",
            world.available(partner),
            world.reserved(partner),
            world.carried(partner),
            world.lifetime_credited(partner),
            world.lifetime_paid(partner),
        )
    });
    let ledger = world.codes.keys().flat_map(|partner| {
        world.movements_of(partner).enumerate().map(move |(place, movement)| {
            let (kind, available, reserved) =
                (movement.kind.word(), movement.available_after, movement.reserved_after);
            format!("{partner} {}: {kind} {} then {available} and {reserved}", place + 1, movement.amount)
        })
    });
    let standings =
        world.standings.iter().filter(|(_, standing)| standing.active_clients > 0 || standing.is_suspended);
    let standings = standings.map(|((period, partner), standing)| {
        let (tier, _, rate) = standing.tier;
        format!(
            "{period} {partner}: {} active {tier} {rate} {}",
            standing.active_clients, standing.is_suspended
        )
    });
    let mut previous: BTreeMap<&str, String> = BTreeMap::new();
    let statements = world.statements.iter().map(|row| {
        let digest = digest(row, ids[&row.partner], previous.get(row.partner.as_str()));
        previous.insert(&row.partner, digest.clone());
        format!(
            "{} {}: {} active {} {} {} top-ups {} {} in {} credited {} out {} {:?} closing {} {digest}",
            row.period,
            row.partner,
            row.active_clients,
            row.tier,
            row.rate,
            row.top_ups,
            row.base,
            row.commission,
            row.carried_in,
            row.credited,
            row.carried_out,
            row.reason,
            row.closing_balance,
        )
    });
    let statements = sorted(statements);
    let money = |name: &'static str, (place, row): (usize, &reference::Withdrawal)| {
        format!("{name} {:?}: {} {}", Some(place), row.amount, word(row.state))
    };
    let requested = world.withdrawals.iter().enumerate().map(|row| money("withdrawal", row));
    let moved = world.transfers.iter().enumerate().map(|row| money("service transfer", row));
    let referrals = world.referrals.iter().map(|referral| {
        let until = Some(referral.until).filter(|until| *until != i64::MAX);
        let (since, hold) = (referral.since.max(0), referral.hold);
        format!("{} with {} from {since} to {until:?} {hold:?}", referral.client, referral.partner)
    });
    [
        ("lines", sorted(lines)),
        ("parked facts", sorted(parked)),
        ("balances", sorted(balances)),
        ("ledger", sorted(ledger)),
        ("standings", sorted(standings)),
        ("statements", statements),
        ("withdrawals", sorted(requested.chain(moved))),
        ("referrals", sorted(referrals)),
    ]
    .map(|(name, rows)| (name.to_owned(), rows))
    .into()
}

/// Rule 21, by hand: the names are in the order of RFC 8785.
fn digest(row: &reference::Statement, partner: Uuid, previous: Option<&String>) -> String {
    let amount = |micros: i64| Money(micros).to_string();
    let quoted = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("\"{text}\""));
    let json = format!(
        "{{\"activeClients\":{},\"base\":\"{}\",\"carriedIn\":\"{}\",\"carriedOut\":\"{}\",\"carryReason\":{},\
         \"commission\":\"{}\",\"credited\":\"{}\",\"partnerId\":\"{partner}\",\"periodEnd\":\"{}\",\"periodStart\":\"{}\",\
         \"previousDigest\":{},\"rateBasisPoints\":{},\"topUpCount\":{}}}",
        row.active_clients,
        amount(row.base),
        amount(row.carried_in),
        amount(row.carried_out),
        quoted(row.reason),
        amount(row.commission),
        amount(row.credited),
        reference::next(row.period),
        row.period,
        quoted(previous.map(String::as_str)),
        row.rate,
        row.top_ups,
    );
    Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first thing in which two sets of rows differ.
pub fn difference(
    should: &BTreeMap<String, Vec<String>>,
    is: &BTreeMap<String, Vec<String>>,
) -> Option<String> {
    let (name, should) = should.iter().find(|(name, rows)| is.get(*name) != Some(*rows))?;
    let is = is.get(name)?;
    let missing: Vec<_> = should.iter().filter(|row| !is.contains(row)).collect();
    let added: Vec<_> = is.iter().filter(|row| !should.contains(row)).collect();
    Some(format!("{name}: without {missing:#?}, with {added:#?}"))
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

fn word(state: WithdrawalState) -> &'static str {
    match state {
        WithdrawalState::Requested => "REQUESTED",
        WithdrawalState::Approved => "APPROVED",
        WithdrawalState::Paid => "PAID",
        WithdrawalState::Rejected => "REJECTED",
        WithdrawalState::Cancelled => "CANCELLED",
        WithdrawalState::Failed => "FAILED",
        WithdrawalState::Completed => "COMPLETED",
    }
}

async fn query(connection: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.expect(sql)
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

fn text(row: &QueryResult, place: usize) -> String {
    row.try_get_by_index(place).unwrap()
}

fn maybe(row: &QueryResult, place: usize) -> Option<String> {
    row.try_get_by_index(place).unwrap()
}

fn number(row: &QueryResult, place: usize) -> i64 {
    row.try_get_by_index(place).unwrap()
}

fn small(row: &QueryResult, place: usize) -> i32 {
    row.try_get_by_index(place).unwrap()
}

fn day(period: i32) -> NaiveDate {
    Day(period).to_date()
}

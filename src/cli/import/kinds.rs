//! What the rows of each kind of file say, and which service records them.

use std::future::Future;

use csv::ByteRecord;

use super::fields::Columns;
use crate::app::App;
use crate::domain::error::Refusal;
use crate::domain::top_up::{RefundFact, TopUpFact};
use crate::services::error::ServiceError;
use crate::services::partner::{self, JoinOutcome, Joining};
use crate::services::refund;
use crate::services::registration::{self, CodePolicy, Registration, RegistrationOutcome};
use crate::services::top_up::{self, FactOutcome};

/// What became of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    Recorded,
    Replayed,
    Parked,
    NotReferred,
    /// With the reason.
    Refused(String),
}

/// A kind of file, opened by its header.
pub trait FileKind: Sized + Send + 'static {
    type Fact: Send + 'static;

    /// Whether the rows are facts of the books: settlement waits for them. Others are what is to be kept secret of money out.
    const IS_OF_THE_BOOKS: bool = true;

    /// Reads the header.
    fn open(header: &ByteRecord, app: &App) -> Result<Self, String>;

    /// What is to be said of the header before the rows are read.
    fn note(&self) -> Option<String> {
        None
    }

    /// Hands out the facts of a row, each or the whole row with the reason why it cannot be read.
    fn read(&self, row: &ByteRecord, each: &mut dyn FnMut(Result<Self::Fact, String>));

    /// Records a batch; the answers are in its order.
    fn record(app: &App, facts: &[Self::Fact]) -> impl Future<Output = Result<Vec<Judged>, ServiceError>>;
}

pub struct Partners(Columns);

impl FileKind for Partners {
    type Fact = Joining;

    fn open(header: &ByteRecord, _: &App) -> Result<Self, String> {
        Columns::find(header, &["account_id", "code", "joined_at"]).map(Partners)
    }

    fn read(&self, row: &ByteRecord, each: &mut dyn FnMut(Result<Joining, String>)) {
        let joining = self.0.of(row).and_then(|fields| {
            // An empty code is one to be drawn.
            let code = Some(fields.owned(1)?).filter(|code| !code.is_empty());
            Ok(Joining { account_id: fields.owned(0)?, code, joined_at: fields.moment(2)? })
        });
        each(joining);
    }

    async fn record(app: &App, facts: &[Joining]) -> Result<Vec<Judged>, ServiceError> {
        let judged = partner::join(app, facts).await?.into_iter().map(|outcome| match outcome {
            JoinOutcome::Joined(_) => Judged::Recorded,
            JoinOutcome::Replayed(_) => Judged::Replayed,
            JoinOutcome::Refused(refusal) => Judged::Refused(reason(&refusal)),
        });
        Ok(judged.collect())
    }
}

pub struct Clients(Columns);

impl FileKind for Clients {
    type Fact = Registration;

    fn open(header: &ByteRecord, _: &App) -> Result<Self, String> {
        Columns::find(header, &["client_id", "partner_code", "registered_at"]).map(Clients)
    }

    fn read(&self, row: &ByteRecord, each: &mut dyn FnMut(Result<Registration, String>)) {
        let registration = self.0.of(row).and_then(|fields| {
            Ok(Registration {
                client_id: fields.owned(0)?,
                code: Some(fields.owned(1)?).filter(|code| !code.is_empty()),
                registered_at: fields.moment(2)?,
                ..Registration::default()
            })
        });
        each(registration);
    }

    /// A code that is unknown or archived refuses the row: a file of the provider's own records does not mistype.
    async fn record(app: &App, facts: &[Registration]) -> Result<Vec<Judged>, ServiceError> {
        let outcomes = registration::register(app, facts, CodePolicy::Recorded).await?;
        let judged = outcomes.into_iter().map(|outcome| match outcome {
            RegistrationOutcome::Attributed | RegistrationOutcome::Direct(_) => Judged::Recorded,
            RegistrationOutcome::Replayed => Judged::Replayed,
            RegistrationOutcome::Refused(Refusal::NotFound { .. }) => {
                Judged::Refused("partner_code is unknown or archived".to_owned())
            }
            RegistrationOutcome::Refused(refusal) => Judged::Refused(reason(&refusal)),
        });
        Ok(judged.collect())
    }
}

pub struct TopUps(Columns);

impl FileKind for TopUps {
    type Fact = TopUpFact;

    fn open(header: &ByteRecord, _: &App) -> Result<Self, String> {
        let names = &["source", "external_id", "client_id", "occurred_at", "amount", "currency", "kind"];
        Columns::find(header, names).map(TopUps)
    }

    fn read(&self, row: &ByteRecord, each: &mut dyn FnMut(Result<TopUpFact, String>)) {
        let fact = self.0.of(row).and_then(|fields| {
            Ok(TopUpFact {
                source: fields.owned(0)?,
                external_id: fields.owned(1)?,
                client_id: fields.owned(2)?,
                occurred_at: fields.moment(3)?,
                amount: fields.amount(4)?,
                currency: fields.owned(5)?,
                kind: fields.word(6, "PURCHASE, BONUS, TRANSFER and COMMISSION")?,
                payment_instrument_hash: None,
            })
        });
        each(fact);
    }

    async fn record(app: &App, facts: &[TopUpFact]) -> Result<Vec<Judged>, ServiceError> {
        Ok(top_up::record_shared(app, facts).await?.iter().map(judge).collect())
    }
}

pub struct Refunds(Columns);

impl FileKind for Refunds {
    type Fact = RefundFact;

    fn open(header: &ByteRecord, _: &App) -> Result<Self, String> {
        let names = &["source", "external_id", "top_up_external_id", "client_id", "occurred_at", "amount"];
        Columns::find(header, names).map(Refunds)
    }

    fn read(&self, row: &ByteRecord, each: &mut dyn FnMut(Result<RefundFact, String>)) {
        let fact = self.0.of(row).and_then(|fields| {
            Ok(RefundFact {
                source: fields.owned(0)?,
                external_id: fields.owned(1)?,
                top_up_external_id: fields.owned(2)?,
                client_id: fields.owned(3)?,
                occurred_at: fields.moment(4)?,
                amount: fields.amount(5)?,
            })
        });
        each(fact);
    }

    async fn record(app: &App, facts: &[RefundFact]) -> Result<Vec<Judged>, ServiceError> {
        Ok(refund::record(app, facts).await?.iter().map(judge).collect())
    }
}

fn judge(outcome: &FactOutcome) -> Judged {
    match outcome {
        FactOutcome::Recorded(_) => Judged::Recorded,
        FactOutcome::Replayed(_) => Judged::Replayed,
        FactOutcome::NotReferred => Judged::NotReferred,
        FactOutcome::Parked => Judged::Parked,
        FactOutcome::Refused(refusal) => Judged::Refused(reason(refusal)),
    }
}

/// The refusal in the file's words: its fields are called by the columns.
pub fn reason(refusal: &Refusal) -> String {
    let Refusal::Invalid(invalid) = refusal else { return refusal.to_string() };
    let column = match invalid.field {
        "accountId" => "account_id",
        "clientId" => "client_id",
        "joinedAt" => "joined_at",
        "registeredAt" => "registered_at",
        "occurredAt" => "occurred_at",
        "externalId" => "external_id",
        "topUpExternalId" => "top_up_external_id",
        "currencyCode" => "currency",
        "publishedOn" => "Date",
        other => other,
    };
    format!("{column} {}", invalid.reason)
}

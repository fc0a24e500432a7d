//! How what goes wrong looks to a client: a userError where the business says no, a top-level error otherwise.

use std::fmt;
use std::sync::Arc;

use async_graphql::{Enum, Error, ErrorExtensionValues, SimpleObject};

use super::code::Code;
use crate::domain::error::{Invalid, Refusal};
use crate::services::error::ServiceError;

/// What a resolver answers.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// A top-level error: the caller may not do this, or sent what no state could accept, or it is ours to mend.
#[derive(Clone)]
pub struct Failure {
    code: Code,
    message: String,
    /// For the log alone.
    source: Option<Arc<ServiceError>>,
}

impl Failure {
    pub fn unauthenticated() -> Failure {
        Failure::new(Code::Unauthenticated, "This needs a token.")
    }

    pub fn forbidden() -> Failure {
        Failure::new(Code::Forbidden, "This is not for the role or the scopes of the token.")
    }

    pub fn bad_input(message: impl Into<String>) -> Failure {
        Failure::new(Code::BadUserInput, message)
    }

    fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), source: None }
    }

    pub const fn code(&self) -> Code {
        self.code
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

/// A refusal that reaches this far was asked for by a read: an argument that cannot be.
impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Failure {
        match error {
            ServiceError::Refused(refusal) => Failure::bad_input(refusal.to_string()),
            ServiceError::Database(_)
            | ServiceError::LeaseLost
            | ServiceError::NoAnswer
            | ServiceError::Broken(_)
            | ServiceError::Misconfigured(_) => Failure {
                source: Some(Arc::new(error)),
                ..Failure::new(Code::Internal, "Something went wrong on this side.")
            },
        }
    }
}

/// An argument that cannot be, where there is no payload to say so in.
impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Failure {
        Failure::bad_input(invalid.to_string())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", failure.code.as_str());
        let message = match &failure.source {
            Some(source) => source.to_string(),
            None => failure.message,
        };
        Error { message, source: failure.source.map(|source| source as _), extensions: Some(extensions) }
    }
}

/// Why the business says no to an input.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct UserError {
    /// What a program goes by.
    pub code: UserErrorCode,
    /// The part of the input that is at fault, from its root: ["input", "clients", "3", "code"].
    pub field: Option<Vec<String>>,
    /// What a developer reads; not made for translation.
    pub message: String,
}

/// The business's own refusals. Clients must tolerate new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// A value that no state of the books could make acceptable.
    Invalid,
    /// A value that is needed here is missing.
    Required,
    /// What the input names is not there, or not the caller's.
    NotFound,
    /// What is on record says otherwise, and stays.
    Conflict,
    /// Each step happens once, and this one has.
    AlreadyDone,
    /// A link cannot open this page.
    TargetNotAllowed,
    /// The referral code is taken.
    CodeTaken,
    /// There can be no more of these.
    LimitReached,
    /// A withdrawal needs an accepted contract.
    NoContract,
    /// The available balance does not exceed the programme's threshold.
    BalanceNotAboveThreshold,
    /// Less is available than was asked for.
    InsufficientBalance,
    /// The partner is suspended.
    PartnerSuspended,
    /// The idempotency key was used with other values.
    IdempotencyKeyReused,
    /// A partner is never his own client.
    SelfReferral,
    /// No exchange rate near enough is on record: record it and send this again.
    ExchangeRateMissing,
    /// Less is left of the top-up than was to be refunded.
    RefundExceedsTopUp,
    /// What is in this state cannot take that step.
    IllegalTransition,
    /// The step needs another person than the one before.
    FourEyes,
}

impl UserError {
    /// How a refusal looks to a client. `at` is the part of the input that was judged: `["input"]`.
    pub fn of(refusal: &Refusal, at: &[&str]) -> UserError {
        let (code, field) = code_and_field(refusal);
        let path = at.iter().copied().chain(field.into_iter().flat_map(|field| field.split('.')));
        UserError { code, field: Some(path.map(str::to_owned).collect()), message: refusal.to_string() }
    }
}

/// The code of every refusal, and the field it is about where it is about one.
fn code_and_field(refusal: &Refusal) -> (UserErrorCode, Option<&'static str>) {
    match refusal {
        Refusal::Invalid(invalid) => (UserErrorCode::Invalid, Some(invalid.field)),
        Refusal::Required { field } => (UserErrorCode::Required, Some(field)),
        Refusal::NotFound { what } => (UserErrorCode::NotFound, field_of(what)),
        Refusal::Conflict { .. } => (UserErrorCode::Conflict, None),
        Refusal::AlreadyDone => (UserErrorCode::AlreadyDone, None),
        Refusal::TargetNotAllowed { .. } => (UserErrorCode::TargetNotAllowed, Some("target")),
        Refusal::CodeTaken => (UserErrorCode::CodeTaken, Some("code")),
        Refusal::LimitReached { .. } => (UserErrorCode::LimitReached, None),
        Refusal::NoContract => (UserErrorCode::NoContract, None),
        Refusal::BalanceNotAboveThreshold { .. } => (UserErrorCode::BalanceNotAboveThreshold, None),
        Refusal::InsufficientBalance { .. } => (UserErrorCode::InsufficientBalance, Some("amount")),
        Refusal::PartnerSuspended => (UserErrorCode::PartnerSuspended, None),
        Refusal::IdempotencyKeyReused => (UserErrorCode::IdempotencyKeyReused, Some("idempotencyKey")),
        Refusal::SelfReferral => (UserErrorCode::SelfReferral, None),
        Refusal::ExchangeRateMissing { .. } => (UserErrorCode::ExchangeRateMissing, Some("currencyCode")),
        Refusal::RefundExceedsTopUp { .. } => (UserErrorCode::RefundExceedsTopUp, Some("amount")),
        Refusal::IllegalTransition { .. } => (UserErrorCode::IllegalTransition, None),
        Refusal::FourEyes => (UserErrorCode::FourEyes, None),
    }
}

/// The input's field that names a thing which is not there.
fn field_of(what: &str) -> Option<&'static str> {
    match what {
        "code" => Some("code"),
        "client" => Some("clientId"),
        "account" => Some("accountId"),
        "partner" => Some("partnerId"),
        "top-up" => Some("topUpExternalId"),
        "object" => Some("aboutId"),
        "withdrawal" | "service transfer" | "ticket" | "commission" | "link" | "API key"
        | "webhook endpoint" => Some("id"),
        "webhook delivery" => Some("deliveryId"),
        _ => None,
    }
}

/// What a use case answered, for a payload: its object, or why not. Whatever else went wrong fails the field.
///
/// # Errors
/// All but refusals.
pub fn outcome<T>(answer: Result<T, ServiceError>, at: &[&str]) -> Result<(Option<T>, Vec<UserError>)> {
    match answer {
        Ok(object) => Ok((Some(object), Vec::new())),
        Err(ServiceError::Refused(refusal)) => Ok((None, vec![UserError::of(&refusal, at)])),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(refusal: Refusal, at: &[&str]) -> Vec<String> {
        UserError::of(&refusal, at).field.unwrap()
    }

    #[test]
    fn a_refusal_points_at_the_field_it_is_about() {
        let not_above = || Refusal::from(Invalid::new("amount", "is not above zero"));
        assert_eq!(path(not_above(), &["input"]), ["input", "amount"]);
        assert_eq!(path(not_above(), &["input", "topUps", "3"]), ["input", "topUps", "3", "amount"]);
        assert_eq!(path(Refusal::NotFound { what: "code" }, &["input", "clients", "3"])[3], "code");
        assert_eq!(path(Refusal::NoContract, &["input"]), ["input"]);
        let iban = Invalid::new("destination.bankTransfer.iban", "is not an IBAN");
        assert_eq!(path(iban.into(), &["input"]), ["input", "destination", "bankTransfer", "iban"]);
    }

    #[test]
    fn a_refusal_is_a_user_error_and_the_rest_fails_the_field() {
        let (object, errors) = outcome::<()>(Err(Refusal::CodeTaken.into()), &["input"]).unwrap();
        assert_eq!((object, errors[0].code), (None, UserErrorCode::CodeTaken));
        let failure = outcome::<()>(Err(ServiceError::Broken("line 7".into())), &["input"]).unwrap_err();
        assert_eq!(failure.code(), Code::Internal);
        assert!(!format!("{failure:?}").contains("line 7"), "what is ours to mend is not told");
        assert_eq!(outcome(Ok(1), &["input"]).unwrap(), (Some(1), vec![]));
    }
}

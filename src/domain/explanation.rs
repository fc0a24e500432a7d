//! Why a figure is what it is: steps in a fixed order, each with the rule that decided, its facts and a plain sentence.

mod client;
mod line;
mod sentence;

use entity::Moment;
use strum::{EnumIter, IntoStaticStr};

pub use client::{ClientFacts, ClientTotals, NotEarning, Origin, explain_client, explain_own_account};
pub use line::{
    Conversion, Credit, Explained, Individual, Paid, Refunded, Review, Standing, Statement, explain_line,
};

/// A figure traced to its causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub summary: String,
    pub steps: Vec<Step>,
}

/// One step: what was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub code: StepCode,
    /// A plain English sentence.
    pub text: String,
    /// When it happened; none for what is a matter of counting.
    pub at: Option<Moment>,
    pub facts: Vec<Fact>,
}

/// A fact by its name, as text: amounts with six decimals, moments in UTC, periods by their first day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: &'static str,
    pub value: String,
}

impl Step {
    fn new(code: StepCode, text: impl Into<String>) -> Step {
        let rule = Fact { name: "rule", value: code.rule().to_string() };
        Step { code, text: text.into(), at: None, facts: vec![rule] }
    }

    fn at(self, at: Moment) -> Step {
        Step { at: Some(at), ..self }
    }

    fn fact(mut self, name: &'static str, value: impl ToString) -> Step {
        self.facts.push(Fact { name, value: value.to_string() });
        self
    }

    fn fact_if(self, name: &'static str, value: Option<impl ToString>) -> Step {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }
}

/// What a step says. The names are kept for ever; there may be more one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum StepCode {
    /// A counted visit over a link brought the client.
    BroughtByVisit,
    /// The client gave a referral code.
    BroughtByCode,
    /// Staff assigned the client.
    AssignedByStaff,
    /// The provider reported the account.
    ClientRegistered,
    /// The account is the partner's own.
    SelfReferral,
    /// The client is another partner's, or nobody's, from an instant on.
    Reassigned,
    /// A top-up was reported.
    TopUpRecorded,
    /// A refund of a top-up was reported.
    RefundRecorded,
    /// An amount of another currency became a base.
    ExchangeRateApplied,
    /// Only purchases earn.
    NotAPurchase,
    /// The partner was suspended when it was recorded.
    PartnerSuspended,
    /// Held: the client pays as the partner does.
    SharedPaymentInstrument,
    /// Held: staff looks at the client.
    UnderReview,
    /// Staff released it.
    ReleasedByStaff,
    /// Staff rejected it.
    RejectedByStaff,
    /// It is settled in the period in which it occurred.
    PeriodOfOccurrence,
    /// It is settled in a later period than it occurred in.
    PeriodLater,
    /// The rate is that of a tier.
    TierRate,
    /// The rate is one that staff set for the partner.
    IndividualRate,
    /// The period before is not closed: the last standing is used.
    StandingProvisional,
    /// Base times rate.
    CommissionCalculated,
    /// The period is not settled yet.
    StatementPending,
    /// A statement counted it.
    StatementSettled,
    /// The statement was credited to the balance.
    BalanceCredited,
    /// The statement was carried into the next period.
    NetCarried,
    /// What was carried was credited by a later statement.
    CarryCredited,
    /// Part of it was taken back since.
    Refunded,
    /// The client has paid nothing yet.
    NoTopUps,
    /// What the client's top-ups earned.
    TopUpsEarned,
    /// The client counts as active.
    ClientActive,
    /// The client does not count as active.
    ClientInactive,
}

impl StepCode {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The number of the programme's rule that decides it.
    pub const fn rule(self) -> u8 {
        match self {
            StepCode::BroughtByVisit => 4,
            StepCode::BroughtByCode
            | StepCode::AssignedByStaff
            | StepCode::ClientRegistered
            | StepCode::Reassigned => 6,
            StepCode::SelfReferral | StepCode::SharedPaymentInstrument => 7,
            StepCode::TopUpRecorded => 11,
            StepCode::RefundRecorded | StepCode::Refunded => 13,
            StepCode::ExchangeRateApplied => 10,
            StepCode::NotAPurchase | StepCode::NoTopUps => 12,
            StepCode::PartnerSuspended => 27,
            StepCode::UnderReview | StepCode::ReleasedByStaff | StepCode::RejectedByStaff => 22,
            StepCode::PeriodOfOccurrence | StepCode::PeriodLater => 15,
            StepCode::TierRate | StepCode::IndividualRate => 17,
            StepCode::StandingProvisional => 18,
            StepCode::CommissionCalculated | StepCode::TopUpsEarned => 9,
            StepCode::StatementPending => 19,
            StepCode::StatementSettled
            | StepCode::BalanceCredited
            | StepCode::NetCarried
            | StepCode::CarryCredited => 20,
            StepCode::ClientActive | StepCode::ClientInactive => 16,
        }
    }
}

#[cfg(test)]
mod tests;

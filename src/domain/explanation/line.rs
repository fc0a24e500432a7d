//! Why a line of the commission history earns what it does.

use entity::{
    CarryReason, Day, LineKind, LineReason, LineState, Moment, Money, Period, RateBasisPoints, TopUpKind,
};

use super::client::ClientFacts;
use super::sentence::{because, carried_because, code_of, money};
use super::{Explanation, Step, StepCode};
use crate::domain::rate::RateSource;

/// What was paid, or paid back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    pub kind: LineKind,
    pub top_up_kind: TopUpKind,
    pub source: String,
    pub external_id: String,
    /// Of the top-up that a refund takes back.
    pub reverses: Option<String>,
    pub amount: Money,
    pub currency: String,
    pub occurred_at: Moment,
    pub recorded_at: Moment,
}

/// How an amount became a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub rate: String,
    pub published_on: Day,
}

/// What staff decided of a held line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    pub released: bool,
    pub at: Moment,
}

/// An individual rate, as staff set it. `by` is for staff alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Individual {
    pub at: Moment,
    pub by: Option<String>,
}

/// The partner's standing in the period whose rate the line earns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub active_clients: u32,
    pub tier: String,
    pub rate: RateBasisPoints,
    pub source: RateSource,
    /// Whether it is fixed: the period before is closed.
    pub is_fixed: bool,
    pub individual: Option<Individual>,
}

/// The movement of money behind a credited statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    pub at: Moment,
    pub amount: Money,
    pub available_after: Money,
}

/// The statement that settled the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub settled_at: Moment,
    pub commission: Money,
    pub carried_in: Money,
    pub credited: Money,
    pub carried_out: Money,
    pub carry_reason: Option<CarryReason>,
    pub active_clients: u32,
    pub minimum_active_clients: u32,
    pub digest: String,
    pub credit: Option<Credit>,
    /// Where it was carried: the period of the statement that credited it, and when.
    pub credited_later: Option<(Period, Moment)>,
}

/// A refund that took part of the line back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refunded {
    pub external_id: String,
    pub occurred_at: Moment,
    pub amount: Money,
    pub base: Money,
    pub settle_period: Option<Period>,
}

/// All that is known of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// None for the provider's own systems, who see neither client nor statement.
    pub client: Option<ClientFacts>,
    pub paid: Paid,
    pub conversion: Option<Conversion>,
    /// In the programme's currency.
    pub base: Money,
    pub currency: String,
    pub state: LineState,
    pub reason: Option<LineReason>,
    pub review: Option<Review>,
    pub rate_period: Period,
    pub occurred_in: Period,
    pub settle_period: Option<Period>,
    /// When the settle period ends.
    pub settles_after: Option<Moment>,
    pub standing: Standing,
    pub statement: Option<Statement>,
    pub refunds: Vec<Refunded>,
}

impl Explained {
    /// Base times rate; nothing where the line is rejected or does not earn.
    fn commission_of(&self, base: Money) -> Money {
        match self.state {
            LineState::Rejected | LineState::NotEarning => Money::ZERO,
            LineState::Earning | LineState::Held => self.standing.rate.of(base).unwrap_or_default(),
        }
    }

    fn money(&self, amount: Money) -> String {
        money(amount, &self.currency)
    }
}

/// Explains a line: who brought the client, what he paid, how it became a base, when it is settled, at which rate, what
/// that comes to, what the statement did, and what was taken back since.
pub fn explain_line(line: &Explained) -> Explanation {
    let mut steps = line.client.as_ref().map(ClientFacts::steps).unwrap_or_default();
    steps.push(paid(line));
    steps.extend(line.conversion.as_ref().map(|conversion| converted(line, conversion)));
    steps.extend(decided(line));
    steps.extend(period(line));
    if matches!(line.state, LineState::Earning | LineState::Held) {
        steps.extend(standing(line));
    }
    steps.push(calculated(line));
    match &line.statement {
        Some(statement) => steps.extend(settled(line, statement)),
        None => steps.extend(pending(line)),
    }
    steps.extend(line.refunds.iter().map(|refund| refunded(line, refund)));
    Explanation { summary: summary(line), steps }
}

fn summary(line: &Explained) -> String {
    let what = match line.paid.kind {
        LineKind::TopUp => "top-up",
        LineKind::Refund => "refund",
    };
    let paid = money(line.paid.amount, &line.paid.currency);
    let commission = line.money(line.commission_of(line.base));
    match (line.state, line.reason) {
        (LineState::Earning, _) => {
            let word = if line.paid.kind == LineKind::TopUp { "earns" } else { "takes back" };
            let amount = line.commission_of(line.base);
            let amount = line.money(if amount.is_negative() { -amount } else { amount });
            let rate = line.standing.rate;
            let when = match (line.settle_period, &line.statement) {
                (Some(period), Some(_)) => format!(", settled in the half-month from {period}"),
                (Some(period), None) => format!(", to be settled in the half-month from {period}"),
                _ => String::new(),
            };
            format!("This {what} of {paid} {word} {amount}: {rate} % of its base{when}.")
        }
        (LineState::Held, reason) => {
            let because = reason.map_or("", because);
            format!("This {what} of {paid} is held for review, with {commission}: {because}.")
        }
        (LineState::Rejected | LineState::NotEarning, reason) => {
            let because = reason.map_or("", because);
            format!("This {what} of {paid} earns nothing: {because}.")
        }
    }
}

fn paid(line: &Explained) -> Step {
    let paid = &line.paid;
    let amount = money(paid.amount, &paid.currency);
    let (code, text) = match &paid.reverses {
        None => (StepCode::TopUpRecorded, format!("The client paid in {amount}.")),
        Some(top_up) => (StepCode::RefundRecorded, format!("{amount} of the top-up {top_up} was paid back.")),
    };
    Step::new(code, text)
        .at(paid.occurred_at)
        .fact("source", &paid.source)
        .fact("externalId", &paid.external_id)
        .fact_if("topUpExternalId", paid.reverses.as_ref())
        .fact("amount", paid.amount)
        .fact("currencyCode", &paid.currency)
        .fact("kind", paid.top_up_kind)
        .fact("recordedAt", paid.recorded_at)
}

fn converted(line: &Explained, conversion: &Conversion) -> Step {
    let paid = money(line.paid.amount, &line.paid.currency);
    let base = line.money(line.base);
    let text = match line.paid.kind {
        LineKind::TopUp => format!(
            "{paid} at the rate {} of {} is a base of {base}.",
            conversion.rate, conversion.published_on
        ),
        LineKind::Refund => format!(
            "{paid} is its share of the top-up's base, which was made at the rate {} of {}: {base}.",
            conversion.rate, conversion.published_on
        ),
    };
    Step::new(StepCode::ExchangeRateApplied, text)
        .fact("rate", &conversion.rate)
        .fact("publishedOn", conversion.published_on)
        .fact("base", line.base)
}

/// Why it is held, rejected or earns nothing, and what staff decided.
fn decided(line: &Explained) -> Option<Step> {
    if let Some(review) = line.review.filter(|review| review.released && line.state == LineState::Earning) {
        let text = "It was held for review, and staff released it.";
        return Some(Step::new(StepCode::ReleasedByStaff, text).at(review.at));
    }
    let reason = line.reason?;
    let because = because(reason);
    let text = match line.state {
        LineState::Held => format!("It is held for review: {because}."),
        LineState::Rejected => format!("It is never settled: {because}."),
        LineState::NotEarning | LineState::Earning => format!("It earns nothing: {because}."),
    };
    let step = Step::new(code_of(reason), text);
    let rejected = line.review.filter(|review| !review.released && line.state == LineState::Rejected);
    Some(match (rejected, line.state) {
        (Some(review), _) => step.at(review.at),
        (None, LineState::NotEarning) => step.at(line.paid.recorded_at),
        _ => step,
    })
}

fn period(line: &Explained) -> Option<Step> {
    let (occurred_in, settled_in) = (line.occurred_in, line.settle_period?);
    let step = if occurred_in == settled_in {
        let text = format!("It belongs to the half-month from {occurred_in} to {}.", occurred_in.end());
        Step::new(StepCode::PeriodOfOccurrence, text)
    } else {
        let text = format!(
            "The half-month from {occurred_in}, in which it occurred, does not take it any more: it belongs to the one \
             from {settled_in} to {}.",
            settled_in.end()
        );
        Step::new(StepCode::PeriodLater, text)
    };
    let step = step.fact("occurredIn", occurred_in).fact("settledIn", settled_in);
    Some(step.fact("rateOf", line.rate_period))
}

fn standing(line: &Explained) -> Vec<Step> {
    let Standing { active_clients, tier, rate, source, is_fixed, individual } = &line.standing;
    let period = line.rate_period;
    let step = match source {
        RateSource::Tier => {
            let text = format!(
                "With {active_clients} active clients the partner's tier in the half-month from {period} is {tier}: {rate} %."
            );
            Step::new(StepCode::TierRate, text).fact("setBy", "SETTLEMENT")
        }
        RateSource::Individual => {
            let text = format!(
                "Staff set a rate for the partner that holds in the half-month from {period}: {rate} %. (His tier is {tier}, \
                 with {active_clients} active clients.)"
            );
            let step = Step::new(StepCode::IndividualRate, text);
            let by = individual.as_ref().and_then(|individual| individual.by.clone());
            let step = step.fact("setBy", by.unwrap_or_else(|| "STAFF".to_owned()));
            match individual {
                Some(individual) => step.at(individual.at),
                None => step,
            }
        }
    };
    let step = step
        .fact("period", period)
        .fact("activeClients", active_clients)
        .fact("tier", tier)
        .fact("ratePercent", rate);
    let mut steps = vec![step];
    if !is_fixed {
        let text =
            "The period before is not settled yet, so the last standing is used; the rate can still change.";
        steps.push(Step::new(StepCode::StandingProvisional, text).fact("period", period));
    }
    steps
}

fn calculated(line: &Explained) -> Step {
    let amount = line.commission_of(line.base);
    let (base, commission) = (line.money(line.base), line.money(amount));
    let rate = match line.state {
        LineState::Rejected | LineState::NotEarning => RateBasisPoints(0),
        LineState::Earning | LineState::Held => line.standing.rate,
    };
    let text = format!("{rate} % of {base} is {commission}.");
    Step::new(StepCode::CommissionCalculated, text)
        .fact("base", line.base)
        .fact("ratePercent", rate)
        .fact("amount", amount)
        .fact("currencyCode", &line.currency)
}

fn pending(line: &Explained) -> Option<Step> {
    let (period, after) = line.settle_period.zip(line.settles_after)?;
    let text = format!("The half-month from {period} is not settled yet; it ends at {after}.");
    Some(Step::new(StepCode::StatementPending, text).fact("period", period).fact("endsAt", after))
}

fn settled(line: &Explained, statement: &Statement) -> Vec<Step> {
    let period = line.settle_period.map(|period| period.to_string()).unwrap_or_default();
    let (commission, carried_in) = (line.money(statement.commission), line.money(statement.carried_in));
    let text = format!(
        "The statement of the half-month from {period} counted it: {commission} of commission in all, and {carried_in} \
         carried in."
    );
    let counted = Step::new(StepCode::StatementSettled, text)
        .at(statement.settled_at)
        .fact("period", &period)
        .fact("commission", statement.commission)
        .fact("carriedIn", statement.carried_in)
        .fact("activeClients", statement.active_clients)
        .fact("digest", &statement.digest);
    let mut steps = vec![counted];
    if let Some(credit) = statement.credit {
        let (amount, after) = (line.money(credit.amount), line.money(credit.available_after));
        let text = format!("{amount} was credited to the balance; {after} was available then.");
        let step = Step::new(StepCode::BalanceCredited, text).at(credit.at);
        steps.push(step.fact("amount", credit.amount).fact("availableAfter", credit.available_after));
        return steps;
    }
    let carried = line.money(statement.carried_out);
    let because = carried_because(statement.carry_reason, statement.minimum_active_clients);
    let text = format!("Nothing was credited, since {because}: {carried} was carried into the next period.");
    let step = Step::new(StepCode::NetCarried, text)
        .at(statement.settled_at)
        .fact("carriedOut", statement.carried_out)
        .fact_if("carryReason", statement.carry_reason)
        .fact("minimumActiveClients", statement.minimum_active_clients);
    steps.push(step);
    if let Some((later, at)) = statement.credited_later {
        let text = format!("What had been carried was in the credit of the half-month from {later}.");
        steps.push(Step::new(StepCode::CarryCredited, text).at(at).fact("period", later));
    }
    steps
}

fn refunded(line: &Explained, refund: &Refunded) -> Step {
    let amount = money(refund.amount, &line.paid.currency);
    let commission = line.commission_of(refund.base);
    let text = format!("{amount} was paid back since: {} of the commission.", line.money(commission));
    Step::new(StepCode::Refunded, text)
        .at(refund.occurred_at)
        .fact("externalId", &refund.external_id)
        .fact("amount", refund.amount)
        .fact("base", refund.base)
        .fact("commission", commission)
        .fact_if("settledIn", refund.settle_period)
}

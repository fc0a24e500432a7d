//! Why a figure is what it is, as the interface shows it.

use async_graphql::{Context, InputObject, SimpleObject};
use entity::{line, partner};

use super::authority;
use super::error::Result;
use super::request::{app, loaders};
use super::scalar::DateTime;
use crate::domain::explanation as rules;
use crate::services::error::ServiceError;
use crate::services::explanation::{self, LineKey, Reader, TopUpKey};

/// A figure traced to its causes: each step says what was decided, by which rule, from which facts.
#[derive(Clone, Debug, SimpleObject)]
pub struct Explanation {
    /// In one sentence.
    pub summary: String,
    /// Of a line in this order: the visit or code that brought the client, the registration, the top-up, the exchange
    /// rate if any, why it is held or earns nothing, the period, the standing, base times rate, the statement and what it
    /// moved, refunds since.
    pub steps: Vec<ExplanationStep>,
}

/// What was decided.
#[derive(Clone, Debug, SimpleObject)]
pub struct ExplanationStep {
    /// Which step it is: a name that is kept for ever, such as TOP_UP_RECORDED, TIER_RATE or COMMISSION_CALCULATED. There
    /// may be more one day.
    pub code: String,
    /// A plain English sentence.
    pub text: String,
    /// When it happened.
    pub at: Option<DateTime>,
    /// What it was decided from, `rule` first: the number of the programme's rule.
    pub facts: Vec<Fact>,
}

/// A fact by its name.
#[derive(Clone, Debug, SimpleObject)]
pub struct Fact {
    /// Such as activeClients.
    pub name: String,
    /// As text: amounts with six decimals, times in UTC, half-months by their first day.
    pub value: String,
}

impl From<rules::Explanation> for Explanation {
    fn from(explanation: rules::Explanation) -> Explanation {
        let step = |step: rules::Step| ExplanationStep {
            code: step.code.as_str().to_owned(),
            text: step.text,
            at: step.at.map(DateTime),
            facts: step
                .facts
                .into_iter()
                .map(|fact| Fact { name: fact.name.to_owned(), value: fact.value })
                .collect(),
        };
        Explanation { summary: explanation.summary, steps: explanation.steps.into_iter().map(step).collect() }
    }
}

/// The provider's own name of a top-up.
#[derive(Clone, Debug, InputObject)]
pub struct SourceRef {
    /// The system that reported it.
    pub source: String,
    /// Its id there.
    pub external_id: String,
}

fn reader(context: &Context<'_>) -> Reader {
    let caller = authority::caller(context);
    match (caller.is_staff(), caller.is_service()) {
        (true, _) => Reader::Staff,
        (_, true) => Reader::Service,
        _ => Reader::Partner,
    }
}

/// Why a line earned what it did.
pub async fn explain(context: &Context<'_>, line: &line::Model) -> Result<Explanation> {
    let key = LineKey { line_id: line.id, reader: reader(context) };
    let explained = loaders(context)?.explanations.get(key).await?;
    let explained = explained.ok_or_else(|| ServiceError::Broken(format!("line {} is gone", line.id)))?;
    Ok(explained.into())
}

/// Why a top-up or a client of a partner's earned what it did.
pub async fn why_not(
    context: &Context<'_>,
    partner: &partner::Model,
    top_up: Option<SourceRef>,
    client_id: Option<String>,
) -> Result<Option<Explanation>> {
    let key = top_up.map(|key| TopUpKey { source: key.source, external_id: key.external_id });
    let app = app(context)?;
    let explained =
        explanation::why_not(app, partner, key.as_ref(), client_id.as_deref(), reader(context)).await?;
    Ok(explained.map(Explanation::from))
}

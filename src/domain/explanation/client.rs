//! Why a client earns what he does, and how he came to be the partner's.

use entity::{LineReason, LineState, Moment, Money};

use super::sentence::{because, code_of, money};
use super::{Explanation, Step, StepCode};

/// What made a client the partner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A counted visit over the link with this code.
    Visit {
        code: String,
        visited_at: Moment,
    },
    Code {
        code: String,
    },
    /// From then on.
    Staff {
        since: Moment,
    },
}

/// A client of the partner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFacts {
    /// The account id, masked.
    pub reference: String,
    pub origin: Origin,
    pub registered_at: Moment,
    /// Until when he was the partner's.
    pub until: Option<Moment>,
    /// Why what is recorded of him is held.
    pub hold: Option<LineReason>,
}

impl ClientFacts {
    /// The visit, code or assignment, then the registration.
    pub(super) fn steps(&self) -> Vec<Step> {
        let origin = match &self.origin {
            Origin::Visit { code, visited_at } => {
                let text = format!("A counted visit over the link {code} brought the client.");
                Step::new(StepCode::BroughtByVisit, text).at(*visited_at).fact("code", code)
            }
            Origin::Code { code } => {
                let text = format!("The client opened his account with the code {code}.");
                Step::new(StepCode::BroughtByCode, text).at(self.registered_at).fact("code", code)
            }
            Origin::Staff { since } => {
                let text = "Staff assigned the client to the partner; what occurred from then on is his.";
                Step::new(StepCode::AssignedByStaff, text).at(*since).fact("since", since)
            }
        };
        let text = format!("The account {} was opened.", self.reference);
        let registered = Step::new(StepCode::ClientRegistered, text)
            .at(self.registered_at)
            .fact("client", &self.reference)
            .fact("registeredAt", self.registered_at);
        vec![origin, registered]
    }
}

/// Lines of a client that earn nothing, or not yet, for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotEarning {
    pub state: LineState,
    pub reason: LineReason,
    pub lines: u64,
}

/// What a client's lines come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTotals {
    /// The programme's.
    pub currency: String,
    pub top_ups: u64,
    pub base: Money,
    pub commission: Money,
    pub not_earning: Vec<NotEarning>,
    /// The last purchase that is not refunded in full.
    pub last_purchase_at: Option<Moment>,
    pub is_active: bool,
    pub window_days: u32,
}

/// Explains what a client has earned his partner.
pub fn explain_client(client: &ClientFacts, totals: &ClientTotals) -> Explanation {
    let mut steps = client.steps();
    if let Some(until) = client.until {
        let text =
            "Staff assigned the client to another partner: what occurred from then on is not this one's.";
        steps.push(Step::new(StepCode::Reassigned, text).at(until).fact("until", until));
    }
    if let Some(reason) = client.hold {
        let text = format!("What is recorded of the client is held for review: {}.", because(reason));
        steps.push(Step::new(code_of(reason), text));
    }
    let lines: u64 = totals.not_earning.iter().map(|group| group.lines).sum();
    steps.extend(totals.not_earning.iter().map(not_earning));
    let earned = money(totals.commission, &totals.currency);
    if totals.top_ups == 0 && lines == 0 {
        steps.push(Step::new(StepCode::NoTopUps, "The client has not paid anything yet."));
    } else {
        let base = money(totals.base, &totals.currency);
        let text = format!(
            "Top-ups that earn: {}, {base} in all, less refunds; at their rates that is {earned}.",
            totals.top_ups
        );
        let step = Step::new(StepCode::TopUpsEarned, text).fact("topUps", totals.top_ups);
        steps.push(step.fact("base", totals.base).fact("commission", totals.commission));
    }
    steps.push(activity(totals));
    let reference = &client.reference;
    let summary = if totals.top_ups > 0 {
        format!("The client {reference} has earned {earned} so far.")
    } else if let Some(group) = totals.not_earning.first() {
        let state = if group.state == LineState::Held { "are held" } else { "earn nothing" };
        format!("The top-ups of the client {reference} {state}: {}.", because(group.reason))
    } else {
        format!("The client {reference} has earned nothing: he has not paid anything yet.")
    };
    Explanation { summary, steps }
}

fn not_earning(group: &NotEarning) -> Step {
    let state = if group.state == LineState::Held { "held" } else { "without commission" };
    let text = format!("{} of the client's lines: {state}, since {}.", group.lines, because(group.reason));
    Step::new(code_of(group.reason), text).fact("lines", group.lines)
}

fn activity(totals: &ClientTotals) -> Step {
    let days = totals.window_days;
    let (code, text) = match (totals.is_active, totals.last_purchase_at) {
        (true, _) => {
            (StepCode::ClientActive, format!("He paid within the last {days} days, and counts as active."))
        }
        (false, Some(_)) => (
            StepCode::ClientInactive,
            format!("He has not paid for {days} days, and does not count as active."),
        ),
        (false, None) => (
            StepCode::ClientInactive,
            "He has no purchase that earns and stands, and does not count as active.".to_owned(),
        ),
    };
    Step::new(code, text).fact("windowDays", days).fact_if("lastTopUpAt", totals.last_purchase_at)
}

/// Explains why the partner's own account earns him nothing.
pub fn explain_own_account() -> Explanation {
    let text = "This is the partner's own account: a partner is never his own client.";
    Explanation { summary: text.to_owned(), steps: vec![Step::new(StepCode::SelfReferral, text)] }
}

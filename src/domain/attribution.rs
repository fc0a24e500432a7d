//! To whom a new account belongs, once and for ever (rules 3 and 6 to 8).

use chrono::Duration;
use entity::Moment;
use uuid::Uuid;

use super::error::Refusal;

/// How many accounts one visitor id binds without doubt (rule 3).
pub const ACCOUNTS_PER_VISITOR: u32 = 3;
/// How much later than the registration a visit may say it was, since two clocks never agree (rule 8).
const CLOCK_SKEW: Duration = Duration::minutes(1);

/// A partner to whom an account may be bound, and the link that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub partner_id: Uuid,
    pub link_id: Uuid,
    /// Whether the partner is the very account that registers.
    pub is_the_client: bool,
}

/// A visitor token that was verified, with the partner of its link. A link archived since, or a partner suspended
/// since, changes nothing: the visit was counted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    pub candidate: Candidate,
    pub visited_at: Moment,
}

/// What is known of a typed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeLookup {
    NotGiven,
    Unknown,
    Archived,
    OfSuspended,
    Partner(Candidate),
}

/// What a report of a new account says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationFacts {
    pub registered_at: Moment,
    /// `None` where there was none, or none that verifies.
    pub token: Option<TokenFacts>,
    pub code: CodeLookup,
}

/// What binds an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundBy {
    Token,
    Code,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// The partner's client for ever.
    Bound { partner_id: Uuid, link_id: Uuid, by: BoundBy },
    /// Nobody's client, which no later report can change; the error is told to whoever reported.
    Direct { error: Option<Refusal> },
}

/// Decides to whom a new account belongs. A good token comes before a typed code.
pub fn attribute(facts: &RegistrationFacts) -> Attribution {
    let good_token = facts.token.filter(|token| token.visited_at <= facts.registered_at.plus(CLOCK_SKEW));
    if let Some(token) = good_token {
        return bind(token.candidate, BoundBy::Token);
    }
    match facts.code {
        CodeLookup::Partner(candidate) => bind(candidate, BoundBy::Code),
        CodeLookup::NotGiven => Attribution::Direct { error: None },
        CodeLookup::Unknown | CodeLookup::Archived | CodeLookup::OfSuspended => {
            Attribution::Direct { error: Some(Refusal::NotFound { what: "code" }) }
        }
    }
}

/// A partner is never his own client (rule 7).
fn bind(candidate: Candidate, by: BoundBy) -> Attribution {
    if candidate.is_the_client {
        return Attribution::Direct { error: Some(Refusal::SelfReferral) };
    }
    Attribution::Bound { partner_id: candidate.partner_id, link_id: candidate.link_id, by }
}

/// Whether an account bound by a token is held for review, because the visitor id has bound `bound_before` others:
/// a published token is worth nothing (rule 3).
pub fn is_doubtful(bound_before: u32) -> bool {
    bound_before >= ACCOUNTS_PER_VISITOR
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: Moment = Moment(1_790_000_000_000_000);
    const MINUTE: i64 = 60_000_000;

    fn candidate(number: u128, is_the_client: bool) -> Candidate {
        Candidate {
            partner_id: Uuid::from_u128(number),
            link_id: Uuid::from_u128(number + 100),
            is_the_client,
        }
    }

    fn token(number: u128, is_the_client: bool, after: i64) -> Option<TokenFacts> {
        let visited_at = Moment(REGISTERED.0 + after);
        Some(TokenFacts { candidate: candidate(number, is_the_client), visited_at })
    }

    fn bound(number: u128, by: BoundBy) -> Attribution {
        Attribution::Bound { partner_id: Uuid::from_u128(number), link_id: Uuid::from_u128(number + 100), by }
    }

    #[test]
    fn a_good_token_binds_then_a_typed_code_and_nothing_else() {
        use CodeLookup::{Archived, NotGiven, OfSuspended, Partner, Unknown};
        let direct = |error| Attribution::Direct { error };
        let not_found = || direct(Some(Refusal::NotFound { what: "code" }));
        let two = Partner(candidate(2, false));
        for (token, code, attribution) in [
            (None, NotGiven, direct(None)),
            (None, Unknown, not_found()),
            (None, Archived, not_found()),
            (None, OfSuspended, not_found()),
            (None, two, bound(2, BoundBy::Code)),
            (None, Partner(candidate(2, true)), direct(Some(Refusal::SelfReferral))),
            (token(1, false, -MINUTE), NotGiven, bound(1, BoundBy::Token)),
            (token(1, false, -MINUTE), two, bound(1, BoundBy::Token)),
            (token(1, false, -MINUTE), Unknown, bound(1, BoundBy::Token)),
            (token(1, false, -MINUTE), OfSuspended, bound(1, BoundBy::Token)),
            (token(1, true, -MINUTE), NotGiven, direct(Some(Refusal::SelfReferral))),
            (token(1, true, -MINUTE), two, direct(Some(Refusal::SelfReferral))),
            (token(1, false, MINUTE), two, bound(1, BoundBy::Token)),
            (token(1, false, MINUTE + 1), two, bound(2, BoundBy::Code)),
            (token(1, false, MINUTE + 1), NotGiven, direct(None)),
            (token(1, true, MINUTE + 1), two, bound(2, BoundBy::Code)),
        ] {
            let facts = RegistrationFacts { registered_at: REGISTERED, token, code };
            assert_eq!(attribute(&facts), attribution, "{token:?} {code:?}");
        }
    }

    #[test]
    fn the_fourth_account_of_one_visitor_is_doubtful() {
        assert!(!is_doubtful(0) && !is_doubtful(2));
        assert!(is_doubtful(3) && is_doubtful(u32::MAX));
    }
}

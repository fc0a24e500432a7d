//! The review of lines that are held (rule 22).

use entity::{LineKind, LineReason, LineState};

use super::error::{Invalid, Refusal};

/// What staff decides on a held top-up and all its refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    Release,
    Reject,
}

/// The state that a verdict leads to. A refund shares the state of its top-up and cannot be reviewed alone; each
/// verdict is given once.
pub fn judge(
    kind: LineKind,
    state: LineState,
    verdict: Verdict,
) -> Result<(LineState, Option<LineReason>), Refusal> {
    if kind == LineKind::Refund {
        return Err(Invalid::new("id", "is a refund, which is reviewed with its top-up").into());
    }
    let to = match verdict {
        Verdict::Release => LineState::Earning,
        Verdict::Reject => LineState::Rejected,
    };
    match (state, verdict) {
        (LineState::Held, Verdict::Release) => Ok((to, None)),
        (LineState::Held, Verdict::Reject) => Ok((to, Some(LineReason::RejectedByStaff))),
        _ if state == to => Err(Refusal::AlreadyDone),
        _ => Err(Refusal::IllegalTransition { from: state.as_str(), to: to.as_str() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_held_top_up_is_judged_and_once() {
        use LineState::{Earning, Held, NotEarning, Rejected};
        let illegal = |from: LineState, to: LineState| {
            Err(Refusal::IllegalTransition { from: from.as_str(), to: to.as_str() })
        };
        for (state, verdict, outcome) in [
            (Held, Verdict::Release, Ok((Earning, None))),
            (Held, Verdict::Reject, Ok((Rejected, Some(LineReason::RejectedByStaff)))),
            (Earning, Verdict::Release, Err(Refusal::AlreadyDone)),
            (Earning, Verdict::Reject, illegal(Earning, Rejected)),
            (Rejected, Verdict::Release, illegal(Rejected, Earning)),
            (Rejected, Verdict::Reject, Err(Refusal::AlreadyDone)),
            (NotEarning, Verdict::Release, illegal(NotEarning, Earning)),
            (NotEarning, Verdict::Reject, illegal(NotEarning, Rejected)),
        ] {
            assert_eq!(judge(LineKind::TopUp, state, verdict), outcome, "{state} {verdict:?}");
            let alone = judge(LineKind::Refund, state, verdict);
            assert!(
                matches!(alone, Err(Refusal::Invalid(Invalid { field: "id", .. }))),
                "{state} {verdict:?}"
            );
        }
    }
}

//! The reasons that staff gives for what it does.

use super::error::Refusal;
use super::text::check_message;

/// The longest reason, in characters.
pub const MAX_REASON: usize = 1_000;

/// A reason that must be there.
pub fn required(reason: Option<&str>) -> Result<&str, Refusal> {
    let reason = optional(reason)?;
    reason.ok_or(Refusal::Required { field: "reason" })
}

/// A reason that may be left out; blanks alone are none.
pub fn optional(reason: Option<&str>) -> Result<Option<&str>, Refusal> {
    let Some(reason) = reason.filter(|reason| !reason.trim().is_empty()) else { return Ok(None) };
    check_message("reason", reason, MAX_REASON)?;
    Ok(Some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_reason_says_something() {
        assert_eq!(required(Some("The IBAN is closed.")), Ok("The IBAN is closed."));
        for reason in [None, Some(""), Some(" \n")] {
            assert_eq!(required(reason), Err(Refusal::Required { field: "reason" }), "{reason:?}");
        }
        for reason in ["a\0", &"x".repeat(MAX_REASON + 1)] {
            assert!(matches!(required(Some(reason)), Err(Refusal::Invalid(_))), "{reason:?}");
            assert!(matches!(optional(Some(reason)), Err(Refusal::Invalid(_))), "{reason:?}");
        }
        assert_eq!(optional(Some(" ")), Ok(None));
    }
}

//! How amounts and reasons read in a sentence.

use entity::{CarryReason, LineReason, Money};

use super::StepCode;

/// An amount as one writes it: two decimals, and more where it has more.
pub fn money(amount: Money, currency: &str) -> String {
    let exact = amount.to_string();
    let trimmed = exact.trim_end_matches('0');
    let decimals = trimmed.len() - trimmed.find('.').map_or(trimmed.len(), |point| point + 1);
    let kept = exact.len() - 6 + decimals.max(2);
    format!("{} {currency}", &exact[..kept])
}

/// The step that says why a line is held, rejected or earns nothing.
pub fn code_of(reason: LineReason) -> StepCode {
    match reason {
        LineReason::SelfReferral => StepCode::SelfReferral,
        LineReason::SharedPaymentInstrument => StepCode::SharedPaymentInstrument,
        LineReason::NotAPurchase => StepCode::NotAPurchase,
        LineReason::PartnerSuspended => StepCode::PartnerSuspended,
        LineReason::UnderReview => StepCode::UnderReview,
        LineReason::RejectedByStaff => StepCode::RejectedByStaff,
    }
}

/// Why a line is held, rejected or earns nothing.
pub fn because(reason: LineReason) -> &'static str {
    match reason {
        LineReason::SelfReferral => "a partner is never his own client",
        LineReason::SharedPaymentInstrument => {
            "the client pays with the partner's own payment instrument, or from his device"
        }
        LineReason::NotAPurchase => "only purchases earn, and this is none",
        LineReason::PartnerSuspended => "it was recorded while the partner was suspended",
        LineReason::UnderReview => "staff is looking at the client",
        LineReason::RejectedByStaff => "staff looked at it and rejected it",
    }
}

/// Why a net was not credited.
pub fn carried_because(reason: Option<CarryReason>, minimum: u32) -> String {
    match reason {
        Some(CarryReason::PartnerSuspended) => {
            "the partner was suspended when the period was closed".to_owned()
        }
        Some(CarryReason::NegativeNet) => "the net was not above zero".to_owned(),
        Some(CarryReason::TooFewActiveClients) => {
            format!("there were fewer active clients than the {minimum} that it needs")
        }
        None => "the net was zero".to_owned(),
    }
}

//! What a top-up or refund may say, and what its line becomes.

use super::*;

const NOW: Moment = Moment(1_790_000_000_000_000);
const LIMITS: FactLimits = FactLimits { starts_at: Moment(946_684_800_000_000), now: NOW };

fn top_up() -> TopUpFact {
    TopUpFact {
        source: "shop".into(),
        external_id: "T-1".into(),
        client_id: "acct:42".into(),
        occurred_at: NOW,
        amount: Money::from_units(50),
        currency: "EUR".into(),
        kind: TopUpKind::Purchase,
        payment_instrument_hash: None,
    }
}

fn refund() -> RefundFact {
    RefundFact {
        source: "shop".into(),
        external_id: "R-1".into(),
        top_up_external_id: "T-1".into(),
        client_id: "acct:42".into(),
        occurred_at: NOW,
        amount: Money::from_units(50),
    }
}

fn wrong_field(change: impl FnOnce(&mut TopUpFact)) -> Option<&'static str> {
    let mut fact = top_up();
    change(&mut fact);
    validate_top_up(&fact, &LIMITS).err().map(|invalid| invalid.field)
}

fn wrong_refund_field(change: impl FnOnce(&mut RefundFact)) -> Option<&'static str> {
    let mut fact = refund();
    change(&mut fact);
    validate_refund(&fact, &LIMITS).err().map(|invalid| invalid.field)
}

#[test]
fn a_plain_top_up_and_a_plain_refund_are_valid() {
    assert_eq!(wrong_field(|_| {}), None);
    assert_eq!(wrong_refund_field(|_| {}), None);
    assert_eq!(wrong_field(|fact| fact.payment_instrument_hash = Some("9f86d081".into())), None);
}

#[test]
fn each_field_of_a_top_up_is_checked_and_named() {
    for text in ["", " a", "a\0", "a\u{202e}", &"x".repeat(129)] {
        assert_eq!(wrong_field(|fact| fact.source = text.into()), Some("source"), "{text:?}");
        assert_eq!(wrong_field(|fact| fact.external_id = text.into()), Some("externalId"), "{text:?}");
        let hash = Some(text.to_owned());
        assert_eq!(wrong_field(|fact| fact.payment_instrument_hash = hash), Some("paymentInstrumentHash"));
    }
    assert_eq!(wrong_field(|fact| fact.client_id = "a b".into()), Some("clientId"));
    for currency in ["", "eur", "ABC", "XAU", "XXX", "EURO"] {
        assert_eq!(wrong_field(|fact| fact.currency = currency.into()), Some("currencyCode"), "{currency}");
    }
}

#[test]
fn each_field_of_a_refund_is_checked_and_named() {
    assert_eq!(wrong_refund_field(|fact| fact.source.clear()), Some("source"));
    assert_eq!(wrong_refund_field(|fact| fact.external_id.clear()), Some("externalId"));
    assert_eq!(wrong_refund_field(|fact| fact.top_up_external_id.clear()), Some("topUpExternalId"));
    assert_eq!(wrong_refund_field(|fact| fact.client_id.clear()), Some("clientId"));
    assert_eq!(wrong_refund_field(|fact| fact.occurred_at = Moment(0)), Some("occurredAt"));
    assert_eq!(wrong_refund_field(|fact| fact.amount = Money(-1)), Some("amount"));
    assert_eq!(check_refund_amount(Money(1_500_000), "JPY").map_err(|e| e.field), Err("amount"));
    assert_eq!(check_refund_amount(Money(1_500_000), "EUR"), Ok(()));
}

#[test]
fn an_amount_is_positive_and_has_its_currencys_decimals() {
    for (amount, currency, is_valid) in [
        (0, "EUR", false),
        (-1_000_000, "EUR", false),
        (10_000, "EUR", true),
        (1_000, "EUR", false),
        (1_000, "KWD", true),
        (1_000_000, "JPY", true),
        (10_000, "JPY", false),
        (Money::MAX_INPUT.0, "EUR", true),
        (Money::MAX_INPUT.0 + 10_000, "EUR", false),
    ] {
        let wrong = wrong_field(|fact| {
            fact.amount = Money(amount);
            fact.currency = currency.into();
        });
        assert_eq!(wrong, (!is_valid).then_some("amount"), "{amount} {currency}");
    }
}

#[test]
fn a_fact_occurs_between_the_programmes_start_and_five_minutes_from_now() {
    let five_minutes = 300_000_000;
    for (at, is_valid) in [
        (LIMITS.starts_at.0 - 1, false),
        (LIMITS.starts_at.0, true),
        (NOW.0 + five_minutes, true),
        (NOW.0 + five_minutes + 1, false),
        (i64::MIN, false),
        (i64::MAX, false),
    ] {
        assert_eq!(
            wrong_field(|fact| fact.occurred_at = Moment(at)),
            (!is_valid).then_some("occurredAt"),
            "{at}"
        );
    }
}

#[test]
fn what_does_not_earn_is_never_held() {
    use LineReason::{NotAPurchase, PartnerSuspended, SharedPaymentInstrument, UnderReview};
    use LineState::{Earning, Held, NotEarning};
    use TopUpKind::{Bonus, Commission, Purchase, Transfer};
    for (kind, suspended, hold, line) in [
        (Purchase, false, None, (Earning, None)),
        (Purchase, false, Some(UnderReview), (Held, Some(UnderReview))),
        (Purchase, true, None, (NotEarning, Some(PartnerSuspended))),
        (Purchase, true, Some(SharedPaymentInstrument), (NotEarning, Some(PartnerSuspended))),
        (Bonus, false, None, (NotEarning, Some(NotAPurchase))),
        (Transfer, true, None, (NotEarning, Some(NotAPurchase))),
        (Commission, true, Some(UnderReview), (NotEarning, Some(NotAPurchase))),
    ] {
        assert_eq!(state_of(kind, suspended, hold), line, "{kind:?} {suspended} {hold:?}");
    }
    assert_eq!(hold_of(true, true), Some(SharedPaymentInstrument));
    assert_eq!(hold_of(false, true), Some(UnderReview));
    assert_eq!(hold_of(false, false), None);
}

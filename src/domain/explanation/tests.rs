use std::collections::BTreeSet;

use entity::{CarryReason, Day, LineKind, LineReason, LineState, Money, Period, RateBasisPoints, TopUpKind};
use strum::IntoEnumIterator;

use super::*;
use crate::domain::rate::RateSource;

fn at(text: &str) -> Moment {
    Moment::from_utc(text.parse().unwrap())
}

fn amount(text: &str) -> Money {
    text.parse().unwrap()
}

fn client() -> ClientFacts {
    ClientFacts {
        reference: "a•••42".to_owned(),
        origin: Origin::Visit { code: "Code".to_owned(), visited_at: at("2026-01-01T00:00:00Z") },
        registered_at: at("2026-01-02T00:00:00Z"),
        until: None,
        hold: None,
    }
}

/// 100.00 USD that became 89.51 EUR, at 10 %.
fn line() -> Explained {
    Explained {
        client: Some(client()),
        paid: Paid {
            kind: LineKind::TopUp,
            top_up_kind: TopUpKind::Purchase,
            source: "billing".to_owned(),
            external_id: "pay-1".to_owned(),
            reverses: None,
            amount: amount("100"),
            currency: "USD".to_owned(),
            occurred_at: at("2026-01-05T00:00:00Z"),
            recorded_at: at("2026-01-05T00:01:00Z"),
        },
        conversion: Some(Conversion { rate: "1.1172".to_owned(), published_on: Day(20260102) }),
        base: amount("89.51"),
        currency: "EUR".to_owned(),
        state: LineState::Earning,
        reason: None,
        review: None,
        rate_period: Period(20260101),
        occurred_in: Period(20260101),
        settle_period: Some(Period(20260101)),
        settles_after: Some(at("2026-01-14T23:00:00Z")),
        standing: Standing {
            active_clients: 4,
            tier: "Standard".to_owned(),
            rate: RateBasisPoints(1_000),
            source: RateSource::Tier,
            is_fixed: true,
            individual: None,
        },
        statement: None,
        refunds: vec![],
    }
}

fn statement() -> Statement {
    Statement {
        settled_at: at("2026-01-15T01:00:00Z"),
        commission: amount("20"),
        carried_in: Money::ZERO,
        credited: amount("20"),
        carried_out: Money::ZERO,
        carry_reason: None,
        active_clients: 4,
        minimum_active_clients: 3,
        digest: "ab".to_owned(),
        credit: Some(Credit {
            at: at("2026-01-15T01:00:00Z"),
            amount: amount("20"),
            available_after: amount("25"),
        }),
        credited_later: None,
    }
}

fn held(state: LineState, reason: LineReason) -> Explained {
    Explained { state, reason: Some(reason), settle_period: None, settles_after: None, ..line() }
}

fn codes(explanation: &Explanation) -> String {
    explanation.steps.iter().map(|step| step.code.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_steps_of_a_line_come_in_one_order() {
    const BROUGHT: &str = "BROUGHT_BY_VISIT CLIENT_REGISTERED TOP_UP_RECORDED EXCHANGE_RATE_APPLIED";
    let settled = Explained { statement: Some(statement()), ..line() };
    let carried = Statement {
        credit: None,
        credited: Money::ZERO,
        carried_out: amount("20"),
        carry_reason: Some(CarryReason::TooFewActiveClients),
        credited_later: Some((Period(20260115), at("2026-02-01T01:00:00Z"))),
        ..statement()
    };
    let refund = Refunded {
        external_id: "r".to_owned(),
        occurred_at: at("2026-02-01T00:00:00Z"),
        amount: amount("10"),
        base: amount("-8.95"),
        settle_period: Some(Period(20260201)),
    };
    let individual = Standing {
        source: RateSource::Individual,
        is_fixed: false,
        individual: Some(Individual { at: at("2025-12-01T00:00:00Z"), by: None }),
        ..line().standing
    };
    let review = |released| Some(Review { released, at: at("2026-01-06T00:00:00Z") });
    for (line, after) in [
        (line(), "PERIOD_OF_OCCURRENCE TIER_RATE COMMISSION_CALCULATED STATEMENT_PENDING"),
        (
            settled.clone(),
            "PERIOD_OF_OCCURRENCE TIER_RATE COMMISSION_CALCULATED STATEMENT_SETTLED BALANCE_CREDITED",
        ),
        (
            Explained { statement: Some(carried), refunds: vec![refund], ..line() },
            "PERIOD_OF_OCCURRENCE TIER_RATE COMMISSION_CALCULATED STATEMENT_SETTLED NET_CARRIED CARRY_CREDITED REFUNDED",
        ),
        (
            Explained { settle_period: Some(Period(20260201)), standing: individual, ..line() },
            "PERIOD_LATER INDIVIDUAL_RATE STANDING_PROVISIONAL COMMISSION_CALCULATED STATEMENT_PENDING",
        ),
        (
            Explained { review: review(true), ..settled },
            "RELEASED_BY_STAFF PERIOD_OF_OCCURRENCE TIER_RATE COMMISSION_CALCULATED STATEMENT_SETTLED BALANCE_CREDITED",
        ),
        (held(LineState::Held, LineReason::UnderReview), "UNDER_REVIEW TIER_RATE COMMISSION_CALCULATED"),
        (
            Explained { review: review(false), ..held(LineState::Rejected, LineReason::RejectedByStaff) },
            "REJECTED_BY_STAFF COMMISSION_CALCULATED",
        ),
        (held(LineState::NotEarning, LineReason::NotAPurchase), "NOT_A_PURCHASE COMMISSION_CALCULATED"),
        (
            held(LineState::NotEarning, LineReason::PartnerSuspended),
            "PARTNER_SUSPENDED COMMISSION_CALCULATED",
        ),
    ] {
        assert_eq!(codes(&explain_line(&line)), format!("{BROUGHT} {after}"));
    }
}

#[test]
fn a_line_is_summed_up_in_one_sentence() {
    let refund = Explained {
        paid: Paid { kind: LineKind::Refund, reverses: Some("pay-1".to_owned()), ..line().paid },
        base: amount("-89.51"),
        ..line()
    };
    for (line, summary) in [
        (
            line(),
            "This top-up of 100.00 USD earns 8.951 EUR: 10 % of its base, to be settled in the half-month from 2026-01-01.",
        ),
        (
            Explained { statement: Some(statement()), ..line() },
            "This top-up of 100.00 USD earns 8.951 EUR: 10 % of its base, settled in the half-month from 2026-01-01.",
        ),
        (
            refund,
            "This refund of 100.00 USD takes back 8.951 EUR: 10 % of its base, to be settled in the half-month from \
             2026-01-01.",
        ),
        (
            held(LineState::Held, LineReason::UnderReview),
            "This top-up of 100.00 USD is held for review, with 8.951 EUR: staff is looking at the client.",
        ),
        (
            held(LineState::NotEarning, LineReason::PartnerSuspended),
            "This top-up of 100.00 USD earns nothing: it was recorded while the partner was suspended.",
        ),
        (
            held(LineState::Rejected, LineReason::RejectedByStaff),
            "This top-up of 100.00 USD earns nothing: staff looked at it and rejected it.",
        ),
    ] {
        assert_eq!(explain_line(&line).summary, summary);
    }
}

#[test]
fn each_step_gives_its_rule_and_its_facts() {
    let explanation = explain_line(&Explained { statement: Some(statement()), ..line() });
    let fact = |code: StepCode, name: &str| {
        let step = explanation.steps.iter().find(|step| step.code == code).unwrap();
        step.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone()).unwrap()
    };
    for (code, name, value) in [
        (StepCode::BroughtByVisit, "code", "Code"),
        (StepCode::BroughtByVisit, "rule", "4"),
        (StepCode::ClientRegistered, "client", "a•••42"),
        (StepCode::TopUpRecorded, "externalId", "pay-1"),
        (StepCode::ExchangeRateApplied, "publishedOn", "2026-01-02"),
        (StepCode::PeriodOfOccurrence, "settledIn", "2026-01-01"),
        (StepCode::TierRate, "activeClients", "4"),
        (StepCode::TierRate, "setBy", "SETTLEMENT"),
        (StepCode::CommissionCalculated, "amount", "8.951000"),
        (StepCode::StatementSettled, "digest", "ab"),
        (StepCode::BalanceCredited, "availableAfter", "25.000000"),
    ] {
        assert_eq!(fact(code, name), value, "{code:?} {name}");
    }
}

#[test]
fn the_providers_own_systems_see_no_client() {
    let explanation = explain_line(&Explained { client: None, ..line() });
    assert_eq!(explanation.steps[0].code, StepCode::TopUpRecorded);
}

#[test]
fn a_client_is_explained_by_what_decided() {
    let nothing = ClientTotals {
        currency: "EUR".to_owned(),
        top_ups: 0,
        base: Money::ZERO,
        commission: Money::ZERO,
        not_earning: vec![],
        last_purchase_at: None,
        is_active: false,
        window_days: 90,
    };
    let paying = ClientTotals {
        top_ups: 2,
        base: amount("100"),
        commission: amount("10"),
        last_purchase_at: Some(at("2026-01-05T00:00:00Z")),
        is_active: true,
        ..nothing.clone()
    };
    let suspended =
        NotEarning { state: LineState::NotEarning, reason: LineReason::PartnerSuspended, lines: 3 };
    let code = Origin::Code { code: "Code".to_owned() };
    let staff = Origin::Staff { since: at("2026-01-03T00:00:00Z") };
    for (client, totals, codes_after, summary) in [
        (
            client(),
            nothing.clone(),
            "BROUGHT_BY_VISIT CLIENT_REGISTERED NO_TOP_UPS CLIENT_INACTIVE",
            "The client a•••42 has earned nothing: he has not paid anything yet.",
        ),
        (
            ClientFacts { origin: code, ..client() },
            paying.clone(),
            "BROUGHT_BY_CODE CLIENT_REGISTERED TOP_UPS_EARNED CLIENT_ACTIVE",
            "The client a•••42 has earned 10.00 EUR so far.",
        ),
        (
            ClientFacts { origin: staff, until: Some(at("2026-02-01T00:00:00Z")), ..client() },
            ClientTotals { is_active: false, ..paying },
            "ASSIGNED_BY_STAFF CLIENT_REGISTERED REASSIGNED TOP_UPS_EARNED CLIENT_INACTIVE",
            "The client a•••42 has earned 10.00 EUR so far.",
        ),
        (
            ClientFacts { hold: Some(LineReason::SharedPaymentInstrument), ..client() },
            ClientTotals { not_earning: vec![suspended], ..nothing },
            "BROUGHT_BY_VISIT CLIENT_REGISTERED SHARED_PAYMENT_INSTRUMENT PARTNER_SUSPENDED TOP_UPS_EARNED CLIENT_INACTIVE",
            "The top-ups of the client a•••42 earn nothing: it was recorded while the partner was suspended.",
        ),
    ] {
        let explanation = explain_client(&client, &totals);
        assert_eq!((codes(&explanation).as_str(), explanation.summary.as_str()), (codes_after, summary));
    }
    assert_eq!(codes(&explain_own_account()), "SELF_REFERRAL");
}

#[test]
fn every_code_is_documented() {
    let documented = include_str!("../../../ARCHITECTURE.md");
    let missing: BTreeSet<&str> = StepCode::iter()
        .map(StepCode::as_str)
        .filter(|code| !documented.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn an_amount_reads_with_two_decimals_or_as_many_as_it_has() {
    for (exact, read) in [
        ("50", "50.00 EUR"),
        ("4.9995", "4.9995 EUR"),
        ("-0.000001", "-0.000001 EUR"),
        ("0", "0.00 EUR"),
        ("1234.5", "1234.50 EUR"),
    ] {
        assert_eq!(sentence::money(amount(exact), "EUR"), read);
    }
}

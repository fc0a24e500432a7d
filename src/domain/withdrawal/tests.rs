//! Who may withdraw what, and that each step happens once.

use super::*;

const TERMS: WithdrawalTerms = WithdrawalTerms { threshold: Money::from_units(100), minor_units: 2 };
const ID: Uuid = Uuid::from_u128(7);

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn balance(available: &str) -> Balance {
    Balance { available: money(available), reserved: Money::ZERO }
}

fn ask(available: &str, amount: Option<&str>) -> Result<Money, Refusal> {
    reserve(&balance(available), amount.map(money), true, false, &TERMS, ID).map(|transfer| transfer.amount())
}

#[test]
fn the_balance_must_lie_above_the_threshold() {
    let available = money("100.00");
    let too_low = Refusal::BalanceNotAboveThreshold { available, threshold: TERMS.threshold };
    assert_eq!(ask("100.00", Some("100.00")), Err(too_low));
    assert_eq!(ask("100.01", Some("100.01")), Ok(money("100.01")));
    assert_eq!(ask("100.01", Some("0.01")), Ok(money("0.01")), "the balance counts, not the amount");
}

#[test]
fn an_amount_is_whole_cents_and_no_more_than_what_is_available() {
    assert_eq!(ask("130", Some("130.01")), Err(Refusal::InsufficientBalance { available: money("130") }));
    for amount in ["0", "-1", "100.001"] {
        assert!(
            matches!(ask("130", Some(amount)), Err(Refusal::Invalid(invalid)) if invalid.field == "amount")
        );
    }
    assert_eq!(ask("104.9995", None), Ok(money("104.99")), "all of it, in whole cents");
}

#[test]
fn of_two_requests_for_one_balance_one_is_refused() {
    let before = balance("130");
    let first = reserve(&before, Some(money("100")), true, false, &TERMS, ID).unwrap();
    let between = first.apply(before).unwrap();
    assert_eq!(between, Balance { available: money("30"), reserved: money("100") });
    let second = reserve(&between, Some(money("100")), true, false, &TERMS, ID);
    let available = money("30");
    assert_eq!(second, Err(Refusal::BalanceNotAboveThreshold { available, threshold: TERMS.threshold }));
}

#[test]
fn every_obstacle_is_named_and_the_first_refuses() {
    use WithdrawalObstacle::{BalanceNotAboveThreshold, NoContract, PartnerSuspended};
    let (low, high) = (balance("100"), balance("101"));
    assert_eq!(obstacles(&high, true, false, &TERMS), []);
    assert_eq!(
        obstacles(&low, false, true, &TERMS),
        [NoContract, BalanceNotAboveThreshold, PartnerSuspended]
    );
    assert_eq!(reserve(&high, None, false, false, &TERMS, ID), Err(Refusal::NoContract));
    assert_eq!(reserve(&high, None, true, true, &TERMS, ID), Err(Refusal::PartnerSuspended));
}

#[test]
fn each_step_happens_once_and_from_its_own_status_alone() {
    use WithdrawalStatus::{Approved, Cancelled, Failed, Paid, Rejected, Requested};
    use WithdrawalStep::{Approve, Cancel, MarkFailed, MarkPaid, Reject};
    for status in [Requested, Approved, Paid, Rejected, Cancelled, Failed] {
        for step in WithdrawalStep::ALL {
            let decided = decide(status, step, false, ID, Money(1));
            let is_allowed = matches!(
                (status, step),
                (Requested, Approve | Reject | Cancel) | (Approved, MarkPaid | MarkFailed)
            );
            let expected = if status == step.leads_to() {
                Err(Refusal::AlreadyDone)
            } else if is_allowed {
                Ok(step.leads_to())
            } else {
                Err(Refusal::IllegalTransition { from: status.as_str(), to: step.leads_to().as_str() })
            };
            assert_eq!(decided.map(|(status, _)| status), expected, "{status:?} {step:?}");
        }
    }
}

#[test]
fn what_was_reserved_is_paid_or_given_back() {
    use WithdrawalStatus::{Approved, Requested};
    let before = Balance { available: Money(1), reserved: Money(5) };
    for (status, step, available, reserved) in [
        (Requested, WithdrawalStep::Approve, 1, 5),
        (Requested, WithdrawalStep::Reject, 6, 0),
        (Requested, WithdrawalStep::Cancel, 6, 0),
        (Approved, WithdrawalStep::MarkPaid, 1, 0),
        (Approved, WithdrawalStep::MarkFailed, 6, 0),
    ] {
        let (_, transfer) = decide(status, step, false, ID, Money(5)).unwrap();
        let after = transfer.map_or(Some(before), |transfer| transfer.apply(before));
        assert_eq!(
            after,
            Some(Balance { available: Money(available), reserved: Money(reserved) }),
            "{step:?}"
        );
    }
}

#[test]
fn a_suspension_holds_up_approval_but_not_what_the_bank_has_done() {
    use WithdrawalStatus::{Approved, Requested};
    let decided = |status, step| decide(status, step, true, ID, Money(5)).map(|(status, _)| status);
    assert_eq!(decided(Requested, WithdrawalStep::Approve), Err(Refusal::PartnerSuspended));
    assert_eq!(decided(Approved, WithdrawalStep::MarkPaid), Ok(WithdrawalStatus::Paid));
    assert_eq!(decided(Approved, WithdrawalStep::MarkFailed), Ok(WithdrawalStatus::Failed));
    assert_eq!(decided(Approved, WithdrawalStep::Approve), Err(Refusal::AlreadyDone));
}

#[test]
fn where_four_eyes_are_required_nobody_follows_himself() {
    assert_eq!(check_four_eyes(true, Some("ann"), "ann"), Err(Refusal::FourEyes));
    for (is_required, before, now) in
        [(true, Some("ann"), "bob"), (true, None, "ann"), (false, Some("ann"), "ann")]
    {
        assert_eq!(check_four_eyes(is_required, before, now), Ok(()));
    }
}

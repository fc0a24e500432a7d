//! That each transfer is balanced, positive and leaves no balance below zero.

use super::*;

fn balance(available: i64, reserved: i64) -> Balance {
    Balance { available: Money(available), reserved: Money(reserved) }
}

#[test]
fn each_transfer_moves_its_amount_between_its_two_accounts() {
    use LedgerAccount::{Adjustments, Available, CommissionExpense, PaidOut, Reserved, ServiceBalance};
    let id = Uuid::from_u128(7);
    let five = Money(5);
    for (transfer, kind, from, to, available, reserved) in [
        (commission_credit(id, five), TransferKind::Commission, CommissionExpense, Available, 5, 0),
        (withdrawal_reserve(id, five), TransferKind::WithdrawalReserved, Available, Reserved, -5, 5),
        (withdrawal_release(id, five), TransferKind::WithdrawalReleased, Reserved, Available, 5, -5),
        (withdrawal_paid(id, five), TransferKind::WithdrawalPaid, Reserved, PaidOut, 0, -5),
        (service_transfer(id, five), TransferKind::ServiceTransfer, Available, ServiceBalance, -5, 0),
        (
            service_transfer_return(id, five),
            TransferKind::ServiceTransferReturned,
            ServiceBalance,
            Available,
            5,
            0,
        ),
        (adjustment(id, five), TransferKind::Adjustment, Adjustments, Available, 5, 0),
        (adjustment(id, -five), TransferKind::Adjustment, Available, Adjustments, -5, 0),
    ] {
        let transfer = transfer.unwrap();
        assert_eq!((transfer.kind(), transfer.from(), transfer.to()), (kind, from, to));
        assert_eq!((transfer.amount(), transfer.source_id()), (five, id));
        let changes = (transfer.available_change(), transfer.reserved_change());
        assert_eq!(changes, (Money(available), Money(reserved)), "{kind:?}");
        assert_eq!(transfer.apply(balance(10, 10)), Some(balance(10 + available, 10 + reserved)), "{kind:?}");
    }
}

#[test]
fn a_transfer_of_nothing_or_less_cannot_be_made() {
    let id = Uuid::from_u128(7);
    for amount in [Money::ZERO, Money(-1), Money(i64::MIN)] {
        for made in [
            commission_credit(id, amount),
            withdrawal_reserve(id, amount),
            withdrawal_release(id, amount),
            withdrawal_paid(id, amount),
            service_transfer(id, amount),
            service_transfer_return(id, amount),
        ] {
            assert_eq!(made, None, "{amount}");
        }
    }
    assert_eq!(adjustment(id, Money::ZERO), None);
    assert_eq!(adjustment(id, Money(i64::MIN)), None);
}

#[test]
fn no_balance_becomes_negative_or_too_large() {
    let id = Uuid::from_u128(7);
    for (transfer, before) in [
        (withdrawal_reserve(id, Money(6)), balance(5, 9)),
        (withdrawal_release(id, Money(6)), balance(9, 5)),
        (withdrawal_paid(id, Money(6)), balance(9, 5)),
        (service_transfer(id, Money(6)), balance(5, 9)),
        (adjustment(id, Money(-6)), balance(5, 9)),
        (commission_credit(id, Money(6)), balance(i64::MAX, 0)),
    ] {
        assert_eq!(transfer.unwrap().apply(before), None, "{transfer:?}");
    }
}

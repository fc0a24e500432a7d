//! Service transfers: commission that becomes credit for calls (rules 24 and 27).

use entity::Money;
pub use entity::ServiceTransferStatus;
use uuid::Uuid;

use super::balance::Balance;
use super::currency::check_amount;
use super::error::{Invalid, Refusal};
use super::transfer::{self, Transfer};

/// Moves money to the service balance: any amount in minor units up to what is available, without a contract.
pub fn request(
    balance: &Balance,
    amount: Money,
    is_suspended: bool,
    minor_units: u32,
    service_transfer_id: Uuid,
) -> Result<Transfer, Refusal> {
    check_amount("amount", amount, minor_units)?;
    if is_suspended {
        return Err(Refusal::PartnerSuspended);
    }
    transfer::service_transfer(service_transfer_id, amount)
        .filter(|transfer| transfer.apply(*balance).is_some())
        .ok_or(Refusal::InsufficientBalance { available: balance.available })
}

/// The provider's billing has booked it.
pub fn complete(status: ServiceTransferStatus) -> Result<ServiceTransferStatus, Refusal> {
    step(status, ServiceTransferStatus::Completed)
}

/// The provider's billing could not book it: the money comes back.
pub fn fail(
    status: ServiceTransferStatus,
    service_transfer_id: Uuid,
    amount: Money,
) -> Result<(ServiceTransferStatus, Transfer), Refusal> {
    let failed = step(status, ServiceTransferStatus::Failed)?;
    let returned = transfer::service_transfer_return(service_transfer_id, amount)
        .ok_or_else(|| Invalid::new("amount", "is not above zero"))?;
    Ok((failed, returned))
}

/// Each step happens once, and only to what was requested.
fn step(status: ServiceTransferStatus, to: ServiceTransferStatus) -> Result<ServiceTransferStatus, Refusal> {
    if status == to {
        return Err(Refusal::AlreadyDone);
    }
    if status != ServiceTransferStatus::Requested {
        return Err(Refusal::IllegalTransition { from: status.as_str(), to: to.as_str() });
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn any_amount_in_cents_up_to_what_is_available_may_go_to_the_service_balance() {
        let balance = Balance { available: money("4.9995"), reserved: money("100") };
        let ask = |amount: &str| request(&balance, money(amount), false, 2, ID);
        for amount in ["0.01", "4.99"] {
            let after = ask(amount).unwrap().apply(balance).unwrap();
            assert_eq!(after.available.checked_add(money(amount)), Some(balance.available));
            assert_eq!(after.reserved, balance.reserved);
        }
        assert_eq!(ask("5.00"), Err(Refusal::InsufficientBalance { available: balance.available }));
        for amount in ["0", "-1", "4.9995"] {
            assert!(matches!(ask(amount), Err(Refusal::Invalid(_))), "{amount}");
        }
        assert_eq!(request(&balance, money("1"), true, 2, ID), Err(Refusal::PartnerSuspended));
    }

    #[test]
    fn it_is_completed_or_failed_once_and_a_failure_brings_the_money_back() {
        use ServiceTransferStatus::{Completed, Failed, Requested};
        assert_eq!(complete(Requested), Ok(Completed));
        assert_eq!(complete(Completed), Err(Refusal::AlreadyDone));
        assert_eq!(complete(Failed), Err(Refusal::IllegalTransition { from: "FAILED", to: "COMPLETED" }));
        let (status, returned) = fail(Requested, ID, money("5")).unwrap();
        assert_eq!(status, Failed);
        let after = Balance { available: money("5"), reserved: Money::ZERO };
        assert_eq!(returned.apply(Balance::ZERO), Some(after));
        assert_eq!(fail(Failed, ID, money("5")), Err(Refusal::AlreadyDone));
        assert_eq!(
            fail(Completed, ID, money("5")),
            Err(Refusal::IllegalTransition { from: "COMPLETED", to: "FAILED" })
        );
    }
}

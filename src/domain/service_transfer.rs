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

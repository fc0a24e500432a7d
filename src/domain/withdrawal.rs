//! Withdrawals: who may ask for money, and what each step does with it (rules 24, 25 and 27).

use entity::Money;
pub use entity::WithdrawalStatus;
use uuid::Uuid;

use super::balance::Balance;
use super::currency::check_amount;
use super::error::{Invalid, Refusal};
use super::transfer::{self, Transfer};

/// What somebody does with a withdrawal that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WithdrawalStep {
    /// By staff.
    Approve,
    /// By staff, with a reason.
    Reject,
    /// By the partner.
    Cancel,
    /// The bank's answer, also entered by staff.
    MarkPaid,
    /// The bank's answer, also entered by staff, with a reason.
    MarkFailed,
}

/// Why a partner cannot withdraw at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WithdrawalObstacle {
    NoContract,
    BalanceNotAboveThreshold,
    PartnerSuspended,
}

/// The programme's terms of withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawalTerms {
    /// The available balance must lie above it.
    pub threshold: Money,
    /// Decimals of the programme's currency.
    pub minor_units: u32,
}

/// All that keeps a partner from withdrawing.
pub fn obstacles(
    balance: &Balance,
    has_contract: bool,
    is_suspended: bool,
    terms: &WithdrawalTerms,
) -> Vec<WithdrawalObstacle> {
    [
        (!has_contract, WithdrawalObstacle::NoContract),
        (balance.available <= terms.threshold, WithdrawalObstacle::BalanceNotAboveThreshold),
        (is_suspended, WithdrawalObstacle::PartnerSuspended),
    ]
    .into_iter()
    .filter_map(|(stands, obstacle)| stands.then_some(obstacle))
    .collect()
}

/// Reserves the amount of a new withdrawal; `None` is all that is available, in whole minor units.
pub fn reserve(
    balance: &Balance,
    amount: Option<Money>,
    has_contract: bool,
    is_suspended: bool,
    terms: &WithdrawalTerms,
    withdrawal_id: Uuid,
) -> Result<Transfer, Refusal> {
    if let Some(amount) = amount {
        check_amount("amount", amount, terms.minor_units)?;
    }
    let available = balance.available;
    if let Some(obstacle) = obstacles(balance, has_contract, is_suspended, terms).into_iter().next() {
        return Err(match obstacle {
            WithdrawalObstacle::NoContract => Refusal::NoContract,
            WithdrawalObstacle::BalanceNotAboveThreshold => {
                Refusal::BalanceNotAboveThreshold { available, threshold: terms.threshold }
            }
            WithdrawalObstacle::PartnerSuspended => Refusal::PartnerSuspended,
        });
    }
    let amount = amount.unwrap_or_else(|| available.truncate_to(terms.minor_units));
    let reserve = transfer::withdrawal_reserve(withdrawal_id, amount);
    reserve
        .filter(|reserve| reserve.apply(*balance).is_some())
        .ok_or(Refusal::InsufficientBalance { available })
}

/// Takes one step, and hands out the status it leads to and what it does to the balance. Each step happens once:
/// its own result answers AlreadyDone. A suspension holds up approval alone; what the bank has done is recorded.
pub fn decide(
    status: WithdrawalStatus,
    step: WithdrawalStep,
    is_suspended: bool,
    withdrawal_id: Uuid,
    amount: Money,
) -> Result<(WithdrawalStatus, Option<Transfer>), Refusal> {
    use WithdrawalStatus::{Approved, Cancelled, Failed, Paid, Rejected, Requested};
    let released =
        || transfer::withdrawal_release(withdrawal_id, amount).ok_or_else(not_above_zero).map(Some);
    let paid = || transfer::withdrawal_paid(withdrawal_id, amount).ok_or_else(not_above_zero).map(Some);
    match (status, step) {
        (Requested, WithdrawalStep::Approve) if is_suspended => Err(Refusal::PartnerSuspended),
        (Requested, WithdrawalStep::Approve) => Ok((Approved, None)),
        (Requested, WithdrawalStep::Reject) => Ok((Rejected, released()?)),
        (Requested, WithdrawalStep::Cancel) => Ok((Cancelled, released()?)),
        (Approved, WithdrawalStep::MarkPaid) => Ok((Paid, paid()?)),
        (Approved, WithdrawalStep::MarkFailed) => Ok((Failed, released()?)),
        _ if status == step.leads_to() => Err(Refusal::AlreadyDone),
        _ => Err(Refusal::IllegalTransition { from: status.as_str(), to: step.leads_to().as_str() }),
    }
}

/// Where four eyes are required, nobody takes the step after his own: who approved does not pay. `before` is the
/// subject of the step before, where a person took it.
pub fn check_four_eyes(is_required: bool, before: Option<&str>, now: &str) -> Result<(), Refusal> {
    if is_required && before == Some(now) { Err(Refusal::FourEyes) } else { Ok(()) }
}

fn not_above_zero() -> Refusal {
    Invalid::new("amount", "is not above zero").into()
}

impl WithdrawalStep {
    pub const ALL: [WithdrawalStep; 5] = [
        WithdrawalStep::Approve,
        WithdrawalStep::Reject,
        WithdrawalStep::Cancel,
        WithdrawalStep::MarkPaid,
        WithdrawalStep::MarkFailed,
    ];

    /// The status after the step.
    pub const fn leads_to(self) -> WithdrawalStatus {
        match self {
            WithdrawalStep::Approve => WithdrawalStatus::Approved,
            WithdrawalStep::Reject => WithdrawalStatus::Rejected,
            WithdrawalStep::Cancel => WithdrawalStatus::Cancelled,
            WithdrawalStep::MarkPaid => WithdrawalStatus::Paid,
            WithdrawalStep::MarkFailed => WithdrawalStatus::Failed,
        }
    }
}

impl WithdrawalObstacle {
    pub const fn as_str(self) -> &'static str {
        match self {
            WithdrawalObstacle::NoContract => "NO_CONTRACT",
            WithdrawalObstacle::BalanceNotAboveThreshold => "BALANCE_NOT_ABOVE_THRESHOLD",
            WithdrawalObstacle::PartnerSuspended => "PARTNER_SUSPENDED",
        }
    }
}

#[cfg(test)]
mod tests;

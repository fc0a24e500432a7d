//! Balances as the sum of all movements, withdrawals and service transfers (rules 23 to 25, 27).

use super::{CENT, Outcome, World};

/// A movement of a partner's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub partner: String,
    pub kind: MovementKind,
    pub amount: i64,
    pub available_after: i64,
    pub reserved_after: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    Commission,
    WithdrawalReserved,
    WithdrawalReleased,
    WithdrawalPaid,
    ServiceTransfer,
    ServiceTransferReturned,
}

impl MovementKind {
    /// The word in the interface.
    pub fn word(self) -> &'static str {
        match self {
            MovementKind::Commission => "COMMISSION",
            MovementKind::WithdrawalReserved => "WITHDRAWAL_RESERVED",
            MovementKind::WithdrawalReleased => "WITHDRAWAL_RELEASED",
            MovementKind::WithdrawalPaid => "WITHDRAWAL_PAID",
            MovementKind::ServiceTransfer => "SERVICE_TRANSFER",
            MovementKind::ServiceTransferReturned => "SERVICE_TRANSFER_RETURNED",
        }
    }

    /// How often the amount is added to what is available, and to what is reserved.
    fn signs(self) -> (i64, i64) {
        match self {
            MovementKind::Commission | MovementKind::ServiceTransferReturned => (1, 0),
            MovementKind::WithdrawalReserved => (-1, 1),
            MovementKind::WithdrawalReleased => (1, -1),
            MovementKind::WithdrawalPaid => (0, -1),
            MovementKind::ServiceTransfer => (-1, 0),
        }
    }
}

/// A withdrawal, or a transfer to the service balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    pub partner: String,
    pub amount: i64,
    pub state: WithdrawalState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalState {
    Requested,
    Approved,
    Paid,
    Rejected,
    Cancelled,
    Failed,
    Completed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Approve,
    Reject,
    Cancel,
    MarkPaid,
    MarkFailed,
}

impl World {
    pub fn available(&self, partner: &str) -> i64 {
        self.movements_of(partner).map(|movement| movement.kind.signs().0 * movement.amount).sum()
    }

    pub fn reserved(&self, partner: &str) -> i64 {
        self.movements_of(partner).map(|movement| movement.kind.signs().1 * movement.amount).sum()
    }

    pub fn lifetime_credited(&self, partner: &str) -> i64 {
        self.sum_of(partner, MovementKind::Commission)
    }

    /// Paid out, or spent on calls.
    pub fn lifetime_paid(&self, partner: &str) -> i64 {
        self.sum_of(partner, MovementKind::WithdrawalPaid)
            + self.sum_of(partner, MovementKind::ServiceTransfer)
            - self.sum_of(partner, MovementKind::ServiceTransferReturned)
    }

    pub fn movements_of(&self, partner: &str) -> impl Iterator<Item = &Movement> {
        self.movements.iter().filter(move |movement| movement.partner == partner)
    }

    fn sum_of(&self, partner: &str, kind: MovementKind) -> i64 {
        self.movements_of(partner)
            .filter(|movement| movement.kind == kind)
            .map(|movement| movement.amount)
            .sum()
    }

    pub fn move_money(&mut self, partner: &str, kind: MovementKind, amount: i64) {
        let (available, reserved) = kind.signs();
        self.movements.push(Movement {
            partner: partner.to_owned(),
            kind,
            amount,
            available_after: self.available(partner) + available * amount,
            reserved_after: self.reserved(partner) + reserved * amount,
        });
    }

    /// Rule 24.
    pub fn withdraw(&mut self, partner: &str, amount: Option<i64>) -> Outcome {
        let available = self.available(partner);
        if amount.is_some_and(|amount| amount <= 0 || amount % CENT != 0) {
            return Outcome::Refused("Invalid");
        }
        if !self.contracts.contains(partner) {
            return Outcome::Refused("NoContract");
        }
        if available <= self.terms.threshold {
            return Outcome::Refused("BalanceNotAboveThreshold");
        }
        if self.suspended.contains(partner) {
            return Outcome::Refused("PartnerSuspended");
        }
        let amount = amount.unwrap_or(available / CENT * CENT);
        if amount > available {
            return Outcome::Refused("InsufficientBalance");
        }
        self.move_money(partner, MovementKind::WithdrawalReserved, amount);
        self.withdrawals.push(Withdrawal {
            partner: partner.to_owned(),
            amount,
            state: WithdrawalState::Requested,
        });
        Outcome::Done("Requested")
    }

    /// Rules 25 and 27.
    pub fn decide(&mut self, withdrawal: usize, step: Step) -> Outcome {
        use WithdrawalState::{Approved, Cancelled, Failed, Paid, Rejected, Requested};
        let Withdrawal { partner, amount, state } = self.withdrawals[withdrawal].clone();
        let (from, to, movement) = match step {
            Step::Approve => (Requested, Approved, None),
            Step::Reject => (Requested, Rejected, Some(MovementKind::WithdrawalReleased)),
            Step::Cancel => (Requested, Cancelled, Some(MovementKind::WithdrawalReleased)),
            Step::MarkPaid => (Approved, Paid, Some(MovementKind::WithdrawalPaid)),
            Step::MarkFailed => (Approved, Failed, Some(MovementKind::WithdrawalReleased)),
        };
        if state == to {
            return Outcome::Refused("AlreadyDone");
        }
        if state != from {
            return Outcome::Refused("IllegalTransition");
        }
        if step == Step::Approve && self.suspended.contains(&partner) {
            return Outcome::Refused("PartnerSuspended");
        }
        self.withdrawals[withdrawal].state = to;
        if let Some(kind) = movement {
            self.move_money(&partner, kind, amount);
        }
        Outcome::Done("Decided")
    }

    /// Rule 24: any amount, no contract.
    pub fn transfer(&mut self, partner: &str, amount: i64) -> Outcome {
        if amount <= 0 || amount % CENT != 0 {
            return Outcome::Refused("Invalid");
        }
        if self.suspended.contains(partner) {
            return Outcome::Refused("PartnerSuspended");
        }
        if amount > self.available(partner) {
            return Outcome::Refused("InsufficientBalance");
        }
        self.move_money(partner, MovementKind::ServiceTransfer, amount);
        self.transfers.push(Withdrawal {
            partner: partner.to_owned(),
            amount,
            state: WithdrawalState::Requested,
        });
        Outcome::Done("Requested")
    }

    pub fn answer_transfer(&mut self, transfer: usize, booked: bool) -> Outcome {
        let Withdrawal { partner, amount, state } = self.transfers[transfer].clone();
        let to = if booked { WithdrawalState::Completed } else { WithdrawalState::Failed };
        if state == to {
            return Outcome::Refused("AlreadyDone");
        }
        if state != WithdrawalState::Requested {
            return Outcome::Refused("IllegalTransition");
        }
        self.transfers[transfer].state = to;
        if !booked {
            self.move_money(&partner, MovementKind::ServiceTransferReturned, amount);
        }
        Outcome::Done("Answered")
    }
}

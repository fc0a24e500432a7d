//! What a bank says has become of a transfer.

/// As the bank's answer ends: the money has left, or it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    Paid,
    Failed,
}

/// Words of a file of our own making.
impl std::str::FromStr for PaymentStatus {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "PAID" => Ok(PaymentStatus::Paid),
            "FAILED" => Ok(PaymentStatus::Failed),
            _ => Err(()),
        }
    }
}

/// A transaction's status in a bank's report (ISO 20022, external code set): settled on either side is paid, rejected or
/// cancelled has failed, and whatever else there is says no more than that the transfer is on its way.
pub fn of_code(code: &str) -> Option<PaymentStatus> {
    match code.trim() {
        "ACSC" | "ACCC" => Some(PaymentStatus::Paid),
        "RJCT" | "CANC" => Some(PaymentStatus::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_settled_is_paid_and_only_what_is_rejected_has_failed() {
        for (code, status) in [
            ("ACSC", Some(PaymentStatus::Paid)),
            (" ACCC ", Some(PaymentStatus::Paid)),
            ("RJCT", Some(PaymentStatus::Failed)),
            ("CANC", Some(PaymentStatus::Failed)),
            ("ACSP", None),
            ("ACCP", None),
            ("ACTC", None),
            ("ACWC", None),
            ("PDNG", None),
            ("RCVD", None),
            ("PART", None),
            ("", None),
        ] {
            assert_eq!(of_code(code), status, "{code}");
        }
        assert_eq!(("PAID".parse(), "FAILED".parse()), (Ok(PaymentStatus::Paid), Ok(PaymentStatus::Failed)));
        assert_eq!("paid".parse::<PaymentStatus>(), Err(()));
    }
}

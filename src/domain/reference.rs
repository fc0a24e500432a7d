//! How a client is called where his account id may not be shown.

/// In the interface: the first character and the last two, and of a short id one or none, so that at least as much is
/// hidden as is shown. The dots do not tell how long it is.
pub fn shown(account_id: &str) -> String {
    let characters: Vec<char> = account_id.chars().collect();
    let (first, last) = match characters.len() {
        0..=1 => (0, 0),
        2..=5 => (1, 0),
        _ => (1, 2),
    };
    let part = |part: &[char]| part.iter().collect::<String>();
    format!("{}•••{}", part(&characters[..first]), part(&characters[characters.len() - last..]))
}

/// In exported files: the first character and the last two; a short id keeps its first alone.
pub fn exported(account_id: &str) -> String {
    let characters: Vec<char> = account_id.chars().collect();
    match characters.as_slice() {
        [first, _, .., before_last, last] => format!("{first}...{before_last}{last}"),
        [first, ..] => format!("{first}..."),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_in_the_interface_hides_at_least_half_of_the_account_id() {
        for (account_id, reference) in [
            ("1234567", "1•••67"),
            ("123456", "1•••56"),
            ("12345", "1•••"),
            ("12", "1•••"),
            ("7", "•••"),
            ("a-very-long-account-id", "a•••id"),
        ] {
            assert_eq!(shown(account_id), reference);
        }
    }

    #[test]
    fn a_reference_in_an_export_masks_the_account_id() {
        for (account_id, masked) in
            [("acct-1042", "a...42"), ("0001", "0...01"), ("123", "1..."), ("1", "1..."), ("", "")]
        {
            assert_eq!(exported(account_id), masked, "{account_id}");
        }
    }
}

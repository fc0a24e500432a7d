//! How a client is called where his account id may not be shown.

/// The account id but for its first character and its last two; a short one keeps its first alone.
pub fn mask(account_id: &str) -> String {
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
    fn a_reference_masks_the_account_id() {
        for (account_id, masked) in
            [("acct-1042", "a...42"), ("0001", "0...01"), ("123", "1..."), ("1", "1..."), ("", "")]
        {
            assert_eq!(mask(account_id), masked, "{account_id}");
        }
    }
}

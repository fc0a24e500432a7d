//! What may stand in a text that comes from outside.

use super::error::Invalid;

/// Checks one line of printable text of 1 to `max_chars` characters, without surrounding blanks.
pub fn check_text(field: &'static str, value: &str, max_chars: usize) -> Result<(), Invalid> {
    check_length(field, value, max_chars)?;
    if value.trim() != value {
        return Err(Invalid::new(field, "begins or ends with a blank"));
    }
    if !value.chars().all(is_printable) {
        return Err(Invalid::new(field, "holds a character that cannot be printed"));
    }
    Ok(())
}

/// Checks text of several lines (a message, a reason): line feeds and tabs are welcome, blanks alone are not.
pub fn check_message(field: &'static str, value: &str, max_chars: usize) -> Result<(), Invalid> {
    check_length(field, value, max_chars)?;
    if value.trim().is_empty() {
        return Err(Invalid::new(field, "is blank"));
    }
    if !value.chars().all(|c| matches!(c, '\n' | '\r' | '\t') || is_printable(c)) {
        return Err(Invalid::new(field, "holds a character that cannot be printed"));
    }
    Ok(())
}

/// No control character, and none that turns the direction of what follows it: what is read must be what is stored.
pub fn is_printable(c: char) -> bool {
    let turns_direction = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let breaks_line = matches!(c, '\u{2028}' | '\u{2029}');
    !c.is_control() && !turns_direction && !breaks_line
}

fn check_length(field: &'static str, value: &str, max_chars: usize) -> Result<(), Invalid> {
    if value.is_empty() {
        return Err(Invalid::new(field, "is empty"));
    }
    // Counts at most one character too many, however long the text is.
    if value.chars().take(max_chars + 1).count() > max_chars {
        return Err(Invalid::new(field, format!("is longer than {max_chars} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_printable_and_neither_empty_nor_too_long() {
        for text in ["a", "Ünïcödé 電話", "a b", &"x".repeat(128), &"電".repeat(128)] {
            assert_eq!(check_text("source", text, 128), Ok(()), "{text:?}");
        }
        for text in [
            "",
            " a",
            "a ",
            "\u{a0}a",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{2028}b",
        ] {
            assert!(check_text("source", text, 128).is_err(), "{text:?}");
        }
        assert!(check_text("source", &"電".repeat(129), 128).is_err());
        assert!(check_text("source", &"x".repeat(1 << 20), 128).is_err());
    }

    #[test]
    fn a_message_may_have_lines_but_must_say_something() {
        assert_eq!(check_message("text", "Hello,\n\tworld\r\n", 20), Ok(()));
        for text in ["", " \n ", "a\0", "a\u{202e}"] {
            assert!(check_message("text", text, 20).is_err(), "{text:?}");
        }
    }
}

//! What can be counted in the raw text, before a parser that recurses sees it.

use super::{MAX_DOCUMENT_BYTES, MAX_NESTING, MAX_OPERATIONS, MAX_TOKENS, Refused};

/// Counts nesting, tokens and operations of a document; strings, block strings and comments are skipped as the
/// grammar skips them.
///
/// # Errors
/// `QUERY_TOO_COMPLEX`. A text that is no document passes; the parser refuses it.
pub fn check_text(document: &str) -> Result<(), Refused> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(Refused::too_complex("bytes of GraphQL", MAX_DOCUMENT_BYTES));
    }
    let mut text = Text { rest: document.as_bytes() };
    let (mut tokens, mut nesting, mut operations) = (0, 0_u32, 0);
    // A definition at the outermost level is a fragment where it begins with that word, else an operation.
    let mut begins_definition = true;
    while let Some(token) = text.next_token() {
        tokens += 1;
        if tokens > MAX_TOKENS {
            return Err(Refused::too_complex("tokens", MAX_TOKENS));
        }
        if nesting == 0 && begins_definition {
            operations += u32::from(token != Token::Fragment);
            begins_definition = false;
        }
        match token {
            Token::Open => nesting += 1,
            Token::Close => {
                nesting = nesting.saturating_sub(1);
                let after_braces = text_closed_braces(document, text.rest);
                begins_definition = nesting == 0 && after_braces;
            }
            Token::Fragment | Token::Other => {}
        }
        if nesting > MAX_NESTING {
            return Err(Refused::too_complex("levels of brackets", MAX_NESTING));
        }
        if operations > MAX_OPERATIONS {
            return Err(Refused::too_complex("operations", MAX_OPERATIONS));
        }
    }
    Ok(())
}

/// Whether what was read last is a brace: a selection set ends a definition, a list of variables does not.
fn text_closed_braces(document: &str, rest: &[u8]) -> bool {
    let read = document.len() - rest.len();
    read > 0 && document.as_bytes().get(read - 1) == Some(&b'}')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    /// The name `fragment`.
    Fragment,
    Other,
}

struct Text<'a> {
    rest: &'a [u8],
}

impl Text<'_> {
    fn next_token(&mut self) -> Option<Token> {
        loop {
            let (first, rest) = self.rest.split_first()?;
            match first {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => self.rest = rest,
                b'#' => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                _ if self.rest.starts_with("\u{feff}".as_bytes()) => self.rest = &self.rest[3..],
                b'"' => {
                    self.skip_string();
                    return Some(Token::Other);
                }
                b'{' | b'[' | b'(' => {
                    self.rest = rest;
                    return Some(Token::Open);
                }
                b'}' | b']' | b')' => {
                    self.rest = rest;
                    return Some(Token::Close);
                }
                b'_' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    let word = self.rest;
                    self.rest = rest;
                    self.skip_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                    let word = &word[..word.len() - self.rest.len()];
                    return Some(if word == b"fragment" { Token::Fragment } else { Token::Other });
                }
                _ => {
                    self.rest = self.rest.strip_prefix(b"...").unwrap_or(rest);
                    return Some(Token::Other);
                }
            }
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let length = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        self.rest = &self.rest[length..];
    }

    /// A block string ends at three quotes that no backslash stands before; a string at a quote that none stands
    /// before, or at the end of its line, where the parser finds it unended.
    fn skip_string(&mut self) {
        if let Some(block) = self.rest.strip_prefix(b"\"\"\"") {
            self.rest = block;
            while !self.rest.is_empty() {
                if let Some(rest) = self.rest.strip_prefix(b"\\\"\"\"") {
                    self.rest = rest;
                } else if let Some(rest) = self.rest.strip_prefix(b"\"\"\"") {
                    self.rest = rest;
                    return;
                } else {
                    self.rest = &self.rest[1..];
                }
            }
            return;
        }
        self.rest = &self.rest[1..];
        while let Some((first, rest)) = self.rest.split_first() {
            match first {
                b'\\' => self.rest = rest.get(1..).unwrap_or_default(),
                b'"' => {
                    self.rest = rest;
                    return;
                }
                b'\n' | b'\r' => return,
                _ => self.rest = rest,
            }
        }
    }
}

/// Counts the nesting of a JSON text outside its strings.
///
/// # Errors
/// `QUERY_TOO_COMPLEX`. A text that is no JSON passes; the parser refuses it.
pub fn check_json(json: &[u8]) -> Result<(), Refused> {
    let (mut nesting, mut in_string, mut escaped) = (0_u32, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => nesting += 1,
            b']' | b'}' if !in_string => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > MAX_NESTING {
            return Err(Refused::too_complex("levels of brackets", MAX_NESTING));
        }
    }
    Ok(())
}

//! The closed list of codes that a top-level error may carry.

/// What went wrong with a request as a whole, for `extensions.code`. The business's own refusals are `userErrors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Unauthenticated,
    Forbidden,
    BadUserInput,
    ParseFailed,
    ValidationFailed,
    QueryTooComplex,
    Throttled,
    Timeout,
    PersistedQueryNotFound,
    Internal,
}

impl Code {
    const ALL: [Code; 10] = [
        Code::Unauthenticated,
        Code::Forbidden,
        Code::BadUserInput,
        Code::ParseFailed,
        Code::ValidationFailed,
        Code::QueryTooComplex,
        Code::Throttled,
        Code::Timeout,
        Code::PersistedQueryNotFound,
        Code::Internal,
    ];

    /// The code that is written so; `None` for what is not on the list.
    pub fn from_text(text: &str) -> Option<Code> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Forbidden => "FORBIDDEN",
            Code::BadUserInput => "BAD_USER_INPUT",
            Code::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Code::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Code::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Code::Throttled => "THROTTLED",
            Code::Timeout => "TIMEOUT",
            Code::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Code::Internal => "INTERNAL_SERVER_ERROR",
        }
    }
}

//! Tickets: conversations of a partner with staff.

use entity::{TicketAuthor, TicketStatus};

use super::error::{Invalid, Refusal};
use super::text::{check_message, check_text};

/// The longest subject, in characters.
pub const MAX_SUBJECT: usize = 200;
/// The longest message, in characters.
pub const MAX_MESSAGE: usize = 10_000;

/// Checks what a ticket is called.
pub fn check_subject(subject: &str) -> Result<(), Invalid> {
    check_text("subject", subject, MAX_SUBJECT)
}

/// Checks what somebody writes in one.
pub fn check_words(field: &'static str, text: &str) -> Result<(), Invalid> {
    check_message(field, text, MAX_MESSAGE)
}

/// The status after a message: a partner's asks for an answer, staff's is one. What is closed stays closed.
pub fn reply(status: TicketStatus, author: TicketAuthor) -> Result<TicketStatus, Refusal> {
    let to = match author {
        TicketAuthor::Partner => TicketStatus::Open,
        TicketAuthor::Staff => TicketStatus::Answered,
        TicketAuthor::System => status,
    };
    match status {
        TicketStatus::Closed => Err(Refusal::IllegalTransition { from: status.as_str(), to: to.as_str() }),
        TicketStatus::Open | TicketStatus::Answered => Ok(to),
    }
}

/// Staff closes it, once.
pub fn close(status: TicketStatus) -> Result<TicketStatus, Refusal> {
    match status {
        TicketStatus::Closed => Err(Refusal::AlreadyDone),
        TicketStatus::Open | TicketStatus::Answered => Ok(TicketStatus::Closed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_whose_turn_it_is_until_the_ticket_is_closed() {
        for status in [TicketStatus::Open, TicketStatus::Answered] {
            assert_eq!(reply(status, TicketAuthor::Partner), Ok(TicketStatus::Open));
            assert_eq!(reply(status, TicketAuthor::Staff), Ok(TicketStatus::Answered));
            assert_eq!(close(status), Ok(TicketStatus::Closed));
        }
        for author in [TicketAuthor::Partner, TicketAuthor::Staff] {
            assert!(matches!(reply(TicketStatus::Closed, author), Err(Refusal::IllegalTransition { .. })));
        }
        assert_eq!(close(TicketStatus::Closed), Err(Refusal::AlreadyDone));
    }
}

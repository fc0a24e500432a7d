//! What a subscription and the transport that carries it tell each other.

use std::sync::atomic::{AtomicI64, Ordering};

use async_graphql::parser::types::{OperationDefinition, OperationType, Selection};
use tokio::sync::watch;

use super::code::Code;
use super::limits::Refused;
use crate::domain::watermark::Watermark;

/// Where a subscription of events has come to. A request brings one as data where it may go on from somewhere, or
/// wants to know. It goes by the watermarks of `Partner.changes`.
#[derive(Debug)]
pub struct Place {
    /// Where the caller wants to go on; none: from now on.
    from: Option<i64>,
    /// The number from which it goes, where it goes by numbers; set once.
    began: watch::Sender<Option<Option<i64>>>,
    /// The number of the event that was given out last.
    given: AtomicI64,
}

impl Place {
    /// Begins where a watermark says; what imports brought is no event, so that its part of the feed is before all.
    pub fn new(from: Option<Watermark>) -> Place {
        let from = from.map(|from| match from {
            Watermark::Imported(_) => 0,
            Watermark::Event(number) => number,
        });
        Place { from, began: watch::Sender::new(None), given: AtomicI64::new(0) }
    }

    pub(super) fn from(&self) -> Option<i64> {
        self.from
    }

    pub(super) fn begin_at(&self, number: i64) {
        self.given.store(number, Ordering::SeqCst);
        self.began.send_replace(Some(Some(number)));
    }

    /// Begins what goes by no numbers.
    pub(super) fn begin_unnumbered(&self) {
        self.began.send_replace(Some(None));
    }

    pub(super) fn give(&self, number: i64) {
        self.given.store(number, Ordering::SeqCst);
    }

    /// Waits until the subscription has begun; answers from where on, where it goes by numbers.
    pub async fn began(&self) -> Option<Watermark> {
        let mut began = self.began.subscribe();
        // This place holds the sender: it is not gone.
        let number = began.wait_for(Option::is_some).await.ok().and_then(|number| (*number).flatten());
        number.map(Watermark::Event)
    }

    pub fn has_begun(&self) -> bool {
        self.began.borrow().is_some()
    }

    /// After the event that was given out last; none where this is no subscription of events.
    pub fn after_given(&self) -> Option<Watermark> {
        let goes_by_numbers = self.began.borrow().flatten().is_some();
        goes_by_numbers.then(|| Watermark::Event(self.given.load(Ordering::SeqCst)))
    }
}

/// A subscription has one field at its root, as the specification has it, and no condition or fragment around it.
///
/// # Errors
/// `GRAPHQL_VALIDATION_FAILED`.
pub fn check_root(operation: &OperationDefinition) -> Result<(), Refused> {
    if operation.ty != OperationType::Subscription {
        return Ok(());
    }
    match &operation.selection_set.node.items[..] {
        [only] if matches!(&only.node, Selection::Field(field) if field.node.directives.is_empty()) => Ok(()),
        _ => {
            let message = "A subscription has one field at its root, and nothing around it.".to_owned();
            Err(Refused { code: Code::ValidationFailed, message })
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::DocumentOperations;

    use super::*;

    #[test]
    fn a_subscription_has_one_field_at_its_root() {
        for (document, is_allowed) in [
            ("subscription { a { b c } }", true),
            ("subscription S($t: [T!]) { x: a(t: $t) { ...f } } fragment f on A { b }", true),
            ("{ a b }", true),
            ("subscription { a b }", false),
            ("subscription { a a }", false),
            ("subscription { ...f } fragment f on Subscription { a }", false),
            ("subscription { ... { a } }", false),
            ("subscription { a @skip(if: true) }", false),
        ] {
            let parsed = parse_query(document).unwrap();
            let operation = match &parsed.operations {
                DocumentOperations::Single(operation) => operation,
                DocumentOperations::Multiple(operations) => operations.values().next().unwrap(),
            };
            assert_eq!(check_root(&operation.node).is_ok(), is_allowed, "{document}");
        }
    }

    #[test]
    fn a_place_begins_where_a_watermark_says() {
        assert_eq!(Place::new(Some(Watermark::BEGINNING)).from(), Some(0));
        let place = Place::new(Some(Watermark::Event(7)));
        assert_eq!((place.from(), place.after_given()), (Some(7), None));
        place.begin_at(7);
        place.give(9);
        assert_eq!(place.after_given(), Some(Watermark::Event(9)));
    }
}

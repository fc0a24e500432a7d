//! The words by which tables, files and the interface name a choice: capitals, or snake case for scopes.

/// A text that names none of the choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of the known words")]
pub struct UnknownWord;

/// The one of `all` that is called `word`; exact, with regard to case.
pub(super) fn find<T: Copy>(all: &[T], word_of: fn(T) -> &'static str, word: &str) -> Result<T, UnknownWord> {
    all.iter().copied().find(|choice| word_of(*choice) == word).ok_or(UnknownWord)
}

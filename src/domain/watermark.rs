//! How far a partner's program has read of his changes: an opaque text for it, to be sent again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::Moment;
use uuid::Uuid;

/// A place in what imports brought, which is ordered by when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub at: Moment,
    pub id: Uuid,
}

/// The last change that was read. What imports brought comes before all events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watermark {
    Imported(Place),
    /// By its number.
    Event(i64),
}

impl Watermark {
    /// Before everything.
    pub const BEGINNING: Watermark = Watermark::Imported(Place { at: Moment(i64::MIN), id: Uuid::nil() });

    /// An opaque text.
    pub fn encode(self) -> String {
        let mut bytes = Vec::with_capacity(25);
        match self {
            Watermark::Imported(place) => {
                bytes.push(b'i');
                bytes.extend(place.at.0.to_be_bytes());
                bytes.extend(place.id.as_bytes());
            }
            Watermark::Event(number) => {
                bytes.push(b'e');
                bytes.extend(number.to_be_bytes());
            }
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for what [`Watermark::encode`] never made.
    pub fn decode(text: &str) -> Option<Watermark> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let number = i64::from_be_bytes(*number);
        match (kind, rest) {
            (b'e', []) => Some(Watermark::Event(number)),
            (b'i', id) => {
                Some(Watermark::Imported(Place { at: Moment(number), id: Uuid::from_slice(id).ok()? }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watermark_reads_as_it_was_written_and_nothing_else_does() {
        let place = Place { at: Moment(1_700_000_000_000_000), id: Uuid::from_u128(7) };
        for watermark in [
            Watermark::BEGINNING,
            Watermark::Imported(place),
            Watermark::Event(0),
            Watermark::Event(i64::MAX),
        ] {
            let text = watermark.encode();
            assert_eq!(Watermark::decode(&text), Some(watermark));
            for wrong in [&text[1..], &format!("{text}AAAA"), "", "0", "not base64!"] {
                assert_eq!(Watermark::decode(wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn what_imports_brought_comes_before_all_events() {
        let latest = Place { at: Moment::END, id: Uuid::max() };
        assert!(Watermark::BEGINNING < Watermark::Imported(latest));
        assert!(Watermark::Imported(latest) < Watermark::Event(0));
        assert!(Watermark::Event(1) < Watermark::Event(2));
    }
}

//! CSV as a spreadsheet may open it: no text cell is taken for a formula.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, Write};

/// Writes rows cell by cell.
pub struct Sheet<W: Write> {
    writer: csv::Writer<W>,
    /// Reused from cell to cell.
    cell: String,
}

impl<W: Write> Sheet<W> {
    pub fn new(out: W) -> Sheet<W> {
        Sheet { writer: csv::Writer::from_writer(out), cell: String::new() }
    }

    pub fn header(&mut self, columns: &[&str]) -> io::Result<()> {
        self.writer.write_record(columns).map_err(as_io)
    }

    /// A cell of text. One that a spreadsheet would take for a formula gets an apostrophe.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_field(harmless(text).as_bytes()).map_err(as_io)
    }

    /// A number, a time or an id, as it prints.
    pub fn value(&mut self, value: impl Display) -> io::Result<()> {
        self.cell.clear();
        // Writing to a String never fails.
        let _ = write!(self.cell, "{value}");
        self.writer.write_field(&self.cell).map_err(as_io)
    }

    /// As [`Sheet::value`], or an empty cell.
    pub fn optional(&mut self, value: Option<impl Display>) -> io::Result<()> {
        match value {
            Some(value) => self.value(value),
            None => self.writer.write_field(b"").map_err(as_io),
        }
    }

    pub fn end_row(&mut self) -> io::Result<()> {
        self.writer.write_record(None::<&[u8]>).map_err(as_io)
    }

    /// Sees to it that all is written.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// What failed in writing, by its own kind: a reader that went away is told from a full disk.
fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn harmless(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_looks_like_a_formula_gets_an_apostrophe_and_a_number_does_not() {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out);
        for text in ["=1+1", "+1", "-abc", "@x", "plain", "a,\"b\""] {
            sheet.text(text).unwrap();
        }
        sheet.value(entity::Money(-2_476_000)).unwrap();
        sheet.optional(None::<i32>).unwrap();
        sheet.end_row().unwrap();
        sheet.finish().unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "'=1+1,'+1,'-abc,'@x,plain,\"a,\"\"b\"\"\",-2.476000,\n");
    }
}

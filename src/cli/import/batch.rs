//! Reads a file in batches on a thread of its own, so that the next is read while the last is written.

use std::io::{self, Read};

use csv::{ByteRecord, Reader, ReaderBuilder};
use tokio::sync::mpsc;

use super::kinds::FileKind;

/// Facts that are recorded together.
const BATCH: usize = 8_000;
/// Bytes read at once.
const BUFFER: usize = 256 * 1024;
/// The longest row in bytes: a quote that is never closed would make one of the rest of the file.
const LONGEST_ROW: usize = 1024 * 1024;

/// Some rows of a file and the facts they hold.
#[derive(Debug)]
pub struct Batch<F> {
    pub facts: Vec<F>,
    /// Of each fact the row it is from.
    pub row_of: Vec<usize>,
    pub rows: RawRows,
    /// What was refused in reading: the row, and why.
    pub unreadable: Vec<(usize, String)>,
    /// How many bytes of the file are read so far.
    pub bytes_read: u64,
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        let (facts, row_of) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        Batch { facts, row_of, rows: RawRows::default(), unreadable: Vec::new(), bytes_read: 0 }
    }
}

impl<F> Batch<F> {
    fn is_full(&self) -> bool {
        self.facts.len() + self.unreadable.len() >= BATCH
    }

    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.unreadable.is_empty()
    }
}

/// Rows as they stand in the file, in one piece of memory: the refused ones are written out again.
#[derive(Debug, Default)]
pub struct RawRows {
    bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    ends: Vec<usize>,
    /// Of each row its line, and its first field in `ends`.
    rows: Vec<(u64, usize)>,
}

impl RawRows {
    fn push(&mut self, line: u64, row: &ByteRecord) {
        self.rows.push((line, self.ends.len()));
        for field in row {
            self.bytes.extend_from_slice(field);
            self.ends.push(self.bytes.len());
        }
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    /// The line on which a row begins, counted from 1.
    pub fn line(&self, row: usize) -> u64 {
        self.rows[row].0
    }

    /// The fields of a row.
    pub fn fields(&self, row: usize) -> impl Iterator<Item = &[u8]> {
        let first = self.rows[row].1;
        let last = self.rows.get(row + 1).map_or(self.ends.len(), |(_, next)| *next);
        (first..last).map(|field| {
            let begin = if field == 0 { 0 } else { self.ends[field - 1] };
            &self.bytes[begin..self.ends[field]]
        })
    }
}

/// A file whose header is read.
pub struct Table<R> {
    reader: Reader<Bounded<R>>,
    pub header: ByteRecord,
}

impl<R: Read> Table<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Where the file cannot be read or has no header.
    pub fn open(file: R) -> Result<Table<R>, String> {
        let bounded = Bounded { inner: file, since_row: 0, ends_lines_with_crlf: None };
        let mut reader = ReaderBuilder::new().flexible(true).buffer_capacity(BUFFER).from_reader(bounded);
        let header = reader.byte_headers().map_err(|error| error.to_string())?.clone();
        if header.is_empty() { Err("it has no header row".to_owned()) } else { Ok(Table { reader, header }) }
    }

    /// Reads all rows and sends them in batches; ends early where nobody takes them any more.
    pub fn read_all<K: FileKind>(mut self, kind: &K, send: &mpsc::Sender<Result<Batch<K::Fact>, String>>) {
        let mut row = ByteRecord::new();
        let mut batch = Batch::default();
        loop {
            self.reader.get_mut().since_row = 0;
            match self.reader.read_byte_record(&mut row) {
                Ok(true) => take(kind, self.line_of(&row), &row, &mut batch),
                Ok(false) => break,
                Err(error) => {
                    let line = self.reader.position().line() + u64::from(self.ends_lines_with_crlf());
                    let _ = send.blocking_send(Err(format!("line {line}: {}", message(error))));
                    return;
                }
            }
            if batch.is_full() {
                batch.bytes_read = self.reader.position().byte();
                if send.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                    return;
                }
            }
        }
        batch.bytes_read = self.reader.position().byte();
        if !batch.is_empty() {
            let _ = send.blocking_send(Ok(batch));
        }
    }

    /// The line on which the row just read begins, from where it ends: the reader passes over blank lines before a row,
    /// and takes the feed of CR LF for the beginning of the next.
    fn line_of(&self, row: &ByteRecord) -> u64 {
        let within = row.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        let after = self.reader.position().line().saturating_sub(within);
        match self.ends_lines_with_crlf() {
            true => after,
            // The last row may lack its feed.
            false => after.saturating_sub(1).max(row.position().map_or(0, csv::Position::line)),
        }
    }

    fn ends_lines_with_crlf(&self) -> bool {
        self.reader.get_ref().ends_lines_with_crlf.unwrap_or(false)
    }
}

fn take<K: FileKind>(kind: &K, line: u64, row: &ByteRecord, batch: &mut Batch<K::Fact>) {
    let index = batch.rows.len();
    batch.rows.push(line, row);
    kind.read(row, &mut |read| match read {
        Ok(fact) => {
            batch.facts.push(fact);
            batch.row_of.push(index);
        }
        Err(reason) => batch.unreadable.push((index, reason)),
    });
}

fn message(error: csv::Error) -> String {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        other => format!("{other:?}"),
    }
}

/// Ends the reading of a row that does not end.
struct Bounded<R> {
    inner: R,
    since_row: usize,
    /// As its first line does; unknown before that is read.
    ends_lines_with_crlf: Option<bool>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > LONGEST_ROW {
            let message = "a row is longer than a megabyte: is a quote not closed?";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let read = self.inner.read(buffer)?;
        self.since_row += read;
        if self.ends_lines_with_crlf.is_none()
            && let Some(feed) = buffer[..read].iter().position(|byte| *byte == b'\n')
        {
            self.ends_lines_with_crlf = Some(feed > 0 && buffer[feed - 1] == b'\r');
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static str) -> Vec<u64> {
        let mut table = Table::open(text.as_bytes()).unwrap();
        let mut row = ByteRecord::new();
        let mut lines = Vec::new();
        while table.reader.read_byte_record(&mut row).unwrap() {
            lines.push(table.line_of(&row));
        }
        lines
    }

    #[test]
    fn a_row_is_named_by_the_line_on_which_it_begins() {
        for (text, expected) in [
            ("a,b\n1,2\n3,4\n", &[2, 3][..]),
            ("a,b\n1,2\n3,4", &[2, 3]),
            ("a,b\r\n1,2\r\n3,4\r\n", &[2, 3]),
            ("a,b\r\n1,2\r\n3,4", &[2, 3]),
            ("a,b\n1,\"x\ny\"\n3,4\n", &[2, 4]),
            ("a,b\r\n1,\"x\r\ny\"\r\n3,4\r\n", &[2, 4]),
            ("a,b\n1,2\n\n3,4\n", &[2, 4]),
            ("a,b\r\n1,2\r\n\r\n3,4\r\n", &[2, 4]),
        ] {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_row_that_does_not_end_is_an_error_and_not_the_rest_of_the_file() {
        let endless = b"a,b\n1,\"2".chain(io::repeat(b'x'));
        let mut table = Table::open(endless).unwrap();
        let error = table.reader.read_byte_record(&mut ByteRecord::new()).unwrap_err();
        assert!(message(error).contains("quote"));
    }

    #[test]
    fn the_fields_of_a_row_are_kept_as_they_came() {
        let mut rows = RawRows::default();
        rows.push(2, &ByteRecord::from(vec!["a", "", "b"]));
        rows.push(3, &ByteRecord::from(vec!["c"]));
        assert_eq!(rows.fields(0).collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert_eq!(rows.fields(1).collect::<Vec<_>>(), [b"c"]);
        assert_eq!((rows.line(0), rows.line(1)), (2, 3));
    }
}

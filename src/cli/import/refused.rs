//! `FILE.refused.csv`: the rows that were refused, each with its line and the reason.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Writer, WriterBuilder};

/// Made with the first refused row, so that a file that is there always holds one.
pub struct RefusedRows {
    path: PathBuf,
    header: ByteRecord,
    writer: Option<Writer<File>>,
}

impl RefusedRows {
    /// Takes away what an earlier run left.
    ///
    /// # Errors
    /// Where that cannot be removed.
    pub fn beside(file: &Path) -> io::Result<RefusedRows> {
        let mut path = OsString::from(file);
        path.push(".refused.csv");
        let path = PathBuf::from(path);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(RefusedRows { path, header: ByteRecord::new(), writer: None }),
        }
    }

    pub fn set_header(&mut self, header: &ByteRecord) {
        self.header = header.clone();
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a row: its line, the reason, and its fields as they came.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn add<'a>(
        &mut self,
        line: u64,
        reason: &str,
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), csv::Error> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let file = File::create(&self.path)?;
                let writer = self.writer.insert(WriterBuilder::new().flexible(true).from_writer(file));
                write_row(writer, b"line", b"reason", self.header.iter())?;
                writer
            }
        };
        write_row(writer, line.to_string().as_bytes(), reason.as_bytes(), fields)
    }

    /// Sees to it that all rows are in the file.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Writer::flush)
    }
}

fn write_row<'a>(
    writer: &mut Writer<File>,
    line: &[u8],
    reason: &[u8],
    fields: impl Iterator<Item = &'a [u8]>,
) -> Result<(), csv::Error> {
    writer.write_field(line)?;
    writer.write_field(reason)?;
    for field in fields {
        writer.write_field(field)?;
    }
    writer.write_record(None::<&[u8]>)
}

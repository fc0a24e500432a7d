//! The columns of a file by their names, and the values of a row.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use csv::ByteRecord;
use entity::{Moment, Money};

/// Where each column that is asked for stands in the file.
#[derive(Debug)]
pub struct Columns {
    names: &'static [&'static str],
    positions: Vec<usize>,
}

impl Columns {
    /// Finds the columns in the header: in any order, each once, and no others.
    ///
    /// # Errors
    /// Names the column that is unknown, missing or there twice.
    pub fn find(header: &ByteRecord, names: &'static [&'static str]) -> Result<Columns, String> {
        let expected = || names.join(", ");
        for (position, column) in header.iter().enumerate() {
            let shown = String::from_utf8_lossy(column);
            if !names.iter().any(|name| name.as_bytes() == column) {
                return Err(format!("the column {shown:?} is unknown: {} are expected", expected()));
            }
            if header.iter().take(position).any(|earlier| earlier == column) {
                return Err(format!("the column {shown:?} is there twice"));
            }
        }
        let position = |name: &&'static str| {
            let found = header.iter().position(|column| column == name.as_bytes());
            found.ok_or_else(|| format!("the column {name:?} is missing: {} are expected", expected()))
        };
        let positions = names.iter().map(position).collect::<Result<_, _>>()?;
        Ok(Columns { names, positions })
    }

    /// The values of a row.
    ///
    /// # Errors
    /// Says so where it has not as many fields as the header.
    pub fn of<'a>(&'a self, row: &'a ByteRecord) -> Result<Fields<'a>, String> {
        check_width(row, self.positions.len())?;
        Ok(Fields { columns: self, row })
    }
}

/// Refuses a row that has not as many fields as the header.
pub fn check_width(row: &ByteRecord, width: usize) -> Result<(), String> {
    if row.len() == width { Ok(()) } else { Err(format!("has {} fields, not {width}", row.len())) }
}

/// The values of one row; a column is named by its place in the list that [`Columns::find`] was given.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    columns: &'a Columns,
    row: &'a ByteRecord,
}

impl<'a> Fields<'a> {
    pub fn text(&self, column: usize) -> Result<&'a str, String> {
        let bytes = self.columns.positions.get(column).and_then(|position| self.row.get(*position));
        std::str::from_utf8(bytes.unwrap_or_default()).map_err(|_| self.wrong(column, "is not UTF-8"))
    }

    pub fn owned(&self, column: usize) -> Result<String, String> {
        self.text(column).map(str::to_owned)
    }

    /// RFC 3339, truncated to the microsecond.
    pub fn moment(&self, column: usize) -> Result<Moment, String> {
        let at = DateTime::parse_from_rfc3339(self.text(column)?)
            .map_err(|_| self.wrong(column, "is not a time such as 2026-10-14T22:00:00Z"))?;
        Ok(Moment::from_utc(at.with_timezone(&Utc)))
    }

    pub fn amount(&self, column: usize) -> Result<Money, String> {
        self.text(column)?.parse().map_err(|error| self.wrong(column, error))
    }

    /// One word of a list.
    pub fn word<T: FromStr>(&self, column: usize, words: &str) -> Result<T, String> {
        self.text(column)?.parse().map_err(|_| self.wrong(column, format!("is none of {words}")))
    }

    fn wrong(&self, column: usize, what: impl std::fmt::Display) -> String {
        format!("{} {what}", self.columns.names.get(column).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["source", "amount"];

    #[test]
    fn a_header_names_its_columns_in_any_order_and_no_others() {
        let find = |header: &[&str]| Columns::find(&ByteRecord::from(header.to_vec()), NAMES).err();
        assert_eq!(find(&["amount", "source"]), None);
        for (header, named) in [
            (&["source", "amount", "colour"][..], "\"colour\" is unknown"),
            (&["source"], "\"amount\" is missing"),
            (&["source", "amount", "source"], "\"source\" is there twice"),
            (&["Source", "amount"], "\"Source\" is unknown"),
        ] {
            let refused = find(header).unwrap_or_default();
            assert!(refused.contains(named), "{header:?}: {refused}");
        }
    }

    #[test]
    fn a_bad_value_is_refused_with_its_column() {
        let columns = Columns::find(&ByteRecord::from(vec!["amount", "source"]), NAMES).unwrap();
        let row = ByteRecord::from(vec![&b"1.5"[..], b"\xff"]);
        let fields = columns.of(&row).unwrap();
        assert_eq!(fields.amount(1), Ok(Money(1_500_000)));
        assert_eq!(fields.text(0), Err("source is not UTF-8".to_owned()));
        assert_eq!(fields.moment(1), Err("amount is not a time such as 2026-10-14T22:00:00Z".to_owned()));
        let short = columns.of(&ByteRecord::from(vec!["1"])).err();
        assert_eq!(short, Some("has 1 fields, not 2".to_owned()));
    }
}

//! Files of comma-separated values as the tests make, mix and cut them.

use std::path::{Path, PathBuf};

/// A header and rows, each a line as it stands in the file: none of the sample's values is quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    pub header: String,
    pub rows: Vec<String>,
}

impl Csv {
    pub fn parse(text: &str) -> Csv {
        let mut lines = text.lines().map(str::to_owned);
        Csv { header: lines.next().unwrap_or_default(), rows: lines.collect() }
    }

    pub fn read(path: &Path) -> Csv {
        Csv::parse(
            &std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    }

    pub fn write(&self, path: &Path) -> PathBuf {
        let mut text = format!("{}\n", self.header);
        for row in &self.rows {
            text.push_str(row);
            text.push('\n');
        }
        std::fs::write(path, text).unwrap();
        path.to_owned()
    }

    /// The same rows in an order drawn from the seed.
    pub fn shuffled(&self, seed: u64) -> Csv {
        let mut rows = self.rows.clone();
        Shuffle::new(seed).shuffle(&mut rows);
        Csv { header: self.header.clone(), rows }
    }

    /// The rows that meet a condition on their values, and those that do not.
    pub fn split(&self, condition: impl Fn(&[&str]) -> bool) -> (Csv, Csv) {
        let meets = |row: &String| condition(&row.split(',').collect::<Vec<_>>());
        let (yes, no) = self.rows.iter().cloned().partition(meets);
        (Csv { header: self.header.clone(), rows: yes }, Csv { header: self.header.clone(), rows: no })
    }

    /// The place of a column.
    #[track_caller]
    pub fn column(&self, name: &str) -> usize {
        self.header.split(',').position(|column| column == name).unwrap_or_else(|| panic!("no column {name}"))
    }

    /// The values of some columns, row by row.
    #[track_caller]
    pub fn columns<'a, const N: usize>(&'a self, names: [&str; N]) -> Vec<[&'a str; N]> {
        let places = names.map(|name| self.column(name));
        let row = |row: &'a String| {
            let values: Vec<&str> = row.split(',').collect();
            places.map(|place| values[place])
        };
        self.rows.iter().map(row).collect()
    }

    /// Without some columns, which differ from run to run: ids and times.
    pub fn without(&self, names: &[&str]) -> Csv {
        let kept: Vec<usize> = self
            .header
            .split(',')
            .enumerate()
            .filter(|(_, column)| !names.contains(column))
            .map(|(place, _)| place)
            .collect();
        let cut = |row: &String| {
            let values: Vec<&str> = row.split(',').collect();
            kept.iter().map(|place| values[*place]).collect::<Vec<_>>().join(",")
        };
        Csv { header: cut(&self.header), rows: self.rows.iter().map(cut).collect() }
    }
}

/// An order drawn from a seed, the same on every machine (xorshift*).
#[derive(Clone, Debug)]
pub struct Shuffle(u64);

impl Shuffle {
    pub fn new(seed: u64) -> Shuffle {
        Shuffle(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is above zero.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap() % bound
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

//! The directory in which a demo lives: its database, and a note of how far it has lived.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::Duration;
use entity::Moment;
use serde::{Deserialize, Serialize};

use super::world::{Scale, World};

const NOTE: &str = "demo.json";
const DATABASE: &str = "parrain.db";

/// Why a directory cannot hold a demo.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("{} holds something else: name another directory", .0.display())]
    NotOurs(PathBuf),
    #[error("{} was not written by this program: {message}", path.display())]
    BadNote { path: PathBuf, message: String },
    #[error("cannot use {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// How far a world has lived. It is written down now and then, so that a life that was broken off goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Note {
    seed: u64,
    /// Microseconds since 1970, like every moment.
    born_at: Moment,
    lived_until: Moment,
}

/// A demo's directory.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    note: Note,
}

impl Directory {
    /// Opens the demo that lives there, or makes room for a new one whose past ends at `now`. A directory that holds
    /// anything else is left alone.
    pub fn open(path: &Path, seed: u64, now: Moment) -> Result<Directory, DirectoryError> {
        let failed = |error| DirectoryError::Io { path: path.to_owned(), error };
        let note_path = path.join(NOTE);
        if note_path.try_exists().map_err(failed)? {
            let text = fs::read_to_string(&note_path).map_err(failed)?;
            let note = serde_json::from_str(&text)
                .map_err(|error| DirectoryError::BadNote { path: note_path, message: error.to_string() })?;
            return Ok(Directory { path: path.to_owned(), note });
        }
        if path.try_exists().map_err(failed)? && fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(DirectoryError::NotOurs(path.to_owned()));
        }
        fs::create_dir_all(path).map_err(failed)?;
        let born_at = now.minus(Duration::days(Scale::FULL.days));
        let lived_until = born_at.minus(Duration::days(1));
        let mut directory = Directory { path: path.to_owned(), note: Note { seed, born_at, lived_until } };
        directory.has_lived(lived_until)?;
        Ok(directory)
    }

    /// The address of the database.
    pub fn database_url(&self) -> String {
        format!("sqlite://{}", self.path.join(DATABASE).display())
    }

    /// The world that lives here.
    pub fn world(&self) -> World {
        World::new(self.note.seed, self.note.born_at, Scale::FULL)
    }

    /// How far it has lived.
    pub fn lived_until(&self) -> Moment {
        self.note.lived_until
    }

    /// Whether nothing has been lived yet.
    pub fn is_new(&self) -> bool {
        self.note.lived_until < self.note.born_at
    }

    /// Writes down how far it has lived, whole or not at all.
    pub fn has_lived(&mut self, until: Moment) -> Result<(), DirectoryError> {
        self.note.lived_until = self.note.lived_until.max(until);
        let draft = self.path.join("demo.json.draft");
        let written = serde_json::to_vec(&self.note).map_err(io::Error::from);
        let written = written.and_then(|bytes| fs::write(&draft, bytes));
        written
            .and_then(|()| fs::rename(&draft, self.path.join(NOTE)))
            .map_err(|error| DirectoryError::Io { path: self.path.clone(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::testing::{Folder, empty_database};

    const NOW: Moment = Moment(1_771_596_000_000_000);

    fn empty() -> Folder {
        empty_database().0
    }

    #[test]
    fn a_demo_is_found_again_with_its_seed_and_as_far_as_it_has_lived() {
        let folder = empty();
        let path = folder.0.join("deeper");
        let mut directory = Directory::open(&path, 5, NOW).unwrap();
        assert!(directory.is_new());
        directory.has_lived(NOW).unwrap();
        let again = Directory::open(&path, 6, NOW.plus(Duration::days(3))).unwrap();
        assert!(!again.is_new());
        assert_eq!(
            (again.lived_until(), again.world().seed, again.world().born),
            (NOW, 5, directory.world().born)
        );
    }

    #[test]
    fn a_directory_that_holds_something_else_is_left_alone() {
        let folder = empty();
        let path = folder.0.clone();
        fs::write(path.join("thesis.txt"), "mine").unwrap();
        assert!(matches!(Directory::open(&path, 1, NOW), Err(DirectoryError::NotOurs(_))));
        fs::write(path.join(NOTE), "{}").unwrap();
        assert!(matches!(Directory::open(&path, 1, NOW), Err(DirectoryError::BadNote { .. })));
    }
}

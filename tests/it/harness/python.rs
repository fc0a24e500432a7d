//! Programs in Python, with the packages that a file of requirements names, in an environment of their own.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("../../python/requirements.txt");

/// Runs a program of tests/python and answers what it prints.
pub fn python(program: &str, argument: &Path) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let mut command = Command::new(environment(REQUIREMENTS).join("bin/python"));
    printed(command.arg(folder.join(program)).arg(argument))
}

/// The environment of these packages, made by the first test that needs it.
pub fn environment(requirements: &str) -> PathBuf {
    let mut hash = DefaultHasher::new();
    requirements.hash(&mut hash);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let environment = folder.join(format!("python-{:x}", hash.finish()));
    let making = OpenOptions::new().create(true).append(true).open(folder.join("python.lock")).unwrap();
    making.lock().unwrap();
    let is_made = environment.join("is-made");
    if !is_made.exists() {
        let file = folder.join("python-requirements.txt");
        fs::write(&file, requirements).unwrap();
        printed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        printed(pip.arg(&file));
        fs::write(is_made, "").unwrap();
    }
    environment
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}: the suite needs python3 with venv (apt-get install python3-venv)")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

//! Foreign clients from the public registries, installed once as their lock files say, and run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Output, Running};

/// With a cold cache and a slow registry.
const TO_INSTALL: Duration = Duration::from_secs(400);
/// No script takes nearly as long.
const TO_RUN: Duration = Duration::from_secs(240);

/// One language's clients.
struct Toolbox {
    folder: PathBuf,
}

impl Toolbox {
    fn node() -> Toolbox {
        let files = ["package.json", "package-lock.json", ".npmrc"];
        Toolbox::installed("clients-node", &files, &["npm ci --no-progress"])
    }

    fn python() -> Toolbox {
        let commands = [
            "python3 -m venv venv",
            "venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt",
        ];
        Toolbox::installed("clients-python", &["requirements.txt"], &commands)
    }

    /// Whoever comes first installs, and again when a file has changed; the others wait.
    fn installed(name: &str, files: &[&str], commands: &[&str]) -> Toolbox {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let installing = File::create(folder.with_extension("lock")).unwrap();
        installing.lock().unwrap();
        let wanted: String =
            files.iter().map(|file| fs::read_to_string(scripts().join(file)).unwrap()).collect();
        let mark = folder.join("installed");
        if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
            return Toolbox { folder };
        }
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir_all(&folder).unwrap();
        for file in files {
            fs::copy(scripts().join(file), folder.join(file)).unwrap();
        }
        for command in commands {
            let mut words = command.split(' ');
            let mut process = Command::new(words.next().unwrap());
            process.args(words).current_dir(&folder);
            Running::start(process, &folder).finish(TO_INSTALL).printed();
        }
        fs::write(mark, wanted).unwrap();
        Toolbox { folder }
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A copy of the scripts beside what they import, gone in the end.
pub struct Workbench {
    toolbox: Toolbox,
    folder: PathBuf,
}

impl Workbench {
    /// With what package.json names, to be run by Node.js.
    pub fn node() -> Workbench {
        Workbench::of(Toolbox::node())
    }

    /// With what requirements.txt names, to be run by Python.
    pub fn python() -> Workbench {
        Workbench::of(Toolbox::python())
    }

    fn of(toolbox: Toolbox) -> Workbench {
        let folder = toolbox.folder.join(format!("run-{:016x}", rand::random::<u64>()));
        copy(&scripts(), &folder);
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
        fs::copy(schema, folder.join("schema.graphql")).unwrap();
        Workbench { toolbox, folder }
    }

    /// Runs a command of a package; it must succeed.
    #[track_caller]
    pub fn tool(&self, name: &str, arguments: &[&str]) {
        let program = self.toolbox.folder.join("node_modules/.bin").join(name);
        self.start(&program, arguments, &[]).printed();
    }

    /// Runs a script of Node.js against the server; it must succeed.
    #[track_caller]
    pub fn node_script(&self, script: &str, environment: &[(&str, &str)]) {
        self.start("node", &[script], environment).printed();
    }

    /// Runs a script of Python against the server; it must succeed.
    #[track_caller]
    pub fn python_script(&self, script: &str, environment: &[(&str, &str)]) {
        let program = self.toolbox.folder.join("venv/bin/python");
        self.start(&program, &[script], environment).printed();
    }

    fn start(&self, program: impl AsRef<OsStr>, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder);
        // No proxy stands between a script and the server, and none of them tells anybody that it runs.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").env("CI", "true");
        command.envs(environment.iter().copied());
        Running::start(command, &self.folder).finish(TO_RUN)
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if !source.is_dir() {
            fs::copy(source, target).unwrap();
        } else if entry.file_name() != "node_modules" {
            copy(&source, &target);
        }
    }
}

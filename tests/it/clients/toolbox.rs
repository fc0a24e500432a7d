//! Foreign clients from the public registries, installed once as their lock files say, and run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Output, Running, environment};

/// With a cold cache and a slow registry.
const TO_INSTALL: Duration = Duration::from_secs(400);
/// No script takes nearly as long.
const TO_RUN: Duration = Duration::from_secs(240);

/// Where the packages of package-lock.json lie: whoever comes first installs them, and again when the file has
/// changed; the others wait.
fn packages() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    fs::create_dir_all(&folder).unwrap();
    let installing = File::create(folder.with_extension("lock")).unwrap();
    installing.lock().unwrap();
    let files = ["package.json", "package-lock.json", ".npmrc"];
    let wanted: String = files.iter().map(|file| fs::read_to_string(scripts().join(file)).unwrap()).collect();
    let mark = folder.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir_all(&folder).unwrap();
    for file in files {
        fs::copy(scripts().join(file), folder.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-progress"]).current_dir(&folder);
    Running::start(npm, &folder).finish(TO_INSTALL).printed();
    fs::write(mark, wanted).unwrap();
    folder
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A copy of the scripts beside what they import, gone in the end.
pub struct Workbench {
    /// With what runs the packages' programs.
    programs: PathBuf,
    folder: PathBuf,
}

impl Workbench {
    /// With what package.json names, to be run by Node.js.
    pub fn node() -> Workbench {
        let packages = packages();
        Workbench::new(packages.join("node_modules/.bin"), &packages)
    }

    /// With what requirements.txt names, to be run by Python.
    pub fn python() -> Workbench {
        let requirements = fs::read_to_string(scripts().join("requirements.txt")).unwrap();
        let environment = environment(&requirements);
        Workbench::new(environment.join("bin"), &environment)
    }

    /// With nothing but what every machine has.
    pub fn plain() -> Workbench {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        Workbench::new(folder.to_owned(), folder)
    }

    fn new(programs: PathBuf, packages: &Path) -> Workbench {
        let folder = packages.join(format!("run-{:016x}", rand::random::<u64>()));
        copy(&scripts(), &folder);
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
        fs::copy(schema, folder.join("schema.graphql")).unwrap();
        Workbench { programs, folder }
    }

    /// Runs a program of a package; it must succeed.
    #[track_caller]
    pub fn tool(&self, name: &str, arguments: &[&str]) {
        self.start(self.programs.join(name), arguments, &[]).printed();
    }

    /// Runs a script of Node.js against the server; it must succeed.
    #[track_caller]
    pub fn node_script(&self, script: &str, environment: &[(&str, &str)]) {
        self.start("node", &[script], environment).printed();
    }

    /// Runs a script of Python against the server; it must succeed.
    #[track_caller]
    pub fn python_script(&self, script: &str, environment: &[(&str, &str)]) {
        self.run_python(&[script], environment).printed();
    }

    /// Runs a script of Python with arguments.
    pub fn run_python(&self, script: &[&str], environment: &[(&str, &str)]) -> Output {
        self.start(self.programs.join("python"), script, environment)
    }

    /// Runs a script of the shell with arguments.
    pub fn run_shell(&self, script: &[&str], environment: &[(&str, &str)]) -> Output {
        self.start("sh", script, environment)
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

//! The built program with a configuration and a database of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::database::{Folder, TestDatabase};
use super::process::{Output, Running};
use super::server::Server;
use super::{Backend, Csv};

/// The secret under which the tests' tokens are made.
pub const SECRET: &str = "a-secret-of-the-tests-of-32-bytes-or-more";
/// No command takes nearly as long.
const AT_MOST: Duration = Duration::from_secs(180);

#[derive(Debug)]
pub struct Parrain {
    database: TestDatabase,
    config: PathBuf,
    // Last, so that it goes when the database is closed.
    folder: Folder,
}

impl Parrain {
    /// With an empty database of the current schema.
    pub async fn new(backend: Backend) -> Parrain {
        let folder = Folder::new();
        let database = TestDatabase::migrated(backend, folder.path()).await;
        Parrain::with(folder, database)
    }

    /// With a database that has no schema yet.
    pub async fn unmigrated(backend: Backend) -> Parrain {
        let folder = Folder::new();
        let database = TestDatabase::empty(backend, folder.path()).await;
        Parrain::with(folder, database)
    }

    /// With an empty SQLite database of the current schema, and another `[auth]`.
    pub async fn with_auth(auth: &str) -> Parrain {
        let folder = Folder::new();
        let database = TestDatabase::migrated(Backend::Sqlite, folder.path()).await;
        Parrain::configured(folder, database, auth)
    }

    /// On a copy of the database, which no process may be using.
    pub async fn on_a_copy(&self) -> Parrain {
        let folder = Folder::new();
        let database = TestDatabase::copy_of(&self.database, folder.path()).await;
        Parrain::with(folder, database)
    }

    /// On a SQLite database that is there.
    pub fn on_file(file: &Path) -> Parrain {
        Parrain::with(Folder::new(), TestDatabase::of_file(file))
    }

    fn with(folder: Folder, database: TestDatabase) -> Parrain {
        Parrain::configured(folder, database, &format!("hs256_secret = \"{SECRET}\""))
    }

    fn configured(folder: Folder, database: TestDatabase, auth: &str) -> Parrain {
        let config = folder.path().join("parrain.toml");
        // Nothing is settled unless a test says so.
        let text = format!(
            "[database]\nurl = \"{}\"\n[auth]\n{auth}\n\
             [programme]\nsettlement = \"by_hand\"\n\
             [limits]\ncost_bucket = 100000000\n[telemetry]\nformat = \"text\"\n",
            database.url()
        );
        std::fs::write(&config, text).unwrap();
        Parrain { database, config, folder }
    }

    /// Adds to the configuration: sections that are not there yet, or keys of `[telemetry]`, its last one.
    pub fn configure(&self, toml: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, text + toml).unwrap();
    }

    /// Adds keys of `[limits]`.
    pub fn configure_limits(&self, lines: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, text.replace("[limits]\n", &format!("[limits]\n{lines}\n"))).unwrap();
    }

    /// Puts lines before the configuration's: keys of the top level, then whole tables.
    pub fn configure_first(&self, lines: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, format!("{lines}\n{text}")).unwrap();
    }

    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that is not started yet.
    pub fn command<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parrain"));
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PARRAIN_") || name == "RUST_LOG")
        {
            command.env_remove(name);
        }
        command.args(arguments).arg("--config").arg(&self.config).current_dir(self.folder.path());
        command
    }

    /// Starts a command, and goes on.
    pub fn start<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        Running::start(self.command(arguments), self.folder.path())
    }

    /// Runs a command to its end.
    pub fn run<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.start(arguments).finish(AT_MOST)
    }

    /// Runs a command that dies at this crash point, or ends if it does not come by.
    pub fn run_until_crash<A: AsRef<std::ffi::OsStr>>(
        &self,
        crash_point: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Output {
        let mut command = self.command(arguments);
        command.env("PARRAIN_CRASH_POINT", crash_point);
        Running::start(command, self.folder.path()).finish(AT_MOST)
    }

    /// Imports a file of which nothing may be refused.
    #[track_caller]
    pub fn import(&self, what: &str, file: &Path) {
        self.run(["import", what, file.to_str().unwrap()]).printed();
    }

    /// Imports rows of which nothing may be refused.
    #[track_caller]
    pub fn import_rows(&self, what: &str, rows: &Csv) {
        let file = self.folder().join(format!("{what}-{:016x}.csv", rand::random::<u64>()));
        self.import(what, &rows.write(&file));
    }

    /// Settles what ends on or before a day; answers what was printed.
    #[track_caller]
    pub fn settle_until(&self, day: &str) -> String {
        self.run(["settle", "--until", day]).printed()
    }

    #[track_caller]
    pub fn export(&self, what: &str) -> String {
        self.run(["export", what]).printed()
    }

    /// Fails unless `verify` finds nothing.
    #[track_caller]
    pub fn verify(&self) {
        self.run(["verify"]).printed();
    }

    /// A token for an hour.
    #[track_caller]
    pub fn token(&self, role: &str, subject: &str) -> String {
        self.run(["token", "--role", role, "--subject", subject]).printed().trim().to_owned()
    }

    /// Starts the server and waits until it is ready.
    pub async fn serve(&self) -> Server {
        Server::start(self).await
    }
}

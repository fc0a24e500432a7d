//! The PostgreSQL server that all tests share: their own, started by the first one that needs it, or the one named.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

use super::process::{free_port, wait_until};

/// Names a server on which databases may be made; without it the tests start one of their own.
const URL_VARIABLE: &str = "PARRAIN_TEST_POSTGRES_URL";

/// A server, and the name of a migrated database to copy.
pub struct Server {
    /// Ends before the database's name.
    base_url: String,
    pub template: String,
    /// Locked as long as this process runs, so that the server stays.
    _in_use: Option<File>,
}

impl Server {
    /// The server, started if need be, once in a process.
    pub async fn get() -> &'static Server {
        static SERVER: OnceLock<Server> = OnceLock::new();
        if let Some(server) = SERVER.get() {
            return server;
        }
        let server = Server::find_or_start().await;
        SERVER.get_or_init(|| server)
    }

    async fn find_or_start() -> Server {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("postgres");
        fs::create_dir_all(&folder).unwrap();
        let starting = open(&folder.join("starting"));
        let (base_url, in_use) = match std::env::var(URL_VARIABLE) {
            Ok(url) => {
                let end = url.rfind('/').expect("the address of a server ends with a database's name");
                starting.lock().unwrap();
                (url[..=end].to_owned(), None)
            }
            Err(_) => {
                let users = open(&folder.join("users"));
                users.lock_shared().unwrap();
                starting.lock().unwrap();
                (running(&folder).unwrap_or_else(|| start(&folder)), Some(users))
            }
        };
        let server = Server { base_url, template: template_name(), _in_use: in_use };
        server.make_template().await;
        server
    }

    pub fn url_of(&self, database: &str) -> String {
        format!("{}{database}", self.base_url)
    }

    /// A connection for making and dropping databases.
    pub async fn connect(&self) -> DatabaseConnection {
        Database::connect(self.url_of("postgres")).await.expect("PostgreSQL does not answer")
    }

    async fn make_template(&self) {
        let admin = self.connect().await;
        let name = &self.template;
        let known = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
        if admin.execute_unprepared(&known).await.unwrap().rows_affected() > 0 {
            return;
        }
        let unfinished = format!("{name}_unfinished");
        admin
            .execute_unprepared(&format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"))
            .await
            .unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {unfinished}")).await.unwrap();
        let database = Database::connect(self.url_of(&unfinished)).await.unwrap();
        Migrator::up(&database, None).await.unwrap();
        database.close().await.unwrap();
        admin.execute_unprepared(&format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await.unwrap();
        admin.close().await.unwrap();
    }
}

fn open(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Another build may have another schema: each has a template of its own.
fn template_name() -> String {
    let program = fs::metadata(std::env::current_exe().unwrap()).unwrap();
    let mut hash = DefaultHasher::new();
    (program.len(), program.modified().unwrap()).hash(&mut hash);
    format!("parrain_template_{:x}", hash.finish())
}

/// The server that another test has started, if it answers.
fn running(folder: &Path) -> Option<String> {
    let url = fs::read_to_string(folder.join("url")).ok()?;
    let address = url.split('@').nth(1)?.trim_end_matches('/').to_owned();
    TcpStream::connect(address).ok().map(|_| url)
}

fn start(folder: &Path) -> String {
    let _ = fs::remove_file(folder.join("url"));
    let log = folder.join("log");
    let output = File::create(&log).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/harness/postgres.sh");
    // In a session of its own: it outlives the test that happens to be the first.
    let mut keeper = Command::new("setsid")
        .arg(script)
        .arg(folder)
        .arg(free_port().to_string())
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let url = folder.join("url");
    wait_until("PostgreSQL starts", Duration::from_secs(60), || {
        let has_failed = keeper.try_wait().unwrap().is_some_and(|status| !status.success());
        assert!(!has_failed, "PostgreSQL does not start:\n{}", fs::read_to_string(&log).unwrap());
        fs::read_to_string(&url).ok()
    })
}

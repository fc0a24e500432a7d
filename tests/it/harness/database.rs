//! A database for one test alone, on either of the two, gone with it.

use std::fs;
use std::path::{Path, PathBuf};

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, FromQueryResult, TryGetable};

use super::Backend;
use super::postgres::Server;

/// A folder for one test alone.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        let name = format!("test-{:016x}", rand::random::<u64>());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A database and how to reach it.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    /// On PostgreSQL, where it must be dropped.
    name: Option<String>,
}

impl TestDatabase {
    /// With the schema of this build, and nothing in it.
    pub async fn migrated(backend: Backend, folder: &Path) -> TestDatabase {
        match backend {
            Backend::Sqlite => {
                let database = TestDatabase::on_sqlite(folder);
                let connection = database.connect().await;
                Migrator::up(&connection, None).await.unwrap();
                connection.close().await.unwrap();
                database
            }
            Backend::Postgres => {
                let server = Server::get().await;
                TestDatabase::on_postgres(server, &server.template).await
            }
        }
    }

    /// Without a schema.
    pub async fn empty(backend: Backend, folder: &Path) -> TestDatabase {
        match backend {
            Backend::Sqlite => TestDatabase::on_sqlite(folder),
            Backend::Postgres => TestDatabase::on_postgres(Server::get().await, "template0").await,
        }
    }

    /// The same as another one, which nobody may be connected to.
    pub async fn copy_of(other: &TestDatabase, folder: &Path) -> TestDatabase {
        match (&other.name, other.file()) {
            (Some(name), _) => TestDatabase::on_postgres(Server::get().await, name).await,
            (None, file) => {
                let copy = TestDatabase::on_sqlite(folder);
                fs::copy(file.unwrap(), copy.file().unwrap()).unwrap();
                copy
            }
        }
    }

    /// A file of SQLite that is there.
    pub fn of_file(file: &Path) -> TestDatabase {
        TestDatabase { url: format!("sqlite://{}", file.display()), name: None }
    }

    fn on_sqlite(folder: &Path) -> TestDatabase {
        TestDatabase::of_file(&folder.join(format!("parrain-{:016x}.db", rand::random::<u64>())))
    }

    async fn on_postgres(server: &Server, template: &str) -> TestDatabase {
        let name = format!("parrain_test_{:016x}", rand::random::<u64>());
        let admin = server.connect().await;
        admin.execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
        admin.close().await.unwrap();
        TestDatabase { url: server.url_of(&name), name: Some(name) }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn file(&self) -> Option<&Path> {
        self.url.strip_prefix("sqlite://").map(Path::new)
    }

    /// A connection behind the program's back.
    pub async fn connect(&self) -> DatabaseConnection {
        let url = match self.name {
            Some(_) => self.url.clone(),
            None => format!("{}?mode=rwc", self.url),
        };
        Database::connect(url).await.unwrap()
    }

    /// Changes the database behind the program's back; answers how many rows that touched.
    pub async fn execute(&self, sql: &str) -> u64 {
        let connection = self.connect().await;
        let touched = connection.execute_unprepared(sql).await.expect(sql).rows_affected();
        connection.close().await.unwrap();
        touched
    }

    /// The first column of every row.
    pub async fn column<T: TryGetable>(&self, sql: &str) -> Vec<T> {
        let connection = self.connect().await;
        let backend = connection.get_database_backend();
        let statement = sea_orm::Statement::from_string(backend, sql);
        let rows = connection.query_all_raw(statement).await.expect(sql);
        let values = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        connection.close().await.unwrap();
        values
    }

    /// The rows of a query as the tables' own models.
    pub async fn models<M: FromQueryResult>(connection: &DatabaseConnection, sql: &str) -> Vec<M> {
        let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.expect(sql);
        rows.iter().map(|row| M::from_query_result(row, "").unwrap()).collect()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        // What drops is not async: a thread of its own waits for it.
        let dropped = std::thread::spawn(move || {
            super::block_on(async {
                let admin = Server::get().await.connect().await;
                let _ = admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
                let _ = admin.close().await;
            });
        });
        let _ = dropped.join();
    }
}

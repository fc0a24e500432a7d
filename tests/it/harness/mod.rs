//! What hides the wiring: each test has a database of its own, on SQLite and again on PostgreSQL, and the built program.

mod csv;
mod database;
mod parrain;
mod postgres;
mod process;
mod program;
mod python;
mod server;

pub use csv::{Csv, Shuffle};
pub use database::{Folder, TestDatabase};
pub use parrain::{Parrain, SECRET};
pub use process::{Output, Running, chromium, free_port, wait_until};
pub use program::{Program, partner, service, staff};
pub use python::{environment, python};
pub use server::Server;

/// Which of the two databases a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Runs each of the tests named, functions of a backend, on both databases: as `name::on_sqlite` and
/// `name::on_postgres`.
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use crate::harness::{Backend, block_on};

            #[test]
            fn on_sqlite() {
                block_on(super::$test(Backend::Sqlite));
            }

            #[test]
            fn on_postgres() {
                block_on(super::$test(Backend::Postgres));
            }
        }
    )+};
}
pub(crate) use on_both_databases;

/// Runs a test to its end.
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test)
}

//! The schema's history: one file a step, one text for both databases.

mod dialect;
mod m20260101_000001_accounts_partners_links;
mod m20260101_000002_lines_and_sums;
mod m20260101_000003_settlements;
mod m20260101_000004_money_out;
mod m20260101_000005_operations;
mod m20260101_000006_changes;
mod m20260101_000006_statistics;
mod m20260101_000008_api_keys;
mod m20260101_000010_visits;
mod m20260102_000005_payment_batches;
mod m20260103_000001_lists;
mod m20260104_000001_arrived_visits;
mod m20260104_000002_webhooks;
mod m20260105_000001_references;
mod m20260106_000001_client_totals;
mod m20260107_000001_client_registrations;

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Every step in the order in which it is applied.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20260101_000001_accounts_partners_links::Migration),
            Box::new(m20260101_000002_lines_and_sums::Migration),
            Box::new(m20260101_000003_settlements::Migration),
            Box::new(m20260101_000004_money_out::Migration),
            Box::new(m20260101_000005_operations::Migration),
            Box::new(m20260101_000006_changes::Migration),
            Box::new(m20260101_000006_statistics::Migration),
            Box::new(m20260101_000008_api_keys::Migration),
            Box::new(m20260101_000010_visits::Migration),
            Box::new(m20260102_000005_payment_batches::Migration),
            Box::new(m20260103_000001_lists::Migration),
            Box::new(m20260104_000001_arrived_visits::Migration),
            Box::new(m20260104_000002_webhooks::Migration),
            Box::new(m20260105_000001_references::Migration),
            Box::new(m20260106_000001_client_totals::Migration),
            Box::new(m20260107_000001_client_registrations::Migration),
        ]
    }
}

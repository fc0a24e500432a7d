//! A lifelike world to look at: seeded partners, clients and staff who live two years through the services.

mod agreements;
mod chance;
mod clients;
mod conversations;
mod diary;
mod directory;
mod life;
mod money_out;
mod names;
mod office;
mod payments;
mod people;
mod provider;
mod rates;
mod staff;
mod visits;
mod world;

pub use directory::{Directory, DirectoryError};
pub use life::{Lived, live};
pub use money_out::payer;
pub use provider::Tally;
pub use world::{Scale, World};

#[cfg(test)]
mod tests;

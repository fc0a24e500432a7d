//! The transport: who calls, what he asks, and how the answer leaves.

mod buckets;
mod client_address;
mod edge;
mod error;
mod export;
mod graphql;
mod health;
mod live;
mod media;
mod print;
mod private;
mod redirect;
mod router;
mod server;
#[cfg(test)]
mod testing;
pub mod token;

pub use edge::RequestId;
pub use health::Ready;
pub use router::{Http, ops_router, public_router, redirects_that_record};
pub use server::{Listeners, ServeError, serve};

//! The interface: GraphQL over the use cases.

pub mod code;
pub mod limits;

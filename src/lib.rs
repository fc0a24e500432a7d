//! Parrain, the backend of a partner programme.

pub mod domain;

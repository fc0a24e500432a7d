//! Parrain, the backend of a partner programme.

fn main() {}

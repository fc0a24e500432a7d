//! Parrain, the backend of a partner programme.

use std::process::ExitCode;

/// Short-lived texts by the million go through an import: a faster allocator tells.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    parrain::cli::run()
}

//! Who runs a command, for the audit log.

use crate::services::audit::{Actor, ActorRole};

/// The user of the machine and its name.
pub fn actor() -> Actor {
    Actor {
        subject: whoami::username().unwrap_or_else(|_| "unknown".to_owned()),
        role: ActorRole::Cli,
        request_id: None,
        origin: whoami::hostname().ok(),
    }
}

//! Named places where a process may be made to die, to show that what it leaves behind is whole (hardening, fault 2).

use std::sync::OnceLock;

/// Every place, in the order in which a settlement comes by.
pub const ALL: [&str; 7] = [
    "settlement.before_close",
    "settlement.close_before_commit",
    "settlement.closed",
    "settlement.statements_before_commit",
    "settlement.statements_written",
    "settlement.complete_before_commit",
    "settlement.completed",
];

/// Ends the process at once, as a kill would, where the environment names this place in `PARRAIN_CRASH_POINT`.
pub fn pass(name: &'static str) {
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("PARRAIN_CRASH_POINT").ok());
    if chosen.as_deref() == Some(name) {
        std::process::abort();
    }
}

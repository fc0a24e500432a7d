//! When a client is active (rule 16).

use chrono::Duration;
use entity::Moment;

/// The window before an instant in which a purchase makes a client active: [from, instant). Days have 24 hours.
pub fn window_from(instant: Moment, window_days: u32) -> Moment {
    instant.minus(Duration::days(i64::from(window_days)))
}

/// Whether a client is active at an instant. `last_purchase` is his last earning purchase that occurred before
/// the instant and is not refunded in full.
pub fn is_active(last_purchase: Option<Moment>, instant: Moment, window_days: u32) -> bool {
    last_purchase.is_some_and(|at| at >= window_from(instant, window_days) && at < instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_holds_its_first_moment_but_not_the_instant() {
        let instant = Moment(1_790_000_000_000_000);
        let ninety_days = 90 * 86_400 * 1_000_000;
        for (before, active) in
            [(0, false), (1, true), (ninety_days, true), (ninety_days + 1, false), (-1, false)]
        {
            assert_eq!(is_active(Some(Moment(instant.0 - before)), instant, 90), active, "{before}");
        }
        assert!(!is_active(None, instant, 90));
    }
}

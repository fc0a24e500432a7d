//! What an answer means, and when a delivery is tried again.

use chrono::{DateTime, Duration};
use entity::Moment;

/// How long after a failure the next attempt comes, by how many have failed: then the delivery is FAILED.
const AFTER: [Duration; 9] = [
    Duration::seconds(5),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(14),
    Duration::hours(20),
    Duration::hours(24),
];

/// The longest that an endpoint may ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::hours(24);

/// What an answer's status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// The endpoint wants nothing any more.
    Gone,
    /// To be tried again: whatever else was answered, a redirect as well.
    Failed,
}

/// Judges a status.
pub fn judge(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Gone,
        _ => Verdict::Failed,
    }
}

/// When a delivery is tried again after so many failures, at least one; none where that was the last attempt. `jitter`
/// is drawn from 0 to 1,000, and lengthens the wait by up to a tenth, so that what failed together does not come
/// together again.
pub fn next_attempt(failures: u32, at: Moment, jitter: u32, pause_until: Option<Moment>) -> Option<Moment> {
    let index = usize::try_from(failures).ok()?.checked_sub(1)?;
    let wait = *AFTER.get(index)?;
    let wait = wait + wait / 10_000 * i32::try_from(jitter.min(1_000)).unwrap_or(0);
    let next = at.plus(wait);
    Some(pause_until.map_or(next, |pause| pause.max(next)))
}

/// Until when a `Retry-After` asks to be left alone: seconds or a date, at most a day from now.
pub fn pause_until(retry_after: &str, now: Moment) -> Option<Moment> {
    let text = retry_after.trim();
    let asked = match text.parse::<u32>() {
        Ok(seconds) => now.plus(Duration::seconds(i64::from(seconds))),
        Err(_) => Moment::from_utc(DateTime::parse_from_rfc2822(text).ok()?.to_utc()),
    };
    (asked > now).then(|| asked.min(now.plus(LONGEST_PAUSE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_767_225_600_000_000);

    #[test]
    fn a_delivery_is_tried_ten_times_over_three_days() {
        let mut waits = Vec::new();
        let mut failures = 1;
        while let Some(at) = next_attempt(failures, NOW, 0, None) {
            waits.push((at.0 - NOW.0) / 1_000_000);
            failures += 1;
        }
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(next_attempt(0, NOW, 0, None), None);
    }

    #[test]
    fn jitter_lengthens_a_wait_by_a_tenth_at_most() {
        let wait = |jitter| (next_attempt(2, NOW, jitter, None).unwrap().0 - NOW.0) / 1_000_000;
        assert_eq!((wait(0), wait(500), wait(1_000), wait(u32::MAX)), (300, 315, 330, 330));
    }

    #[test]
    fn an_endpoint_may_ask_for_a_pause_of_a_day_at_most() {
        let pause = |text| pause_until(text, NOW).map(|until| (until.0 - NOW.0) / 1_000_000);
        for (text, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("4000000000", Some(86_400)),
            ("Thu, 01 Jan 2026 00:10:00 GMT", Some(600)),
            ("Thu, 01 Jan 2099 00:10:00 GMT", Some(86_400)),
            ("Thu, 01 Jan 2015 00:10:00 GMT", None),
            ("0", None),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(pause(text), seconds, "{text}");
        }
        let later = next_attempt(1, NOW, 0, pause_until("60", NOW)).unwrap();
        assert_eq!(later.0 - NOW.0, 60_000_000);
        let sooner = next_attempt(2, NOW, 0, pause_until("60", NOW)).unwrap();
        assert_eq!(sooner.0 - NOW.0, 300_000_000);
    }

    #[test]
    fn only_2xx_is_delivered_and_410_ends_it() {
        for (status, verdict) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (299, Verdict::Delivered),
            (301, Verdict::Failed),
            (307, Verdict::Failed),
            (400, Verdict::Failed),
            (404, Verdict::Failed),
            (410, Verdict::Gone),
            (429, Verdict::Failed),
            (500, Verdict::Failed),
            (101, Verdict::Failed),
        ] {
            assert_eq!(judge(status), verdict, "{status}");
        }
    }
}

//! The programme's rules in plain words, for whoever takes part: data, with the figures in force.

use entity::Money;

/// A rule to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgrammeRule {
    /// A name that stays when the words change.
    pub code: &'static str,
    pub text: String,
}

/// The figures that stand in the rules.
#[derive(Clone, Debug)]
pub struct RuleFigures {
    pub currency: String,
    pub minimum_active_clients: u32,
    pub window_days: u32,
    pub withdrawal_threshold: Money,
    pub is_last_touch: bool,
}

/// `{...}` is a figure of [`RuleFigures`].
const RULES: [(&str, &str); 22] = [
    (
        "LINKS",
        "Your link leads to pages of our site alone. Your first link is yours for good; you may have 1,000 links.",
    ),
    (
        "FIRST_VISIT",
        "Whoever follows your link and opens an account becomes your client, and stays so for ever. {touch}",
    ),
    (
        "NEW_ACCOUNTS",
        "Only accounts that are opened after the visit count. An account that was there before is nobody's \
      client, whatever link it follows later.",
    ),
    (
        "ONE_BINDING",
        "An account is bound once, when it is opened. Nobody but our staff can change whose client it is.",
    ),
    ("NO_PREFETCH", "A visit that a browser makes ahead of the reader does not count."),
    ("NO_BOTS", "Visits by programs do not count."),
    (
        "NO_PAID_SEARCH",
        "Visits over paid advertisements do not count: clicks with the marks of an advertising network, \
      with a paid medium, or from an advertising network's site.",
    ),
    (
        "NO_FORCED_VISITS",
        "The reader must click. A link that opens in a frame, as an image or by a script does not count.",
    ),
    ("NO_DUPLICATES", "The same visitor counts once an hour on the same link."),
    ("NO_SELF_REFERRAL", "You are never your own client."),
    (
        "SHARED_PAYMENT",
        "Clients who pay with your card or sign up with your device are held until our staff has looked \
      at them.",
    ),
    (
        "PUBLISHED_TOKENS",
        "One visitor brings at most three accounts without question; further ones are held until our \
      staff has looked at them.",
    ),
    (
        "NO_LOOK_ALIKES",
        "A site whose name could be taken for ours is not allowed, whether by other letters that look \
      alike or by a letter more or less.",
    ),
    (
        "PRIVACY",
        "We store no address of a visitor. What tells him apart without a cookie is forgotten after two days.",
    ),
    (
        "COMMISSION",
        "You earn your rate of every top-up in real money that your clients make, exactly and without \
      rounding. Bonuses, transfers and commission moved to a balance earn nothing.",
    ),
    (
        "REFUNDS",
        "What a client is paid back takes back the commission on it, at the rate at which it was earned.",
    ),
    (
        "TIERS",
        "Your rate in a half-month follows from the clients who were active when the one before it was settled. A \
      client is active for {window_days} days after a top-up.",
    ),
    (
        "SETTLEMENT",
        "On the 1st and the 15th the half-month that has ended is settled. With at least \
      {minimum_active_clients} active clients what you earned is credited; with fewer it is carried on and nothing is lost.",
    ),
    (
        "WITHDRAWAL",
        "You can withdraw with an accepted contract and more than {withdrawal_threshold} {currency} available, \
      or use any amount for calls.",
    ),
    (
        "SUSPENSION",
        "While a partner is suspended his links lead on but count for nobody, and what is recorded earns nothing. \
      What was earned before stays his.",
    ),
    (
        "LATE_REPORTS",
        "A payment that reaches us late is settled in the oldest half-month that is still open, at the rate \
      of its own.",
    ),
    ("EVIDENCE", "For every visit and every payment you can see whether it counted, and why it did not."),
];

/// The rules in their order.
pub fn rules(figures: &RuleFigures) -> Vec<ProgrammeRule> {
    let touch = match figures.is_last_touch {
        false => "Of several partners the one whose link was followed first has him.",
        true => "Of several partners the one whose link was followed last has him.",
    };
    let filled = |text: &str| {
        text.replace("{touch}", touch)
            .replace("{window_days}", &figures.window_days.to_string())
            .replace("{minimum_active_clients}", &figures.minimum_active_clients.to_string())
            .replace(
                "{withdrawal_threshold}",
                &figures.withdrawal_threshold.to_decimal().normalize().to_string(),
            )
            .replace("{currency}", &figures.currency)
    };
    RULES.iter().map(|(code, text)| ProgrammeRule { code, text: filled(text) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_its_figures() {
        let figures = RuleFigures {
            currency: "EUR".into(),
            minimum_active_clients: 3,
            window_days: 90,
            withdrawal_threshold: Money::from_units(100),
            is_last_touch: false,
        };
        let first = rules(&figures);
        let names: std::collections::HashSet<_> = first.iter().map(|rule| rule.code).collect();
        assert_eq!(names.len(), RULES.len());
        assert!(first.iter().all(|rule| !rule.text.contains(['{', '}'])), "{first:?}");
        assert!(first.iter().any(|rule| rule.text.contains("more than 100 EUR")));
        let last = rules(&RuleFigures { is_last_touch: true, ..figures });
        assert_ne!(first[1], last[1], "last touch is another rule");
    }
}

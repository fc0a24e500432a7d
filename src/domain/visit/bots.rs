//! Which user agents are no person's browser.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// A kept list: see its head.
const KEPT: &str = include_str!("bots.txt");
/// No browser says more; what goes beyond is not looked at.
const MAX_USER_AGENT: usize = 1_024;

/// The kept list, and what the configuration adds.
#[derive(Clone)]
pub struct BotList {
    kept: Regex,
    /// Taken out of a user agent first: parts that only look like a bot's.
    harmless: Vec<&'static str>,
    /// Parts of user agents, in small letters.
    more: Vec<String>,
}

impl BotList {
    /// The kept list with further parts of user agents, without regard to case.
    ///
    /// # Errors
    /// Where the kept list is not one of regular expressions.
    pub fn new(more: &[String]) -> Result<BotList, regex::Error> {
        let lines = || KEPT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let harmless = lines().filter_map(|line| line.strip_prefix('!')).collect();
        let kept: Vec<&str> = lines().filter(|line| !line.starts_with('!')).collect();
        // Without Unicode: user agents are bytes, and ASCII's word boundaries are found in one pass.
        let kept = RegexBuilder::new(&kept.join("|")).unicode(false).build()?;
        let more = more.iter().filter(|part| !part.is_empty()).map(|part| part.to_lowercase()).collect();
        Ok(BotList { kept, harmless, more })
    }

    /// Whether a user agent is a program's own. None at all says nothing: some people's browsers hide theirs.
    pub fn is_bot(&self, user_agent: &str) -> bool {
        let end = user_agent.floor_char_boundary(MAX_USER_AGENT);
        let mut text = user_agent[..end].trim().to_lowercase();
        if self.more.iter().any(|part| text.contains(part)) {
            return true;
        }
        for part in &self.harmless {
            if text.contains(part) {
                text = text.replace(part, "");
            }
        }
        !text.is_empty() && self.kept.is_match(text.as_bytes())
    }
}

/// Shows what was added, not the long list.
impl fmt::Debug for BotList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotList").field("more", &self.more).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_browsers_are_no_bots_and_real_bots_are() {
        let list = BotList::new(&[]).unwrap();
        let browsers = include_str!("../../../tests/data/user-agents/browsers.txt");
        for user_agent in browsers.lines() {
            assert!(!list.is_bot(user_agent), "{user_agent}");
        }
        let bots = include_str!("../../../tests/data/user-agents/bots.txt");
        for user_agent in bots.lines() {
            assert!(list.is_bot(user_agent), "{user_agent}");
        }
        assert!(browsers.lines().count() >= 60 && bots.lines().count() >= 100);
    }

    #[test]
    fn names_that_only_look_like_a_bots_are_let_pass_and_more_can_be_added() {
        let cubot = "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 \
                     Mobile Safari/537.36";
        let kept = BotList::new(&[]).unwrap();
        assert!(!kept.is_bot(cubot) && !kept.is_bot("") && !kept.is_bot("  "));
        for program in
            ["curl/8.5.0", "Wget/1.21", "node", "python-requests/2.32", "okhttp/4.12", "HeadlessChrome"]
        {
            assert!(kept.is_bot(program), "{program}");
        }
        let probing = cubot.replace("CUBOT", "ProbeTool");
        assert!(!kept.is_bot(&probing));
        assert!(BotList::new(&["probetool".into()]).unwrap().is_bot(&probing));
        assert!(!kept.is_bot(&format!("{cubot}{}", "é".repeat(100_000))), "and a long one ends somewhere");
    }
}

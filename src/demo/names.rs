//! The words of the demo's world: codes, campaigns, conversations.

use entity::{TicketAuthor, TicketKind};

/// Codes that partners chose; the first is the partner whose token is printed.
const CHOSEN: [&str; 40] = [
    "voip-berlin",
    "callcheap",
    "PABXPRO",
    "sip-lisboa",
    "hosted-pbx",
    "TelcoNerd",
    "ringring",
    "dialtone-media",
    "voice4biz",
    "trunkline",
    "sipgeek",
    "homeoffice-tel",
    "CALLCENTER24",
    "dect-shop",
    "fax-is-dead",
    "nomad-numbers",
    "startup-phones",
    "hotel-pbx",
    "ip-phone-guide",
    "zoomless",
    "cheap-minutes",
    "tel-avis",
    "numerofacile",
    "voip-vergleich",
    "PraxisTelefon",
    "kanzlei-voip",
    "travel-sim",
    "diaspora-calls",
    "sip-trunk-eu",
    "asterisk-blog",
    "freepbx-tips",
    "3cx-consult",
    "yeastar-partner",
    "snom-fans",
    "gigaset-hilfe",
    "fritz-tipps",
    "provider-radar",
    "tarif-fuchs",
    "kmu-telefonie",
    "call-lyon",
];
const STEMS: [&str; 7] = ["voip", "sip", "pbx", "calls", "trunk", "dial", "telco"];
const CITIES: [&str; 24] = [
    "paris",
    "madrid",
    "milano",
    "wien",
    "zurich",
    "london",
    "dublin",
    "stockholm",
    "porto",
    "lille",
    "hamburg",
    "koeln",
    "gent",
    "utrecht",
    "praha",
    "krakow",
    "riga",
    "athens",
    "nice",
    "sevilla",
    "torino",
    "graz",
    "basel",
    "malmo",
];

/// The code of the partner with this number; no two are alike.
pub fn code(number: usize) -> String {
    match CHOSEN.get(number) {
        Some(chosen) => (*chosen).to_owned(),
        None => {
            let number = number - CHOSEN.len();
            let (stem, city) = (STEMS[number % STEMS.len()], CITIES[number % CITIES.len()]);
            let round = number / (STEMS.len() * CITIES.len());
            if round == 0 { format!("{stem}-{city}") } else { format!("{stem}-{city}-{round}") }
        }
    }
}

/// Further links of a partner: what his code ends with, the label, the campaign, the page.
pub const LINKS: [(&str, &str, Option<&str>, &str); 8] = [
    ("blog", "Link in the blog's side bar", None, "/"),
    ("yt", "Video description", Some("video-2025"), "/pricing"),
    ("news", "Newsletter footer", Some("newsletter"), "/"),
    ("pbx", "Comparison of hosted PBX", Some("comparison"), "/products/pbx"),
    ("summer", "Summer campaign", Some("summer-2025"), "/offers"),
    ("fair", "Flyer at the trade fair (QR code)", Some("trade-fair"), "/"),
    ("podcast", "Podcast sponsorship", Some("podcast"), "/pricing"),
    ("old", "Banner of the old site", None, "/"),
];

/// Codes that clients type and that are nobody's.
pub const UNKNOWN_CODES: [&str; 4] = ["SAVE20", "WELCOME", "friend", "none-given"];

/// Names of account holders.
pub const HOLDERS: [&str; 12] = [
    "Jana Weber",
    "Marc Lefebvre",
    "Sofia Costa",
    "Piotr Nowak",
    "Elena Rossi",
    "Tom Baker",
    "Lars Nilsson",
    "Ana Ruiz",
    "Voice Media GmbH",
    "Call Lyon SARL",
    "Nordtel AB",
    "PBX Pro Ltd",
];

/// A conversation: what is said by whom, how many days after the message before.
#[derive(Debug)]
pub struct Thread {
    pub kind: TicketKind,
    pub subject: &'static str,
    pub messages: &'static [(TicketAuthor, i64, &'static str)],
    /// Days after the last message; left open if none.
    pub closed_after_days: Option<i64>,
}

use TicketAuthor::{Partner, Staff};

pub const THREADS: [Thread; 9] = [
    Thread {
        kind: TicketKind::Question,
        subject: "When is commission credited?",
        messages: &[
            (
                Partner,
                0,
                "My clients have topped up since Monday, but my balance has not changed. When is it credited?",
            ),
            (
                Staff,
                1,
                "Commission is pending until its half-month ends. On the 1st and the 15th it is settled and credited.",
            ),
            (Partner, 1, "Understood, thank you."),
        ],
        closed_after_days: Some(2),
    },
    Thread {
        kind: TicketKind::Dispute,
        subject: "A client is missing",
        messages: &[
            (
                Partner,
                0,
                "A company that I advised signed up last week and I do not see it among my clients.",
            ),
            (
                Staff,
                2,
                "It registered without your link and without your code, so it belongs to nobody. We cannot bind it later.",
            ),
            (Partner, 0, "They opened my link on another computer first. Can you look at that again?"),
        ],
        closed_after_days: None,
    },
    Thread {
        kind: TicketKind::Question,
        subject: "May I advertise on search engines?",
        messages: &[
            (Partner, 0, "Am I allowed to buy advertisements for my link?"),
            (
                Staff,
                1,
                "You may advertise your own pages. Visits that come straight from paid advertisements do not count.",
            ),
        ],
        closed_after_days: None,
    },
    Thread {
        kind: TicketKind::Dispute,
        subject: "Why is this top-up held?",
        messages: &[
            (
                Partner,
                0,
                "One of my clients' top-ups is shown as held. He is my brother-in-law and pays for his own office.",
            ),
            (Staff, 3, "His card is the one on your own account. Please send us his company's registration."),
            (Partner, 4, "I have sent it by mail today."),
            (Staff, 2, "Thank you, we look into it with the next review."),
        ],
        closed_after_days: None,
    },
    Thread {
        kind: TicketKind::Question,
        subject: "Change of bank account",
        messages: &[
            (Partner, 0, "My bank account changes next month. Where do I enter the new one?"),
            (Staff, 1, "You name the account with each withdrawal, so there is nothing to change."),
        ],
        closed_after_days: Some(5),
    },
    Thread {
        kind: TicketKind::Question,
        subject: "Is the tier counted by day?",
        messages: &[
            (Partner, 0, "I had 20 active clients on the 10th and my rate is still that of Standard."),
            (
                Staff,
                1,
                "The tier is fixed when a half-month ends, by the clients active at that moment. If 20 are active then, \
                        Growth begins with the next one.",
            ),
        ],
        closed_after_days: Some(3),
    },
    Thread {
        kind: TicketKind::Dispute,
        subject: "A refund that I do not understand",
        messages: &[
            (Partner, 0, "My statement shows a negative line for a client who still uses the service. Why?"),
            (Staff, 1, "The client was charged twice and got one payment back. The first one still counts."),
            (Partner, 1, "That explains it."),
        ],
        closed_after_days: Some(1),
    },
    Thread {
        kind: TicketKind::Question,
        subject: "QR code for a flyer",
        messages: &[(
            Partner,
            0,
            "Can I print the QR code of my link larger than A4 without it getting blurred?",
        )],
        closed_after_days: None,
    },
    Thread {
        kind: TicketKind::Question,
        subject: "Invoice for my accountant",
        messages: &[
            (Partner, 0, "My accountant needs a document for each payment. Is there one?"),
            (
                Staff,
                2,
                "Every statement has a printable page with its digest. Open it from the list of statements.",
            ),
        ],
        closed_after_days: Some(10),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_codes_are_alike_and_each_is_a_code() {
        let codes: Vec<String> = (0..300).map(code).collect();
        let keys: std::collections::HashSet<_> =
            codes.iter().map(|code| crate::domain::link::code_key(code)).collect();
        assert_eq!(keys.len(), codes.len());
        for code in codes {
            assert_eq!(crate::domain::link::check_code("code", &code), Ok(()), "{code}");
        }
    }
}

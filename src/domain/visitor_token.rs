//! Visitor tokens: attribution that the visitor himself carries, signed (rules 3 and 8).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::Moment;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::keyed::hmac_sha256;

/// No token is longer, in characters; what is longer is not looked at.
pub const MAX_TOKEN: usize = 200;
/// How long a browser keeps the cookie, in days: the longest that browsers allow.
pub const COOKIE_DAYS: u32 = 400;
/// What every token begins with, so that its form can change.
const VERSION: &str = "v1";
/// Visitor id, link id and the microseconds of the visit.
const PAYLOAD_BYTES: usize = 16 + 16 + 8;
const MAX_KEY_ID: usize = 32;

/// The keys that tokens are signed with: the first signs, all verify.
#[derive(Clone, PartialEq, Eq)]
pub struct VisitorKeys(Vec<(String, [u8; 32])>);

/// What a visitor carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitorToken {
    /// Random, and all that tells visitors apart.
    pub visitor_id: [u8; 16],
    pub link_id: Uuid,
    /// The first counted visit; under last touch, the first over the link that was followed last.
    pub visited_at: Moment,
}

/// Which visit wins where several links were followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttributionPolicy {
    #[default]
    FirstTouch,
    LastTouch,
}

impl VisitorKeys {
    /// Takes keys by their ids; `None` where there is none, or an id is used twice or is not 1 to 32 of `A-Za-z0-9_-`.
    pub fn new(keys: Vec<(String, [u8; 32])>) -> Option<VisitorKeys> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_id = |id: &str| (1..=MAX_KEY_ID).contains(&id.len()) && id.bytes().all(is_plain);
        let is_unique = |index: usize, id: &str| keys[..index].iter().all(|(earlier, _)| earlier != id);
        let holds =
            !keys.is_empty() && keys.iter().enumerate().all(|(i, (id, _))| is_id(id) && is_unique(i, id));
        holds.then_some(VisitorKeys(keys))
    }
}

/// Shows ids, never keys.
impl fmt::Debug for VisitorKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// Writes a token: `v1.KEY.PAYLOAD.SIGNATURE`, safe in an address and in a cookie.
pub fn sign(keys: &VisitorKeys, token: &VisitorToken) -> String {
    let mut payload = [0_u8; PAYLOAD_BYTES];
    payload[..16].copy_from_slice(&token.visitor_id);
    payload[16..32].copy_from_slice(token.link_id.as_bytes());
    payload[32..].copy_from_slice(&token.visited_at.0.to_be_bytes());
    // The constructor sees to it that there is a first key.
    let (id, key) = &keys.0[0];
    let signed = format!("{VERSION}.{id}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(mac_of(key, &signed).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// Reads a token; `None` where it is malformed, tampered with or made under a key that is not trusted. The signature
/// is compared in constant time.
pub fn verify(keys: &VisitorKeys, text: &str) -> Option<VisitorToken> {
    if text.len() > MAX_TOKEN {
        return None;
    }
    let (signed, signature) = text.rsplit_once('.')?;
    let (version, rest) = signed.split_once('.')?;
    let (id, payload) = rest.split_once('.')?;
    let (_, key) = keys.0.iter().find(|(known, _)| known == id)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    mac_of(key, signed).verify_slice(&signature).ok()?;
    let payload: [u8; PAYLOAD_BYTES] = URL_SAFE_NO_PAD.decode(payload).ok()?.try_into().ok()?;
    if version != VERSION {
        return None;
    }
    let (visitor_id, rest) = payload.split_first_chunk::<16>()?;
    let (link_id, visited_at) = rest.split_first_chunk::<16>()?;
    Some(VisitorToken {
        visitor_id: *visitor_id,
        link_id: Uuid::from_bytes(*link_id),
        visited_at: Moment(i64::from_be_bytes(visited_at.try_into().ok()?)),
    })
}

/// The token after a visit that leaves or renews attribution (COUNTED or DUPLICATE); after any other visit the
/// visitor keeps what he has. `new_visitor_id` is used where he has none. A link followed again keeps its first time.
pub fn renew(
    existing: Option<VisitorToken>,
    policy: AttributionPolicy,
    link_id: Uuid,
    new_visitor_id: [u8; 16],
    now: Moment,
) -> VisitorToken {
    match existing {
        None => VisitorToken { visitor_id: new_visitor_id, link_id, visited_at: now },
        Some(token) if policy == AttributionPolicy::FirstTouch || token.link_id == link_id => token,
        Some(token) => VisitorToken { visitor_id: token.visitor_id, link_id, visited_at: now },
    }
}

fn mac_of(key: &[u8; 32], signed: &str) -> Hmac<Sha256> {
    let mut mac = hmac_sha256(key);
    mac.update(b"parrain visitor token\n");
    mac.update(signed.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(ids: &[(&str, u8)]) -> VisitorKeys {
        VisitorKeys::new(ids.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; 32])).collect()).unwrap()
    }

    fn token() -> VisitorToken {
        VisitorToken {
            visitor_id: [9; 16],
            link_id: Uuid::from_u128(5),
            visited_at: Moment(1_790_000_000_000_001),
        }
    }

    #[test]
    fn a_token_reads_as_it_was_written_and_is_safe_in_an_address_and_a_cookie() {
        let keys = keys(&[(&"k".repeat(MAX_KEY_ID), 1)]);
        for visited_at in [token().visited_at, Moment(0), Moment(-1), Moment(i64::MAX)] {
            let token = VisitorToken { visited_at, ..token() };
            let text = sign(&keys, &token);
            assert_eq!(verify(&keys, &text), Some(token));
            assert!(text.len() <= MAX_TOKEN);
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
                "{text}"
            );
        }
    }

    #[test]
    fn the_first_key_signs_and_all_verify_until_they_are_taken_away() {
        let old = sign(&keys(&[("2025", 1)]), &token());
        let rotated = keys(&[("2026", 2), ("2025", 1)]);
        assert!(sign(&rotated, &token()).starts_with("v1.2026."));
        assert_eq!(verify(&rotated, &old), Some(token()));
        assert_eq!(verify(&keys(&[("2026", 2)]), &old), None, "a key no longer trusted");
        assert_eq!(verify(&keys(&[("2025", 2)]), &old), None, "another key of the same name");
        assert_eq!(
            verify(&keys(&[("2026", 1), ("2025", 2)]), &old.replace("2025", "2026")),
            None,
            "the name is signed"
        );
    }

    #[test]
    fn keys_have_plain_names_of_their_own_and_are_never_shown() {
        let new = |ids: &[&str]| VisitorKeys::new(ids.iter().map(|id| ((*id).to_owned(), [7; 32])).collect());
        for ids in [&[][..], &[""], &["a", "a"], &["a.b"], &["a b"], &["é"], &[&"k".repeat(33)]] {
            assert!(new(ids).is_none(), "{ids:?}");
        }
        assert_eq!(format!("{:?}", new(&["a", "b"]).unwrap()), r#"["a", "b"]"#);
    }

    #[test]
    fn what_is_no_token_is_none() {
        let keys = keys(&[("k", 1)]);
        let good = sign(&keys, &token());
        for text in [
            "",
            ".",
            "...",
            "v1.k..",
            "v1.k.AAAA.AAAA",
            &good[1..],
            &good[..good.len() - 1],
            &format!("{good}="),
            &format!("{good}."),
            &format!(" {good}"),
            &good.replace("v1", "v2"),
            &good.replace('.', ".."),
            &"x".repeat(201),
            &format!("{good}{}", "A".repeat(1 << 20)),
        ] {
            assert_eq!(verify(&keys, text), None, "{:.80}", text);
        }
    }

    #[test]
    fn the_first_visit_wins_unless_the_policy_is_turned_round() {
        use AttributionPolicy::{FirstTouch, LastTouch};
        let (here, there) = (token().link_id, Uuid::from_u128(6));
        let later = Moment(token().visited_at.0 + 1);
        let begun = VisitorToken { visitor_id: [1; 16], link_id: there, visited_at: later };
        let turned = VisitorToken { link_id: there, visited_at: later, ..token() };
        for (existing, policy, link_id, renewed) in [
            (None, FirstTouch, there, begun),
            (None, LastTouch, there, begun),
            (Some(token()), FirstTouch, there, token()),
            (Some(token()), LastTouch, there, turned),
            (Some(token()), LastTouch, here, token()),
        ] {
            assert_eq!(renew(existing, policy, link_id, [1; 16], later), renewed, "{policy:?} {existing:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_verification_panic(text in any::<String>(), tail in "[A-Za-z0-9_.-]{0,180}") {
            let keys = keys(&[("k", 1)]);
            prop_assert_eq!(verify(&keys, &text), None);
            prop_assert_eq!(verify(&keys, &format!("v1.k.{tail}")), None);
        }

        #[test]
        fn a_token_with_one_bit_turned_is_none(position in 0_usize..1_000, bit in 0..8) {
            let keys = keys(&[("k", 1)]);
            let mut bytes = sign(&keys, &token()).into_bytes();
            let position = position % bytes.len();
            bytes[position] ^= 1_u8 << bit;
            prop_assert_eq!(verify(&keys, &String::from_utf8_lossy(&bytes)), None);
        }
    }
}

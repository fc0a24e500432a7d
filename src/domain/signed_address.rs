//! Addresses that work without a token, for one object and five minutes: a page or a file that a browser opens itself.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use entity::Moment;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::keyed::hmac_sha256;

/// How long an address works, in minutes.
const MINUTES: i64 = 5;
const EXPIRES: &str = "expires=";
const SIGNATURE: &str = "&signature=";

/// The keys that addresses are signed with: the first signs, all verify.
#[derive(Clone)]
pub struct AddressKeys(Vec<(String, [u8; 32])>);

/// Shows ids, never keys.
impl fmt::Debug for AddressKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// Why an address is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error("the address is not signed")]
    NotSigned,
    #[error("the address was changed")]
    Changed,
    #[error("the address worked for five minutes, which are over")]
    Expired,
}

impl AddressKeys {
    /// Takes keys by their ids; none where there is none.
    pub fn new(keys: Vec<(String, [u8; 32])>) -> Option<AddressKeys> {
        (!keys.is_empty()).then_some(AddressKeys(keys))
    }

    /// Signs a path with its query: `/export/ledger.csv?partner=...`.
    pub fn sign(&self, path_and_query: &str, now: Moment) -> String {
        let expires = now.plus(Duration::minutes(MINUTES)).0.div_euclid(1_000_000);
        let separator = if path_and_query.contains('?') { '&' } else { '?' };
        let signed = format!("{path_and_query}{separator}{EXPIRES}{expires}");
        // The constructor sees to it that there is a first key.
        let (id, key) = &self.0[0];
        let signature = URL_SAFE_NO_PAD.encode(mac_of(key, &signed).finalize().into_bytes());
        format!("{signed}{SIGNATURE}{id}.{signature}")
    }

    /// Whether an address carries a signature; a good one or not.
    pub fn is_signed(path_and_query: &str) -> bool {
        path_and_query.contains(SIGNATURE)
    }

    /// Checks an address as it came, to the last byte. The signature is compared in constant time.
    ///
    /// # Errors
    /// `BadAddress`.
    pub fn verify(&self, path_and_query: &str, now: Moment) -> Result<(), BadAddress> {
        let (signed, signature) = path_and_query.rsplit_once(SIGNATURE).ok_or(BadAddress::NotSigned)?;
        let (id, signature) = signature.split_once('.').ok_or(BadAddress::Changed)?;
        let (_, key) = self.0.iter().find(|(known, _)| known == id).ok_or(BadAddress::Changed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| BadAddress::Changed)?;
        mac_of(key, signed).verify_slice(&signature).map_err(|_| BadAddress::Changed)?;
        let expires = signed.rsplit_once(EXPIRES).and_then(|(_, seconds)| seconds.parse::<i64>().ok());
        let expires = expires.ok_or(BadAddress::Changed)?;
        if now.0.div_euclid(1_000_000) < expires { Ok(()) } else { Err(BadAddress::Expired) }
    }
}

fn mac_of(key: &[u8; 32], signed: &str) -> Hmac<Sha256> {
    let mut mac = hmac_sha256(key);
    mac.update(b"parrain address\n");
    mac.update(signed.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_790_000_000_500_000);

    fn keys(ids: &[(&str, u8)]) -> AddressKeys {
        AddressKeys::new(ids.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; 32])).collect()).unwrap()
    }

    #[test]
    fn an_address_works_for_five_minutes_and_for_what_it_names() {
        let keys = keys(&[("a", 1)]);
        for path in ["/statements/1", "/export/ledger.csv?partner=2&from=2026-01-01"] {
            let address = keys.sign(path, NOW);
            assert!(address.starts_with(path) && AddressKeys::is_signed(&address));
            assert_eq!(keys.verify(&address, NOW), Ok(()));
            assert_eq!(keys.verify(&address, NOW.plus(Duration::seconds(299))), Ok(()));
            assert_eq!(keys.verify(&address, NOW.plus(Duration::seconds(301))), Err(BadAddress::Expired));
            let other = address.replacen(['1', '2'], "3", 1);
            assert_eq!(keys.verify(&other, NOW), Err(BadAddress::Changed), "{other}");
            assert_eq!(keys.verify(path, NOW), Err(BadAddress::NotSigned));
            assert_eq!(keys.verify(&format!("{address}x"), NOW), Err(BadAddress::Changed));
        }
    }

    #[test]
    fn a_later_end_or_another_key_makes_no_good_address() {
        let address = keys(&[("a", 1)]).sign("/statements/1", NOW);
        let expires = address.split(EXPIRES).nth(1).unwrap().split('&').next().unwrap();
        let later = address.replace(expires, "9999999999");
        assert_eq!(keys(&[("a", 1)]).verify(&later, NOW), Err(BadAddress::Changed));
        assert_eq!(keys(&[("a", 2)]).verify(&address, NOW), Err(BadAddress::Changed));
        assert_eq!(keys(&[("b", 2), ("a", 1)]).verify(&address, NOW), Ok(()), "an old key still verifies");
    }
}

//! How a visitor without a token is told apart: never by his address itself (rule 5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hmac::Mac;
use uuid::Uuid;

use crate::domain::keyed::hmac_sha256;

/// How long a day's salt is.
pub const SALT_BYTES: usize = 32;
/// Those who share a network share a prefix: of IPv4 the first 24 bits, of IPv6 the first 48.
const IPV4_BITS: u32 = 24;
const IPV6_BITS: u32 = 48;

/// An HMAC of the network prefix and the user agent, under a salt that changes daily.
pub fn visitor_without_token(salt: &[u8; SALT_BYTES], address: Option<IpAddr>, user_agent: &str) -> Uuid {
    let mut mac = hmac_sha256(salt);
    mac.update(b"parrain visitor\n");
    mac.update(address.map(prefix_of).unwrap_or_default().as_bytes());
    mac.update(b"\n");
    mac.update(user_agent.as_bytes());
    let hash = mac.finalize().into_bytes();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(bytes)
}

fn prefix_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - IPV4_BITS))).to_string()
        }
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6_BITS))).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(salt: u8, address: &str, user_agent: &str) -> Uuid {
        visitor_without_token(&[salt; SALT_BYTES], address.parse().ok(), user_agent)
    }

    #[test]
    fn a_visitor_is_his_network_and_his_browser_for_a_day() {
        let visitor_of = |address| visitor(1, address, "Firefox");
        assert_eq!(visitor_of("203.0.113.7"), visitor_of("203.0.113.200"), "one network");
        assert_eq!(visitor_of("203.0.113.7"), visitor_of("::ffff:203.0.113.7"));
        assert_eq!(visitor_of("2001:db8:1:2::3"), visitor_of("2001:db8:1:ffff::9"));
        assert_ne!(visitor_of("203.0.113.7"), visitor_of("203.0.114.7"));
        assert_ne!(visitor_of("2001:db8:1::3"), visitor_of("2001:db8:2::3"));
        assert_ne!(visitor_of("203.0.113.7"), visitor(1, "203.0.113.7", "Safari"));
        assert_ne!(visitor_of("203.0.113.7"), visitor(2, "203.0.113.7", "Firefox"), "another day");
        assert_eq!(visitor_of(""), visitor_of("nowhere"), "of an address that nobody knows");
    }
}

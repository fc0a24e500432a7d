//! Where deliveries may go: public addresses over https, and what the operator allows besides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::domain::error::Invalid;

/// The longest address, in bytes.
pub const MAX_URL: usize = 2_000;

/// Names that lead to no public host.
const PRIVATE_NAMES: [&str; 7] = ["localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion"];

/// Reads an endpoint's address. `is_allowed` says which private addresses the operator allows; to one of those, written
/// out as an address, plain http will do.
///
/// # Errors
/// `Invalid` says what is wrong with it. What its name resolves to is looked at with each delivery.
pub fn check_url(text: &str, is_allowed: impl Fn(IpAddr) -> bool) -> Result<Url, Invalid> {
    let wrong = |reason: &str| Invalid::new("url", reason);
    if text.len() > MAX_URL {
        return Err(wrong("is longer than 2,000 bytes"));
    }
    if text.chars().any(|letter| letter.is_control() || letter.is_whitespace() || letter == '\\') {
        return Err(wrong("has blanks, backslashes or control characters"));
    }
    let url = Url::parse(text).map_err(|_| wrong("is no address such as https://example.com/hooks"))?;
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err(wrong("has credentials or an @"));
    }
    if url.fragment().is_some() {
        return Err(wrong("has a fragment"));
    }
    if url.port() == Some(0) {
        return Err(wrong("has the port 0"));
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(name)) if is_public_name(name) => None,
        _ => return Err(wrong("has no public host")),
    };
    let is_private_but_allowed = address.is_some_and(&is_allowed);
    match url.scheme() {
        "https" => {}
        "http" if is_private_but_allowed => {}
        _ => return Err(wrong("is not https")),
    }
    if address.is_some_and(|address| !is_public(address)) && !is_private_but_allowed {
        return Err(wrong("has no public host"));
    }
    Ok(url)
}

/// Whether a name may be one of the public: it has a dot, and no ending that is known to be private.
fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_private =
        |ending: &str| name == ending || name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'));
    name.contains('.') && !PRIVATE_NAMES.iter().any(|ending| is_private(ending))
}

/// Whether an address belongs to the public internet. What only leads to another address (mapped, translated, tunnelled)
/// does not, whatever that one is.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Networks of IPv4 that are not public: the address, and how many bits of it are the network's.
const PRIVATE_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let lies_in = |(network, bits): &([u8; 4], u32)| {
        (address.to_bits() ^ Ipv4Addr::from(*network).to_bits()).leading_zeros() >= *bits
    };
    !PRIVATE_V4.iter().any(lies_in)
}

/// Of IPv6 only 2000::/3 is given out, and of that these are not public: protocols and Teredo, documentation, 6to4.
const PRIVATE_V6: [(u128, u32); 4] =
    [(0x2001_0000 << 96, 23), (0x2001_0db8 << 96, 32), (0x2002_0000 << 96, 16), (0x3fff_0000 << 96, 20)];

fn is_public_v6(address: Ipv6Addr) -> bool {
    let lies_in = |(network, bits): &(u128, u32)| (address.to_bits() ^ network).leading_zeros() >= *bits;
    lies_in(&(0x2000_0000 << 96, 3)) && !PRIVATE_V6.iter().any(lies_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_not_public_is_told_from_one_that_is() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn hostile_addresses_are_refused() {
        let none = |_| false;
        for text in [
            "",
            "example.com",
            "http://example.com/",
            "ftp://example.com/",
            "https://",
            "https:///x",
            "https://user@example.com/",
            "https://user:secret@example.com/",
            "https://@example.com/",
            "https://example.com@127.0.0.1/",
            "https://localhost/",
            "https://localhost./",
            "https://a.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://intranet/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:8.8.8.8]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://100.64.0.1/",
            "https://\u{ff11}27.0.0.1/",
            "https://example.com/#x",
            "https://exam ple.com/",
            "https://example.com/\n",
            "https:\\\\example.com\\",
            "https://example.com:0/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "gopher://example.com/",
        ] {
            assert!(check_url(text, none).is_err(), "{text}");
        }
        assert!(check_url(&format!("https://example.com/{}", "a".repeat(2_000)), none).is_err());
        for text in [
            "https://example.com",
            "https://hooks.example.com:8443/a/b?c=d",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://b\u{fc}cher.example/",
        ] {
            assert!(check_url(text, none).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_operator_may_allow_private_addresses_and_plain_http_to_them() {
        let mine = |address: IpAddr| address == IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3));
        for text in ["https://10.1.2.3/", "http://10.1.2.3:8080/hooks"] {
            assert!(check_url(text, mine).is_ok(), "{text}");
        }
        for text in ["http://10.1.2.4/", "https://10.1.2.4/", "http://example.com/", "http://8.8.8.8/"] {
            assert!(check_url(text, mine).is_err(), "{text}");
        }
    }
}

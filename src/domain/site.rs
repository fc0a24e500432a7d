//! The sites that partners declare: none that could be taken for the provider's own (abuse rules).

use strsim::osa_distance;
use unicode_security::confusable_detection::skeleton;
use url::{Host, Url};

use super::error::Invalid;
use super::target::SiteRules;

/// How many sites a partner may declare.
pub const MAX_SITES: u32 = 100;
/// The longest address that is looked at, in bytes.
const MAX_ADDRESS: usize = 2_048;
/// A shorter label is everybody's: www, co, sip.
const MIN_NAME: usize = 4;

/// Checks an address, or the bare name of a host; answers the host, what is no ASCII in Punycode.
///
/// # Errors
/// Where it is no public web site, or one that resembles the provider's.
pub fn check_site(provider: &SiteRules, address: &str) -> Result<String, Invalid> {
    let refused = |reason: &str| Invalid::new("url", reason);
    if address.len() > MAX_ADDRESS {
        return Err(refused("is too long"));
    }
    let address = match address.contains("://") {
        true => Url::parse(address),
        false => Url::parse(&format!("https://{address}")),
    };
    let url = address.map_err(|_| refused("is not the address of a web site"))?;
    let host = match (url.scheme(), url.host()) {
        ("https" | "http", Some(Host::Domain(host))) if is_public(host) => {
            host.trim_end_matches('.').to_owned()
        }
        _ => return Err(refused("is not the address of a public web site")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("holds a name or password"));
    }
    if resembles_provider(provider, &host) {
        return Err(refused("could be taken for the provider's own site"));
    }
    Ok(host)
}

fn is_public(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.contains('.') && !host.ends_with(".localhost") && !host.ends_with(".local") && host.len() <= 253
}

/// Whether a part of a host's name is, or looks much like, a part of the name of one of the provider's.
fn resembles_provider(provider: &SiteRules, host: &str) -> bool {
    let front_page = provider.front_page.host_str().map(str::to_owned);
    let own: Vec<String> =
        front_page.iter().chain(&provider.allowed_hosts).flat_map(|own| names_in(own)).collect();
    let declared = names_in(host);
    own.iter().any(|own| declared.iter().any(|declared| looks_like(own, declared)))
}

/// The labels of a host's name but the last, as they look to the eye.
fn names_in(host: &str) -> Vec<String> {
    // An address of numbers has no names.
    if !matches!(Host::parse(host), Ok(Host::Domain(_))) {
        return Vec::new();
    }
    let (readable, _) = idna::domain_to_unicode(host.trim_end_matches('.'));
    let mut labels: Vec<&str> = readable.split('.').collect();
    labels.pop();
    labels.into_iter().map(as_it_looks).filter(|label| label.chars().count() >= MIN_NAME).collect()
}

/// Confusable letters turned into one, without hyphens.
fn as_it_looks(label: &str) -> String {
    let lower = label.to_lowercase();
    skeleton(&lower).flat_map(char::to_lowercase).filter(|letter| *letter != '-').collect()
}

/// A longer name may differ by more letters and still be taken for the other.
fn looks_like(own: &str, declared: &str) -> bool {
    let allowed = match own.chars().count().min(declared.chars().count()) {
        0..=4 => 0,
        5..=8 => 1,
        _ => 2,
    };
    osa_distance(own, declared) <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> SiteRules {
        SiteRules {
            front_page: Url::parse("https://www.novaphone.example/").unwrap(),
            allowed_hosts: vec!["sip.acme.co.uk".into(), "127.0.0.1".into(), "localhost".into()],
            denied_paths: vec![],
        }
    }

    #[test]
    fn a_site_that_could_be_taken_for_the_providers_is_refused() {
        for site in [
            "https://novaphone.example",
            "www.novaphone.example",
            "novaphone.shop",
            "nova-phone.net",
            "novaphone-.net",
            "novophone.example",
            "novphone.example",
            "novaphonee.de",
            "n0vaph0ne.com",
            "novaphоne.com",
            "xn--novaphne-sbh.com",
            "login.novaphone.evil.example",
            "nοvaphone.example",
            "acme.co.uk",
            "acrne.co.uk",
        ] {
            let refused = check_site(&provider(), site).unwrap_err();
            assert!(refused.to_string().contains("could be taken"), "{site}: {refused}");
        }
    }

    #[test]
    fn any_other_public_site_is_a_partners_own() {
        for (site, host) in [
            ("https://blog.example/voip?x=1", "blog.example"),
            ("voip-reviews.co.uk", "voip-reviews.co.uk"),
            ("http://Bücher.example:8080/", "xn--bcher-kva.example"),
            ("www.telefonie-vergleich.example", "www.telefonie-vergleich.example"),
            ("sip.example", "sip.example"),
            ("acne.example", "acne.example"),
        ] {
            assert_eq!(check_site(&provider(), site).as_deref(), Ok(host));
        }
    }

    #[test]
    fn what_is_no_public_site_is_refused() {
        for site in [
            "",
            "blog",
            "https://",
            "ftp://blog.example",
            "javascript:alert(1)",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "x.localhost",
            "https://ann@blog.example/",
            "a b.example",
            &"x".repeat(3_000),
        ] {
            assert!(check_site(&provider(), site).is_err(), "{site}");
        }
    }
}

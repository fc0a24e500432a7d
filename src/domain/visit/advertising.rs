//! Which visits were paid for by an advertisement (rule 4).

use url::{Url, form_urlencoded};

/// What advertising networks add to an address that was paid for.
const CLICK_IDS: [&str; 8] =
    ["gclid", "gbraid", "wbraid", "dclid", "gad_source", "gad_campaignid", "msclkid", "yclid"];
const PAID_MEDIUMS: [&str; 5] = ["cpc", "ppc", "paid_search", "paidsearch", "sem"];

/// Whether a query carries a click id, or says itself that it was paid for.
pub(super) fn is_paid_for(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        let name = name.trim().to_ascii_lowercase();
        let is_paid_medium =
            name == "utm_medium" && PAID_MEDIUMS.contains(&value.trim().to_ascii_lowercase().as_str());
        CLICK_IDS.contains(&name.as_str()) || is_paid_medium
    })
}

pub(super) fn is_ad_host(ad_hosts: &[String], referrer: &str) -> bool {
    if ad_hosts.is_empty() {
        return false;
    }
    host_of(referrer).is_some_and(|host| ad_hosts.iter().any(|ad_host| is_host_or_below(&host, ad_host)))
}

/// The host of an address, in small letters; `None` for what is no address.
pub fn host_of(address: &str) -> Option<String> {
    Some(Url::parse(address).ok()?.host_str()?.to_ascii_lowercase()).filter(|host| !host.is_empty())
}

/// Whether a host is a domain or lies below it.
pub fn is_host_or_below(host: &str, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    host == domain || host.strip_suffix(domain.as_str()).is_some_and(|below| below.ends_with('.'))
}

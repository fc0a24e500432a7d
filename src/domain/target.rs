//! Where a link leads: only ever to a page of the provider's site (rules 1 and 2).

use url::{Host, Url, form_urlencoded};

use super::text::is_printable;

/// The longest target, in bytes.
pub const MAX_TARGET: usize = 2_048;
/// The query parameter that carries the visitor token.
const VISITOR: &str = "visitor";

/// What the configuration says of the provider's site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteRules {
    pub front_page: Url,
    /// Hosts beside the front page's own, without ports. A loopback host here (in development) may use http and any port.
    pub allowed_hosts: Vec<String>,
    /// Paths that no link opens, with all below them: `/login`.
    pub denied_paths: Vec<String>,
}

/// Why a link cannot open a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetRefusal {
    #[error("it is too long")]
    TooLong,
    #[error("it is neither a path nor an address")]
    NotAnAddress,
    #[error("it holds a character that no address of the site has")]
    Character,
    #[error("only https is allowed")]
    Scheme,
    #[error("an address with a name or password is not allowed")]
    Credentials,
    #[error("the host is not one of the site's")]
    Host,
    #[error("a port is not allowed")]
    Port,
    #[error("the path is not written plainly")]
    Path,
    #[error("links may not open this page")]
    Denied,
}

/// Checks the page that a link is to open: a path, or an address on an allowed host. `None` is the front page.
pub fn check_target(rules: &SiteRules, target: Option<&str>) -> Result<Url, TargetRefusal> {
    let Some(text) = target else { return Ok(rules.front_page.clone()) };
    check_characters(text)?;
    let url = if text.starts_with('/') {
        check_written_path(path_of(text))?;
        rules.front_page.join(text).map_err(|_| TargetRefusal::NotAnAddress)?
    } else {
        let (scheme, rest) = text.split_once("://").ok_or(TargetRefusal::NotAnAddress)?;
        if !["https", "http"].iter().any(|allowed| scheme.eq_ignore_ascii_case(allowed)) {
            return Err(TargetRefusal::Scheme);
        }
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if authority_end == 0 {
            return Err(TargetRefusal::NotAnAddress);
        }
        check_written_path(path_of(&rest[authority_end..]))?;
        Url::parse(text).map_err(|_| TargetRefusal::NotAnAddress)?
    };
    check_site(rules, &url)?;
    check_not_denied(rules, url.path())?;
    // Sites that route in the browser read a fragment with a slash as a path.
    let fragment = url.fragment().unwrap_or_default().trim_start_matches('!');
    if fragment.starts_with('/') {
        check_not_denied(rules, fragment)?;
    }
    Ok(url)
}

/// Where a click on a link goes. The target is checked again, since the rules may have changed after it was stored;
/// what does not hold leads to the front page. `extra_path` is what follows the code in the request's address, still
/// percent-encoded; it goes below the target's path. `query` is the request's own: its parameters are kept, `visitor`
/// is replaced by `visitor_token` or dropped.
pub fn redirect_to(
    rules: &SiteRules,
    stored_target: &str,
    extra_path: Option<&str>,
    query: Option<&str>,
    visitor_token: Option<&str>,
) -> Url {
    let mut url = check_target(rules, Some(stored_target))
        .and_then(|target| go_below(rules, target, extra_path.unwrap_or_default()))
        .unwrap_or_else(|_| rules.front_page.clone());
    let parameters = {
        let own = url.query().unwrap_or_default().split('&');
        let token = visitor_token.map(|token| format!("{VISITOR}={token}"));
        own.chain(query.unwrap_or_default().split('&'))
            .filter(|parameter| !parameter.is_empty() && !is_visitor(parameter))
            .map(str::to_owned)
            .chain(token)
            .collect::<Vec<_>>()
            .join("&")
    };
    url.set_query((!parameters.is_empty()).then_some(parameters.as_str()));
    url
}

/// The page below a target, itself checked as a target.
fn go_below(rules: &SiteRules, mut target: Url, extra_path: &str) -> Result<Url, TargetRefusal> {
    let extra_path = extra_path.strip_prefix('/').unwrap_or(extra_path);
    if extra_path.is_empty() {
        return Ok(target);
    }
    if extra_path.contains(['?', '#']) {
        return Err(TargetRefusal::Path);
    }
    check_characters(extra_path)?;
    let path = format!("{}/{extra_path}", target.path().trim_end_matches('/'));
    check_written_path(&path)?;
    target.set_path(&path);
    target.set_fragment(None);
    check_target(rules, Some(target.as_str()))
}

/// Parsers drop or turn some characters without a word; none of them has a place in an address.
fn check_characters(text: &str) -> Result<(), TargetRefusal> {
    if text.len() > MAX_TARGET {
        return Err(TargetRefusal::TooLong);
    }
    let is_trick = |c: char| !is_printable(c) || c.is_whitespace() || matches!(c, '\\' | '@');
    if text.chars().any(is_trick) { Err(TargetRefusal::Character) } else { Ok(()) }
}

fn path_of(text: &str) -> &str {
    &text[..text.find(['?', '#']).unwrap_or(text.len())]
}

/// A path as it is written must mean one thing to whoever reads it: no empty or dot segments, and nothing encoded
/// that would change its meaning once decoded.
fn check_written_path(path: &str) -> Result<(), TargetRefusal> {
    let decoded = percent_decode(path).ok_or(TargetRefusal::Path)?;
    let is_trick = |c: char| !is_printable(c) || matches!(c, '\\' | '@' | '%' | '\u{FFFD}');
    let encodes_slash = decoded.matches('/').count() != path.matches('/').count();
    let has_dots = decoded.split('/').any(|segment| matches!(name_of(segment), "." | ".."));
    if decoded.chars().any(is_trick) || encodes_slash || has_dots || decoded.contains("//") {
        return Err(TargetRefusal::Path);
    }
    Ok(())
}

fn check_site(rules: &SiteRules, url: &Url) -> Result<(), TargetRefusal> {
    let host = url.host().ok_or(TargetRefusal::Host)?;
    let is_loopback = match &host {
        // Names below it are this machine's too (RFC 6761).
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let host = host.to_owned();
    let is_allowed = rules.front_page.host().is_some_and(|front| front.to_owned() == host)
        || rules
            .allowed_hosts
            .iter()
            .any(|allowed| Host::parse(allowed).is_ok_and(|allowed| allowed == host));
    if !is_allowed {
        return Err(TargetRefusal::Host);
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
        return Err(TargetRefusal::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetRefusal::Credentials);
    }
    if url.port().is_some() && !is_loopback {
        return Err(TargetRefusal::Port);
    }
    Ok(())
}

/// Compares segment by segment, decoded and without regard to case; what follows `;` is a parameter to some servers.
fn check_not_denied(rules: &SiteRules, path: &str) -> Result<(), TargetRefusal> {
    let path = segments_of(path)?;
    for denied in &rules.denied_paths {
        let denied = segments_of(denied)?;
        if !denied.is_empty() && path.starts_with(&denied) {
            return Err(TargetRefusal::Denied);
        }
    }
    Ok(())
}

fn segments_of(path: &str) -> Result<Vec<String>, TargetRefusal> {
    let decoded = percent_decode(path).ok_or(TargetRefusal::Path)?;
    Ok(decoded.split('/').map(name_of).filter(|name| !name.is_empty()).map(str::to_lowercase).collect())
}

/// A segment without its parameters.
fn name_of(segment: &str) -> &str {
    segment.split_once(';').map_or(segment, |(name, _)| name)
}

/// Decodes `%XX`; `None` where that is not two hexadecimal digits or the bytes are not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn is_visitor(parameter: &str) -> bool {
    form_urlencoded::parse(parameter.as_bytes()).any(|(name, _)| name == VISITOR)
}

#[cfg(test)]
mod tests;

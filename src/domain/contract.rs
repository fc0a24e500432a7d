//! The contract that a partner needs before money is paid out (rule 26).

pub use entity::ContractStatus;
use entity::Moment;
use url::Url;

use super::error::{Invalid, Refusal};
use super::text::check_text;

/// The longest name of a version, in characters.
pub const MAX_VERSION: usize = 64;
/// The longest address of a document, in characters.
pub const MAX_DOCUMENT_URL: usize = 2_048;

/// A version of the document, which its digest names exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractDocument {
    pub version: String,
    /// https.
    pub url: String,
    /// SHA-256 of the document: 64 lower-case hexadecimal digits.
    pub digest: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractOffer {
    pub document: ContractDocument,
    pub offered_at: Moment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractAcceptance {
    pub document: ContractDocument,
    pub accepted_at: Moment,
    /// Who accepted.
    pub by: String,
}

/// A partner's contract as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractState {
    pub status: ContractStatus,
    pub requested_at: Option<Moment>,
    /// What waits to be accepted; beside an acceptance where a newer version is offered.
    pub offer: Option<ContractOffer>,
    /// What was accepted last; in force while the status is ACTIVE.
    pub acceptance: Option<ContractAcceptance>,
}

impl ContractState {
    /// Whether the partner has a contract in force.
    pub fn is_in_force(&self) -> bool {
        self.status == ContractStatus::Active
    }

    fn cannot_become(&self, to: ContractStatus) -> Refusal {
        Refusal::IllegalTransition { from: self.status.as_str(), to: to.as_str() }
    }
}

/// The partner asks for the contract. After a termination this begins anew, without the old offer and acceptance.
pub fn request(state: &ContractState, now: Moment) -> Result<ContractState, Refusal> {
    match state.status {
        ContractStatus::None | ContractStatus::Terminated => Ok(ContractState {
            status: ContractStatus::Requested,
            requested_at: Some(now),
            offer: None,
            acceptance: None,
        }),
        ContractStatus::Requested => Err(Refusal::AlreadyDone),
        ContractStatus::Offered | ContractStatus::Active => {
            Err(state.cannot_become(ContractStatus::Requested))
        }
    }
}

/// Staff offers a version, asked or unasked. What was accepted stays in force until the offer is accepted.
pub fn offer(
    state: &ContractState,
    document: ContractDocument,
    now: Moment,
) -> Result<ContractState, Refusal> {
    check_document(&document)?;
    let in_force = state.acceptance.clone().filter(|_| state.is_in_force());
    let offered = state.offer.as_ref().map(|offer| &offer.document);
    let accepted = in_force.as_ref().map(|acceptance| &acceptance.document);
    if offered.or(accepted) == Some(&document) {
        return Err(Refusal::AlreadyDone);
    }
    Ok(ContractState {
        status: if state.is_in_force() { ContractStatus::Active } else { ContractStatus::Offered },
        requested_at: state.requested_at,
        offer: Some(ContractOffer { document, offered_at: now }),
        acceptance: in_force,
    })
}

/// The partner accepts exactly the document that is offered, named by its digest.
pub fn accept(state: &ContractState, digest: &str, by: &str, now: Moment) -> Result<ContractState, Refusal> {
    check_digest(digest)?;
    let accepted = state.acceptance.as_ref().filter(|_| state.is_in_force());
    match &state.offer {
        Some(offer) if offer.document.digest == digest => Ok(ContractState {
            status: ContractStatus::Active,
            requested_at: state.requested_at,
            offer: None,
            acceptance: Some(ContractAcceptance {
                document: offer.document.clone(),
                accepted_at: now,
                by: by.to_owned(),
            }),
        }),
        _ if accepted.is_some_and(|accepted| accepted.document.digest == digest) => Err(Refusal::AlreadyDone),
        Some(_) => Err(Invalid::new("documentDigest", "is not that of the offered document").into()),
        None => Err(state.cannot_become(ContractStatus::Active)),
    }
}

/// Staff ends the contract, or what has begun of it; an offer goes with it, the acceptance stays on record.
pub fn terminate(state: &ContractState) -> Result<ContractState, Refusal> {
    match state.status {
        ContractStatus::None => Err(state.cannot_become(ContractStatus::Terminated)),
        ContractStatus::Terminated => Err(Refusal::AlreadyDone),
        ContractStatus::Requested | ContractStatus::Offered | ContractStatus::Active => {
            Ok(ContractState { status: ContractStatus::Terminated, offer: None, ..state.clone() })
        }
    }
}

fn check_document(document: &ContractDocument) -> Result<(), Invalid> {
    check_text("version", &document.version, MAX_VERSION)?;
    check_text("documentUrl", &document.url, MAX_DOCUMENT_URL)?;
    let is_https = Url::parse(&document.url).is_ok_and(|url| {
        url.scheme() == "https"
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if !is_https {
        return Err(Invalid::new("documentUrl", "is not an https address"));
    }
    check_digest(&document.digest)
}

fn check_digest(digest: &str) -> Result<(), Invalid> {
    if digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(Invalid::new("documentDigest", "is not 64 lower-case hexadecimal digits"))
}

#[cfg(test)]
mod tests;

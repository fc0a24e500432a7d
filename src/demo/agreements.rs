//! Contracts of the world: asked for, offered, accepted, some of them late or never.

use entity::{ContractStatus, Moment, contract};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::office::{Office, Today};
use super::people::People;
use super::world::Lot;
use crate::domain::contract::ContractDocument;
use crate::services::contract as contracts;
use crate::services::error::ServiceError;

/// The version of the first years, and the one that followed it.
pub const VERSIONS: [&str; 2] = ["1.0", "2.0"];

#[derive(Debug)]
pub enum AgreementAct {
    Offer { partner_id: Uuid, version: &'static str },
    Accept { partner_id: Uuid, digest: String },
}

/// The document of a version.
pub fn document(version: &str) -> ContractDocument {
    let text = format!("Client-acquisition contract of the partner programme, version {version}");
    ContractDocument {
        version: version.to_owned(),
        url: format!("https://www.example.com/partners/contract-{version}.pdf"),
        digest: Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// The version that is offered at a moment.
pub fn version_at(office: &Office<'_>, at: Moment) -> &'static str {
    if at < office.world.at_permille(super::staff::NEW_VERSION_PERMILLE) { VERSIONS[0] } else { VERSIONS[1] }
}

/// What is due of contracts that wait for somebody.
pub fn due(
    office: &Office<'_>,
    people: &People,
    today: &Today,
    contracts: &[contract::Model],
) -> Vec<(Moment, AgreementAct)> {
    contracts.iter().filter_map(|contract| due_of(office, people, today, contract)).collect()
}

fn due_of(
    office: &Office<'_>,
    people: &People,
    today: &Today,
    contract: &contract::Model,
) -> Option<(Moment, AgreementAct)> {
    let partner_id = contract.partner_id;
    let name = people.name(office.world, partner_id);
    let mut fate = office.fate(&format!("contract of {name}"));
    let offered_after = fate.weighted(&[(1, 40), (2, 30), (5, 18), (40, 12)]);
    let accepted_after = fate.weighted(&[(0, 25), (1, 30), (3, 25), (6, 12), (400, 8)]);
    let renewed_after = fate.weighted(&[(3, 40), (20, 30), (60, 20), (400, 10)]);
    let lot = people.lot(office.world, partner_id);
    let at = office.office_hour(today, &name);
    if contract.status == ContractStatus::Requested {
        let waited = today.days_since(office.app, contract.requested_at?);
        let version = version_at(office, at);
        let is_due = today.is_working_day() && waited >= offered_after && lot != Lot::NeverOffered;
        return is_due.then_some((at, AgreementAct::Offer { partner_id, version }));
    }
    let (digest, offered_at) = contract.offer_digest.clone().zip(contract.offered_at)?;
    let patience = if contract.status == ContractStatus::Active { renewed_after } else { accepted_after };
    let is_due =
        lot != Lot::NeverAccepts && offered_at < at && today.days_since(office.app, offered_at) >= patience;
    is_due.then_some((at, AgreementAct::Accept { partner_id, digest }))
}

/// Does it.
pub async fn perform(office: &Office<'_>, act: AgreementAct) -> Result<(), ServiceError> {
    match act {
        AgreementAct::Offer { partner_id, version } => {
            let words = Some("Please read it and accept it here; then withdrawals are open to you.");
            contracts::offer(office.app, &office.support, partner_id, &document(version), words).await?;
        }
        AgreementAct::Accept { partner_id, digest } => {
            contracts::accept(office.app, partner_id, &digest).await?;
        }
    }
    Ok(())
}

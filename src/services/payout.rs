//! Payout destinations at rest, and who pays them: encrypted under a key that is found again by its id, bound to their row.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use entity::{WithdrawalStatus, withdrawal};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Actor, AuditEntry};
use super::error::{ServiceError, retrying};
use crate::app::App;
use crate::config::NamedKey;
use crate::domain::error::{Invalid, Refusal};
use crate::domain::payout::PayoutDestination;

/// Long enough to be drawn at random for as long as a key lives.
const NONCE_BYTES: usize = 24;

/// A value as the table keeps it: the nonce, then what XChaCha20-Poly1305 makes of its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub key_id: String,
    pub bytes: Vec<u8>,
}

/// Seals under the first key; what is sealed opens for this row alone.
pub fn seal<T: Serialize>(keys: &[NamedKey], row_id: Uuid, value: &T) -> Result<Sealed, ServiceError> {
    let key = keys.first().ok_or_else(|| ServiceError::Misconfigured("there is no key".to_owned()))?;
    let plain = serde_json::to_vec(value).map_err(|error| ServiceError::Broken(error.to_string()))?;
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let payload = Payload { msg: &plain, aad: row_id.as_bytes() };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| ServiceError::Broken("a value could not be encrypted".to_owned()))?;
    Ok(Sealed { key_id: key.id.clone(), bytes: [nonce.as_slice(), &sealed].concat() })
}

/// Opens what was sealed under any key that is still configured.
pub fn open<T: DeserializeOwned>(
    keys: &[NamedKey],
    row_id: Uuid,
    sealed: &Sealed,
) -> Result<T, ServiceError> {
    let broken = |why: &str| ServiceError::Broken(format!("what is sealed in {row_id} {why}"));
    let key = keys.iter().find(|key| key.id == sealed.key_id);
    let key = key.ok_or_else(|| broken("is encrypted under a key that is not configured"))?;
    let (nonce, bytes) =
        sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| broken("is cut short"))?;
    let payload = Payload { msg: bytes, aad: row_id.as_bytes() };
    let plain = cipher(key)
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| broken("was changed, or belongs to another"))?;
    serde_json::from_slice(&plain).map_err(|_| broken("cannot be read"))
}

fn cipher(key: &NamedKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key.bytes()).into())
}

/// The whole destination, for staff, while it is needed: APPROVED. Every read is put on record before it is answered.
pub async fn read_destination(
    app: &App,
    actor: &Actor,
    id: Uuid,
) -> Result<Option<PayoutDestination>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let on_record = withdrawal::Entity::find_by_id(id)
            .one(&tx)
            .await?
            .filter(|row| row.status == WithdrawalStatus::Approved);
        let Some(destination) = on_record.map(|row| destination_of(app, &row)).transpose()?.flatten() else {
            return Ok(None);
        };
        let entry = AuditEntry {
            at: app.clock.now(),
            actor,
            action: "readWithdrawalDestination",
            subject_id: Some(id),
            reason: None,
            before: json!(null),
            after: json!(null),
        };
        audit::record(app, &tx, &entry).await?;
        tx.commit().await?;
        Ok(Some(destination))
    })
    .await
}

/// The whole destination of a withdrawal; nothing where it was erased. For a payment file, and never for an answer.
pub fn destination_of(
    app: &App,
    withdrawal: &withdrawal::Model,
) -> Result<Option<PayoutDestination>, ServiceError> {
    let sealed = withdrawal.destination_key_id.clone().zip(withdrawal.destination_sealed.clone());
    let sealed = sealed.map(|(key_id, bytes)| Sealed { key_id, bytes });
    sealed.map(|sealed| open(&app.keys.encryption, withdrawal.id, &sealed)).transpose()
}

/// Refuses a destination to which this partner has not asked to be paid before.
pub(super) async fn check_known(
    app: &App,
    tx: &DatabaseTransaction,
    partner_id: Uuid,
    destination: &PayoutDestination,
) -> Result<(), ServiceError> {
    // The masked text finds the few that may be the same; whether one is, only the opened ones tell.
    let alike = withdrawal::Entity::find()
        .filter(withdrawal::Column::PartnerId.eq(partner_id))
        .filter(withdrawal::Column::DestinationMasked.eq(destination.masked()))
        .all(tx)
        .await?;
    for withdrawal in &alike {
        if destination_of(app, withdrawal)?.as_ref() == Some(destination) {
            return Ok(());
        }
    }
    let unknown =
        Invalid::new("destination", "was not used before; an API key withdraws only to one that was");
    Err(Refusal::from(unknown).into())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::config::{AuthConfig, Config};

    fn keys(secret: &str) -> Vec<NamedKey> {
        let auth = AuthConfig { hs256_secret: Some(SecretString::from(secret)), ..AuthConfig::default() };
        Config { auth, ..Config::default() }.keys().unwrap().encryption
    }

    #[test]
    fn a_destination_opens_under_its_key_and_for_its_withdrawal_alone() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mine = keys("a secret of at least 32 bytes in all");
        let destination = PayoutDestination::paypal("jo@example.com").unwrap();
        let sealed = seal(&mine, id, &destination).unwrap();
        let open = open::<PayoutDestination>;
        assert_eq!(open(&mine, id, &sealed).unwrap(), destination);
        assert_ne!(seal(&mine, id, &destination).unwrap(), sealed, "a nonce of its own each time");
        assert!(open(&mine, other, &sealed).is_err());
        assert!(open(&keys("another secret of at least 32 bytes"), id, &sealed).is_err());
        for index in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[index] ^= 1;
            assert!(open(&mine, id, &changed).is_err(), "{index}");
        }
        let cut = Sealed { bytes: sealed.bytes[..20].to_vec(), ..sealed.clone() };
        assert!(open(&mine, id, &cut).is_err());
        let renamed = Sealed { key_id: "gone".to_owned(), ..sealed };
        assert!(open(&mine, id, &renamed).is_err());
    }
}

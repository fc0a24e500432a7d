//! Fingerprints of accounts: equal means one person (rule 7). Opaque, never the raw value.

use std::collections::HashSet;

use entity::{FingerprintKind, LineReason, Moment};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::line::Recording;
use crate::db::{self, Column, Rows};

/// Keeps the payment instruments of accounts.
pub async fn keep(
    tx: &DatabaseTransaction,
    recording: &Recording<'_>,
    instruments: Vec<(Uuid, &str)>,
) -> Result<(), DbErr> {
    let kept =
        instruments.into_iter().map(|(account, hash)| (account, FingerprintKind::PaymentInstrument, hash));
    keep_all(tx, recording, kept).await
}

/// Keeps fingerprints of any kind.
pub async fn keep_all(
    tx: &DatabaseTransaction,
    recording: &Recording<'_>,
    fingerprints: impl Iterator<Item = (Uuid, FingerprintKind, &str)>,
) -> Result<(), DbErr> {
    let mut rows = Rows::new(&[
        ("account_id", Column::Uuid),
        ("kind", Column::Text),
        ("hash", Column::Text),
        ("recorded_at", Column::BigInt),
    ]);
    for (account, kind, hash) in fingerprints {
        rows.push([account.into(), <&str>::from(kind).into(), hash.into(), recording.now.0.into()]);
    }
    let sql = "WITH {rows} INSERT INTO account_fingerprint (account_id, kind, hash, recorded_at) \
               SELECT account_id, kind, hash, recorded_at FROM v WHERE true ON CONFLICT (account_id, hash) DO NOTHING";
    rows.execute(tx, sql, vec![]).await.map(|_| ())
}

/// Of (referral, partner's own account, hash) the (referral, hash) where that account is known by the hash, and staff has
/// not cleared the client of it.
pub async fn shared(
    tx: &impl ConnectionTrait,
    hashes: impl Iterator<Item = (Uuid, Uuid, &str)>,
) -> Result<HashSet<(Uuid, String)>, DbErr> {
    let mut rows =
        Rows::new(&[("referral", Column::Uuid), ("account_id", Column::Uuid), ("hash", Column::Text)]);
    hashes.for_each(|(referral, account, hash)| rows.push([referral.into(), account.into(), hash.into()]));
    let sql = "WITH {rows} SELECT DISTINCT v.referral, v.hash FROM v JOIN account_fingerprint f \
               ON f.account_id = v.account_id AND f.hash = v.hash \
               WHERE NOT EXISTS (SELECT 1 FROM cleared_fingerprint c WHERE c.referral_id = v.referral AND c.hash = v.hash)";
    let rows = rows.query(tx, sql, vec![]).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// Of (client's account, partner's own account) the clients that share a fingerprint with that account.
pub async fn shared_by_accounts(
    tx: &impl ConnectionTrait,
    pairs: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<HashSet<Uuid>, DbErr> {
    let mut rows = Rows::new(&[("client", Column::Uuid), ("partner", Column::Uuid)]);
    pairs.for_each(|(client, partner)| rows.push([client.into(), partner.into()]));
    let sql = "WITH {rows} SELECT DISTINCT v.client FROM v JOIN account_fingerprint c ON c.account_id = v.client \
               JOIN account_fingerprint p ON p.account_id = v.partner AND p.hash = c.hash";
    rows.query(tx, sql, vec![]).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Clears a client of every fingerprint that he shares by now with a partner who has or had him: staff has looked at it. A
/// fingerprint that comes to be shared later is a match of its own, and so is any with another partner.
pub async fn clear(tx: &DatabaseTransaction, client: Uuid, now: Moment) -> Result<(), DbErr> {
    let sql = "INSERT INTO cleared_fingerprint (referral_id, hash, cleared_at) SELECT r.id, c.hash, $1 FROM referral r \
               JOIN partner p ON p.id = r.partner_id JOIN account_fingerprint c ON c.account_id = r.account_id \
               JOIN account_fingerprint f ON f.account_id = p.account_id AND f.hash = c.hash \
               WHERE r.account_id = $2 ON CONFLICT (referral_id, hash) DO NOTHING";
    db::execute(tx, sql, vec![now.0.into(), client.into()]).await.map(|_| ())
}

/// Holds the lines of these clients for review from now on; a hold that is there stays as it is.
pub async fn hold(
    tx: &DatabaseTransaction,
    referrals: &HashSet<Uuid>,
    reason: LineReason,
) -> Result<(), DbErr> {
    let sql = "WITH {rows} UPDATE referral SET hold_reason = $1 FROM v \
               WHERE referral.id = v.id AND referral.hold_reason IS NULL";
    let rows = Rows::of(&[("id", Column::Uuid)], referrals.iter().map(|id| (*id).into()));
    rows.execute(tx, sql, vec![<&str>::from(reason).into()]).await.map(|_| ())
}

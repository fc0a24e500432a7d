//! Who the clients named by facts are, and whose: accounts with their referrals, locked where they are not reported yet.

use std::collections::{BTreeSet, HashMap};

use entity::{LineReason, Moment};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

use super::lock;
use crate::app::App;
use crate::db::{Column, Rows};
use crate::domain::erasure::pseudonym;

/// One client with one partner, for a time.
#[derive(Clone, Debug)]
pub struct Referral {
    pub id: Uuid,
    pub partner_id: Uuid,
    pub since: Moment,
    pub until: Option<Moment>,
    pub hold_reason: Option<LineReason>,
}

/// An account that facts are about.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: Uuid,
    pub registered_at: Option<Moment>,
    pub referrals: Vec<Referral>,
}

impl Client {
    /// Whose the client was when something occurred (rule 6); nobody's: NOT_REFERRED.
    pub fn referral_at(&self, at: Moment) -> Option<&Referral> {
        self.referrals
            .iter()
            .find(|referral| referral.since <= at && referral.until.is_none_or(|until| at < until))
    }

    /// Reported, and bound to nobody.
    pub fn is_direct(&self) -> bool {
        self.registered_at.is_some() && self.referrals.is_empty()
    }

    pub fn partner_ids(&self) -> impl Iterator<Item = Uuid> {
        self.referrals.iter().map(|referral| referral.partner_id)
    }
}

/// The accounts of these ids that are known, by account id; those that were erased too.
pub async fn find(
    app: &App,
    db: &impl ConnectionTrait,
    account_ids: &BTreeSet<&str>,
) -> Result<HashMap<String, Client>, DbErr> {
    let mut clients = find_by_name(db, account_ids).await?;
    let unknown = account_ids.iter().copied().filter(|id| !clients.contains_key(*id)).collect();
    clients.extend(find_erased(app, db, &unknown).await?);
    Ok(clients)
}

/// Of these ids those of accounts that were erased: they stand under their pseudonyms.
async fn find_erased(
    app: &App,
    db: &impl ConnectionTrait,
    account_ids: &BTreeSet<&str>,
) -> Result<HashMap<String, Client>, DbErr> {
    let keys = &app.keys.erasure;
    let names: HashMap<String, &str> =
        account_ids.iter().flat_map(|id| keys.iter().map(|key| (pseudonym(key.bytes(), id), *id))).collect();
    let found = find_by_name(db, &names.keys().map(String::as_str).collect()).await?;
    Ok(found
        .into_iter()
        .filter_map(|(name, client)| Some(((*names.get(&name)?).to_owned(), client)))
        .collect())
}

async fn find_by_name(
    db: &impl ConnectionTrait,
    account_ids: &BTreeSet<&str>,
) -> Result<HashMap<String, Client>, DbErr> {
    let sql = "WITH {rows} SELECT a.account_id, a.id, a.registered_at, r.id, r.partner_id, r.since, r.until, \
               r.hold_reason FROM v JOIN account a ON a.account_id = v.account_id \
               LEFT JOIN referral r ON r.account_id = a.id";
    let rows = Rows::of(&[("account_id", Column::Text)], account_ids.iter().map(|id| Value::from(*id)));
    let mut clients: HashMap<String, Client> = HashMap::with_capacity(account_ids.len());
    for row in rows.query(db, sql, vec![]).await? {
        let client = clients.entry(row.try_get_by_index(0)?).or_insert(Client {
            id: row.try_get_by_index(1)?,
            registered_at: row.try_get_by_index(2)?,
            referrals: Vec::new(),
        });
        if let Some(id) = row.try_get_by_index::<Option<Uuid>>(3)? {
            client.referrals.push(Referral {
                id,
                partner_id: row.try_get_by_index(4)?,
                since: row.try_get_by_index(5)?,
                until: row.try_get_by_index(6)?,
                hold_reason: row.try_get_by_index(7)?,
            });
        }
    }
    Ok(clients)
}

/// Makes rows for accounts that are not there yet, the erased apart, and locks all that are named, in the order of their ids: a
/// registration and a fact that waits for it must not miss each other. Answers them as they are under the lock.
pub async fn lock_unreported(
    app: &App,
    tx: &DatabaseTransaction,
    account_ids: &BTreeSet<&str>,
) -> Result<HashMap<String, Client>, DbErr> {
    let mut rows =
        Rows::new(&[("id", Column::Uuid), ("account_id", Column::Text), ("recorded_at", Column::BigInt)]);
    let now = app.clock.now();
    let erased = find_erased(app, tx, account_ids).await?;
    for account_id in account_ids.iter().filter(|id| !erased.contains_key(**id)) {
        rows.push([app.clock.new_id().into(), (*account_id).into(), now.0.into()]);
    }
    let insert = "WITH {rows} INSERT INTO account (id, account_id, recorded_at) \
                  SELECT id, account_id, recorded_at FROM v WHERE true ON CONFLICT (account_id) DO NOTHING";
    rows.execute(tx, insert, vec![]).await?;
    let sql = format!(
        "WITH {{rows}} SELECT a.id FROM v JOIN account a ON a.account_id = v.account_id ORDER BY a.id{}",
        lock::for_update(tx, "a")
    );
    let rows = Rows::of(&[("account_id", Column::Text)], account_ids.iter().map(|id| Value::from(*id)));
    rows.query(tx, &sql, vec![]).await?;
    let mut clients = find_by_name(tx, account_ids).await?;
    clients.extend(erased);
    Ok(clients)
}

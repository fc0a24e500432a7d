//! Partners: every account is one from the first time it asks for its link (Words).

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{Moment, partner};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Value};
use uuid::Uuid;

use super::error::{ServiceError, retrying};
use super::{client, ledger};
use crate::app::App;
use crate::db::{self, Column, Rows};
use crate::domain::account::check_account_id;
use crate::domain::error::Refusal;
use crate::domain::link::{check_code, check_target, code_key, draw_code};
use crate::domain::top_up::FactLimits;

/// A partner to be made, with his first link.
#[derive(Clone, Debug)]
pub struct Joining {
    pub account_id: String,
    /// Drawn if left out.
    pub code: Option<String>,
    pub joined_at: Moment,
}

/// What became of one that was to join.
#[derive(Clone, Debug)]
pub enum JoinOutcome {
    Joined(Uuid),
    /// A partner already, with the same code or none asked for.
    Replayed(Uuid),
    Refused(Refusal),
}

/// The partner behind an account, made on first use with a first link whose code is drawn.
pub async fn of_account(app: &App, account_id: &str) -> Result<partner::Model, ServiceError> {
    if let Some(partner) = find_by_account(app.db.reader(), account_id).await? {
        return Ok(partner);
    }
    let joining = Joining { account_id: account_id.to_owned(), code: None, joined_at: app.clock.now() };
    match join(app, std::slice::from_ref(&joining)).await?.pop() {
        Some(JoinOutcome::Joined(id) | JoinOutcome::Replayed(id)) => find(app.db.reader(), id)
            .await?
            .ok_or_else(|| ServiceError::Broken("a partner that was just made is not there".to_owned())),
        Some(JoinOutcome::Refused(refusal)) => Err(refusal.into()),
        None => Err(ServiceError::Broken("a partner was not made".to_owned())),
    }
}

/// One partner by its id.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<partner::Model>, DbErr> {
    partner::Entity::find_by_id(id).one(db).await
}

/// The partner behind an account, if it is one.
pub async fn find_by_account(
    db: &impl ConnectionTrait,
    account_id: &str,
) -> Result<Option<partner::Model>, DbErr> {
    let sql = "SELECT p.* FROM account a JOIN partner p ON p.account_id = a.id WHERE a.account_id = $1";
    let row = db::query_one(db, sql, vec![account_id.into()]).await?;
    row.map(|row| sea_orm::FromQueryResult::from_query_result(&row, "")).transpose()
}

/// Makes partners of accounts, each with a balance and its first link, in one transaction.
pub async fn join(app: &App, joining: &[Joining]) -> Result<Vec<JoinOutcome>, ServiceError> {
    retrying(async || {
        let tx = app.begin().await?;
        let outcomes = join_in(app, &tx, joining).await?;
        tx.commit().await?;
        Ok(outcomes)
    })
    .await
}

async fn join_in(
    app: &App,
    tx: &DatabaseTransaction,
    joining: &[Joining],
) -> Result<Vec<JoinOutcome>, ServiceError> {
    let limits = FactLimits { starts_at: app.terms.starts_at, now: app.clock.now() };
    let checked: Vec<Result<(), Refusal>> = joining.iter().map(|joining| check(joining, &limits)).collect();
    let sound = || joining.iter().zip(&checked).filter(|(_, checked)| checked.is_ok()).map(|(sent, _)| sent);
    let account_ids: BTreeSet<&str> = sound().map(|sent| sent.account_id.as_str()).collect();
    let accounts = client::lock_unreported(app, tx, &account_ids).await?;
    let mut partners = with_codes(tx, accounts.values().map(|account| account.id)).await?;
    let mut taken = taken_codes(tx, sound().filter_map(|sent| sent.code.as_deref())).await?;
    let mut new = Vec::new();
    let outcomes = joining.iter().zip(checked).map(|(sent, checked)| {
        if let Err(refusal) = checked {
            return JoinOutcome::Refused(refusal);
        }
        let account = accounts[&sent.account_id].id;
        if let Some((id, code)) = partners.get(&account) {
            return match &sent.code {
                Some(asked) if asked != code => {
                    JoinOutcome::Refused(Refusal::Conflict { what: "a partner of this account" })
                }
                _ => JoinOutcome::Replayed(*id),
            };
        }
        let code = sent.code.clone().unwrap_or_else(|| draw_code(&mut rand::random::<u32>));
        if !taken.insert(code_key(&code)) {
            return JoinOutcome::Refused(Refusal::CodeTaken);
        }
        let id = app.clock.new_id();
        partners.insert(account, (id, code.clone()));
        new.push(NewPartner { id, account, code, joined_at: sent.joined_at });
        JoinOutcome::Joined(id)
    });
    let outcomes = outcomes.collect();
    insert(app, tx, &new).await?;
    Ok(outcomes)
}

fn check(joining: &Joining, limits: &FactLimits) -> Result<(), Refusal> {
    check_account_id("accountId", &joining.account_id)?;
    limits.check("joinedAt", joining.joined_at)?;
    joining.code.as_deref().map_or(Ok(()), |code| check_code("code", code))?;
    Ok(())
}

/// The partners of these accounts with their own codes, by account.
async fn with_codes(
    db: &impl ConnectionTrait,
    accounts: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, (Uuid, String)>, DbErr> {
    let sql = "WITH {rows} SELECT p.account_id, p.id, l.code FROM v JOIN partner p ON p.account_id = v.id \
               JOIN link l ON l.partner_id = p.id AND l.is_own";
    let rows = Rows::of(&[("id", Column::Uuid)], accounts.map(Value::from)).query(db, sql, vec![]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, (row.try_get_by_index(1)?, row.try_get_by_index(2)?))))
        .collect()
}

async fn taken_codes(
    db: &impl ConnectionTrait,
    codes: impl Iterator<Item = &str>,
) -> Result<HashSet<String>, DbErr> {
    let sql = "WITH {rows} SELECT l.code_key FROM v JOIN link l ON l.code_key = v.code_key";
    let keys = codes.map(|code| Value::from(code_key(code)));
    let rows = Rows::of(&[("code_key", Column::Text)], keys).query(db, sql, vec![]).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

struct NewPartner {
    id: Uuid,
    account: Uuid,
    code: String,
    joined_at: Moment,
}

async fn insert(app: &App, tx: &DatabaseTransaction, new: &[NewPartner]) -> Result<(), ServiceError> {
    let now = app.clock.now();
    let target = check_target(&app.terms.site, None).map_err(Refusal::from)?;
    let mut partners = Rows::new(&[
        ("id", Column::Uuid),
        ("account_id", Column::Uuid),
        ("joined_at", Column::BigInt),
        ("recorded_at", Column::BigInt),
    ]);
    let mut links = Rows::new(&[
        ("id", Column::Uuid),
        ("partner_id", Column::Uuid),
        ("code", Column::Text),
        ("code_key", Column::Text),
        ("target", Column::Text),
        ("created_at", Column::BigInt),
    ]);
    for partner in new {
        partners.push([partner.id.into(), partner.account.into(), partner.joined_at.0.into(), now.0.into()]);
        links.push([
            app.clock.new_id().into(),
            partner.id.into(),
            partner.code.as_str().into(),
            code_key(&partner.code).into(),
            target.as_str().into(),
            partner.joined_at.0.into(),
        ]);
    }
    let sql = "WITH {rows} INSERT INTO partner (id, account_id, joined_at, recorded_at) \
               SELECT id, account_id, joined_at, recorded_at FROM v";
    partners.execute(tx, sql, vec![]).await?;
    let sql = "WITH {rows} INSERT INTO link (id, partner_id, code, code_key, target, is_own, created_at) \
               SELECT id, partner_id, code, code_key, target, true, created_at FROM v";
    links.execute(tx, sql, vec![]).await?;
    ledger::open(tx, new.iter().map(|partner| partner.id)).await?;
    Ok(())
}

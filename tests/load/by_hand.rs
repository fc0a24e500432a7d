//! The dashboard by hand: one handler, four prepared statements in one round trip, JSON written as it goes.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::Moment;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

use crate::Outcome;

const CONNECTIONS: usize = 8;
const PARTNER: &str = "SELECT id, account_id, code, active_clients, tier, rate_basis_points, available, reserved, \
    pending, carried, lifetime_credited, lifetime_paid, active_now, active_at_end \
    FROM bench.partners WHERE account_id = $1";
const LINKS: &str = "SELECT k.id, k.code, k.label, k.created_at FROM bench.links k \
    WHERE k.partner_id = (SELECT p.id FROM partner p JOIN account a ON a.id = p.account_id WHERE a.account_id = $1) \
    ORDER BY k.created_at, k.id LIMIT 6";
const CLIENTS: &str = "SELECT c.id, c.reference, c.registered_at, c.last_purchase_at, c.base, c.commission \
    FROM bench.clients c \
    WHERE c.partner_id = (SELECT p.id FROM partner p JOIN account a ON a.id = p.account_id WHERE a.account_id = $1) \
    ORDER BY c.registered_at DESC, c.id DESC LIMIT 21";
const COMMISSIONS: &str = "SELECT l.id, l.status, l.occurred_at, l.amount, \
    l.referral_id, t.reference \
    FROM (SELECT * FROM bench.commissions WHERE partner_id = \
        (SELECT p.id FROM partner p JOIN account a ON a.id = p.account_id WHERE a.account_id = $1) \
        ORDER BY occurred_at DESC, id DESC LIMIT 21) l \
    JOIN referral_total t ON t.referral_id = l.referral_id \
    ORDER BY l.occurred_at DESC, l.id DESC";

struct Connection {
    client: Client,
    partner: Statement,
    links: Statement,
    clients: Statement,
    commissions: Statement,
}

struct Pool {
    connections: Vec<Connection>,
    next: AtomicUsize,
}

/// Serves until the process is ended.
pub async fn serve(url: &str, listen: &str) -> Outcome<()> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let (partner, links) = (client.prepare(PARTNER).await?, client.prepare(LINKS).await?);
        let (clients, commissions) = (client.prepare(CLIENTS).await?, client.prepare(COMMISSIONS).await?);
        connections.push(Connection { client, partner, links, clients, commissions });
    }
    let pool = Arc::new(Pool { connections, next: AtomicUsize::new(0) });
    let router = Router::new().route("/graphql", post(answer)).with_state(pool);
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}

async fn answer(State(pool): State<Arc<Pool>>, headers: HeaderMap) -> Result<impl IntoResponse, StatusCode> {
    let account =
        headers.get("x-account").and_then(|value| value.to_str().ok()).ok_or(StatusCode::UNAUTHORIZED)?;
    let key: [&(dyn ToSql + Sync); 1] = [&account];
    let place = pool.next.fetch_add(1, Ordering::Relaxed) % pool.connections.len();
    let Connection { client, partner, links, clients, commissions } = &pool.connections[place];
    let (partner, links, clients, commissions) = tokio::try_join!(
        client.query_one(partner, &key),
        client.query(links, &key),
        client.query(clients, &key),
        client.query(commissions, &key),
    )
    .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let mut json = String::with_capacity(16 * 1024);
    write_viewer(&mut json, &partner, &links, &clients, &commissions)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json))
}

fn write_viewer(
    json: &mut String,
    partner: &Row,
    links: &[Row],
    clients: &[Row],
    commissions: &[Row],
) -> std::fmt::Result {
    let (id, account, code): (Uuid, &str, &str) = (partner.get(0), partner.get(1), partner.get(2));
    let (active, tier, rate): (i64, &str, i32) = (partner.get(3), partner.get(4), partner.get(5));
    write!(json, r#"{{"data":{{"viewer":{{"id":"{id}","accountId":"{account}","code":"{code}","#)?;
    write!(json, r#""standing":{{"activeClients":{active},"ratePercent":"{}","#, Percent(rate))?;
    write!(json, r#""tier":{{"name":"{tier}"}}}},"balance":{{"#)?;
    for (name, column) in
        [("available", 6), ("reserved", 7), ("pending", 8), ("carried", 9), ("lifetimeCredited", 10)]
    {
        let currency = if name == "available" { r#","currencyCode":"EUR""# } else { "" };
        write!(json, r#""{name}":{{"amount":"{}"{currency}}},"#, Amount(partner.get(column)))?;
    }
    let (now, at_end): (i64, i64) = (partner.get(12), partner.get(13));
    let due = partner.get::<_, i64>(8) + partner.get::<_, i64>(9);
    let next = if at_end >= 3 { due.max(0) } else { 0 };
    let heading_for = if at_end >= 100 {
        "Premier"
    } else if at_end >= 20 {
        "Growth"
    } else {
        "Standard"
    };
    write!(json, r#""lifetimePaid":{{"amount":"{}"}}}},"#, Amount(partner.get(11)))?;
    write!(json, r#""forecast":{{"activeClientsNow":{now},"tier":{{"name":"{heading_for}"}},"#)?;
    write!(json, r#""nextCredit":{{"amount":"{}"}}}},"links":"#, Amount(next))?;
    write_page(json, links, 5, 3, |json, row| {
        let (id, code): (Uuid, &str) = (row.get(0), row.get(1));
        write!(json, r#"{{"id":"{id}","code":"{code}","label":"#)?;
        match row.get::<_, Option<&str>>(2) {
            // Labels of the benchmark's need no escapes.
            Some(label) => write!(json, r#""{label}"}}"#),
            None => write!(json, "null}}"),
        }
    })?;
    json.push_str(r#","referredClients":"#);
    write_page(json, clients, 20, 2, write_client)?;
    json.push_str(r#","commissions":"#);
    write_page(json, commissions, 20, 2, write_commission)?;
    json.push_str("}}}");
    Ok(())
}

/// A connection of at most `first` rows; cursors are made of a moment and the id.
fn write_page(
    json: &mut String,
    rows: &[Row],
    first: usize,
    moment: usize,
    write_node: impl Fn(&mut String, &Row) -> std::fmt::Result,
) -> std::fmt::Result {
    json.push_str(r#"{"edges":["#);
    for (place, row) in rows.iter().take(first).enumerate() {
        json.push_str(if place == 0 { r#"{"node":"# } else { r#",{"node":"# });
        write_node(json, row)?;
        json.push('}');
    }
    write!(json, r#"],"pageInfo":{{"hasNextPage":{},"endCursor":"#, rows.len() > first)?;
    match rows.iter().take(first).last() {
        Some(last) => {
            let (at, id): (i64, Uuid) = (last.get(moment), last.get(0));
            let cursor = URL_SAFE_NO_PAD.encode([&at.to_be_bytes()[..], id.as_bytes()].concat());
            write!(json, r#""{cursor}"}}}}"#)
        }
        None => write!(json, "null}}}}"),
    }
}

fn write_client(json: &mut String, row: &Row) -> std::fmt::Result {
    let (id, reference): (Uuid, &str) = (row.get(0), row.get(1));
    write!(json, r#"{{"id":"{id}","reference":"{reference}","lastTopUpAt":"#)?;
    match row.get::<_, Option<i64>>(3) {
        Some(at) => write!(json, r#""{}","#, Moment(at))?,
        None => json.push_str("null,"),
    }
    let (base, commission) = (Amount(row.get(4)), Amount(row.get(5)));
    write!(json, r#""topUpTotal":{{"amount":"{base}"}},"commissionTotal":{{"amount":"{commission}"}}}}"#)
}

fn write_commission(json: &mut String, row: &Row) -> std::fmt::Result {
    let (id, status): (Uuid, &str) = (row.get(0), row.get(1));
    let (at, amount) = (Moment(row.get(2)), Amount(row.get(3)));
    write!(
        json,
        r#"{{"id":"{id}","occurredAt":"{at}","status":"{status}","amount":{{"amount":"{amount}"}},"#
    )?;
    let (client, reference): (Uuid, &str) = (row.get(4), row.get(5));
    write!(json, r#""client":{{"id":"{client}","reference":"{reference}"}}}}"#)
}

/// Micro-units, as Money.
struct Amount(i64);

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, micros) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// Basis points, as a percentage without trailing zeros.
struct Percent(i32);

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02}"),
        }
    }
}

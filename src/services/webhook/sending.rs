//! Sending, without the network: which endpoints have something due, who sends to each, what an answer changes.

use chrono::Duration;
use entity::{DeliveryStatus, Moment, WebhookStatus, webhook_delivery, webhook_endpoint};
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult};
use url::Url;
use uuid::Uuid;

use super::endpoint::secrets_of;
use super::payload::{self, Show};
use super::{PROVIDERS, is_allowed};
use crate::app::App;
use crate::db;
use crate::domain::webhook::DISABLED_AFTER;
use crate::domain::webhook::address::check_url;
use crate::domain::webhook::schedule::{Verdict, judge, next_attempt, pause_until};
use crate::domain::webhook::signature::{SigningSecret, sign, timestamp};
use crate::services::error::{ServiceError, retrying};
use crate::services::event::{self, Event};
use crate::services::lock;

/// How long a claim holds without a sign of life: longer than an attempt may take.
const LEASE: Duration = Duration::seconds(60);
/// The longest answer that is kept, in characters.
const MAX_RESPONSE: usize = 1_000;

/// An endpoint that has something to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub endpoint_id: Uuid,
    /// Its last delivery failed.
    pub is_failing: bool,
}

/// The endpoints to which something is due and nobody sends, sound ones first.
pub async fn due(app: &App) -> Result<Vec<Due>, ServiceError> {
    let sql = "SELECT e.id, e.failing_since FROM webhook_endpoint e WHERE e.status = 'ACTIVE' AND e.lease_until <= $1 \
        AND e.not_before <= $1 AND EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.endpoint_id = e.id \
            AND d.status = 'PENDING' AND d.next_attempt_at <= $1) \
        ORDER BY CASE WHEN e.failing_since IS NULL THEN 0 ELSE 1 END, e.lease_until, e.id";
    let rows = db::query(app.db.reader(), sql, vec![app.clock.now().0.into()]).await?;
    let read = rows.iter().map(|row| {
        let failing_since: Option<i64> = row.try_get_by_index(1)?;
        Ok(Due { endpoint_id: row.try_get_by_index(0)?, is_failing: failing_since.is_some() })
    });
    let due: Vec<Due> = read.collect::<Result<_, DbErr>>()?;
    let knows_provider = app.config.webhooks.endpoint.is_some();
    Ok(due.into_iter().filter(|due| knows_provider || due.endpoint_id != PROVIDERS).collect())
}

/// The right to send to an endpoint, until it is given back or its time is over.
#[derive(Debug)]
pub struct Claim {
    endpoint: webhook_endpoint::Model,
    url: Url,
    secrets: Vec<SigningSecret>,
}

/// Takes an endpoint; none where another instance has it.
pub async fn claim(app: &App, endpoint_id: Uuid) -> Result<Option<Claim>, ServiceError> {
    let tx = app.begin().await?;
    let now = app.clock.now();
    let sql = "UPDATE webhook_endpoint SET lease_epoch = lease_epoch + 1, lease_until = $1 \
        WHERE id = $2 AND status = 'ACTIVE' AND lease_until <= $3 AND not_before <= $3 RETURNING *";
    let values = vec![now.plus(LEASE).0.into(), endpoint_id.into(), now.0.into()];
    let row = db::query_one(&tx, sql, values).await?;
    let Some(row) = row else { return Ok(None) };
    let endpoint = webhook_endpoint::Model::from_query_result(&row, "")?;
    tx.commit().await?;
    let url = match (&endpoint.url, &app.config.webhooks.endpoint) {
        (Some(url), _) => Url::parse(url).ok(),
        (None, url) => url.clone(),
    };
    let url = url.ok_or_else(|| ServiceError::Broken(format!("endpoint {endpoint_id} has no address")))?;
    Ok(Some(Claim { secrets: secrets_of(app, &endpoint)?, endpoint, url }))
}

/// Gives an endpoint back.
pub async fn release(app: &App, claim: &Claim) -> Result<(), ServiceError> {
    let tx = app.begin().await?;
    let sql = "UPDATE webhook_endpoint SET lease_until = $1 WHERE id = $2 AND lease_epoch = $3";
    let values = vec![app.clock.now().0.into(), claim.endpoint.id.into(), claim.endpoint.lease_epoch.into()];
    db::execute(&tx, sql, values).await?;
    Ok(tx.commit().await?)
}

/// A delivery as it goes out.
#[derive(Debug)]
pub struct Outgoing {
    pub delivery: webhook_delivery::Model,
    pub url: Url,
    pub headers: [(&'static str, String); 3],
    /// None where the object could not be shown: that is a failure like another, and holds up nothing else.
    pub body: Option<Vec<u8>>,
}

/// The next delivery that is due, in the order of what happened, signed; none where nothing is.
pub async fn next(app: &App, claim: &Claim, show: &Show) -> Result<Option<Outgoing>, ServiceError> {
    let now = app.clock.now();
    let sql = "SELECT * FROM webhook_delivery WHERE endpoint_id = $1 AND status = 'PENDING' AND next_attempt_at <= $2 \
               ORDER BY number, id LIMIT 1";
    let row = db::query_one(app.db.reader(), sql, vec![claim.endpoint.id.into(), now.0.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let delivery = webhook_delivery::Model::from_query_result(&row, "")?;
    let body = match payload::body(app, show, &delivery).await {
        Err(error @ ServiceError::Database(_)) => return Err(error),
        Err(error) => {
            tracing::error!(%error, delivery = %delivery.id, "what a webhook tells of cannot be shown");
            None
        }
        Ok(body) => Some(body),
    };
    let id = format!("msg_{}", delivery.id.simple());
    let headers = [
        ("webhook-timestamp", timestamp(now).to_string()),
        ("webhook-signature", sign(&claim.secrets, &id, now, body.as_deref().unwrap_or_default())),
        ("webhook-id", id),
    ];
    Ok(Some(Outgoing { delivery, url: claim.url.clone(), headers, body }))
}

/// Whether an address may be sent to as it is written: it was looked at when the endpoint was made, and the operator may
/// allow less now. The provider's own is what the configuration says.
pub fn may_send(app: &App, outgoing: &Outgoing) -> bool {
    outgoing.delivery.endpoint_id == PROVIDERS
        || check_url(outgoing.url.as_str(), |address| is_allowed(app, address)).is_ok()
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The body is cut already.
    Status { status: u16, retry_after: Option<String>, body: String },
    /// Why there was no answer.
    None { reason: String },
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// It is tried again.
    Failed,
    /// It was the last attempt.
    GivenUp,
    /// It failed, and the endpoint is told nothing any more.
    Disabled,
    /// Another instance has the endpoint by now: nothing was written, and it sends this delivery itself.
    LeaseLost,
}

/// Writes down what came back.
pub async fn note(
    app: &App,
    claim: &mut Claim,
    delivery: &webhook_delivery::Model,
    answer: &Answer,
) -> Result<Outcome, ServiceError> {
    let step = Step::of(app.clock.now(), &claim.endpoint, delivery, answer);
    let done = retrying(async || {
        let tx = app.begin().await?;
        // Before the endpoint's row, as whoever changes an endpoint does.
        if let Some(partner_id) = claim.endpoint.partner_id.filter(|_| step.disables) {
            lock::partner(&tx, partner_id).await?;
        }
        if !step.write_endpoint(&tx, &claim.endpoint).await? {
            return Ok(false);
        }
        step.write_delivery(&tx, delivery, answer).await?;
        if let Some(partner_id) = claim.endpoint.partner_id.filter(|_| step.disables) {
            let disabled = Event::webhook_endpoint_changed(partner_id, claim.endpoint.id);
            event::record(app, &tx, &[disabled], step.now).await?;
        }
        tx.commit().await?;
        Ok(true)
    })
    .await?;
    claim.endpoint.failing_since = step.failing_since;
    Ok(if done { step.outcome } else { Outcome::LeaseLost })
}

/// What follows from an answer.
struct Step {
    now: Moment,
    outcome: Outcome,
    status: DeliveryStatus,
    failures: i32,
    next_attempt_at: Option<Moment>,
    failing_since: Option<Moment>,
    not_before: Option<Moment>,
    disables: bool,
}

impl Step {
    fn of(
        now: Moment,
        endpoint: &webhook_endpoint::Model,
        delivery: &webhook_delivery::Model,
        answer: &Answer,
    ) -> Step {
        let (verdict, retry_after) = match answer {
            Answer::Status { status, retry_after, .. } => (judge(*status), retry_after.as_deref()),
            Answer::None { .. } => (Verdict::Failed, None),
        };
        if verdict == Verdict::Delivered {
            return Step {
                now,
                outcome: Outcome::Delivered,
                status: DeliveryStatus::Delivered,
                failures: delivery.failures,
                next_attempt_at: None,
                failing_since: None,
                not_before: None,
                disables: false,
            };
        }
        let failures = delivery.failures + 1;
        let failing_since = endpoint.failing_since.unwrap_or(now);
        let pause = retry_after.and_then(|text| pause_until(text, now));
        let is_gone = verdict == Verdict::Gone && endpoint.partner_id.is_some();
        let jitter = rand::random_range(0..=1_000);
        let next = next_attempt(u32::try_from(failures).unwrap_or(u32::MAX), now, jitter, pause);
        let next = next.filter(|_| !is_gone);
        // The provider's own is for the operator to mend: it is never disabled.
        let disables =
            endpoint.partner_id.is_some() && (is_gone || failing_since.plus(DISABLED_AFTER) <= now);
        let outcome = match (disables, next) {
            (true, _) => Outcome::Disabled,
            (false, None) => Outcome::GivenUp,
            (false, Some(_)) => Outcome::Failed,
        };
        Step {
            now,
            outcome,
            status: if next.is_some() { DeliveryStatus::Pending } else { DeliveryStatus::Failed },
            failures,
            next_attempt_at: next,
            failing_since: Some(failing_since),
            not_before: pause,
            disables,
        }
    }

    /// Renews the lease on the way; whether it still held.
    async fn write_endpoint(
        &self,
        tx: &DatabaseTransaction,
        endpoint: &webhook_endpoint::Model,
    ) -> Result<bool, DbErr> {
        let sql = "UPDATE webhook_endpoint SET failing_since = $1, not_before = COALESCE($2, not_before), lease_until = $3, \
            status = CASE WHEN status = 'ACTIVE' THEN $4 ELSE status END WHERE id = $5 AND lease_epoch = $6";
        let status = if self.disables { WebhookStatus::Disabled } else { WebhookStatus::Active };
        let values = vec![
            self.failing_since.map(|at| at.0).into(),
            self.not_before.map(|at| at.0).into(),
            self.now.plus(LEASE).0.into(),
            status.as_str().into(),
            endpoint.id.into(),
            endpoint.lease_epoch.into(),
        ];
        Ok(db::execute(tx, sql, values).await?.rows_affected() == 1)
    }

    /// A delivery that was ended meanwhile, with its endpoint, stays so.
    async fn write_delivery(
        &self,
        tx: &DatabaseTransaction,
        delivery: &webhook_delivery::Model,
        answer: &Answer,
    ) -> Result<(), DbErr> {
        let sql = "UPDATE webhook_delivery SET status = CASE WHEN status = 'PENDING' THEN $1 ELSE status END, \
            next_attempt_at = CASE WHEN status = 'PENDING' THEN $2 ELSE next_attempt_at END, \
            attempts = attempts + 1, failures = $3, last_attempt_at = $4, response_status = $5, response = $6 WHERE id = $7";
        let (status, response) = match answer {
            Answer::Status { status, body, .. } => (Some(i32::from(*status)), body),
            Answer::None { reason } => (None, reason),
        };
        let printable = response.chars().filter(|letter| *letter != '\0').take(MAX_RESPONSE);
        let values = vec![
            self.status.as_str().into(),
            self.next_attempt_at.map(|at| at.0).into(),
            self.failures.into(),
            self.now.0.into(),
            status.into(),
            printable.collect::<String>().into(),
            delivery.id.into(),
        ];
        db::execute(tx, sql, values).await.map(|_| ())
    }
}

/// How many seconds the oldest delivery that waits has been waiting; 0 where none does.
pub async fn oldest_waiting(app: &App) -> Result<i64, ServiceError> {
    let sql = "SELECT MIN(d.created_at) FROM webhook_delivery d WHERE d.status = 'PENDING' AND EXISTS (\
        SELECT 1 FROM webhook_endpoint e WHERE e.id = d.endpoint_id AND e.status = 'ACTIVE')";
    let row = db::query_one(app.db.reader(), sql, vec![]).await?;
    let oldest: Option<i64> = row.map_or(Ok(None), |row| row.try_get_by_index(0))?;
    Ok(oldest.map_or(0, |oldest| (app.clock.now().0.saturating_sub(oldest) / 1_000_000).max(0)))
}

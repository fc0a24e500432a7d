//! An operation that runs over a connection which stays open: its results, each paid for.

use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request as GraphqlRequest, Response as Executed, Value};
use entity::Moment;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde_json::value::RawValue;
use tokio::time::{Duration, Instant, sleep_until};

use super::super::edge::RequestId;
use super::super::error::{self, COST, Failure};
use super::super::graphql::Prepared;
use super::super::router::Http;
use super::seats::Seat;
use crate::domain::caller::Caller;
use crate::domain::watermark::Watermark;
use crate::graphql::code::Code;
use crate::graphql::live::Place;

/// The extension of a result that says where to go on after it.
const EVENT_ID: &str = "eventId";

/// Who asks.
#[derive(Clone)]
pub struct Asker {
    pub caller: Caller,
    pub address: Option<IpAddr>,
    pub id: RequestId,
}

/// One result, as JSON.
pub struct Outcome {
    pub body: Box<RawValue>,
    /// Where to go on after it.
    pub event_id: Option<String>,
    /// Whether nothing was run.
    pub was_refused: bool,
}

/// Its results are asked for one at a time: whoever does not read holds up nothing but his own.
pub struct Operation<E> {
    http: Http<E>,
    asker: Asker,
    results: BoxStream<'static, Result<Executed, Failure>>,
    /// Where a subscription has come to.
    place: Option<Arc<Place>>,
    prepared: Prepared,
    /// When the result given out last can be paid for; none where it is.
    owes_until: Option<Instant>,
    /// Events given out so far.
    given: u64,
    began: Moment,
    _seat: Option<Seat>,
}

impl<E: Executor> Operation<E> {
    /// Begins what was checked and paid for. A subscription takes a seat.
    ///
    /// # Errors
    /// Where no seat is left.
    pub fn begin(
        http: &Http<E>,
        asker: Asker,
        mut prepared: Prepared,
        from: Option<Watermark>,
    ) -> Result<Operation<E>, Failure> {
        let request = std::mem::replace(&mut prepared.request, GraphqlRequest::new(""));
        let (executor, limit) = (http.executor.clone(), http.app.config.limits.request_timeout);
        let (results, place, seat) = if prepared.operation == OperationType::Subscription {
            let seat = http.live.subscriptions.take(&asker.caller)?;
            let place = Arc::new(Place::new(from));
            let results = executor.execute_stream(request.data(place.clone()), None).map(Ok).boxed();
            (results, Some(place), Some(seat))
        } else {
            let run = async move {
                let executed = tokio::time::timeout(limit, executor.execute(request)).await;
                executed
                    .map_err(|_| Failure::new(Code::Timeout, "The request took too long and was given up."))
            };
            (stream::once(run).boxed(), None, None)
        };
        let (http, began) = (http.clone(), http.app.clock.now());
        Ok(Operation {
            http,
            asker,
            results,
            place,
            prepared,
            owes_until: None,
            given: 0,
            began,
            _seat: seat,
        })
    }

    pub fn is_subscription(&self) -> bool {
        self.place.is_some()
    }

    /// Waits until a subscription has begun, for ever for anything else; answers from where on it goes, where it goes
    /// by the numbers of events.
    pub fn began(&self) -> impl Future<Output = Option<Watermark>> + use<E> {
        let place = self.place.clone();
        async move {
            match place {
                Some(place) => place.began().await,
                None => std::future::pending().await,
            }
        }
    }

    /// The next result; none at the end. May be given up at any time without losing any.
    pub async fn next(&mut self) -> Option<Outcome> {
        self.pay().await;
        let executed = match self.results.next().await? {
            Ok(executed) => executed,
            Err(failure) => {
                let body = failure.result(&self.asker.id);
                return Some(Outcome { body, event_id: None, was_refused: true });
            }
        };
        // A subscription that has not begun has no event that could have gone wrong.
        let could_not_begin = self.place.as_ref().is_some_and(|place| !place.has_begun());
        let was_refused = could_not_begin || error::was_refused(&executed);
        if error::was_valid(&executed) && self.given == 0 && !self.asker.caller.is_anonymous() {
            self.keep_document();
        }
        self.given += u64::from(!was_refused);
        let mark = self.place.as_ref().filter(|_| !was_refused).and_then(|place| place.after_given());
        let event_id = mark.map(Watermark::encode);
        let more = match (&event_id, self.is_subscription()) {
            (Some(id), _) => Some((EVENT_ID.to_owned(), Value::from(id.as_str()))),
            (None, true) => None,
            (None, false) => Some((COST.to_owned(), self.prepared.rate_limit.extension())),
        };
        if self.is_subscription() && !was_refused {
            metrics::counter!("live_events_total").increment(1);
            self.owes_until = Some(Instant::now());
        }
        Some(Outcome {
            body: error::result(executed, was_refused, more, &self.asker.id),
            event_id,
            was_refused,
        })
    }

    /// Without waiting for it: whoever gives up in between must not lose the result.
    fn keep_document(&mut self) {
        if let Some(found) = self.prepared.found.take() {
            let documents = self.http.documents.clone();
            let (asked, cost) = (self.prepared.asked, self.prepared.cost);
            tokio::spawn(async move { documents.keep(found, asked, cost).await });
        }
    }

    /// An event costs what a query of the same would, and the next waits until it is paid for: an event that one brings
    /// about oneself must not be a cheap way to have much looked up.
    async fn pay(&mut self) {
        while let Some(until) = self.owes_until {
            sleep_until(until).await;
            let Asker { caller, address, .. } = &self.asker;
            let now = self.http.app.clock.now();
            self.owes_until = match self.http.buckets.spend(caller, *address, self.prepared.cost, now) {
                Ok(_) => None,
                Err(throttled) => Some(Instant::now() + Duration::from_secs(throttled.retry_after)),
            };
        }
    }
}

impl<E> Drop for Operation<E> {
    fn drop(&mut self) {
        if self.place.is_some() {
            let milliseconds = (self.http.app.clock.now().0 - self.began.0) / 1_000;
            let (id, role) = (self.asker.id.as_str(), self.asker.caller.role());
            tracing::info!(
                request_id = id,
                role,
                events = self.given,
                milliseconds,
                "a subscription has ended"
            );
        }
    }
}

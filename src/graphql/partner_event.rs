//! A partner's events as they happen.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::{Context, Object, Subscription};
use futures_util::Stream;
use futures_util::stream;
use uuid::Uuid;

use super::authority;
use super::change::tag_of;
use super::error::{Failure, Result};
use super::event_type::EventType;
use super::live::Place;
use super::node::{self, Node};
use super::request::{app, begin_anew};
use super::scalar::DateTime;
use crate::services::error::ServiceError;
use crate::services::live::{self, Following};
use crate::services::occurrence::Occurrence;

/// Something that happened.
#[derive(Debug)]
pub struct PartnerEvent {
    event_type: entity::EventType,
    occurrence: Occurrence,
    partner_id: Uuid,
}

/// Something that happened to a partner's programme. The subject of TIER_CHANGED and CONTRACT_CHANGED is the partner.
#[Object]
impl PartnerEvent {
    /// What happened.
    #[graphql(name = "type")]
    async fn event_type(&self) -> EventType {
        self.event_type.into()
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        DateTime(self.occurrence.at)
    }

    /// What it happened to, as it is now.
    async fn subject(&self, context: &Context<'_>) -> Result<Node> {
        begin_anew(context)?;
        let (kind, id) = self.occurrence.subject;
        let found = node::load(context, tag_of(kind), id).await?;
        let own = found.filter(|(_, owner)| *owner == Some(self.partner_id));
        let lost =
            || ServiceError::Broken(format!("the subject of event {} is gone", self.occurrence.number));
        Ok(own.map(|(node, _)| node).ok_or_else(lost)?)
    }
}

#[derive(Debug, Default)]
pub struct PartnerSubscription;

#[Subscription]
impl PartnerSubscription {
    /// What happens to the viewer's programme, as it happens, whichever instance it happens on. An API key is told of
    /// what its scopes let it read. `extensions.eventId` of a result, which is also the `id` of a server-sent event, is
    /// where to go on after it: in the header `Last-Event-ID` or in `extensions.lastEventId` of the next request. A
    /// watermark of `Partner.changes` is one too.
    async fn partner_events<'a>(
        &self,
        context: &Context<'a>,
        #[graphql(desc = "These alone; all if left out.")] types: Option<Vec<EventType>>,
    ) -> Result<impl Stream<Item = PartnerEvent> + use<'a>> {
        let partner = authority::partner(context).await?;
        let wanted = wanted(context, types)?;
        let place = context.data_opt::<Arc<Place>>().cloned().unwrap_or_else(|| Arc::new(Place::new(None)));
        let following = live::follow(app(context)?, partner.id, place.from()).await?;
        place.begin_at(following.number());
        let events = Events { following, wanted, place, read: VecDeque::new(), partner_id: partner.id };
        Ok(stream::unfold(events, |mut events| async move { Some((events.next().await, events)) }))
    }
}

/// The types that the caller wants and may be told of.
fn wanted(context: &Context<'_>, types: Option<Vec<EventType>>) -> Result<Vec<entity::EventType>> {
    let may = |event_type: &entity::EventType| authority::may_be_told_of(context, *event_type);
    let wanted: Vec<entity::EventType> = match types {
        Some(types) => {
            let named: Vec<entity::EventType> = types.into_iter().map(Into::into).collect();
            if named.is_empty() {
                return Err(Failure::bad_input("types names none"));
            }
            if !named.iter().all(may) {
                return Err(Failure::forbidden());
            }
            named
        }
        None => entity::EventType::all().filter(may).collect(),
    };
    if wanted.is_empty() { Err(Failure::forbidden()) } else { Ok(wanted) }
}

struct Events {
    following: Following,
    wanted: Vec<entity::EventType>,
    place: Arc<Place>,
    /// What is read and not given out yet.
    read: VecDeque<Occurrence>,
    partner_id: Uuid,
}

impl Events {
    async fn next(&mut self) -> PartnerEvent {
        loop {
            while let Some(occurrence) = self.read.pop_front() {
                let event_type = occurrence.event_type.filter(|found| self.wanted.contains(found));
                if let Some(event_type) = event_type {
                    self.place.give(occurrence.number);
                    return PartnerEvent { event_type, occurrence, partner_id: self.partner_id };
                }
            }
            self.read = self.following.next().await.into();
        }
    }
}

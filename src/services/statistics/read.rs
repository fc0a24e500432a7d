//! A partner's statistics as he asks for them: any span up to three years, in his own time zone or the programme's.

use std::collections::{BTreeMap, HashMap};

use chrono_tz::Tz;
use entity::{Day, Moment, Period, RateBasisPoints};
use uuid::Uuid;

use super::sums::{Figures, LinkFilter, Scope, SlotSpan, Slots};
use crate::app::App;
use crate::domain::calendar::Calendar;
use crate::domain::error::Invalid;
use crate::domain::interval::{DaySpan, Interval, quarter_of};
use crate::services::error::ServiceError;
use crate::services::standing::RateBook;

/// How many links are told apart.
const LINKS: usize = 100;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    pub span: DaySpan,
    pub interval: Interval,
    /// The programme's if left out.
    pub zone: Option<Tz>,
    pub links: LinkFilter,
}

/// The zone of a name in the IANA database.
///
/// # Errors
/// `Invalid` names the argument.
pub fn time_zone(name: &str) -> Result<Tz, Invalid> {
    name.parse().map_err(|_| Invalid::new("timeZone", "is not the name of a time zone, like Europe/Paris"))
}

/// The figures of a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub from: Moment,
    pub to: Moment,
    pub figures: Figures,
}

/// A span with the intervals that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    pub totals: Point,
    pub points: Vec<Point>,
}

/// The figures of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFigures {
    pub link_id: Uuid,
    pub totals: Point,
}

/// A span in slots of the table that answers it.
struct Slotted {
    calendar: Calendar,
    slots: Slots,
}

impl Slotted {
    /// The programme's own days are kept as such; those of another zone are made of quarters of an hour.
    fn of(app: &App, zone: Option<Tz>) -> Slotted {
        match zone.filter(|zone| *zone != app.terms.calendar.zone()) {
            None => Slotted { calendar: app.terms.calendar, slots: Slots::Days },
            Some(zone) => Slotted { calendar: Calendar::new(zone), slots: Slots::Quarters },
        }
    }

    fn slots_of(&self, span: DaySpan) -> SlotSpan {
        match self.slots {
            Slots::Days => (Day::from_date(span.from).0, Day::from_date(span.to).0),
            Slots::Quarters => {
                let point = self.point(span, Figures::default());
                (quarter_of(point.from), quarter_of(point.to))
            }
        }
    }

    fn point(&self, span: DaySpan, figures: Figures) -> Point {
        let midnight = |date| self.calendar.local_midnight(date);
        Point { from: midnight(span.from), to: midnight(span.to), figures }
    }
}

/// The statistics of a partner; an interval in which nothing came to pass is there with zeros.
pub async fn of_partner(app: &App, partner_id: Uuid, request: &Request) -> Result<Statistics, ServiceError> {
    let slotted = Slotted::of(app, request.zone);
    let spans = request.span.divided(request.interval);
    let rates = rates(app, partner_id, request.span).await?;
    let scope = Scope { partner_id, slots: slotted.slots, links: &request.links, rates: &rates };
    let db = app.db.reader();
    let mut figures = vec![Figures::default(); spans.len()];
    let add = |sum: &mut Figures, more: &Figures| {
        *sum = sum.plus(more).ok_or_else(|| too_large(partner_id))?;
        Ok::<_, ServiceError>(())
    };
    match slotted.slots {
        Slots::Days => {
            for (day, of_day) in scope.by_slot(db, slotted.slots_of(request.span)).await? {
                let date = Day(day).to_date();
                let place = spans.partition_point(|span| span.to <= date);
                figures.get_mut(place).map_or(Ok(()), |sum| add(sum, &of_day))?;
            }
        }
        Slots::Quarters => {
            let bounds: Vec<SlotSpan> = spans.iter().map(|span| slotted.slots_of(*span)).collect();
            for (place, of_span) in scope.by_span(db, &bounds).await? {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                figures.get_mut(place).map_or(Ok(()), |sum| add(sum, &of_span))?;
            }
        }
    }
    let mut total = Figures::default();
    figures.iter().try_for_each(|of_span| add(&mut total, of_span))?;
    let points = spans.into_iter().zip(figures).map(|(span, figures)| slotted.point(span, figures));
    Ok(Statistics { points: points.collect(), totals: slotted.point(request.span, total) })
}

/// The hundred links with the highest base in a span. Clients whom staff assigned are of no link.
pub async fn by_link(
    app: &App,
    partner_id: Uuid,
    request: &Request,
) -> Result<Vec<LinkFigures>, ServiceError> {
    let slotted = Slotted::of(app, request.zone);
    let rates = rates(app, partner_id, request.span).await?;
    let scope = Scope { partner_id, slots: slotted.slots, links: &request.links, rates: &rates };
    let mut links: Vec<(Uuid, Figures)> =
        scope.by_link(app.db.reader(), slotted.slots_of(request.span)).await?.into_iter().collect();
    links.retain(|(link_id, _)| !link_id.is_nil());
    links.sort_by_key(|(link_id, figures)| (std::cmp::Reverse(figures.base), *link_id));
    links.truncate(LINKS);
    let links = links.into_iter();
    Ok(links
        .map(|(link_id, figures)| LinkFigures { link_id, totals: slotted.point(request.span, figures) })
        .collect())
}

/// A link of a partner, and the days that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkKey {
    pub partner_id: Uuid,
    pub link_id: Uuid,
    pub span: DaySpan,
}

/// The figures of links over spans of the programme's days: one look a partner and span, however many links.
pub async fn of_links(app: App, keys: Vec<LinkKey>) -> Result<HashMap<LinkKey, Point>, ServiceError> {
    let mut asked: BTreeMap<(Uuid, DaySpan), Vec<LinkKey>> = BTreeMap::new();
    for key in keys {
        asked.entry((key.partner_id, key.span)).or_default().push(key);
    }
    let slotted = Slotted::of(&app, None);
    let mut found = HashMap::new();
    for ((partner_id, span), keys) in asked {
        let rates = rates(&app, partner_id, span).await?;
        let only = keys.first().filter(|_| keys.len() == 1).map(|key| key.link_id);
        let links =
            only.map_or(LinkFilter::All, |only| LinkFilter::These { link_id: Some(only), campaign: None });
        let scope = Scope { partner_id, slots: slotted.slots, links: &links, rates: &rates };
        let figures = scope.by_link(app.db.reader(), slotted.slots_of(span)).await?;
        found.extend(
            keys.into_iter().map(|key| {
                (key, slotted.point(span, figures.get(&key.link_id).copied().unwrap_or_default()))
            }),
        );
    }
    Ok(found)
}

/// The rates that bases in a span may have, latest first: one line for as many periods as have the same.
async fn rates(
    app: &App,
    partner_id: Uuid,
    span: DaySpan,
) -> Result<Vec<(Period, RateBasisPoints)>, ServiceError> {
    // A day beyond the span: one in another zone may lie in the programme's next period.
    let last = Period::holding(span.to.succ_opt().unwrap_or(span.to));
    let (first, book) = RateBook::of_partner(app.db.reader(), &app.terms, partner_id, last).await?;
    let Some(first) = first else { return Ok(Vec::new()) };
    // Whatever occurred before the books begin has one rate: standings and individual rates come later.
    let mut rates = vec![(Period::BEGINNING, book.rate(partner_id, first.previous()).rate)];
    let mut period = first;
    while period <= last {
        let rate = book.rate(partner_id, period).rate;
        if rates.last().is_none_or(|(_, before)| *before != rate) {
            rates.push((period, rate));
        }
        period = period.next();
    }
    rates.reverse();
    Ok(rates)
}

fn too_large(partner_id: Uuid) -> ServiceError {
    ServiceError::Broken(format!("the statistics of partner {partner_id} leave 64 bits"))
}

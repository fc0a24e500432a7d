//! Statistics as the interface shows them.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use uuid::Uuid;

use super::error::Result;
use super::id::Tag;
use super::money::Money;
use super::referral_link::ReferralLink;
use super::referred_client::read_id;
use super::request::{app, loaders};
use super::scalar::{Date, DateTime};
use crate::domain::interval::{DaySpan, Interval};
use crate::services::statistics::{self as service, Figures, LinkFilter, Point, Request, VERDICTS};

/// Figures of a partner over time.
pub struct Statistics {
    partner_id: Uuid,
    request: Request,
    figures: service::Statistics,
}

impl Statistics {
    pub async fn of(context: &Context<'_>, partner_id: Uuid, request: Request) -> Result<Statistics> {
        let figures = service::of_partner(app(context)?, partner_id, &request).await?;
        Ok(Statistics { partner_id, request, figures })
    }
}

/// [from, to) by days. A visitor is unique once a UTC day and link, at his first visit; a paying client counts where his
/// first purchase that earns falls, refunded or not; a client is registered with whoever brought him, and one whom staff
/// reassigned with nobody else: so totals equal the sum of points. A refund counts when it occurred, at the rate of its
/// top-up. Held, rejected and non-earning lines are not in topUps, base and commission. Commission of what is not settled
/// yet is at the rates in force.
#[Object]
impl Statistics {
    /// The sum of the points.
    async fn totals(&self) -> StatisticsPoint {
        StatisticsPoint(self.figures.totals)
    }

    /// Interval by interval, those in which nothing came to pass included; the first and the last end with the span.
    async fn points(&self) -> Vec<StatisticsPoint> {
        self.figures.points.iter().copied().map(StatisticsPoint).collect()
    }

    /// The hundred links with the highest base, of those with any figure in the span.
    async fn by_link(&self, context: &Context<'_>) -> Result<Vec<LinkStatistics>> {
        let links = service::by_link(app(context)?, self.partner_id, &self.request).await?;
        let mut shown = Vec::with_capacity(links.len());
        for service::LinkFigures { link_id, totals } in links {
            let link = loaders(context)?.links.get(link_id).await?;
            shown.extend(
                link.map(|link| LinkStatistics { link: ReferralLink(link), totals: StatisticsPoint(totals) }),
            );
        }
        Ok(shown)
    }
}

/// The figures of one link.
#[derive(SimpleObject)]
pub struct LinkStatistics {
    /// The link.
    pub link: ReferralLink,
    /// What came over it in the whole span.
    pub totals: StatisticsPoint,
}

pub struct StatisticsPoint(pub Point);

impl StatisticsPoint {
    const fn figures(&self) -> &Figures {
        &self.0.figures
    }
}

/// What came to pass from one moment to before another.
#[Object]
impl StatisticsPoint {
    /// The first moment.
    async fn from(&self) -> DateTime {
        DateTime(self.0.from)
    }

    /// The first moment after it.
    async fn to(&self) -> DateTime {
        DateTime(self.0.to)
    }

    /// Visits, whatever their verdict.
    async fn visits(&self) -> i64 {
        self.figures().all_visits()
    }

    /// Visits with the verdict COUNTED.
    async fn counted_visits(&self) -> i64 {
        self.figures().visits[0]
    }

    /// Visitors, each once a UTC day and link.
    async fn unique_visitors(&self) -> i64 {
        self.figures().unique_visitors
    }

    /// Visits by verdict; every verdict is there.
    async fn visits_by_verdict(&self) -> Vec<VerdictCount> {
        let verdicts = VERDICTS.into_iter().zip(self.figures().visits);
        verdicts.map(|(verdict, visits)| VerdictCount { verdict: verdict.into(), visits }).collect()
    }

    /// Accounts opened by clients of the partner.
    async fn registrations(&self) -> i64 {
        self.figures().registrations
    }

    /// Clients whose first purchase this was.
    async fn paying_clients(&self) -> i64 {
        self.figures().paying_clients
    }

    /// Lines with a positive base.
    async fn top_ups(&self) -> i64 {
        self.figures().top_ups
    }

    /// The sum of bases, refunds taken off.
    async fn base(&self) -> Money {
        self.figures().base.into()
    }

    /// The sum of base x rate.
    async fn commission(&self) -> Money {
        self.figures().commission.into()
    }
}

/// How many visits had a verdict.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct VerdictCount {
    /// The verdict.
    pub verdict: VisitVerdict,
    /// How many.
    pub visits: i64,
}

/// What a visit counts for: of all but COUNTED the first that fits, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::VisitVerdict")]
pub enum VisitVerdict {
    /// It counts, and leaves or renews the visitor's attribution.
    Counted,
    /// A browser that looked ahead.
    Prefetch,
    /// No human's browser.
    Bot,
    /// It came from a paid advertisement.
    ContextualAdvertising,
    /// The visitor did not choose to come.
    Forced,
    /// The partner was suspended.
    PartnerSuspended,
    /// The same visitor came over the same link within the hour.
    Duplicate,
}

/// Into what a span is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Interval")]
pub enum StatisticsInterval {
    /// A day of the time zone.
    Day,
    /// From Monday, as ISO 8601 has it.
    Week,
    /// A month.
    Month,
    /// From the 1st and from the 15th: in the programme's time zone the periods that are settled.
    Period,
}

/// Which figures are added up: those for which all that is given holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct StatisticsFilter {
    /// Of this link.
    pub link_id: Option<ID>,
    /// Of the links that have this campaign now.
    pub campaign: Option<String>,
}

/// Reads the arguments of statistics.
///
/// # Errors
/// BAD_USER_INPUT names the argument.
pub fn read(
    (from, to): (Date, Date),
    interval: StatisticsInterval,
    time_zone: Option<&str>,
    filter: Option<StatisticsFilter>,
) -> Result<Request> {
    let StatisticsFilter { link_id, campaign } = filter.unwrap_or_default();
    let links = match (read_id(Tag::ReferralLink, link_id.as_ref()), campaign) {
        (None, _) => LinkFilter::Nothing,
        (Some(None), None) => LinkFilter::All,
        (Some(link_id), campaign) => LinkFilter::These { link_id, campaign },
    };
    let zone = time_zone.map(service::time_zone).transpose()?;
    Ok(Request { span: DaySpan::new(from.0, to.0)?, interval: interval.into(), zone, links })
}

/// The figures of one link over days of the programme's time zone.
///
/// # Errors
/// BAD_USER_INPUT names the argument.
pub async fn of_link(
    context: &Context<'_>,
    link: &entity::link::Model,
    (from, to): (Date, Date),
) -> Result<StatisticsPoint> {
    let span = DaySpan::new(from.0, to.0)?;
    let key = service::LinkKey { partner_id: link.partner_id, link_id: link.id, span };
    let point = loaders(context)?.link_statistics.get(key).await?;
    point.map(StatisticsPoint).ok_or_else(|| {
        crate::services::error::ServiceError::Broken(format!("link {} has no statistics", link.id)).into()
    })
}

//! Figures over any history: totals are the sums of their points and of the lines, what was seen at a time is what is
//! answered for it later, and a forecast comes true if nothing happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use entity::{LineKind, LineState, Moment, Money, VisitVerdict, line, partner, referral};
use parrain::db;
use parrain::domain::interval::{DaySpan, Interval};
use parrain::services::balance::{self, BalanceView};
use parrain::services::position::{self, Position};
use parrain::services::referred_client;
use parrain::services::settlement::{self, Occasion};
use parrain::services::standing::{self, Standing};
use parrain::services::statistics::{self, CountedVisit, Figures, LinkFilter, Request, Statistics};
use parrain::services::{forecast, statement};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::books::Books;

/// Whole, half and three-quarter hours from UTC; both changes of the clock, one of them by half an hour.
const ZONES: [Option<Tz>; 4] = [
    Some(chrono_tz::America::New_York),
    Some(chrono_tz::Asia::Kathmandu),
    Some(chrono_tz::Australia::Lord_Howe),
    Some(chrono_tz::Europe::Paris),
];
const INTERVALS: [Interval; 4] = [Interval::Day, Interval::Week, Interval::Month, Interval::Period];

/// What partners saw, by the moment at which they looked last and by partner.
#[derive(Default)]
pub struct Seen(BTreeMap<(i64, Uuid), (BalanceView, Standing)>);

impl Seen {
    /// One partner a moment looks, another one each time.
    pub async fn look(&mut self, books: &Books, now: i64) {
        let partners = books.partners().await;
        let Some(partner) = partners.get(self.0.len() % partners.len().max(1)) else { return };
        let position = books.position(partner.id).await;
        let balance = balance::now(&position).unwrap();
        let standing = position.standing(&books.app);
        // What happens in the same moment is known in it.
        self.0.retain(|(at, _), _| *at != now);
        self.0.insert((now, partner.id), (balance, standing));
    }
}

impl Books {
    /// In what the figures contradict the lines, themselves or what was seen; nothing where they agree.
    pub async fn figures_differ(&self, seen: &Seen) -> Option<String> {
        self.app.clock.set(Moment(self.app.clock.now().0 + 1));
        if let Some(difference) = self.replays_differ(seen).await {
            return Some(difference);
        }
        let lines = line::Entity::find().all(&self.connection).await.unwrap();
        let referrals = referral::Entity::find().all(&self.connection).await.unwrap();
        for partner in self.partners().await {
            let visits = self.count_visits(&partner).await;
            let facts = Facts::of(self, partner.id, &lines, &referrals, &visits).await;
            if let Some(difference) = self.statistics_differ(&facts).await {
                return Some(difference);
            }
            if let Some(difference) = self.clients_differ(&facts).await {
                return Some(difference);
            }
        }
        self.forecast_fails().await
    }

    async fn partners(&self) -> Vec<partner::Model> {
        partner::Entity::find().all(&self.connection).await.unwrap()
    }

    async fn position(&self, partner_id: Uuid) -> Arc<Position> {
        position::by_id(self.app.clone(), vec![partner_id]).await.unwrap().remove(&partner_id).unwrap()
    }

    async fn replays_differ(&self, seen: &Seen) -> Option<String> {
        for ((at, partner), then) in &seen.0 {
            let key = (*partner, Moment(*at));
            let balance = balance::then(self.app.clone(), vec![key]).await.unwrap()[&key];
            let standing = standing::at(self.app.clone(), vec![key]).await.unwrap().remove(&key).unwrap();
            if *then != (balance, standing.clone()) {
                return Some(format!("at {at} {partner} saw {then:#?}, now told {balance:#?} {standing:#?}"));
            }
        }
        None
    }

    /// Some visits about the time of the history.
    async fn count_visits(&self, partner: &partner::Model) -> Vec<CountedVisit> {
        let sql = format!("SELECT id FROM link WHERE partner_id = {}", self.quoted(partner.id));
        let link_id = super::tables::query(&self.connection, &sql).await[0].try_get_by_index(0).unwrap();
        let now = self.app.clock.now().0;
        let visit = |number: i64| CountedVisit {
            partner_id: partner.id,
            link_id,
            at: Moment(now - number * 100_000_000_007),
            verdict: [VisitVerdict::Counted, VisitVerdict::Bot, VisitVerdict::Duplicate]
                [usize::try_from(number % 3).unwrap()],
            // Of those that count every other one.
            is_first_of_day: number % 6 == 0,
        };
        let visits: Vec<CountedVisit> = (0..30).map(visit).collect();
        let calendar = &self.app.terms.calendar;
        let (first, second) = visits.split_at(17);
        for part in [first, second] {
            let counts = statistics::visit_counts(calendar, part);
            db::execute_together(&self.connection, counts).await.unwrap();
        }
        visits
    }

    fn quoted(&self, id: Uuid) -> String {
        match sea_orm::ConnectionTrait::get_database_backend(&self.connection) {
            sea_orm::DbBackend::Postgres => format!("'{id}'"),
            _ => format!("x'{}'", id.simple()),
        }
    }

    async fn statistics_differ(&self, facts: &Facts<'_>) -> Option<String> {
        let now = self.app.clock.now().to_utc().date_naive();
        // All of the history, and its middle, so that lines lie outside too.
        let spans = [
            DaySpan::new(now - Days::new(150), now + Days::new(2)).unwrap(),
            DaySpan::new(now - Days::new(40), now - Days::new(3)).unwrap(),
        ];
        // The programme's own zone each time, and one of the others with each history.
        let turn = facts.lines.len();
        for (place, zone) in [(turn, None), (turn + 1, ZONES[turn % ZONES.len()])] {
            let span = spans[place % 2];
            let interval = INTERVALS[turn / 2 % 4];
            for links in [
                LinkFilter::All,
                LinkFilter::These {
                    link_id: facts.visits.first().map(|visit| visit.link_id),
                    campaign: None,
                },
            ] {
                let request = Request { span, interval, zone, links };
                let found = statistics::of_partner(&self.app, facts.partner_id, &request).await.unwrap();
                if let Some(difference) = self.differs_in(facts, &request, &found).await {
                    return Some(format!("{request:?} of {}: {difference}", facts.partner_id));
                }
            }
        }
        None
    }

    async fn clients_differ(&self, facts: &Facts<'_>) -> Option<String> {
        let ids = facts.referrals.iter().map(|referral| referral.id).collect();
        for (id, client) in referred_client::by_id(self.app.clone(), ids).await.unwrap() {
            let lines = facts.lines.iter().filter(|(line, ..)| line.referral_id == id);
            let expected: i64 = lines.map(|(_, commission, _)| commission.0).sum();
            let found = referred_client::commission(&self.app, client).await.unwrap();
            if found != Money(expected) {
                return Some(format!("client {id} earned {found}, his lines {}", Money(expected)));
            }
        }
        None
    }

    async fn differs_in(&self, facts: &Facts<'_>, request: &Request, found: &Statistics) -> Option<String> {
        let zone = request.zone.unwrap_or(self.app.terms.calendar.zone());
        let mut from = midnight(zone, request.span.from);
        let mut total = Figures::default();
        for point in &found.points {
            let expected = facts.between(point.from, point.to, &request.links);
            if point.figures != expected || point.from != from {
                return Some(format!("{point:#?} where the lines say {expected:#?} from {from}"));
            }
            from = point.to;
            total = total.plus(&point.figures).unwrap();
        }
        if from != midnight(zone, request.span.to) || found.totals.to != from {
            return Some(format!("it ends at {from}"));
        }
        if found.totals.figures != total {
            return Some(format!("totals {:#?} are not the sum {total:#?}", found.totals));
        }
        let by_link = statistics::by_link(&self.app, facts.partner_id, request).await.unwrap();
        for link in by_link {
            let only = LinkFilter::These { link_id: Some(link.link_id), campaign: None };
            let expected = facts.between(found.totals.from, found.totals.to, &only);
            if link.totals.figures != expected {
                return Some(format!("{link:#?} where the lines say {expected:#?}"));
            }
        }
        None
    }

    /// Settles the oldest open period: every partner gets what was forecast for him.
    async fn forecast_fails(&self) -> Option<String> {
        let open = standing::books(&self.app).await.unwrap().oldest_open()?;
        let mut forecasts = Vec::new();
        for partner in self.partners().await {
            let position = self.position(partner.id).await;
            forecasts.push((partner.id, forecast::forecast(&self.app, &position).unwrap()));
        }
        let ends_at = self.app.terms.calendar.ends_at(open);
        self.app.clock.set(self.app.clock.now().max(ends_at));
        let occasion = Occasion::ByHand { until: Some(open.end()) };
        settlement::settle_due(&self.app, occasion, |_| {}).await.unwrap();
        for (partner_id, forecast) in forecasts {
            let keys = vec![(partner_id, open)];
            let written = statement::by_period(self.app.clone(), keys).await.unwrap();
            let credited = written.values().next().map(|statement| statement.credited).unwrap_or_default();
            // Shown from now on: that of the period after the one closed last.
            let standing = self.position(partner_id).await.standing(&self.app);
            if (credited, &standing.tier, standing.clients_to_next_tier)
                != (forecast.next_credit, &forecast.tier, forecast.clients_to_next_tier)
            {
                return Some(format!("{forecast:?} of {partner_id} became {credited} and {standing:?}"));
            }
        }
        None
    }
}

fn midnight(zone: Tz, date: NaiveDate) -> Moment {
    parrain::domain::calendar::Calendar::new(zone).local_midnight(date)
}

/// What is on record of a partner.
struct Facts<'a> {
    partner_id: Uuid,
    /// Each with its commission and its link.
    lines: Vec<(&'a line::Model, Money, Option<Uuid>)>,
    referrals: Vec<&'a referral::Model>,
    visits: &'a [CountedVisit],
}

impl<'a> Facts<'a> {
    async fn of(
        books: &Books,
        partner_id: Uuid,
        lines: &'a [line::Model],
        referrals: &'a [referral::Model],
        visits: &'a [CountedVisit],
    ) -> Facts<'a> {
        let lines =
            lines.iter().filter(|line| line.partner_id == partner_id && line.state == LineState::Earning);
        let lines: Vec<&line::Model> = lines.collect();
        let referrals: Vec<_> = referrals.iter().filter(|row| row.partner_id == partner_id).collect();
        let keys = lines.iter().map(|line| (partner_id, line.rate_period)).collect();
        let rates = standing::rates(books.app.clone(), keys).await.unwrap();
        let with_link = |line: &'a line::Model| {
            let commission = rates[&(partner_id, line.rate_period)].rate.of(line.base).unwrap();
            let referral = referrals.iter().find(|referral| referral.id == line.referral_id).unwrap();
            (line, commission, referral.link_id)
        };
        Facts { partner_id, lines: lines.into_iter().map(with_link).collect(), referrals, visits }
    }

    /// Fact by fact.
    fn between(&self, from: Moment, to: Moment, links: &LinkFilter) -> Figures {
        let holds = |at: Moment| from <= at && at < to;
        let counts = |link_id: Option<Uuid>| match links {
            LinkFilter::These { link_id: only, .. } => *only == link_id,
            _ => true,
        };
        let mut sum = Figures::default();
        for (line, commission, link_id) in &self.lines {
            if holds(line.occurred_at) && counts(*link_id) {
                sum.top_ups += i64::from(line.base.0 > 0);
                sum.base = sum.base.checked_add(line.base).unwrap();
                sum.commission = sum.commission.checked_add(*commission).unwrap();
            }
        }
        for referral in self.referrals.iter().filter(|referral| counts(referral.link_id)) {
            let own = self.lines.iter().filter(|(line, ..)| line.referral_id == referral.id);
            let purchases = own.filter(|(line, ..)| line.kind == LineKind::TopUp);
            let first = purchases.map(|(line, ..)| line.occurred_at).min();
            sum.paying_clients += i64::from(first.is_some_and(holds));
            let is_brought = referral.brought_by != entity::BroughtBy::Staff;
            sum.registrations += i64::from(is_brought && holds(referral.registered_at));
        }
        for visit in self.visits.iter().filter(|visit| holds(visit.at) && counts(Some(visit.link_id))) {
            let place = statistics::VERDICTS.iter().position(|verdict| *verdict == visit.verdict).unwrap();
            sum.visits[place] += 1;
            sum.unique_visitors += i64::from(visit.is_first_of_day);
        }
        sum
    }
}

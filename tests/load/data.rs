//! The data: partners of skewed size, their clients, top-ups in order of time, refunds; the same for the same seed.

use chrono::{Datelike, NaiveDate, Weekday};
use clap::Args;
use entity::{Day, Moment, Money, Period, TopUpKind};
use parrain::clock::Clock;
use parrain::domain::calendar::Calendar;
use parrain::domain::top_up::{RefundFact, TopUpFact};
use parrain::services::exchange_rate::PublishedRate;
use parrain::services::partner::Joining;
use parrain::services::registration::Registration;
use rust_decimal::Decimal;

/// How much there is of everything.
#[derive(Args, Clone, Copy, Debug)]
pub struct Shape {
    #[arg(long, default_value_t = 10_000)]
    pub partners: u64,
    #[arg(long, default_value_t = 200_000)]
    pub clients: u64,
    #[arg(long, default_value_t = 1_000_000)]
    pub top_ups: u64,
    /// Over how many half-months the top-ups are spread.
    #[arg(long, default_value_t = 1)]
    pub periods: u32,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where the top-ups begin; far enough back to be over whenever this runs.
    #[arg(skip = FIRST)]
    pub first: Period,
    /// Where they end, if before the last period does.
    #[arg(skip)]
    pub until: Option<Moment>,
}

const FIRST: Period = Period(20250301);
/// Of the currencies that a third of the top-ups are in: code, whole and decimals of the rate, minor units.
const CURRENCIES: [(&str, i64, u32, u32); 4] =
    [("USD", 10_837, 4, 2), ("GBP", 8_412, 4, 2), ("CHF", 9_551, 4, 2), ("JPY", 16_123, 2, 0)];
/// One top-up in so many is refunded, half of them in full.
const REFUNDED_ONE_IN: u64 = 50;

impl Shape {
    /// The period after the last one with top-ups.
    pub fn end(&self) -> Period {
        (0..self.periods).fold(self.first, |period, _| period.next())
    }

    /// As much, of which the last period's is happening now.
    pub fn until_now(self, calendar: &Calendar) -> Shape {
        let now = Clock::system().now();
        let first = (1..self.periods).fold(calendar.period_of(now), |period, _| period.previous());
        Shape { first, until: Some(now), ..self }
    }

    /// A number that looks random, the same for the same question.
    fn draw(&self, what: u64, index: u64) -> u64 {
        // SplitMix64.
        let mut z = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (what << 56);
        z = z.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Which partner a client belongs to: the square of a uniform number, so that a hundredth of the partners have a
    /// tenth of the clients.
    pub fn partner_of(&self, client: u64) -> u64 {
        let uniform = self.draw(1, client) >> 32;
        (((uniform * uniform) >> 32) * self.partners) >> 32
    }

    pub fn client_of(&self, top_up: u64) -> u64 {
        ((self.draw(2, top_up) >> 32) * self.clients) >> 32
    }

    pub fn joining(partner: u64) -> Joining {
        let code = Some(format!("P{partner:06}"));
        Joining { account_id: format!("p{partner:06}"), code, joined_at: before_all() }
    }

    pub fn registration(&self, client: u64) -> Registration {
        Registration {
            client_id: client_id(client),
            registered_at: before_all().plus(chrono::Duration::hours(1)),
            code: Some(format!("P{:06}", self.partner_of(client))),
            ..Registration::default()
        }
    }

    /// Rates on working days, from a week before the first top-up on.
    pub fn rates(&self) -> Vec<PublishedRate> {
        let mut rates = Vec::new();
        let from = self.first.start() - chrono::Duration::days(7);
        for day in from.iter_days().take_while(|day| *day < self.end().start()) {
            if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
                continue;
            }
            for (index, (currency, rate, decimals, _)) in CURRENCIES.into_iter().enumerate() {
                let drawn = self.draw(10 + index as u64, u64::from(day.num_days_from_ce().unsigned_abs()));
                let rate = Decimal::new(rate + i64::try_from(drawn % 200).unwrap_or(0), decimals);
                let published_on = Day::from_date(day);
                rates.push(PublishedRate { currency: currency.to_owned(), published_on, rate });
            }
        }
        rates
    }

    pub fn top_up(&self, index: u64) -> TopUpFact {
        let drawn = self.draw(3, index);
        let cents = 500 + i64::try_from((drawn >> 8) % 19_500).unwrap_or(0);
        let (currency, minor_units) = match drawn % 12 {
            choice @ 0..4 => {
                let (code, .., minor_units) = CURRENCIES[usize::try_from(choice).unwrap_or(0)];
                (code, minor_units)
            }
            _ => ("EUR", 2),
        };
        TopUpFact {
            source: "shop".to_owned(),
            external_id: format!("top-up-{index:08}"),
            client_id: client_id(self.client_of(index)),
            occurred_at: self.occurred_at(index),
            amount: if minor_units == 0 { Money(cents * 1_000_000) } else { Money(cents * 10_000) },
            currency: currency.to_owned(),
            kind: TopUpKind::Purchase,
            payment_instrument_hash: None,
        }
    }

    /// Evenly over the periods, in order, with whole seconds.
    fn occurred_at(&self, index: u64) -> Moment {
        let (start, end) = (utc_midnight(self.first.start()), utc_midnight(self.end().start()));
        let end = self.until.map_or(end, |until| end.min(until));
        // An hour or two less: midnight in the programme's zone is earlier than midnight UTC.
        let seconds = (end.0 - start.0) / 1_000_000 - 3 * 3_600;
        let at = i128::from(seconds) * i128::from(index) / i128::from(self.top_ups.max(1));
        Moment(start.0 + i64::try_from(at).unwrap_or(0) * 1_000_000)
    }

    pub fn refunds(&self) -> impl Iterator<Item = RefundFact> {
        let shape = *self;
        (0..self.top_ups).filter(|index| index % REFUNDED_ONE_IN == 7).map(move |index| {
            let top_up = shape.top_up(index);
            let is_full = index % (2 * REFUNDED_ONE_IN) == 7;
            let half = Money(top_up.amount.0 / 2_000_000 * 1_000_000);
            RefundFact {
                external_id: format!("refund-of-{}", top_up.external_id),
                source: top_up.source,
                top_up_external_id: top_up.external_id,
                client_id: top_up.client_id,
                occurred_at: top_up.occurred_at.plus(chrono::Duration::seconds(1)),
                amount: if is_full { top_up.amount } else { half },
            }
        })
    }
}

fn client_id(client: u64) -> String {
    format!("c{client:07}")
}

fn before_all() -> Moment {
    utc_midnight(FIRST.start() - chrono::Duration::days(100))
}

fn utc_midnight(date: NaiveDate) -> Moment {
    Moment::from_utc(date.and_time(chrono::NaiveTime::MIN).and_utc())
}

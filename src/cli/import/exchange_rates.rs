//! The European Central Bank's history of reference rates: a row a day, a column a currency, newest first.

use chrono::NaiveDate;
use csv::ByteRecord;
use entity::Day;
use iso_currency::Currency;
use rust_decimal::Decimal;

use super::fields::check_width;
use super::kinds::{FileKind, Judged, reason};
use crate::app::App;
use crate::services::error::ServiceError;
use crate::services::exchange_rate::{self, PublishedRate, RateOutcome};

/// The bank publishes units of a currency for one euro.
const ECB_BASE: &str = "EUR";

pub struct ExchangeRates {
    width: usize,
    /// The currencies that there still are, each with its place in a row.
    currencies: Vec<(usize, String)>,
    /// Those that have ended; no top-up can be in them.
    ended: Vec<String>,
}

impl FileKind for ExchangeRates {
    type Fact = PublishedRate;

    fn open(header: &ByteRecord, app: &App) -> Result<Self, String> {
        if app.terms.currency != ECB_BASE {
            let own = &app.terms.currency;
            return Err(format!(
                "the bank's rates are for one {ECB_BASE}, and the programme's currency is {own}"
            ));
        }
        if header.get(0) != Some(b"Date") {
            return Err("the column \"Date\" is missing: it is the first".to_owned());
        }
        let (mut currencies, mut ended): (Vec<(usize, String)>, Vec<String>) = (Vec::new(), Vec::new());
        for (position, name) in header.iter().enumerate().skip(1) {
            let shown = String::from_utf8_lossy(name).into_owned();
            let is_code = name.len() == 3 && name.iter().all(u8::is_ascii_uppercase);
            if name.is_empty() && position + 1 == header.len() {
                // The bank ends each row with a comma.
            } else if !is_code {
                return Err(format!("the column {shown:?} is unknown: a currency's code is expected"));
            } else if currencies.iter().any(|(_, other)| *other == shown) || ended.contains(&shown) {
                return Err(format!("the column {shown:?} is there twice"));
            } else if Currency::from_code(&shown).is_some() {
                currencies.push((position, shown));
            } else {
                ended.push(shown);
            }
        }
        Ok(ExchangeRates { width: header.len(), currencies, ended })
    }

    fn note(&self) -> Option<String> {
        let ended = self.ended.join(", ");
        (!ended.is_empty()).then(|| format!("no ISO 4217 code any more, left out: {ended}"))
    }

    fn read(&self, row: &ByteRecord, each: &mut dyn FnMut(Result<PublishedRate, String>)) {
        if let Err(refused) = check_width(row, self.width) {
            return each(Err(refused));
        }
        let date = std::str::from_utf8(&row[0]).unwrap_or_default();
        let Ok(date) = NaiveDate::parse_from_str(date, "%Y-%m-%d") else {
            return each(Err("Date is not a date such as 2026-10-14".to_owned()));
        };
        let published_on = Day::from_date(date);
        for (position, currency) in &self.currencies {
            let rate = match &row[*position] {
                b"" | b"N/A" => continue,
                text => std::str::from_utf8(text).ok().and_then(|text| Decimal::from_str_exact(text).ok()),
            };
            each(match rate {
                Some(rate) => Ok(PublishedRate { currency: currency.clone(), published_on, rate }),
                None => Err(format!("{currency}: is not a decimal number")),
            });
        }
    }

    async fn record(app: &App, facts: &[PublishedRate]) -> Result<Vec<Judged>, ServiceError> {
        let outcomes = exchange_rate::record(app, facts).await?;
        let judged = facts.iter().zip(outcomes).map(|(fact, outcome)| match outcome {
            RateOutcome::Recorded => Judged::Recorded,
            RateOutcome::Replayed => Judged::Replayed,
            RateOutcome::Refused(refusal) => {
                Judged::Refused(format!("{}: {}", fact.currency, reason(&refusal)))
            }
        });
        Ok(judged.collect())
    }
}

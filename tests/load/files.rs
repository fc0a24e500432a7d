//! The data as files for `parrain import`.

use std::path::Path;

use crate::Outcome;
use crate::data::Shape;

/// Writes partners, clients, exchange rates, top-ups and refunds.
pub fn write(shape: Shape, directory: &Path) -> Outcome<()> {
    std::fs::create_dir_all(directory)?;
    let open = |name: &str| csv::Writer::from_path(directory.join(name));
    let mut partners = open("partners.csv")?;
    partners.write_record(["account_id", "code", "joined_at"])?;
    for index in 0..shape.partners {
        let joining = Shape::joining(index);
        let code = joining.code.unwrap_or_default();
        partners.write_record([joining.account_id, code, joining.joined_at.to_string()])?;
    }
    partners.flush()?;
    let mut clients = open("clients.csv")?;
    clients.write_record(["client_id", "partner_code", "registered_at"])?;
    for index in 0..shape.clients {
        let client = shape.registration(index);
        let code = client.code.unwrap_or_default();
        clients.write_record([client.client_id, code, client.registered_at.to_string()])?;
    }
    clients.flush()?;
    write_rates(shape, open("exchange_rates.csv")?)?;
    write_top_ups(shape, &directory.join("top_ups.csv"))?;
    write_refunds(shape, open("refunds.csv")?)
}

type Writer = csv::Writer<std::fs::File>;

/// As the European Central Bank publishes them: a row a day, a column a currency.
fn write_rates(shape: Shape, mut file: Writer) -> Outcome<()> {
    let rates = shape.rates();
    let mut days = std::collections::BTreeMap::<_, Vec<_>>::new();
    rates.iter().for_each(|rate| days.entry(rate.published_on).or_default().push(rate));
    let currencies = days.values().next().into_iter().flatten().map(|rate| rate.currency.clone());
    file.write_record(std::iter::once("Date".to_owned()).chain(currencies))?;
    for (day, rates) in days.iter().rev() {
        let rates = rates.iter().map(|rate| rate.rate.to_string());
        file.write_record(std::iter::once(day.to_string()).chain(rates))?;
    }
    Ok(file.flush()?)
}

/// Writes the top-ups alone.
pub fn write_top_ups(shape: Shape, file: &Path) -> Outcome<()> {
    let mut top_ups = csv::Writer::from_path(file)?;
    top_ups.write_record([
        "source",
        "external_id",
        "client_id",
        "occurred_at",
        "amount",
        "currency",
        "kind",
    ])?;
    for index in 0..shape.top_ups {
        let fact = shape.top_up(index);
        let (at, amount) = (fact.occurred_at.to_string(), fact.amount.to_string());
        let kind: &str = fact.kind.into();
        let fields = [&fact.source, &fact.external_id, &fact.client_id, &at, &amount, &fact.currency]
            .map(String::as_str);
        top_ups.write_record(fields.into_iter().chain([kind]))?;
    }
    Ok(top_ups.flush()?)
}

fn write_refunds(shape: Shape, mut refunds: Writer) -> Outcome<()> {
    refunds.write_record([
        "source",
        "external_id",
        "top_up_external_id",
        "client_id",
        "occurred_at",
        "amount",
    ])?;
    for fact in shape.refunds() {
        let (at, amount) = (fact.occurred_at.to_string(), fact.amount.to_string());
        refunds.write_record([
            &fact.source,
            &fact.external_id,
            &fact.top_up_external_id,
            &fact.client_id,
            &at,
            &amount,
        ])?;
    }
    Ok(refunds.flush()?)
}

//! What a partner's screens cost as his history grows: two years of statistics by day, and a page deep in the history.

use std::time::Instant;

use async_graphql::{Executor, Request};
use parrain::app::App;
use parrain::domain::caller::Caller;
use parrain::graphql::Api;
use parrain::services::{exchange_rate, partner, refund, registration, top_up};
use serde_json::Value;

use crate::data::Shape;
use crate::databases::{self, FIGURES, Server};
use crate::measure::{self, median, ratio};
use crate::{Options, Outcome};

/// Two years.
const PERIODS: u32 = 48;
/// How often each question is asked in a round.
const ASKED: usize = 200;
/// How deep the page lies.
const DEPTH: usize = 100_000;
const PAGE: usize = 100;

/// A partner of this benchmark: his name, and how much he has.
struct Plan {
    name: &'static str,
    shape: Shape,
}

fn plans(options: &Options) -> [Plan; 2] {
    let shape = |clients, top_ups, seed| Shape {
        partners: 1,
        clients,
        top_ups,
        periods: PERIODS,
        seed,
        ..options.shape
    };
    [
        Plan { name: "small", shape: shape(50, 1_000, 2) },
        Plan { name: "large", shape: shape(5_000, options.shape.top_ups, 1) },
    ]
}

pub async fn run(options: &Options) -> Outcome<()> {
    let mut server = Server::at(&options.database_url).await?;
    let plans = plans(options);
    if server.begin(FIGURES).await? {
        let app = databases::open(&server.url(FIGURES)).await?;
        for plan in &plans {
            fill(&app, plan, options.batch).await?;
        }
        app.db.close().await?;
        server.settle_down(FIGURES).await?;
    }
    println!("{}; {}", server.version().await?, measure::machine()?);
    let app = databases::open(&server.url(FIGURES)).await?;
    let api = Api::new(app.clone());
    let (small, large) = (plans[0].name, plans[1].name);
    let first_page = format!("{{ viewer {{ commissions(first: {PAGE}) {PAGED} }} }}");
    let cursor = cursor_at_depth(&api, large).await?;
    let deep_page = format!("{{ viewer {{ commissions(first: {PAGE}, after: \"{cursor}\") {PAGED} }} }}");
    println!("{:>5} {:<28} {:>9} {:>9} {:>6}", "round", "question", "p50 us", "p99 us", "ratio");
    for round in 1..=options.rounds {
        let asked = [
            ("statistics, 1,000 lines", small, STATISTICS),
            ("statistics, all lines", large, STATISTICS),
            ("first page", large, first_page.as_str()),
            ("page behind 100,000 lines", large, deep_page.as_str()),
        ];
        let mut took = vec![Vec::with_capacity(ASKED); asked.len()];
        for _ in 0..ASKED {
            for ((_, account, query), took) in asked.iter().zip(&mut took) {
                let started = Instant::now();
                ask(&api, account, query).await?;
                took.push(u64::try_from(started.elapsed().as_micros())?);
            }
        }
        for (place, (name, ..)) in asked.iter().enumerate() {
            let (p50, p99) = (median(took[place].clone()), hundredth(took[place].clone()));
            let against = median(took[place / 2 * 2].clone());
            println!("{round:>5} {name:<28} {p50:>9} {p99:>9} {:>6}", ratio(p50, against));
        }
    }
    Ok(app.db.close().await?)
}

const STATISTICS: &str = "{ viewer { statistics(from: \"2025-03-01\", to: \"2027-03-01\", interval: DAY) { \
    totals { base { amount } commission { amount } } points { from visits registrations payingClients topUps \
    base { amount } commission { amount } } } } }";
const PAGED: &str =
    "{ pageInfo { endCursor } edges { node { occurredAt status base { amount } amount { amount } } } }";

/// The 99th of a hundred.
fn hundredth(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() * 99 / 100).copied().unwrap_or(0)
}

async fn ask(api: &Api, account: &str, query: &str) -> Outcome<Value> {
    let caller = Caller::Partner { account_id: account.to_owned() };
    let answer = serde_json::to_value(api.execute(Request::new(query).data(caller)).await)?;
    match answer.get("errors") {
        None => Ok(answer),
        Some(errors) => Err(errors.to_string().into()),
    }
}

async fn cursor_at_depth(api: &Api, account: &str) -> Outcome<String> {
    let mut cursor = String::new();
    for _ in 0..DEPTH / PAGE {
        let after = if cursor.is_empty() { String::new() } else { format!(", after: \"{cursor}\"") };
        let query =
            format!("{{ viewer {{ commissions(first: {PAGE}{after}) {{ pageInfo {{ endCursor }} }} }} }}");
        let answer = ask(api, account, &query).await?;
        let end = &answer["data"]["viewer"]["commissions"]["pageInfo"]["endCursor"];
        cursor = end.as_str().ok_or("the history is not that deep")?.to_owned();
    }
    Ok(cursor)
}

/// One partner with all that is his, under names of his own.
async fn fill(app: &App, plan: &Plan, batch: usize) -> Outcome<()> {
    let Plan { name, shape } = plan;
    eprintln!("making {} top-ups of the {name} partner", shape.top_ups);
    let mut joining = Shape::joining(0);
    (joining.account_id, joining.code) = ((*name).to_owned(), Some((*name).to_owned()));
    partner::join(app, &[joining]).await?;
    exchange_rate::record(app, &shape.rates()).await?;
    let own = |id: String| format!("{name}-{id}");
    let clients: Vec<_> = (0..shape.clients)
        .map(|client| {
            let client = shape.registration(client);
            registration::Registration {
                client_id: own(client.client_id),
                code: Some((*name).to_owned()),
                ..client
            }
        })
        .collect();
    registration::register(app, &clients, registration::CodePolicy::Recorded).await?;
    for first in (0..shape.top_ups).step_by(batch) {
        let last = (first + u64::try_from(batch)?).min(shape.top_ups);
        let mut facts: Vec<_> = (first..last).map(|index| shape.top_up(index)).collect();
        for fact in &mut facts {
            fact.client_id = own(std::mem::take(&mut fact.client_id));
            fact.source = (*name).to_owned();
        }
        top_up::record(app, &facts).await?;
    }
    let mut refunds: Vec<_> = shape.refunds().collect();
    for fact in &mut refunds {
        fact.client_id = own(std::mem::take(&mut fact.client_id));
        fact.source = (*name).to_owned();
    }
    for batch in refunds.chunks(batch) {
        refund::record(app, batch).await?;
    }
    Ok(())
}

//! The feed of changes: whoever pages it while others write misses nothing and is told nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use entity::{Money, SubjectKind, TicketKind, TopUpKind};
use futures_util::future::{join, join_all};
use parrain::app::App;
use parrain::clock::Clock;
use parrain::config::Config;
use parrain::domain::top_up::{RefundFact, TopUpFact};
use parrain::domain::watermark::Watermark;
use parrain::services::adjustment::{self, AdjustBalance};
use parrain::services::audit::{Actor, ActorRole};
use parrain::services::change::{self, ChangesKey};
use parrain::services::partner;
use parrain::services::registration::{self, CodePolicy, Registration};
use parrain::services::service_transfer::{self as transfers, RequestServiceTransfer};
use parrain::services::settlement::{self, Occasion};
use parrain::services::ticket::{self, OpenTicket};
use parrain::services::{refund, top_up};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Backend, Folder, Parrain, Shuffle, TestDatabase, on_both_databases};
use crate::sample;

on_both_databases!(
    whoever_follows_while_others_write_ends_with_what_a_fresh_read_shows,
    a_copy_goes_on_where_the_original_has_come_to,
    a_program_follows_over_the_api,
    many_partners_are_followed_together_as_each_is_alone,
);

/// What each writer does so often.
const STEPS: usize = 12;
const PARTNERS: usize = 3;

async fn open(database: &TestDatabase) -> App {
    let mut config = Config::default();
    config.database.url = database.url().into();
    config.auth.hs256_secret = Some("a-secret-of-the-tests-of-32-bytes-or-more".into());
    config.programme.minimum_active_clients = 1;
    App::open(config, Clock::system()).await.unwrap()
}

/// Partners with a client each, and money to move.
async fn partners(app: &App) -> Vec<(Uuid, String)> {
    let staff = Actor { subject: "staff".to_owned(), role: ActorRole::Staff, request_id: None, origin: None };
    let mut partners = Vec::new();
    for n in 0..PARTNERS {
        let partner_id = partner::of_account(app, &format!("p{n}")).await.unwrap().id;
        let asked = AdjustBalance {
            partner_id,
            amount: Money::from_units(1_000),
            reason: "to begin with".to_owned(),
            idempotency_key: format!("begin-{n}"),
        };
        adjustment::adjust_balance(app, &staff, &asked).await.unwrap();
        let codes = parrain::services::referral_link::own_codes(app.clone(), vec![partner_id]).await.unwrap();
        partners.push((partner_id, codes[&partner_id].clone()));
        register(app, &format!("c{n}"), &codes[&partner_id]).await;
    }
    // So that whoever settles first settles something of each.
    let mut chance = Shuffle::new(PARTNERS as u64);
    for n in 0..PARTNERS {
        pay(app, &format!("before-{n}"), &mut chance).await;
    }
    partners
}

async fn register(app: &App, client: &str, code: &str) {
    let client = Registration {
        client_id: client.to_owned(),
        registered_at: app.clock.now(),
        code: Some(code.to_owned()),
        ..Registration::default()
    };
    registration::register(app, &[client], CodePolicy::Typed).await.unwrap();
}

/// One writer of several: what it does is its own, whose it is is everybody's.
async fn write(app: &App, partners: &[(Uuid, String)], writer: usize) {
    let mut chance = Shuffle::new(writer as u64);
    for step in 0..STEPS {
        let name = format!("{writer}-{step}");
        let (partner_id, code) = &partners[chance.below(PARTNERS)];
        match (writer + step) % 6 {
            0 => register(app, &name, code).await,
            1 => {
                let open = OpenTicket {
                    kind: TicketKind::Question,
                    subject: name.clone(),
                    text: "Why?".to_owned(),
                    about_id: None,
                };
                let opened = ticket::open(app, *partner_id, &open).await.unwrap();
                ticket::reply(app, *partner_id, opened.id, "Well?").await.unwrap();
            }
            2 => {
                let asked = RequestServiceTransfer { amount: Money::from_units(1), idempotency_key: name };
                let asked = transfers::request(app, *partner_id, &asked).await.unwrap();
                transfers::complete(app, asked.id).await.unwrap();
            }
            3 if writer == 0 => {
                settlement::settle_due(app, Occasion::ByHand { until: None }, |_| {}).await.unwrap();
            }
            _ => pay(app, &name, &mut chance).await,
        }
    }
}

/// A batch of top-ups of all partners' clients, some of long ago, and a refund.
async fn pay(app: &App, name: &str, chance: &mut Shuffle) {
    let now = app.clock.now();
    let top_ups: Vec<TopUpFact> = (0..4)
        .map(|n| TopUpFact {
            source: "till".to_owned(),
            external_id: format!("{name}-{n}"),
            client_id: format!("c{}", chance.below(PARTNERS)),
            occurred_at: now.minus(chrono::Duration::days(chance.below(40) as i64)),
            amount: Money::from_units(10),
            currency: "EUR".to_owned(),
            kind: TopUpKind::Purchase,
            payment_instrument_hash: None,
        })
        .collect();
    top_up::record(app, &top_ups).await.unwrap();
    let refund = RefundFact {
        source: "till".to_owned(),
        external_id: name.to_owned(),
        top_up_external_id: top_ups[0].external_id.clone(),
        client_id: top_ups[0].client_id.clone(),
        occurred_at: now,
        amount: Money::from_units(3),
    };
    refund::record(app, &[refund]).await.unwrap();
}

/// What a program of a partner's knows: each object with the state that it last read, and how often it was told of it.
#[derive(Default)]
struct Known {
    objects: BTreeMap<(SubjectKind, Uuid), (String, usize)>,
}

async fn follow(app: &App, database: &TestDatabase, partner_id: Uuid, writing: &AtomicUsize) -> Known {
    let (mut known, mut watermark) = (Known::default(), None);
    let connection = database.connect().await;
    loop {
        // Read before the page: what is written after it is on a later one.
        let all_are_done = writing.load(Ordering::SeqCst) == 0;
        let feed = change::after(app, partner_id, watermark, 3).await.unwrap();
        assert!(feed.changed.len() <= 3);
        watermark = Some(feed.watermark);
        for (kind, id) in feed.changed {
            let state = state_of(&connection, kind, id).await;
            let known = known.objects.entry((kind, id)).or_default();
            *known = (state, known.1 + 1);
        }
        if feed.is_complete && all_are_done {
            break;
        }
    }
    connection.close().await.unwrap();
    known
}

async fn state_of(db: &sea_orm::DatabaseConnection, kind: SubjectKind, id: Uuid) -> String {
    use sea_orm::ConnectionTrait;
    let sql = match kind {
        SubjectKind::ServiceTransfer => "SELECT status FROM service_transfer WHERE id = $1",
        SubjectKind::Ticket => "SELECT CAST(COUNT(*) AS TEXT) FROM ticket_message WHERE ticket_id = $1",
        SubjectKind::Line => "SELECT state FROM line WHERE id = $1",
        SubjectKind::Statement => "SELECT digest FROM statement WHERE id = $1",
        SubjectKind::Client => "SELECT brought_by FROM referral WHERE id = $1",
        SubjectKind::Partner => "SELECT status FROM partner WHERE id = $1",
        SubjectKind::Withdrawal | SubjectKind::Link | SubjectKind::WebhookEndpoint => {
            unreachable!("{kind} is not written here")
        }
    };
    let statement = sea_orm::Statement::from_sql_and_values(
        db.get_database_backend(),
        sql,
        vec![sea_orm::Value::from(id)],
    );
    db.query_one_raw(statement)
        .await
        .unwrap()
        .expect("what was told of is there")
        .try_get_by_index(0)
        .unwrap()
}

/// All objects of a partner as the tables have them.
async fn fresh(database: &TestDatabase, partner_id: Uuid) -> BTreeMap<(SubjectKind, Uuid), String> {
    use sea_orm::ConnectionTrait;
    let connection = database.connect().await;
    let mut objects = BTreeMap::new();
    for (kind, table) in [
        (SubjectKind::Line, "line"),
        (SubjectKind::Client, "referral"),
        (SubjectKind::Statement, "statement"),
        (SubjectKind::ServiceTransfer, "service_transfer"),
        (SubjectKind::Ticket, "ticket"),
    ] {
        let sql = format!("SELECT id FROM {table} WHERE partner_id = $1");
        let values = vec![sea_orm::Value::from(partner_id)];
        let statement =
            sea_orm::Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        for row in connection.query_all_raw(statement).await.unwrap() {
            let id = row.try_get_by_index(0).unwrap();
            objects.insert((kind, id), state_of(&connection, kind, id).await);
        }
    }
    connection.close().await.unwrap();
    objects
}

async fn whoever_follows_while_others_write_ends_with_what_a_fresh_read_shows(backend: Backend) {
    let folder = Folder::new();
    let database = TestDatabase::migrated(backend, folder.path()).await;
    // As two processes have them: pools and clocks of their own.
    let apps = [open(&database).await, open(&database).await];
    let partners = partners(&apps[0]).await;
    let writers = 4;
    let writing = AtomicUsize::new(writers);
    let write_all = join_all((0..writers).map(|writer| {
        let (app, partners, writing) = (&apps[writer % 2], &partners, &writing);
        async move {
            write(app, partners, writer).await;
            writing.fetch_sub(1, Ordering::SeqCst);
        }
    }));
    let follow_all =
        join_all(partners.iter().map(|(partner_id, _)| follow(&apps[1], &database, *partner_id, &writing)));
    let (_, known) = join(write_all, follow_all).await;
    for ((partner_id, _), known) in partners.iter().zip(known) {
        let fresh = fresh(&database, *partner_id).await;
        let kinds: BTreeSet<SubjectKind> = fresh.keys().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds.len(), 5, "too little was written to say anything: {kinds:?}");
        for (object, state) in &fresh {
            let (known, times) = known.objects.get(object).unwrap_or_else(|| panic!("{object:?} was missed"));
            assert_eq!(known, state, "{object:?} is known as it was");
            let changes_again = matches!(object.0, SubjectKind::Ticket | SubjectKind::ServiceTransfer);
            assert!(*times <= if changes_again { 2 } else { 1 }, "{object:?} was told {times} times");
        }
        let made_up: Vec<_> = known
            .objects
            .keys()
            .filter(|object| object.0 != SubjectKind::Partner && !fresh.contains_key(object))
            .collect();
        assert!(made_up.is_empty(), "{made_up:?}");
    }
    for app in apps {
        app.db.close().await.unwrap();
    }
}

async fn a_copy_goes_on_where_the_original_has_come_to(backend: Backend) {
    let other = if backend == Backend::Sqlite { Backend::Postgres } else { Backend::Sqlite };
    let (original, copy) = (Parrain::new(backend).await, Parrain::new(other).await);
    let app = open(original.database()).await;
    let partners = partners(&app).await;
    let before = change::after(&app, partners[0].0, None, 100).await.unwrap();
    app.db.close().await.unwrap();
    original.run(["copy", "--to", copy.database().url()]).printed();
    let app = open(copy.database()).await;
    let same = change::after(&app, partners[0].0, Some(before.watermark), 100).await.unwrap();
    assert!(same.changed.is_empty() && same.is_complete, "{same:?}");
    register(&app, "new", &partners[0].1).await;
    let told = change::after(&app, partners[0].0, Some(before.watermark), 100).await.unwrap();
    assert_eq!(told.changed.len(), 1, "{told:?}");
    app.db.close().await.unwrap();
}

async fn a_program_follows_over_the_api(backend: Backend) {
    const CHANGES: &str = "query($after: String) { viewer { changes(watermark: $after, first: 2) { \
        items { __typename id ... on Commission { amount { amount } } ... on Partner { code } } \
        watermark complete } } }";
    let parrain = Parrain::new(backend).await;
    let app = open(parrain.database()).await;
    partners(&app).await;
    pay(&app, "x", &mut Shuffle::new(1)).await;
    app.db.close().await.unwrap();
    let server = parrain.serve().await;
    let token = parrain.token("partner", "p0");
    let (mut seen, mut watermark) = (BTreeMap::<String, usize>::new(), json!(null));
    loop {
        let page = server.graphql(&token, CHANGES, json!({ "after": watermark })).await;
        let page = &page["viewer"]["changes"];
        for item in page["items"].as_array().unwrap() {
            *seen.entry(item["__typename"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        watermark = page["watermark"].clone();
        if page["complete"] == true {
            break;
        }
    }
    assert_eq!((seen["ReferredClient"], seen["Partner"]), (1, 1), "{seen:?}");
    assert!(seen["Commission"] >= 1, "{seen:?}");
    for arguments in ["watermark: \"nonsense\"", "first: 0", "first: 101"] {
        let query = format!("{{ viewer {{ changes({arguments}) {{ complete }} }} }}");
        let refused = server.request(&token, &query, json!({})).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{refused}");
    }
}

async fn many_partners_are_followed_together_as_each_is_alone(backend: Backend) {
    let parrain = sample::with_partners(backend).await;
    let codes = ["P0001", "P0010", "P0019"];
    let (clients, _) = sample::rows("clients").split(|row| codes.contains(&row[1]));
    parrain.import_rows("clients", &clients);
    let app = open(parrain.database()).await;
    let mut followed = partners(&app).await;
    for code in codes {
        let partner = parrain::services::listing::partner_of_code(&app, code).await.unwrap().unwrap();
        register(&app, &format!("new-{code}"), code).await;
        followed.push((partner.id, code.to_owned()));
    }
    pay(&app, "x", &mut Shuffle::new(1)).await;
    for (watermark, first) in [
        (Watermark::BEGINNING, 1),
        (Watermark::BEGINNING, 7),
        (Watermark::BEGINNING, 5_000),
        (Watermark::Event(0), 1),
        (Watermark::Event(0), 100),
    ] {
        let keys =
            followed.iter().map(|(partner_id, _)| ChangesKey { partner_id: *partner_id, watermark, first });
        let before = app.db.statements();
        let together = change::feeds(app.clone(), keys.clone().collect()).await.unwrap();
        assert!(app.db.statements() - before <= 3, "one look for all");
        for key in keys {
            let alone = change::after(&app, key.partner_id, Some(watermark), first).await.unwrap();
            assert!(!alone.changed.is_empty());
            let (feed, of) = (&together[&key], |feed: &change::Feed| {
                (feed.changed.clone(), feed.watermark, feed.is_complete)
            });
            assert_eq!(of(feed), of(&alone), "{key:?}");
        }
    }
    app.db.close().await.unwrap();
}

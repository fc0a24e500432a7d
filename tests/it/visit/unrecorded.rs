//! A database that is full or hangs: visitors of known links go on, with their tokens, and the loss is counted.

use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{FIREFOX, all_counted, header, metric, partner_with_link, register, visitor};
use crate::harness::{Backend, Parrain, Server, on_both_databases};

on_both_databases!(
    a_visitor_goes_on_while_nothing_can_be_recorded,
    a_token_binds_and_a_forged_one_does_not,
    what_has_arrived_is_counted_by_whoever_comes_after_a_server_that_died,
);

async fn visit(server: &Server, client: &reqwest::Client) -> String {
    let request = client.get(format!("{}/r/abc", server.url)).header("user-agent", FIREFOX);
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "location")),
        (302, "https://www.example.com/page")
    );
    let cookie = header(&answer, "set-cookie");
    cookie.strip_prefix("parrain_visitor=").and_then(|rest| rest.split(';').next()).unwrap().to_owned()
}

async fn a_visitor_goes_on_while_nothing_can_be_recorded(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    partner_with_link(&parrain, &server, "p1", "abc", "/page").await;
    let client = visitor();
    visit(&server, &client).await;
    assert_eq!(metric(&server, "visits_not_recorded_total").await, 0);
    let database = parrain.database();
    let full = match backend {
        Backend::Sqlite => {
            "CREATE TRIGGER no_room BEFORE INSERT ON arrived_visit BEGIN SELECT RAISE(ABORT, 'full'); END"
        }
        Backend::Postgres => "ALTER TABLE arrived_visit ADD CONSTRAINT no_room CHECK (false) NOT VALID",
    };
    database.execute(full).await;
    let token = visit(&server, &client).await;
    assert_eq!(metric(&server, "visits_not_recorded_total").await, 1);
    let room = match backend {
        Backend::Sqlite => "DROP TRIGGER no_room",
        Backend::Postgres => "ALTER TABLE arrived_visit DROP CONSTRAINT no_room",
    };
    database.execute(room).await;
    let lost_token_binds = register(&parrain, &server, "acct-1", &token).await;
    assert_eq!(lost_token_binds, "ATTRIBUTED", "the token needs no row");
    // Somebody holds the tables, for as long as this test likes.
    let connection = database.connect().await;
    let held = connection.begin().await.unwrap();
    let lock = match backend {
        Backend::Sqlite => "UPDATE programme SET id = id",
        Backend::Postgres => "LOCK TABLE arrived_visit, link IN ACCESS EXCLUSIVE MODE",
    };
    held.execute_unprepared(lock).await.unwrap();
    for _ in 0..3 {
        visit(&server, &client).await;
    }
    assert_eq!(metric(&server, "visits_not_waited_for_total").await, 3);
    held.rollback().await.unwrap();
    // What hung is recorded as soon as it can be.
    for _ in 0..2_000 {
        let visits: Vec<i64> = database.column("SELECT COUNT(*) FROM visit").await;
        if visits == [4] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("what hung was not recorded");
}

async fn what_has_arrived_is_counted_by_whoever_comes_after_a_server_that_died(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let dying = Server::start_as(&parrain, &["serve", "--no-worker"]).await;
    partner_with_link(&parrain, &dying, "p1", "abc", "/page").await;
    for _ in 0..3 {
        visit(&dying, &visitor()).await;
    }
    dying.kill();
    let database = parrain.database();
    let count =
        async |table: &str| -> Vec<i64> { database.column(&format!("SELECT COUNT(*) FROM {table}")).await };
    assert_eq!(
        (count("arrived_visit").await, count("visit").await),
        (vec![3], vec![0]),
        "answered, so on record"
    );
    let _server = parrain.serve().await;
    all_counted(database).await;
    assert_eq!(count("visit").await, [3]);
}

async fn a_token_binds_and_a_forged_one_does_not(backend: Backend) {
    let parrain = Parrain::new(backend).await;
    let server = parrain.serve().await;
    partner_with_link(&parrain, &server, "p1", "abc", "/page").await;
    let token = visit(&server, &visitor()).await;
    let forged = format!("{}A", &token[..token.len() - 1]);
    let forged = if forged == token { format!("{}B", &token[..token.len() - 1]) } else { forged };
    assert_eq!(register(&parrain, &server, "acct-1", &token).await, "ATTRIBUTED");
    assert_eq!(register(&parrain, &server, "acct-2", &forged).await, "DIRECT");
    assert_eq!(register(&parrain, &server, "acct-2", &token).await, "REPLAYED", "nobody's for ever");
    assert_eq!(
        register(&parrain, &server, "p1", &token).await,
        "DIRECT",
        "a partner is never his own client"
    );
}

use std::sync::LazyLock;
use std::time::Duration;

use async_graphql::{EmptyMutation, EmptySubscription, ErrorExtensions, Object, Schema, SimpleObject};
use tokio::sync::Barrier;

use super::*;

/// Two ends of a meeting: neither field is done before both are asked for.
static MEETING: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

struct Thing(i32);

#[Object]
impl Thing {
    async fn number(&self) -> i32 {
        self.0
    }

    async fn next(&self) -> InPlace<Thing> {
        InPlace(Thing(self.0 + 1))
    }

    async fn times(&self, by: i32) -> i32 {
        self.0 * by
    }

    async fn here(&self) -> i32 {
        MEETING.wait().await;
        1
    }

    async fn there(&self) -> i32 {
        MEETING.wait().await;
        2
    }

    async fn yields(&self) -> i32 {
        tokio::task::yield_now().await;
        3
    }

    async fn parts(&self) -> Vec<InPlace<Part>> {
        (0..self.0).map(|size| InPlace(Part { size })).collect()
    }

    async fn lacking(&self) -> Option<async_graphql::Result<i32>> {
        Some(Err("not there".into()))
    }

    async fn failing(&self) -> async_graphql::Result<i32> {
        tokio::task::yield_now().await;
        Err(async_graphql::Error::new("broken").extend_with(|_, at| at.set("code", "INTERNAL")))
    }
}

#[derive(SimpleObject)]
struct Part {
    size: i32,
}

struct Root;

#[Object]
impl Root {
    /// Resolved by async-graphql.
    async fn plain(&self) -> Thing {
        Thing(2)
    }

    async fn in_place(&self) -> InPlace<Thing> {
        InPlace(Thing(2))
    }
}

async fn answer(document: &str) -> async_graphql::Response {
    let schema = Schema::new(Root, EmptyMutation, EmptySubscription);
    tokio::time::timeout(Duration::from_secs(10), schema.execute(document)).await.expect("an answer")
}

#[tokio::test]
async fn an_object_in_place_answers_what_it_answers_anyhow() {
    for selected in [
        "number",
        "__typename number",
        "number yields next { yields number }",
        "b: number a: number",
        "times(by: 3) more: times(by: 4)",
        "parts { size __typename }",
        "...Below number",
        "... on Thing { number } ... { yields }",
        "number number",
        "next { number } next { yields } parts { size } ...Below",
        "number @include(if: false) yields @skip(if: false)",
        "... on Thing @include(if: false) { number } yields",
        "next { ...Below lacking } lacking",
        "number next { failing number } yields",
        "next { next { lacking failing } }",
    ] {
        let used = if selected.contains("...Below") {
            "fragment Below on Thing { parts { size } next { number } }"
        } else {
            ""
        };
        let ask = async |field: &str| {
            let answer = answer(&format!("{{ thing: {field} {{ {selected} }} }} {used}")).await;
            let errors = answer
                .errors
                .iter()
                .map(|error| (error.message.clone(), error.path.clone(), format!("{:?}", error.extensions)));
            (answer.data.to_string(), errors.collect::<Vec<_>>())
        };
        let (plain, in_place) = (ask("plain").await, ask("inPlace").await);
        assert_eq!(plain, in_place, "{selected}");
    }
}

#[tokio::test]
async fn fields_that_wait_wait_side_by_side_and_stand_where_they_were_asked_for() {
    let answer = answer("{ inPlace { here number there next { number } } }").await;
    assert_eq!(answer.data.to_string(), "{inPlace: {here: 1, number: 2, there: 2, next: {number: 3}}}");
}

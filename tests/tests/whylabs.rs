//! What only WhyLabs has: lists of users whose length has a limit.

use axum::body::Body;
use http::Request;
use roster_http::Limits;
use roster_tests::operations::Fixture;
use roster_tests::world::KEY;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

async fn send(world: &World, fixture: &Fixture, method: &str, body: Value) -> Answer {
    let (account, child) =
        (roster_engine::EntityId::native(fixture.account.id), roster_engine::EntityId::native(fixture.child.id));
    let path = format!("/whylabs/v0/accounts/org/{account}/memberships?managed_org_id={child}&role=MEMBER");
    let request = Request::builder().method(method).uri(path).header("x-api-key", KEY);
    let request = request.header("content-type", "application/json");
    world.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

#[tokio::test]
async fn lists_of_account_members_have_a_limit() {
    let world = World::with_limits(Limits { bulk_items: 2, ..Limits::default() }).await;
    let fixture = Fixture::new(&world).await;
    let bob = roster_engine::EntityId::native(fixture.bob.id);
    let before =
        world.call("GET", "/v1/events?limit=1", Value::Null).await.header("roster-sequence").map(str::to_owned);
    let three = json!([bob, bob, bob]);
    for (method, body, field) in [
        ("PUT", json!({"userIds": three}), "userIds"),
        ("PATCH", json!({"userIdsToAdd": three, "userIdsToDelete": []}), "userIdsToAdd"),
        ("PATCH", json!({"userIdsToAdd": [bob], "userIdsToDelete": three}), "userIdsToDelete"),
    ] {
        let answer = send(&world, &fixture, method, body).await;
        assert_eq!((answer.status.as_u16(), answer.str("/type")), (400, "ArgumentValue"), "{}", answer.text());
        assert_eq!(answer.str("/parameter"), field);
        assert_eq!(answer.str("/message"), format!("{field} has more than 2 entries"));
    }
    let after = world.call("GET", "/v1/events?limit=1", Value::Null).await.header("roster-sequence").map(str::to_owned);
    assert_eq!(after, before, "nothing was done");
    assert_eq!(send(&world, &fixture, "PUT", json!({"userIds": [bob, bob]})).await.status, 200);
}

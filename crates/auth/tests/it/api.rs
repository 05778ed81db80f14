//! What other processes ask: what a token is, a session for a device, and whether somebody may.

use std::sync::Arc;

use access::Presented;
use contracts::{AuthApi, Call, Caller, ErrorKind, Permission, Role, Subject, UserId};
use rstest::rstest;

use crate::{
    admin::own_token,
    world::{Browser, ISSUER, OTHER_RESOURCE, World, claims},
};

impl World {
    /// A call of whoever holds this token.
    pub fn call_of(&self, token: &str) -> Call {
        let who = self.auth.verifier().verify(Presented::bearer(token)).unwrap();
        Call { caller: Caller::Identified(Arc::clone(&who)), ..testkit::call() }
    }

    /// A call of a program that stands for itself.
    async fn service_call(&self, role: Role) -> Call {
        let (id, secret) = self.service(role).await;
        let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)];
        let reply = self.form("/oauth/token", &form).await.ok();
        self.call_of(reply["access_token"].as_str().unwrap())
    }

    fn person(&self, token: &str) -> UserId {
        claims(token)["sub"].as_str().unwrap().parse().unwrap()
    }
}

fn denied<T: std::fmt::Debug>(answer: contracts::Result<T>) {
    assert_eq!(answer.unwrap_err().kind, ErrorKind::PermissionDenied);
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_service_learns_what_a_token_is(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (client, _) = world.client(false, false).await;
    let mut browser = Browser::signed_up(&world, "ada@example.org").await;
    let reply = browser.tokens(&client, "read:content read:watchlist").await;
    let token = reply["access_token"].as_str().unwrap();
    let asks = world.service_call(Role::McpServer).await;
    let found = world.auth.validate_token(&asks, token).await.unwrap().unwrap();
    assert_eq!(found.identity.subject, Subject::User(world.person(token)));
    assert_eq!((found.identity.client.as_str(), found.identity.role), (client.as_str(), Role::BasicUser));
    assert_eq!(found.identity.scopes, "read:content read:watchlist".parse().unwrap());
    assert_eq!((found.audience, found.bound_to), (vec![ISSUER.to_owned()], None));
    // One for another resource is good, and says for which.
    let answered = browser.authorize(&client, "read:content", &[("resource", OTHER_RESOURCE)]).await;
    let other = world.redeem(&client, &answered["code"]).await.ok();
    let other = other["access_token"].as_str().unwrap();
    assert!(!world.opens(other).await);
    assert_eq!(world.auth.validate_token(&asks, other).await.unwrap().unwrap().audience, [OTHER_RESOURCE]);
    denied(world.auth.validate_token(&world.call_of(token), token).await);
    let revoked = world.form("/oauth/revoke", &[("client_id", &client), ("token", token)]).await;
    assert_eq!(revoked.status, 200);
    assert_eq!(world.auth.validate_token(&asks, token).await.unwrap(), None);
    world.advance(3_601);
    assert_eq!(world.auth.validate_token(&asks, other).await.unwrap(), None, "it has expired");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_device_is_signed_in_and_out(#[case] engine: &str) {
    let world = World::open(engine).await;
    let ada = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    let eve = own_token(&world, &mut Browser::signed_up(&world, "eve@example.org").await).await;
    let (operator, person) = (testkit::operator_call(), world.person(&ada));
    denied(world.auth.create_session(&world.service_call(Role::ServiceAccount).await, person, "a telly").await);
    denied(world.auth.create_session(&world.call_of(&ada), person, "a telly").await);
    let made = world.auth.create_session(&operator, person, "a telly").await.unwrap();
    let mut telly = Browser::new(&world);
    telly.cookies.insert("__Host-mg_session".to_owned(), made.token);
    assert!(telly.get("/account").await.text.contains("a telly"));
    let (client, _) = world.client(false, false).await;
    let token = telly.tokens(&client, "read:content").await["access_token"].as_str().unwrap().to_owned();

    let gone = world.auth.revoke_session(&world.call_of(&eve), made.id).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound, "it is somebody else's");
    denied(world.auth.revoke_session(&world.call_of(&token), made.id).await);
    assert!(world.opens(&token).await);
    world.auth.revoke_session(&world.call_of(&ada), made.id).await.unwrap();
    assert!(!world.opens(&token).await, "what came out of it ends with it");
    assert_eq!(telly.get("/account").await.status, 303);
    let made = world.auth.create_session(&operator, person, "a telly").await.unwrap();
    world.auth.revoke_session(&operator, made.id).await.unwrap();
    telly.cookies.insert("__Host-mg_session".to_owned(), made.token);
    assert_eq!(telly.get("/account").await.status, 303);
    let log = world.get_as("/api/v1/internal/auth/audit?limit=100", "operator").await.ok();
    let by = |action: &str| {
        let entries = log["items"].as_array().unwrap().iter();
        entries.filter(|one| one["action"] == action && one["actor"] == "operator").count()
    };
    assert_eq!((by("session.created"), by("session.ended")), (2, 1), "who did it is stated");
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_permission_is_what_somebody_is_now(#[case] engine: &str) {
    let world = World::open(engine).await;
    let ada = own_token(&world, &mut Browser::signed_up(&world, "ada@example.org").await).await;
    let (person, asks) = (world.person(&ada), world.service_call(Role::SonaEngine).await);
    let write: Permission = "content:write:*".parse().unwrap();
    let check = async |call: &Call| world.auth.check_permission(call, person, &write).await;
    assert!(!check(&asks).await.unwrap() && !check(&world.call_of(&ada)).await.unwrap());
    let eve = own_token(&world, &mut Browser::signed_up(&world, "eve@example.org").await).await;
    denied(check(&world.call_of(&eve)).await);
    world.auth.set_role(&testkit::operator_call(), person, Role::Moderator).await.unwrap();
    assert!(check(&asks).await.unwrap());
    world.auth.set_disabled(&testkit::operator_call(), person, true).await.unwrap();
    assert!(!check(&asks).await.unwrap(), "a closed account may nothing");
}

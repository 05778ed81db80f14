//! Random lives of tokens against a small model: no token without consent, nothing redeemed twice, no scope gained.

use std::collections::BTreeSet;

use contracts::Rng;
use serde_json::Value;

use crate::world::{Browser, World, claims};

/// Steps of one life; the whole test is some hundreds, so that it stays within seconds.
const STEPS: usize = 120;
const LIVES: u64 = 3;

#[derive(Default)]
struct Model {
    codes: Vec<(String, bool)>,
    refresh: Vec<(String, u8, usize)>,
    /// Families that ended.
    ended: BTreeSet<usize>,
    access: Vec<(String, usize)>,
    families: usize,
}

#[tokio::test]
async fn random_lives_follow_the_model() {
    for seed in 0..LIVES {
        let world = World::open("sqlite").await;
        let (client, _) = world.client(false, false).await;
        let mut browser = Browser::signed_up(&world, "ada@example.org").await;
        let (rng, mut model) = (Rng::seeded(seed), Model::default());
        for _ in 0..STEPS {
            match rng.below(6) {
                0 => model.codes.push((browser.code(&client, "read:content").await, false)),
                1 => redeem(&world, &client, &rng, &mut model).await,
                2 | 3 => refresh(&world, &client, &rng, &mut model).await,
                4 => revoke(&world, &client, &rng, &mut model).await,
                _ => world.advance(21),
            }
            check(&world, &rng, &model).await;
        }
        assert!(model.families > 3, "the life was too short to show anything");
    }
}

fn keep(model: &mut Model, reply: &Value, family: usize) {
    let access = reply["access_token"].as_str().unwrap();
    assert_eq!(claims(access)["scope"], "read:content", "no scope is gained");
    model.access.push((access.to_owned(), family));
    model.refresh.push((reply["refresh_token"].as_str().unwrap().to_owned(), 0, family));
}

fn pick(rng: &Rng, count: usize) -> Option<usize> {
    (count > 0).then(|| rng.below(count as u64) as usize)
}

async fn redeem(world: &World, client: &str, rng: &Rng, model: &mut Model) {
    let Some(index) = pick(rng, model.codes.len()) else { return };
    let (code, used) = model.codes[index].clone();
    let answer = world.redeem(client, &code).await;
    if answer.status.is_success() {
        assert!(!used, "a code is redeemed once");
        model.codes[index].1 = true;
        let family = model.families;
        model.families += 1;
        keep(model, &answer.json, family);
    } else {
        // Expired, or used: then whatever came of it has ended.
        let gone = model.codes.remove(index);
        if gone.1 {
            for family in 0..model.families {
                let all = model.access.iter().filter(|(_, of)| *of == family);
                for (token, _) in all {
                    if !world.opens(token).await {
                        model.ended.insert(family);
                    }
                }
            }
        }
    }
}

async fn refresh(world: &World, client: &str, rng: &Rng, model: &mut Model) {
    let Some(index) = pick(rng, model.refresh.len()) else { return };
    let (token, used, family) = model.refresh[index].clone();
    let answer = world.refresh(client, &token).await;
    if answer.status.is_success() {
        assert!(!model.ended.contains(&family), "an ended family gives nothing");
        let next = answer.json["refresh_token"].as_str().unwrap();
        let known = model.refresh.iter().any(|(known, _, _)| known == next);
        assert_eq!(known, used > 0, "a used token gives what it gave before, and nothing new");
        if !known {
            keep(model, &answer.json, family);
        }
        model.refresh[index].1 = 1;
    } else {
        assert!(used > 0 || model.ended.contains(&family), "{}", answer.text);
        model.ended.insert(family);
    }
}

async fn revoke(world: &World, client: &str, rng: &Rng, model: &mut Model) {
    if rng.below(4) > 0 {
        return;
    }
    let Some(index) = pick(rng, model.refresh.len()) else { return };
    let (token, _, family) = model.refresh[index].clone();
    world.form("/oauth/revoke", &[("client_id", client), ("token", &token)]).await.ok();
    model.ended.insert(family);
}

/// A token of an ended family opens nothing; another opens until it expires, which no life here is long enough for.
async fn check(world: &World, rng: &Rng, model: &Model) {
    let Some(index) = pick(rng, model.access.len()) else { return };
    let (token, family) = &model.access[index];
    let age = world.clock.now().as_second() - claims(token)["iat"].as_i64().unwrap();
    let expected = !model.ended.contains(family) && age < 3600;
    assert_eq!(world.opens(token).await, expected, "family {family}, {age} s old");
}

//! Random lives of tokens: each step is taken on a pure model and on the provider, and both must say the same. No token
//! without consent, nothing redeemed twice, no scope gained. 100 000 steps in the soak.

mod model;

use contracts::{Rng, Scopes};
use serde_json::Value;

use crate::world::{Answer, Browser, CALLBACK, VERIFIER, World, claims, hidden, request};
use model::{Model, Outcome, Pair, Shown};

/// What the clients of a life are registered for.
const SCOPES: [&str; 4] = ["read:content", "read:watchlist", "write:watchlist", "playback:control"];
/// Seconds after which a session ends by itself.
const SESSION: i64 = 14 * 24 * 3_600;
/// Steps of one life; each life has a provider of its own.
const LIFE: usize = 500;

fn lives() -> u64 {
    if std::env::var_os("MEDIA_GATEWAY_TEST_SOAK").is_some() { 200 } else { 4 }
}

fn seed() -> u64 {
    std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121)
}

/// A life: the provider, two people with a browser each, two clients, and the texts of what they got.
struct Life<'a> {
    world: &'a World,
    rng: Rng,
    model: Model,
    browsers: Vec<Browser<'a>>,
    /// When each person signed in last.
    signed_in: [i64; 2],
    clients: Vec<String>,
    codes: Vec<String>,
    refreshes: Vec<String>,
    accesses: Vec<String>,
    /// How often each kind of outcome was seen.
    seen: [usize; 4],
}

#[tokio::test]
async fn random_lives_follow_the_model() {
    let mut seen = [0; 4];
    for life in 0..lives() {
        let world = World::open("sqlite").await;
        let mut life = Life::new(&world, seed() + life).await;
        for _ in 0..LIFE {
            life.step().await;
        }
        assert!(life.model.families() > 10, "the life was too short to show anything");
        seen.iter_mut().zip(life.seen).for_each(|(all, one)| *all += one);
    }
    assert!(seen.iter().all(|count| *count > 10), "some outcome was hardly seen: {seen:?}");
}

impl<'a> Life<'a> {
    async fn new(world: &'a World, seed: u64) -> Self {
        let (mut browsers, mut clients) = (Vec::new(), Vec::new());
        for person in 0..2 {
            browsers.push(Browser::signed_up(world, &format!("person-{person}@example.org")).await);
            clients.push(world.client(false, false).await.0);
        }
        let (model, rng) = (Model::default(), Rng::seeded(seed));
        let (codes, refreshes, accesses) = (Vec::new(), Vec::new(), Vec::new());
        let signed_in = [model.now; 2];
        Self { world, rng, model, browsers, signed_in, clients, codes, refreshes, accesses, seen: [0; 4] }
    }

    fn below(&self, count: usize) -> usize {
        usize::try_from(self.rng.below(count.max(1) as u64)).unwrap()
    }

    /// One in so many.
    fn rarely(&self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn scopes(&self) -> Scopes {
        let chosen: Vec<_> = SCOPES.into_iter().filter(|_| self.rarely(2)).collect();
        if chosen.is_empty() { SCOPES[0].parse().unwrap() } else { chosen.join(" ").parse().unwrap() }
    }

    /// The newest things are likelier than the old ones, of which most have ended.
    fn pick(&self, count: usize) -> Option<usize> {
        let among = if self.rarely(4) { count } else { count.min(4) };
        (count > 0).then(|| count - 1 - self.below(among))
    }

    async fn step(&mut self) {
        match self.below(20) {
            0..4 => self.authorize().await,
            4..9 => self.redeem().await,
            9..16 => self.refresh().await,
            16 => self.revoke().await,
            17 => self.end_person().await,
            18 => self.pass([1, 19, 21, 59, 61][self.below(5)]),
            _ => self.pass(if self.rarely(20) { 3 * 24 * 3_600 } else { 1_800 }),
        }
        self.check().await;
    }

    fn pass(&mut self, seconds: i64) {
        self.model.now += seconds;
        self.world.advance(seconds);
    }

    async fn authorize(&mut self) {
        let (of, scopes) = (Pair { person: self.below(2), client: self.below(2) }, self.scopes());
        let (asks, quiet, allow) = (self.model.asks(of, &scopes), self.rarely(4), !self.rarely(4));
        let more: &[_] = if quiet { &[("prompt", "none")] } else { &[] };
        let path = request(&self.clients[of.client], &scopes.to_string(), more);
        let mut answer = self.browsers[of.person].get(&path).await;
        if let Some(sent) = answer.headers.get("location").and_then(|sent| sent.to_str().ok())
            && (sent.starts_with("/login") || sent.contains("error=login_required"))
        {
            assert!(self.model.now >= self.signed_in[of.person] + SESSION, "a session ended early: {sent}");
            self.sign_in(of.person).await;
            answer = self.browsers[of.person].get(&path).await;
        }
        let browser = &mut self.browsers[of.person];
        assert_eq!(answer.status == 200, asks && !quiet, "who has not consented is asked: {}", answer.text);
        if asks && !quiet {
            let fields = [("form_token", hidden(&answer.text, "form_token")), ("decision", decision(allow).to_owned())];
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            answer = browser.post(&path, &fields, &[]).await;
            if allow {
                self.model.consent(of, &scopes);
            }
        }
        let sent = answer.sent_to();
        let refusal = if quiet { "consent_required" } else { "access_denied" };
        match sent.get("code") {
            Some(code) => {
                self.model.code(of, scopes);
                self.codes.push(code.clone());
            }
            None => assert_eq!((asks && (quiet || !allow), sent["error"].as_str()), (true, refusal)),
        }
    }

    async fn redeem(&mut self) {
        let Some(index) = self.pick(self.codes.len()) else { return };
        let owner = self.model.owner_of_code(index).client;
        let client = if self.rarely(8) { 1 - owner } else { owner };
        let shown = Shown { client, right_verifier: !self.rarely(8), right_address: !self.rarely(8) };
        let wrong = "0".repeat(43);
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", self.clients[client].as_str()),
            ("code", &self.codes[index]),
            ("redirect_uri", if shown.right_address { CALLBACK } else { "http://127.0.0.1/cb" }),
            ("code_verifier", if shown.right_verifier { VERIFIER } else { &wrong }),
        ];
        let answer = self.world.form("/oauth/token", &form).await;
        let outcome = self.model.redeem(index, shown);
        self.compare(&answer, outcome);
    }

    async fn refresh(&mut self) {
        let Some(index) = self.pick(self.refreshes.len()) else { return };
        let owner = self.model.owner_of_refresh(index).client;
        let client = if self.rarely(10) { 1 - owner } else { owner };
        let asked = self.rarely(2).then(|| self.scopes());
        let text = asked.as_ref().map(Scopes::to_string).unwrap_or_default();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.clients[client].as_str()),
            ("refresh_token", &self.refreshes[index]),
            ("scope", &text),
        ];
        let answer = self.world.form("/oauth/token", &form).await;
        let outcome = self.model.refresh(index, client, asked.as_ref());
        self.compare(&answer, outcome);
    }

    /// Whether the provider answered what the model says must come; keeps what it gave.
    fn compare(&mut self, answer: &Answer, outcome: Outcome) {
        match outcome {
            Outcome::Refused | Outcome::Theft => {
                assert_eq!(answer.status, 400, "{outcome:?}: {}", answer.text);
                self.seen[usize::from(outcome == Outcome::Theft)] += 1;
            }
            Outcome::New(scopes) => {
                assert_eq!(answer.status, 200, "{}", answer.text);
                let text = |name: &str| answer.json[name].as_str().unwrap().to_owned();
                assert_eq!(text("scope").parse::<Scopes>().unwrap(), scopes, "no scope is gained or lost");
                assert_eq!(claims(&text("access_token"))["scope"], Value::from(scopes.to_string()));
                assert!(!self.refreshes.contains(&text("refresh_token")), "a new token is new");
                self.refreshes.push(text("refresh_token"));
                self.accesses.push(text("access_token"));
                self.seen[2] += 1;
            }
            Outcome::Again(next) => {
                assert_eq!(answer.status, 200, "{}", answer.text);
                assert_eq!(answer.json["refresh_token"], self.refreshes[next].as_str(), "a lost reply comes again");
                self.seen[3] += 1;
            }
        }
        let (codes, refreshes, accesses) = self.model.counts();
        let kept = (self.codes.len(), self.refreshes.len(), self.accesses.len());
        assert_eq!((codes, refreshes, accesses), kept, "the model and the provider gave as much");
    }

    async fn revoke(&mut self) {
        let Some(index) = self.pick(self.refreshes.len()) else { return };
        let client = &self.clients[self.model.owner_of_refresh(index).client];
        self.world.form("/oauth/revoke", &[("client_id", client), ("token", &self.refreshes[index])]).await.ok();
        self.model.revoke(index);
    }

    /// A person signs out in their browser, which ends what came out of it, and in again.
    async fn end_person(&mut self) {
        if !self.rarely(4) {
            return;
        }
        let person = self.below(2);
        // Whose session has ended has nothing to sign out of, and what came out of it lives on.
        if self.model.now < self.signed_in[person] + SESSION {
            self.browsers[person].submit("/account", "/logout", &[]).await;
            self.model.end_person(person);
        }
        self.sign_in(person).await;
    }

    async fn sign_in(&mut self, person: usize) {
        let email = format!("person-{person}@example.org");
        let fields = [("email", email.as_str()), ("password", crate::world::PASSWORD)];
        assert_eq!(self.browsers[person].submit("/login", "/login", &fields).await.status, 303);
        self.signed_in[person] = self.model.now;
    }

    /// An access token opens what the model says it opens.
    async fn check(&self) {
        let Some(index) = self.pick(self.accesses.len()) else { return };
        let opens = self.world.opens(&self.accesses[index]).await;
        assert_eq!(opens, self.model.opens(index), "access token {index} at {} s", self.model.now);
    }
}

fn decision(allow: bool) -> &'static str {
    if allow { "allow" } else { "deny" }
}

//! What must come of each step of a life, computed without a provider: the oracle of the random lives.

use std::collections::BTreeMap;

use contracts::Scopes;

/// Seconds that the provider promises.
const CODE: i64 = 60;
const WINDOW: i64 = 20;
const REFRESH: i64 = 7 * 24 * 3_600;
const FAMILY: i64 = 90 * 24 * 3_600;
const ACCESS: i64 = 3_600;

/// Who asks and for whom, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    pub person: usize,
    pub client: usize,
}

struct Code {
    of: Pair,
    scopes: Scopes,
    made: i64,
    family: Option<usize>,
    /// Whether the person signed out since.
    gone: bool,
}

struct Family {
    of: Pair,
    scopes: Scopes,
    made: i64,
    ended: bool,
}

struct Refresh {
    family: usize,
    made: i64,
    used: Option<i64>,
    next: Option<usize>,
}

struct Access {
    family: usize,
    made: i64,
}

/// What must come of showing a code or a refresh token.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing, and nothing else happens.
    Refused,
    /// Nothing, and what came of it before has ended.
    Theft,
    /// New tokens, with these scopes.
    New(Scopes),
    /// The tokens that were given before: the refresh token of this index.
    Again(usize),
}

/// How a code is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub client: usize,
    pub right_verifier: bool,
    pub right_address: bool,
}

/// Everything that was given and what became of it.
#[derive(Default)]
pub struct Model {
    pub now: i64,
    consents: BTreeMap<Pair, Scopes>,
    codes: Vec<Code>,
    families: Vec<Family>,
    refreshes: Vec<Refresh>,
    accesses: Vec<Access>,
}

impl Model {
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.codes.len(), self.refreshes.len(), self.accesses.len())
    }

    pub fn families(&self) -> usize {
        self.families.len()
    }

    /// Whether somebody must be asked before a client gets these scopes.
    pub fn asks(&self, of: Pair, scopes: &Scopes) -> bool {
        self.consents.get(&of).is_none_or(|given| !given.covers(scopes))
    }

    /// The person said yes.
    pub fn consent(&mut self, of: Pair, scopes: &Scopes) {
        let given = self.consents.entry(of).or_default();
        *given = given.or(scopes);
    }

    /// A code was given; there must be a consent under it.
    pub fn code(&mut self, of: Pair, scopes: Scopes) {
        assert!(!self.asks(of, &scopes), "a code without consent");
        self.codes.push(Code { of, scopes, made: self.now, family: None, gone: false });
    }

    /// Whose a code is.
    pub fn owner_of_code(&self, index: usize) -> Pair {
        self.codes[index].of
    }

    /// Whose a refresh token is.
    pub fn owner_of_refresh(&self, index: usize) -> Pair {
        self.families[self.refreshes[index].family].of
    }

    /// A code is shown.
    pub fn redeem(&mut self, index: usize, shown: Shown) -> Outcome {
        let code = &self.codes[index];
        if code.of.client != shown.client {
            return Outcome::Refused;
        }
        if let Some(family) = code.family {
            self.families[family].ended = true;
            return Outcome::Theft;
        }
        if code.gone || self.now >= code.made + CODE || !shown.right_address || !shown.right_verifier {
            return Outcome::Refused;
        }
        let (of, scopes, family) = (code.of, code.scopes.clone(), self.families.len());
        self.codes[index].family = Some(family);
        self.give(of, scopes)
    }

    /// A device was allowed and got its tokens.
    pub fn give(&mut self, of: Pair, scopes: Scopes) -> Outcome {
        let family = self.families.len();
        self.families.push(Family { of, scopes: scopes.clone(), made: self.now, ended: false });
        self.tokens(family);
        Outcome::New(scopes)
    }

    fn tokens(&mut self, family: usize) {
        self.refreshes.push(Refresh { family, made: self.now, used: None, next: None });
        self.accesses.push(Access { family, made: self.now });
    }

    /// A refresh token is shown by a client that asks for these scopes, or for what was granted.
    pub fn refresh(&mut self, index: usize, client: usize, asked: Option<&Scopes>) -> Outcome {
        let (token, now) = (&self.refreshes[index], self.now);
        let family = &self.families[token.family];
        if family.ended || now >= token.made + REFRESH || now >= family.made + FAMILY || family.of.client != client {
            return Outcome::Refused;
        }
        if let Some(used) = token.used {
            let followed = token.next.is_some_and(|next| self.refreshes[next].used.is_some());
            if let Some(next) = token.next.filter(|_| now - used <= WINDOW && !followed) {
                return Outcome::Again(next);
            }
            let family = token.family;
            self.families[family].ended = true;
            return Outcome::Theft;
        }
        let scopes = asked.unwrap_or(&family.scopes).clone();
        if !family.scopes.covers(&scopes) {
            return Outcome::Refused;
        }
        let (family, next) = (token.family, self.refreshes.len());
        self.refreshes[index].used = Some(now);
        self.refreshes[index].next = Some(next);
        self.tokens(family);
        Outcome::New(scopes)
    }

    /// A client ends a refresh token, with all that came of its consent.
    pub fn revoke(&mut self, index: usize) {
        let family = self.refreshes[index].family;
        self.families[family].ended = true;
    }

    /// Everything of a person ends, also what a code has yet to begin.
    pub fn end_person(&mut self, person: usize) {
        self.codes.iter_mut().filter(|code| code.of.person == person).for_each(|code| code.gone = true);
        self.families.iter_mut().filter(|family| family.of.person == person).for_each(|family| family.ended = true);
    }

    /// Whether an access token opens a door.
    pub fn opens(&self, index: usize) -> bool {
        let token = &self.accesses[index];
        !self.families[token.family].ended && self.now < token.made + ACCESS
    }
}

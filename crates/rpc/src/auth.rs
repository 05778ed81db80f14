//! Who calls, proved by a token. The only file of this crate that makes a [`Caller`].

use std::{borrow::Cow, fmt, sync::Arc};

use access::{Presented, Verifier};
use contracts::{ApiError, Caller, ErrorKind, Result, Secret};
use http::{HeaderMap, header::AUTHORIZATION};
use subtle::ConstantTimeEq;

/// For whom a peer calls: `anonymous`, `operator`, `system`, or an identity that the peer verified, in JSON. Believed
/// only beside the peer token.
pub const CALLER_HEADER: &str = "x-caller";

/// What a token is refused with that was shown as a role's, so that whoever showed it holds it against nobody they call
/// for.
pub(crate) const BAD_PEER_TOKEN: &str = "bad_peer_token";

/// The tokens that prove who calls. Without any, every caller is anonymous.
#[derive(Clone, Default)]
pub struct ServerAuth {
    peer: Option<Secret>,
    operator: Option<Vec<u8>>,
    access: Option<Arc<Verifier>>,
}

impl ServerAuth {
    /// `peer_token` is shared by the roles of one deployment: any of its lines proves one, so that it can be changed on
    /// one node after the other. `operator_token` is the node's own. An empty token counts as none: nobody may prove
    /// anything with nothing.
    pub fn new(peer_token: Option<Secret>, operator_token: Option<String>) -> Self {
        let operator = operator_token.filter(|token| !token.is_empty()).map(String::into_bytes);
        Self { peer: peer_token, operator, access: None }
    }

    /// Also lets those in whose tokens or keys `access` verifies.
    #[must_use]
    pub fn with(self, access: Arc<Verifier>) -> Self {
        Self { access: Some(access), ..self }
    }

    /// The caller that the headers of a request prove.
    ///
    /// A peer speaks for the caller it names, itself ([`Caller::System`]) when it names none; the operator token is
    /// the operator's; no token at all is anonymous, whatever else the headers say.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that is neither, with a code of its own for who speaks as a peer;
    /// `InvalidArgument` for a caller that no peer can speak for.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller> {
        let Some(header) = headers.get(AUTHORIZATION) else { return Ok(Caller::Anonymous) };
        if self.is_peer(headers) {
            return named(headers);
        }
        self.other(header.as_bytes()).map_err(|error| match error.kind {
            // Whether there is a token of roles here does not matter: all they hear is what they said themselves.
            ErrorKind::Unauthenticated if speaks_as_peer(headers) => ApiError { code: BAD_PEER_TOKEN.into(), ..error },
            _ => error,
        })
    }

    /// Who shows what is no peer's.
    fn other(&self, header: &[u8]) -> Result<Caller> {
        let token = bearer(header).ok_or_else(wrong_token)?;
        if self.operator.as_deref().is_some_and(|operator| matches(operator, token)) {
            return Ok(Caller::Operator);
        }
        // A token that is bound to a key is refused here: gRPC has no DPoP.
        let (access, token) = self.access.as_ref().zip(std::str::from_utf8(token).ok()).ok_or_else(wrong_token)?;
        access.verify(Presented::bearer(token)).map(Caller::Identified)
    }

    /// The same; a key that was made a moment ago in another process is looked for.
    ///
    /// # Errors
    /// As [`ServerAuth::caller`].
    pub(crate) async fn caller_now(&self, headers: &HeaderMap) -> Result<Caller> {
        let known = self.caller(headers);
        let shown = headers.get(AUTHORIZATION).and_then(|header| bearer(header.as_bytes()));
        match (&self.access, shown.and_then(|token| std::str::from_utf8(token).ok())) {
            (Some(access), Some(token)) if known.is_err() => match access.finds(token).await {
                true => self.caller(headers),
                false => known,
            },
            _ => known,
        }
    }

    /// Whether another role of the deployment asks, for whomever it does.
    pub(crate) fn is_peer(&self, headers: &HeaderMap) -> bool {
        let token = headers.get(AUTHORIZATION).and_then(|header| bearer(header.as_bytes()));
        let (Some(token), Some(peer)) = (token, &self.peer) else { return false };
        peer.lines().iter().any(|line| matches(line.as_bytes(), token))
    }
}

impl fmt::Debug for ServerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |set: bool| if set { "set" } else { "none" };
        let (peer, operator) = (shown(self.peer.is_some()), shown(self.operator.is_some()));
        write!(f, "ServerAuth {{ peer: {peer}, operator: {operator} }}")
    }
}

/// Whether who asks says that they are another role: nobody else says for whom they call.
pub(crate) fn speaks_as_peer(headers: &HeaderMap) -> bool {
    headers.contains_key(CALLER_HEADER)
}

/// Who calls, for the door of a public port: nobody we know when the credentials are not good, which the call is then
/// refused for.
pub fn known(caller: &Result<Caller>) -> &Caller {
    caller.as_ref().unwrap_or(&Caller::Anonymous)
}

/// How `caller` is written in [`CALLER_HEADER`].
pub fn word(caller: &Caller) -> Cow<'static, str> {
    match caller {
        Caller::Anonymous => "anonymous".into(),
        Caller::Operator => "operator".into(),
        Caller::System => "system".into(),
        // Words, ids and an address: an identity always serialises.
        Caller::Identified(identity) => serde_json::to_string(identity).unwrap_or_default().into(),
    }
}

fn named(headers: &HeaderMap) -> Result<Caller> {
    let Some(name) = headers.get(CALLER_HEADER) else { return Ok(Caller::System) };
    match name.as_bytes() {
        b"anonymous" => return Ok(Caller::Anonymous),
        b"operator" => return Ok(Caller::Operator),
        b"system" => return Ok(Caller::System),
        _ => {}
    }
    let identity = serde_json::from_slice(name.as_bytes()).map_err(|_| {
        ApiError::invalid("unknown_caller", "the peer calls for someone this role does not know")
            .field(CALLER_HEADER, "must be anonymous, operator, system or an identity")
    })?;
    Ok(Caller::Identified(Arc::new(identity)))
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Compares in a time that tells nothing of where the tokens differ; their length may show.
fn matches(expected: &[u8], token: &[u8]) -> bool {
    expected.ct_eq(token).into()
}

fn wrong_token() -> ApiError {
    ApiError::new(ErrorKind::Unauthenticated, "bad_token", "the token is not one this role accepts")
}

#[cfg(test)]
mod tests {
    use contracts::{AgeLimit, Credential, Identity, Role, Subject, UserId};
    use uuid::Uuid;

    use super::*;

    type Pairs = [(&'static str, &'static str)];

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_decides_who_calls() {
        let auth = ServerAuth::new(Some("peer-secret".into()), Some("operator-secret".into()));
        let cases: [(&Pairs, Result<Caller, &str>); 13] = [
            (&[], Ok(Caller::Anonymous)),
            (&[("x-caller", "system")], Ok(Caller::Anonymous)),
            (&[("authorization", "Bearer peer-secret")], Ok(Caller::System)),
            (&[("authorization", "bearer peer-secret"), ("x-caller", "anonymous")], Ok(Caller::Anonymous)),
            (&[("authorization", "Bearer peer-secret"), ("x-caller", "operator")], Ok(Caller::Operator)),
            (&[("authorization", "Bearer peer-secret"), ("x-caller", "root")], Err("unknown_caller")),
            (&[("authorization", "Bearer operator-secret"), ("x-caller", "system")], Ok(Caller::Operator)),
            (&[("authorization", "Bearer peer-secreT")], Err("bad_token")),
            (&[("authorization", "Bearer peer-secreT"), ("x-caller", "system")], Err("bad_peer_token")),
            (&[("authorization", "Basic peer-secret"), ("x-caller", "anonymous")], Err("bad_peer_token")),
            (&[("authorization", "Bearer ")], Err("bad_token")),
            (&[("authorization", "Basic peer-secret")], Err("bad_token")),
            (&[("authorization", "")], Err("bad_token")),
        ];
        for (pairs, expected) in cases {
            let found = auth.caller(&headers(pairs));
            assert_eq!(found.map_err(|error| error.code.to_string()), expected.map_err(str::to_owned), "{pairs:?}");
        }
    }

    #[test]
    fn a_role_keeps_to_the_age_limit_of_whom_another_calls_for() {
        let auth = ServerAuth::new(Some("peer-secret".into()), None);
        let identity = Identity {
            subject: Subject::User(UserId(Uuid::from_u128(7))),
            client: "app".to_owned(),
            org: None,
            role: Role::BasicUser,
            scopes: "read:content".parse().unwrap(),
            credential: Credential::ApiKey("0123".to_owned()),
            ages: Some(AgeLimit { max_age: 12, region: "DE".parse().ok() }),
        };
        let caller = Caller::Identified(Arc::new(identity));
        let sent = word(&caller);
        let found = auth.caller(&headers(&[("authorization", "Bearer peer-secret"), ("x-caller", &*sent)]));
        assert_eq!(found.unwrap(), caller);
    }

    /// Neither whether there is one here, nor what it is like.
    #[test]
    fn who_guesses_the_token_of_roles_hears_the_same_wherever_they_ask() {
        let asked = headers(&[("authorization", "Bearer a guess"), ("x-caller", "system")]);
        let heard = |peer: Option<Secret>| ServerAuth::new(peer, None).caller(&asked).unwrap_err();
        let [without, with] = [None, Some("a secret".into())].map(heard);
        assert_eq!((without.kind, &*without.code), (ErrorKind::Unauthenticated, BAD_PEER_TOKEN));
        assert_eq!(format!("{without:?}"), format!("{with:?}"));
    }

    #[test]
    fn an_empty_token_proves_nothing() {
        let auth = ServerAuth::new(Some("".into()), None);
        assert_eq!(auth.caller(&headers(&[("authorization", "Bearer ")])).unwrap_err().code, "bad_token");
    }

    #[test]
    fn each_line_proves_a_role_while_it_is_there() {
        let text = Arc::new(std::sync::Mutex::new("newer\n\n older \n".to_owned()));
        let held = Arc::clone(&text);
        let auth = ServerAuth::new(Some(Secret::live(move || held.lock().unwrap().clone())), None);
        let asks = |token: &str| auth.caller(&headers(&[("authorization", &*format!("Bearer {token}"))])).ok();
        assert_eq!(["newer", "older"].map(asks), [Some(Caller::System), Some(Caller::System)]);
        assert_eq!([asks("newer older"), asks("")], [None, None]);
        *text.lock().unwrap() = "newest\nnewer".to_owned();
        assert_eq!(["newest", "newer", "older"].map(asks), [Some(Caller::System), Some(Caller::System), None]);
    }

    #[test]
    fn tokens_are_not_shown() {
        let auth = ServerAuth::new(Some("peer-secret".into()), None);
        assert_eq!(format!("{auth:?}"), "ServerAuth { peer: set, operator: none }");
    }
}

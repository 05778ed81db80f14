//! What travels with every call: who asks, for whom, until when, and in which language and place.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    AgeLimit, ApiError, Clock, ErrorKind, Identity, Locale, OrgId, Permission, Region, Rng, Role, Scope, UserId,
};

/// Who asks. Built only by the HTTP extractor, by the gRPC server from its metadata, and by the process for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// Nobody we know.
    Anonymous,
    /// The operator of this node: someone who can read the data folder's private lock file.
    Operator,
    /// The node's own workers.
    System,
    /// Somebody whose token or key was verified: signature, audience, time and revocation.
    Identified(Arc<Identity>),
}

/// The W3C trace context of a call (`traceparent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// 128-bit trace id.
    pub trace_id: u128,
    /// 64-bit id of the span that called.
    pub span_id: u64,
}

impl Trace {
    /// A new trace.
    pub fn start(rng: &Rng) -> Self {
        Self { trace_id: u128::from_le_bytes(rng.bytes()).max(1), span_id: u64::from_le_bytes(rng.bytes()).max(1) }
    }

    /// Reads a `traceparent` header; `None` when it is not one.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace_id, span_id })
    }

    /// The `traceparent` header.
    pub fn header(&self) -> String {
        let mut header = String::with_capacity(55);
        header.push_str("00-");
        push_hex(&mut header, &self.trace_id.to_be_bytes());
        header.push('-');
        push_hex(&mut header, &self.span_id.to_be_bytes());
        header.push_str("-01");
        header
    }

    /// The trace id as 32 hexadecimal digits: what problems and logs call `trace_id`.
    pub fn id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

/// Appends `bytes` in hexadecimal: the gateway does so twice a request, and `format!` is slow with 128 bits.
fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// The frame of one call; every service method takes one.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// The organisation it is asked for.
    pub org: Option<OrgId>,
    /// When the answer is of no more use.
    pub deadline: Timestamp,
    /// The trace this call belongs to.
    pub trace: Trace,
    /// The language to answer in.
    pub locale: Locale,
    /// Where the person is, if they said.
    pub region: Option<Region>,
    /// Stands for the network that a request over HTTP came from, to tell callers apart that we do not know: a number
    /// drawn with a secret, another one each day, from which the address can't be had. It never leaves this process.
    pub origin: Option<u64>,
}

impl Call {
    /// A call with the default language and no organisation or region.
    pub fn new(caller: Caller, trace: Trace, clock: &Clock, timeout: Duration) -> Self {
        let deadline = deadline(clock, timeout);
        Self { caller, org: None, deadline, trace, locale: Locale::default(), region: None, origin: None }
    }

    /// A call that the node makes for itself.
    pub fn system(clock: &Clock, rng: &Rng, timeout: Duration) -> Self {
        Self::new(Caller::System, Trace::start(rng), clock, timeout)
    }

    /// The same call as one of the node's own: for what it does in a work that somebody began.
    #[must_use]
    pub fn of_the_node(&self) -> Self {
        Self { caller: Caller::System, ..self.clone() }
    }

    /// How long is left.
    ///
    /// # Errors
    /// `DeadlineExceeded` when nothing is.
    pub fn remaining(&self, clock: &Clock) -> Result<Duration, ApiError> {
        let left = self.deadline.duration_since(clock.now());
        Duration::try_from(left).ok().filter(|left| !left.is_zero()).ok_or_else(|| {
            ApiError::new(ErrorKind::DeadlineExceeded, "deadline_exceeded", "the time allowed for this call is over")
        })
    }

    /// Lets only the operator, the node itself and an administrator's token with `admin:full` pass.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `PermissionDenied` for anybody else.
    pub fn require_operator(&self) -> Result<(), ApiError> {
        self.require(Identity::is_admin)
    }

    /// Lets only the operator, the node itself and a token or key with `admin:full` pass whose subject has a role with
    /// this permission.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `PermissionDenied` for anybody else.
    pub fn require_permission(&self, wanted: &Permission) -> Result<(), ApiError> {
        self.require(|identity| identity.may(wanted))
    }

    /// Lets the operator and the node itself pass, and of those with a token or key whom `may` says.
    fn require(&self, may: impl Fn(&Identity) -> bool) -> Result<(), ApiError> {
        match &self.caller {
            Caller::Operator | Caller::System => Ok(()),
            Caller::Identified(identity) if may(identity) => Ok(()),
            Caller::Identified(identity) if identity.scopes.has(Scope::AdminFull) => Err(role_may_not(identity.role)),
            Caller::Identified(_) => Err(insufficient(Scope::AdminFull)),
            Caller::Anonymous => Err(ApiError::new(
                ErrorKind::Unauthenticated,
                "operator_required",
                "only the operator of this node may do this",
            )),
        }
    }

    /// The highest age of titles that the caller sees, where they chose one.
    pub fn ages(&self) -> Option<AgeLimit> {
        match &self.caller {
            Caller::Identified(identity) => identity.ages,
            Caller::Anonymous | Caller::Operator | Caller::System => None,
        }
    }

    /// Who the caller is, when a token or key with `scope` proved it.
    ///
    /// # Errors
    /// `Unauthenticated` with `token_required` without one (the operator is nobody in particular);
    /// `PermissionDenied` with `insufficient_scope` when it does not reach that far.
    pub fn identity(&self, scope: Scope) -> Result<&Identity, ApiError> {
        match &self.caller {
            Caller::Identified(identity) if identity.scopes.has(scope) => Ok(identity),
            Caller::Identified(_) => Err(insufficient(scope)),
            Caller::Anonymous | Caller::Operator | Caller::System => Err(ApiError::new(
                ErrorKind::Unauthenticated,
                "token_required",
                "this needs the token or key of somebody with an account",
            )),
        }
    }

    /// The person who asks, and who they are.
    ///
    /// # Errors
    /// As [`Call::identity`]; as [`person_required`] for a program.
    pub fn person(&self, scope: Scope) -> Result<(&Identity, UserId), ApiError> {
        let who = self.identity(scope)?;
        who.user().map(|user| (who, user)).ok_or_else(person_required)
    }
}

/// `PermissionDenied` with `insufficient_role`, for whom no wider scope helps: RFC 6750's word is for whom one does.
fn role_may_not(role: Role) -> ApiError {
    let detail = format!("the role `{role}` may not do this, whichever scopes its token has");
    ApiError::new(ErrorKind::PermissionDenied, "insufficient_role", detail)
}

/// `PermissionDenied` with `person_required`, for what is a person's alone.
pub fn person_required() -> ApiError {
    let detail = "only a person may do this, with a token of their own";
    ApiError::new(ErrorKind::PermissionDenied, "person_required", detail)
}

fn insufficient(scope: Scope) -> ApiError {
    let detail = format!("this token does not reach that far: it needs `{scope}`, and an account that may");
    ApiError::new(ErrorKind::PermissionDenied, "insufficient_scope", detail)
}

fn deadline(clock: &Clock, timeout: Duration) -> Timestamp {
    let timeout = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::from_hours(1));
    clock.now().checked_add(timeout).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credential, Subject};

    #[test]
    fn a_role_does_what_it_may_only_with_the_scope_for_it() {
        let identity = |role, scopes: &str| Identity {
            subject: Subject::User(UserId(uuid::Uuid::nil())),
            client: String::new(),
            org: None,
            role,
            scopes: scopes.parse().unwrap(),
            credential: Credential::ApiKey("0123".to_owned()),
            ages: None,
        };
        let (rng, clock) = (Rng::seeded(1), Clock::fixed(Timestamp::UNIX_EPOCH));
        let doors = |caller: Caller| {
            let call = Call::new(caller, Trace::start(&rng), &clock, Duration::from_secs(1));
            let asked = Permission::ASKED.map(|wanted| call.require_permission(&wanted).is_ok());
            (asked, call.require_operator().is_ok())
        };
        let everywhere = ([true; 3], true);
        for (role, through) in [
            (Role::Admin, everywhere),
            // Writes, curates, runs.
            (Role::Moderator, ([true, true, false], false)),
            (Role::IngestionService, ([true, false, true], false)),
            (Role::ServiceAccount, ([true, false, true], false)),
            (Role::PremiumUser, ([false; 3], false)),
            (Role::McpServer, ([false; 3], false)),
            (Role::SonaEngine, ([false; 3], false)),
        ] {
            let with = |scopes: &str| doors(Caller::Identified(Arc::new(identity(role, scopes))));
            assert_eq!(with("read:content admin:full"), through, "{role}");
            let refused = |scopes: &str| {
                let caller = Caller::Identified(Arc::new(identity(role, scopes)));
                let call = Call::new(caller, Trace::start(&rng), &clock, Duration::from_secs(1));
                let error = call.require_operator().err()?;
                Some((error.code.to_string(), error.detail.contains(&format!("`{role}`"))))
            };
            let expected = (role != Role::Admin).then(|| ("insufficient_role".to_owned(), true));
            assert_eq!(refused("admin:full"), expected, "{role}");
            assert_eq!(refused("read:content"), Some(("insufficient_scope".to_owned(), false)), "{role}");
            assert_eq!(with("read:content write:watchlist account:manage"), ([false; 3], false), "{role}");
        }
        assert_eq!(doors(Caller::Operator), everywhere);
        assert_eq!(doors(Caller::System), everywhere);
        assert_eq!(doors(Caller::Anonymous), ([false; 3], false));
    }

    #[test]
    fn a_trace_is_read_as_it_was_written() {
        let short = Trace { trace_id: 0xab, span_id: 1 };
        assert_eq!(short.header(), "00-000000000000000000000000000000ab-0000000000000001-01");
        let rng = Rng::seeded(1);
        for trace in std::iter::repeat_with(|| Trace::start(&rng)).take(100).chain([short]) {
            assert_eq!(Trace::parse(&trace.header()), Some(trace));
        }
    }
}

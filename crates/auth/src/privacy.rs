//! What people can ask of whoever keeps their data: to see it, to allow and take back, and to be forgotten (GDPR articles
//! 7, 15, 17 and 20; CCPA §1798.100–135; VPPA 18 U.S.C. §2710).

use contracts::{ApiError, Call, ErrorKind, Event, Purpose, Topic, Trace, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use stores::{
    Rows, Tx,
    personal::{self, Personal},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Auth,
    admin::no_user,
    api_keys::manager,
    audit::Entry,
    grants::later,
    mail::Kind,
    store::{
        people,
        privacy::{self, Erasure},
    },
};

mod consented;
pub(crate) mod export;
mod overdue;
mod report;
mod worker;

pub use export::PersonalData;
pub use overdue::{ERASURES, Overdue, erasures_part, overdue};
pub use report::DataReport;
pub use worker::Eraser;

/// How long a person may change their mind (A8).
const GRACE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most erasures that a list shows.
const MAX_LIST: u32 = 500;

/// What a person allows for one purpose.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConsentView {
    /// The purpose.
    #[schema(value_type = String, example = "viewing_history")]
    pub purpose: Purpose,
    /// What it means.
    pub meaning: String,
    /// Whether they allow it; off until they say so.
    pub granted: bool,
    /// When they last said so.
    #[schema(value_type = Option<String>)]
    pub changed_at: Option<Timestamp>,
}

/// Every purpose, with what somebody said of it.
fn consents(said: &[privacy::Said]) -> Vec<ConsentView> {
    let view = |purpose: &Purpose| {
        let known = said.iter().find(|(known, ..)| known == purpose);
        ConsentView {
            purpose: *purpose,
            meaning: purpose.meaning().to_owned(),
            granted: known.is_some_and(|(_, granted, _)| *granted),
            changed_at: known.map(|(.., at)| *at),
        }
    };
    Purpose::ALL.iter().map(view).collect()
}

/// How an erasure stands. Whoever has the receipt can read it, also when there is no account any more.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The receipt's id: keep it.
    pub receipt: Uuid,
    /// `waiting`, `cancelled`, `erasing` or `erased`.
    pub state: String,
    /// When it was asked for.
    #[schema(value_type = String)]
    pub requested_at: Timestamp,
    /// Until when it can be cancelled; the account goes then.
    #[schema(value_type = String)]
    pub due_at: Timestamp,
    /// When the person's key was destroyed.
    #[schema(value_type = Option<String>)]
    pub erased_at: Option<Timestamp>,
    /// What each part of the product that had something of the person answered.
    pub answers: Vec<ErasureAnswer>,
    /// The parts that have yet to answer.
    pub waits_for: Vec<String>,
}

impl Receipt {
    fn of(erasure: Erasure, answers: Vec<ErasureAnswer>) -> Self {
        let silent =
            |context: &&&str| erasure.erased_at.is_some() && !answers.iter().any(|one| one.context == **context);
        let waits_for: Vec<_> = personal::CONTEXTS.iter().filter(silent).map(|context| (*context).to_owned()).collect();
        let state = match (erasure.cancelled_at, erasure.erased_at) {
            (Some(_), _) => "cancelled",
            (_, None) => "waiting",
            _ if waits_for.is_empty() => "erased",
            _ => "erasing",
        };
        let Erasure { id, requested_at, due_at, erased_at, .. } = erasure;
        Self { receipt: id, state: state.to_owned(), requested_at, due_at, erased_at, answers, waits_for }
    }
}

/// What one part of the product answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ErasureAnswer {
    /// Which.
    pub context: String,
    /// How many rows are gone.
    pub rows: i64,
    /// When.
    #[schema(value_type = String)]
    pub answered_at: Timestamp,
}

fn no_erasure() -> ApiError {
    ApiError::not_found("no_erasure", "nobody asked for this account to be erased")
}

/// Whose data a call is about: the person who manages their own account, or the one that an operator names.
fn whose(call: &Call, named: Option<UserId>) -> Result<UserId, ApiError> {
    match named {
        Some(user) => call.require_operator().map(|()| user),
        None => manager(call).map(|(_, user)| user),
    }
}

impl Auth {
    /// What the caller allows, or whom an operator names.
    ///
    /// # Errors
    /// `Unauthenticated` or `PermissionDenied` without a person's token that manages the account; so with all below.
    pub async fn consents(&self, call: &Call, named: Option<UserId>) -> contracts::Result<Vec<ConsentView>> {
        self.consents_of(whose(call, named)?).await
    }

    async fn consents_of(&self, user: UserId) -> Result<Vec<ConsentView>, ApiError> {
        Ok(consents(&privacy::purposes(&self.db, user).await?))
    }

    /// Allows a purpose, or takes that back, with all that was kept for it, where `may` does not refuse to change what they
    /// said; gives what they allow then. Each change is in the audit log, as the proof of it.
    ///
    /// # Errors
    /// `Conflict` with `opted_out` for sharing while the person has opted out of it; that of `may`.
    pub async fn set_consent(
        &self,
        call: &Call,
        purpose: Purpose,
        granted: bool,
        may: impl FnOnce(Vec<ConsentView>) -> contracts::Result<()> + Send,
    ) -> contracts::Result<Vec<ConsentView>> {
        let (_, user) = manager(call)?;
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, user).await?.filter(|user| user.disabled_at.is_none()).ok_or_else(no_user)?;
        may(consents(&privacy::purposes_in(&mut tx, user).await?))?;
        if granted && purpose == Purpose::Sharing && privacy::opted_out_in(&mut tx, user).await?.is_some() {
            let detail = "you have opted out of the sale and sharing of your data: take that back first";
            return Err(ApiError::new(ErrorKind::Conflict, "opted_out", detail));
        }
        privacy::set_purpose(&mut tx, user, purpose, granted, self.clock.now()).await?;
        if !granted {
            self.withdraw(&mut tx, user, purpose).await?;
        }
        let action = if granted { "consent.granted" } else { "consent.withdrawn" };
        // As they are kept, which their entity tag is of; and before the commit, after which they may be others.
        let set = consents(&privacy::purposes_in(&mut tx, user).await?);
        self.state(tx, Entry::by_user(action, user).to(user).with("purpose", purpose), &[]).await?;
        Ok(set)
    }

    /// Opts the caller, or whom an operator names, out of the sale and sharing of their data, or in again; says since
    /// when they are out. `by` says how they asked.
    ///
    /// # Errors
    /// `NotFound` when there is no such account; else as for the others.
    pub async fn opt_out(
        &self,
        call: &Call,
        named: Option<UserId>,
        out: bool,
        by: &str,
    ) -> contracts::Result<Option<Timestamp>> {
        let user = whose(call, named)?;
        // Without this a wrong id would pass for somebody who is in.
        self.person(user).await?;
        let action = if out { "privacy.opted_out" } else { "privacy.opted_in" };
        self.settle_opt_out(user, out, Entry::by_caller(action, call).with("by", by)).await
    }

    /// As [`Auth::opt_out`], for somebody who is known already.
    pub(crate) async fn settle_opt_out(
        &self,
        user: UserId,
        out: bool,
        entry: Entry,
    ) -> Result<Option<Timestamp>, ApiError> {
        let (before, now) = (privacy::opted_out(&self.db, user).await?, self.clock.now());
        if before.is_some() == out {
            return Ok(before);
        }
        let mut tx = self.db.begin().await?;
        // A disabled account is somebody's still, who then writes to an operator; an erased one has no key.
        people::hold(&mut tx, user).await?.filter(|user| user.subject_key.is_some()).ok_or_else(no_user)?;
        privacy::set_opted_out(&mut tx, user, out.then_some(now)).await?;
        if out {
            privacy::set_purpose(&mut tx, user, Purpose::Sharing, false, now).await?;
        }
        self.state(tx, entry.to(user), &[]).await?;
        Ok(out.then_some(now))
    }

    /// The account with an address; for the operator, who was asked by mail.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn find_person(&self, call: &Call, email: &str) -> contracts::Result<UserId> {
        call.require_operator()?;
        let found = people::by_blind(&self.db, &self.vault.blind(email)).await?.ok_or_else(no_user)?.id;
        let tx = self.db.begin().await?;
        self.state(tx, Entry::by_caller("privacy.looked_up", call).to(found), &[]).await?;
        Ok(found)
    }

    /// Asks for the caller's account to be erased, or that of whom an operator names: after the grace, or at once where
    /// the person waives it. [`Eraser`] does it.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn request_erasure(&self, call: &Call, named: Option<UserId>, waive: bool) -> contracts::Result<Receipt> {
        let entry = Entry::by_caller("erasure.requested", call);
        self.ask_erasure(whose(call, named)?, waive, entry).await
    }

    /// As [`Auth::request_erasure`], for somebody who is known already.
    pub(crate) async fn ask_erasure(&self, user: UserId, waive: bool, entry: Entry) -> Result<Receipt, ApiError> {
        let person = self.person(user).await?;
        let now = self.clock.now();
        let due_at = if waive { now } else { later(now, GRACE) };
        // Whoever has the id can read the receipt: all its bits are random.
        let id = Uuid::from_bytes(self.rng.bytes());
        let new = Erasure { id, user, requested_at: now, due_at, cancelled_at: None, erased_at: None };
        let mut tx = self.db.begin().await?;
        let id = privacy::ask(&mut tx, &new).await?;
        // Who waives the grace has nobody to be told in time, and mail to them is taken back.
        if let Some(email) = self.email(&person)?.filter(|_| !waive) {
            self.ask_mail(&mut tx, Kind::Erasing, &self.vault.blind(&email)).await?;
        }
        self.state(tx, entry.to(user).with("grace_waived", waive), &[]).await?;
        self.receipt(id).await
    }

    /// How the erasure of the caller's account stands.
    ///
    /// # Errors
    /// `NotFound` when nobody asked for one.
    pub async fn erasure(&self, call: &Call) -> contracts::Result<Receipt> {
        let (_, user) = manager(call)?;
        let found = privacy::erasure_of(&self.db, user).await?.ok_or_else(no_erasure)?;
        self.receipt_of(found).await
    }

    /// Keeps the account after all.
    ///
    /// # Errors
    /// `NotFound` when nobody asked for an erasure, or when it is done.
    pub async fn cancel_erasure(&self, call: &Call, named: Option<UserId>) -> contracts::Result<()> {
        self.keep(whose(call, named)?, Entry::by_caller("erasure.cancelled", call)).await
    }

    /// As [`Auth::cancel_erasure`], for somebody who is known already.
    pub(crate) async fn keep(&self, user: UserId, entry: Entry) -> Result<(), ApiError> {
        let mut tx = self.db.begin().await?;
        if !privacy::cancel(&mut tx, user, self.clock.now()).await? {
            return Err(no_erasure());
        }
        self.state(tx, entry.to(user), &[]).await
    }

    /// When an account goes, if somebody asked for that.
    pub(crate) async fn erased_from(&self, user: UserId) -> Result<Option<Timestamp>, ApiError> {
        Ok(privacy::erasure_of(&self.db, user).await?.map(|erasure| erasure.due_at))
    }

    /// The erasures, the newest first; for the operator.
    ///
    /// # Errors
    /// As for the others.
    pub async fn erasures(&self, call: &Call) -> contracts::Result<Vec<Receipt>> {
        call.require_operator()?;
        let mut answers = privacy::newest_answers(&self.db, MAX_LIST).await?;
        let newest = privacy::erasures(&self.db, MAX_LIST).await?.into_iter();
        let shown = |erasure: Erasure| {
            let answered = answers.remove(&erasure.id).unwrap_or_default();
            Receipt::of(erasure, answered)
        };
        Ok(newest.map(shown).collect())
    }

    /// A receipt, for whoever has its id.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn receipt(&self, id: Uuid) -> contracts::Result<Receipt> {
        let none = || ApiError::not_found("no_such_receipt", "there is no such receipt");
        self.receipt_of(privacy::erasure(&self.db, id).await?.ok_or_else(none)?).await
    }

    pub(crate) async fn receipt_of(&self, erasure: Erasure) -> Result<Receipt, ApiError> {
        let answers = privacy::answers(&self.db, erasure.id).await?;
        Ok(Receipt::of(erasure, answers))
    }

    /// Destroys a person's key, ends everything they hold and tells every context. What is sealed under the key can't be
    /// read from then on, also where a copy of it is left.
    pub(crate) async fn shred(&self, erasure: &Erasure) -> Result<(), ApiError> {
        let (now, user) = (self.clock.now(), erasure.user);
        let mut tx = self.db.begin().await?;
        if !privacy::take_up(&mut tx, erasure.id, now).await? {
            return Ok(());
        }
        let (what, revoked) = self.end_in(&mut tx, user).await?;
        privacy::destroy_key(&mut tx, user, now).await?;
        let erased = personal::erased(&self.ids, &self.clock, Trace::start(&self.rng), user);
        let entry = Entry::by("person.erased", "system".to_owned()).to(user).with("receipt", erasure.id);
        self.state(tx, entry, &[revoked, erased, self.changed()]).await?;
        self.learn(&[what]);
        self.reload().await
    }

    /// Notes what a context answered to an erasure.
    pub(crate) async fn note_answer(&self, tx: &mut Tx, event: &Event) -> Result<(), ApiError> {
        debug_assert_eq!(event.kind, Topic::PersonForgotten.as_str());
        let answer: personal::Answer = serde_json::from_value(event.data.clone())
            .map_err(|_| ApiError::internal("an answer to an erasure can't be read"))?;
        Ok(privacy::answered(tx, answer.person, &answer.context, answer.rows, event.time).await?)
    }
}

#[async_trait::async_trait]
impl Personal for Auth {
    fn context(&self) -> &'static str {
        "auth"
    }

    async fn erase(&self, tx: &mut Tx, person: UserId) -> Result<u64, ApiError> {
        tx.sees(Rows::All).await?;
        Ok(privacy::forget(tx, person).await?)
    }
}

/// The tables that hold something of people: each is emptied of them by an erasure.
pub fn personal_tables() -> Vec<&'static str> {
    privacy::tables().collect()
}

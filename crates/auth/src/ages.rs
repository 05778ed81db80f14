//! Up to which age a person sees titles: theirs to choose, and the server's to keep to wherever they sign in (C2).

use access::MAX_AGE_LIMITS;
use contracts::{AgeLimit, ApiError, Call, ErrorKind, MAX_AGE, Region, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Auth,
    admin::no_user,
    api_keys::manager,
    audit::Entry,
    store::{ages, people},
};

/// The limit to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgeLimit {
    /// The highest age, from 0 to 21: titles certified for an older one, and titles without a certificate, are left out.
    #[schema(minimum = 0, maximum = 21)]
    max_age: u16,
    /// Whose certificates count, before all others: an ISO 3166-1 alpha-2 or alpha-3 code.
    region: Option<Region>,
}

/// Up to which age a person sees titles.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgeLimitView {
    /// The highest age.
    pub(crate) max_age: u16,
    /// Whose certificates count, before all others; absent where all count alike.
    pub(crate) region: Option<Region>,
    /// Since when.
    #[schema(value_type = String)]
    changed_at: Timestamp,
}

impl From<ages::AgeRow> for AgeLimitView {
    fn from(row: ages::AgeRow) -> Self {
        let AgeLimit { max_age, region } = row.ages;
        Self { max_age, region, changed_at: row.changed_at }
    }
}

fn none() -> ApiError {
    ApiError::not_found("no_age_limit", "this account has no age limit")
}

impl Auth {
    /// Up to which age the caller sees titles.
    ///
    /// # Errors
    /// `NotFound` without a limit; `Unauthenticated` or `PermissionDenied` without a person's token that manages the
    /// account; so with both below.
    pub async fn age_limit(&self, call: &Call) -> contracts::Result<AgeLimitView> {
        self.age_limit_of(manager(call)?.1).await?.ok_or_else(none)
    }

    /// As [`Auth::age_limit`], of somebody who is known already.
    pub(crate) async fn age_limit_of(&self, user: UserId) -> Result<Option<AgeLimitView>, ApiError> {
        Ok(ages::get(&self.db, user).await?.map(AgeLimitView::from))
    }

    /// Sets the caller's limit, where `may` does not refuse to change the one that they have. Every process keeps to it as
    /// soon as it hears of it, within a second or so, with whatever token or key of theirs; this one at once.
    ///
    /// # Errors
    /// `InvalidArgument` for an age that no certificate asks for; `Conflict` when too many have a limit; that of `may`.
    pub async fn set_age_limit(
        &self,
        call: &Call,
        new: &NewAgeLimit,
        may: impl FnOnce(Option<&AgeLimitView>) -> contracts::Result<()> + Send,
    ) -> contracts::Result<AgeLimitView> {
        let (_, user) = manager(call)?;
        self.limit_age(user, AgeLimit { max_age: new.max_age, region: new.region }, may).await
    }

    /// As [`Auth::set_age_limit`], of somebody who is known already.
    pub(crate) async fn limit_age(
        &self,
        user: UserId,
        limit: AgeLimit,
        may: impl FnOnce(Option<&AgeLimitView>) -> contracts::Result<()> + Send,
    ) -> contracts::Result<AgeLimitView> {
        if limit.max_age > MAX_AGE {
            return Err(ApiError::invalid("bad_age", format!("{} is no age of a certificate", limit.max_age))
                .field("max_age", format!("must be from 0 to {MAX_AGE}")));
        }
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, user).await?.filter(|user| user.disabled_at.is_none()).ok_or_else(no_user)?;
        if usize::try_from(ages::others(&mut tx, user).await?).is_ok_and(|others| others >= MAX_AGE_LIMITS) {
            let detail = "this deployment holds no more age limits";
            return Err(ApiError::new(ErrorKind::Conflict, "too_many_age_limits", detail));
        }
        may(ages::held(&mut tx, user).await?.map(AgeLimitView::from).as_ref())?;
        ages::set(&mut tx, user, limit, self.clock.now()).await?;
        // As it is kept, which its entity tag is of; and before the commit, after which it may be another's.
        let set = ages::held(&mut tx, user).await?;
        let set = set.ok_or_else(|| ApiError::internal("an age limit that was set is gone"))?;
        self.state(tx, Entry::by_user("age_limit.set", user).to(user), &[self.age_limit_changed(user)]).await?;
        self.take_own(user).await;
        Ok(set.into())
    }

    /// Takes what this process has just changed. It is done whether or not that can be read here: the keeper then takes
    /// it, by its event.
    async fn take_own(&self, user: UserId) {
        if let Err(error) = self.take_age_limits(&[user]).await {
            tracing::warn!(%error, "an age limit that was changed here can't be read yet");
        }
    }

    /// Ends the caller's limit, where `may` does not refuse.
    ///
    /// # Errors
    /// `NotFound` when there is none; that of `may`.
    pub async fn end_age_limit(
        &self,
        call: &Call,
        may: impl FnOnce(Option<&AgeLimitView>) -> contracts::Result<()> + Send,
    ) -> contracts::Result<()> {
        if self.lift_age_limit(manager(call)?.1, may).await? { Ok(()) } else { Err(none()) }
    }

    /// As [`Auth::end_age_limit`], of somebody who is known already: says whether there was one.
    pub(crate) async fn lift_age_limit(
        &self,
        user: UserId,
        may: impl FnOnce(Option<&AgeLimitView>) -> contracts::Result<()> + Send,
    ) -> contracts::Result<bool> {
        let mut tx = self.db.begin().await?;
        people::hold(&mut tx, user).await?;
        let Some(held) = ages::held(&mut tx, user).await? else { return Ok(false) };
        may(Some(&held.into()))?;
        ages::end(&mut tx, user).await?;
        self.state(tx, Entry::by_user("age_limit.ended", user).to(user), &[self.age_limit_changed(user)]).await?;
        self.take_own(user).await;
        Ok(true)
    }
}

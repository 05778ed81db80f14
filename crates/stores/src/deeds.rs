//! What somebody with a say over the node does, for the audit log: stated in the transaction that does it.

use std::sync::Arc;

use contracts::{ApiError, Call, Caller};
use futures::future::BoxFuture;

use crate::db::Tx;

/// Something that somebody with a say over the node did.
pub struct Deed<'a> {
    /// Who, and when at the latest.
    pub call: &'a Call,
    /// What: `review.accepted`.
    pub action: &'static str,
    /// To what: its id, or the name that the configuration gives it.
    pub target: &'a str,
    /// More, by name: ids only, nothing of people.
    pub detail: &'a [(&'a str, &'a str)],
}

type State = dyn for<'a> Fn(&'a mut Tx, Deed<'a>) -> BoxFuture<'a, Result<(), ApiError>> + Send + Sync;

/// Where deeds are stated. By default nowhere: a service on its own has no audit log.
#[derive(Clone, Default)]
pub struct Deeds(Option<Arc<State>>);

impl Deeds {
    /// Each is stated by `state`, in the transaction that it is given.
    pub fn by<F>(state: F) -> Self
    where
        F: for<'a> Fn(&'a mut Tx, Deed<'a>) -> BoxFuture<'a, Result<(), ApiError>> + Send + Sync + 'static,
    {
        Self(Some(Arc::new(state)))
    }

    /// States a deed; what the node's own workers do is nobody's. State it before [`append`](crate::events::append): both
    /// make others wait until the transaction ends, and all must take them in one order.
    ///
    /// # Errors
    /// When it can't be written: then it must not be done.
    pub async fn state(&self, tx: &mut Tx, deed: Deed<'_>) -> Result<(), ApiError> {
        match &self.0 {
            Some(state) if !matches!(deed.call.caller, Caller::System) => state(tx, deed).await,
            _ => Ok(()),
        }
    }
}

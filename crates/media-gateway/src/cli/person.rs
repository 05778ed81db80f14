//! Somebody at the command line: by the id of their account, or by their address.

use std::str::FromStr;

use contracts::UserId;
use serde_json::{Value, json};

use super::{Global, door::Door};

/// What an operator does for people who ask.
pub const PEOPLE: &str = "/api/v1/internal/privacy/people";

/// Whose account is meant.
#[derive(Clone, Debug)]
pub enum Person {
    /// The one with this id.
    Id(UserId),
    /// The one with this address. It is looked up, which the audit log tells of.
    Address(String),
}

impl FromStr for Person {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            return Ok(Self::Address(text.to_owned()));
        }
        text.parse().map(Self::Id).map_err(|_| "that is neither the id of an account nor an address")
    }
}

impl Person {
    /// Asks the door of accounts once for what is at the `path` of their id.
    ///
    /// # Errors
    /// `NotFound` when nobody has that id or address, and what is answered.
    pub async fn ask(
        &self,
        global: &Global,
        method: &str,
        path: impl FnOnce(UserId) -> String,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let door = Door::auth(global).await?;
        let asked = async {
            let id = self.id(&door).await?;
            door.call(method, &path(id), body.as_ref()).await
        };
        let answer = asked.await;
        door.close().await;
        answer
    }

    async fn id(&self, door: &Door) -> anyhow::Result<UserId> {
        match self {
            Self::Id(id) => Ok(*id),
            Self::Address(email) => {
                let mut found = door.call("POST", PEOPLE, Some(&json!({ "email": email }))).await?;
                Ok(serde_json::from_value(found["id"].take())?)
            }
        }
    }
}

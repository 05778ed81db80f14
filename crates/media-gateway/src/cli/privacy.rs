//! `privacy`: what an operator does for people who ask to see, or to be rid of, what is kept of them.

use clap::Subcommand;
use contracts::UserId;
use serde_json::json;

use super::{
    Global,
    door::{Door, print},
};

const PEOPLE: &str = "/api/v1/internal/privacy/people";

#[derive(Subcommand, Debug)]
pub enum PrivacyVerb {
    /// Say which account has an address
    Find {
        /// The address
        email: String,
    },
    /// Print everything that is kept of somebody, as JSON
    Export {
        /// The account
        id: UserId,
    },
    /// Erase somebody's account in 30 days, or at once; prints the receipt
    Erase {
        /// The account
        id: UserId,
        /// Without the 30 days in which it can be cancelled: they waived them
        #[arg(long)]
        waive_grace: bool,
    },
    /// Keep an account that was to be erased
    Keep {
        /// The account
        id: UserId,
    },
    /// List erasures and how they stand
    Erasures,
    /// Show a receipt
    Receipt {
        /// The receipt
        id: uuid::Uuid,
    },
}

pub async fn run(global: &Global, verb: &PrivacyVerb) -> anyhow::Result<()> {
    let receipt = ["receipt", "state", "requested_at", "due_at", "erased_at", "waits_for"];
    let (method, path, body, fields) = match verb {
        PrivacyVerb::Find { email } => ("POST", PEOPLE.to_owned(), Some(json!({ "email": email })), &["id"][..]),
        PrivacyVerb::Export { id } => ("GET", format!("{PEOPLE}/{id}"), None, &[][..]),
        PrivacyVerb::Erase { id, waive_grace } => {
            ("POST", format!("{PEOPLE}/{id}/erasure?waive_grace={waive_grace}"), None, &receipt[..])
        }
        PrivacyVerb::Keep { id } => {
            Door::once(global, "DELETE", &format!("{PEOPLE}/{id}/erasure"), None).await?;
            return Ok(());
        }
        PrivacyVerb::Erasures => ("GET", "/api/v1/internal/privacy/erasures".to_owned(), None, &receipt[..]),
        PrivacyVerb::Receipt { id } => ("GET", format!("/api/v1/privacy/receipts/{id}"), None, &receipt[..]),
    };
    Ok(print(global, &Door::once(global, method, &path, body).await?, fields)?)
}

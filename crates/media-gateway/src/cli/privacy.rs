//! `privacy`: what an operator does for people who ask to see what is kept of them, or to have it unsold, or gone.

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
    /// Say what is collected of somebody, for what, and to whom it goes (CCPA)
    Report {
        /// The account
        id: UserId,
    },
    /// Opt somebody out of the sale and sharing of their data
    OptOut {
        /// The account
        id: UserId,
    },
    /// End somebody's opting out
    OptIn {
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
    let opt = |id: &UserId, out: bool| {
        ("PUT", format!("{PEOPLE}/{id}/opt-out"), Some(json!({ "opted_out": out })), &["opted_out", "since"][..])
    };
    let (method, path, body, fields) = match verb {
        PrivacyVerb::Find { email } => ("POST", PEOPLE.to_owned(), Some(json!({ "email": email })), &["id"][..]),
        PrivacyVerb::Export { id } => ("GET", format!("{PEOPLE}/{id}"), None, &[][..]),
        PrivacyVerb::Report { id } => return report(global, *id).await,
        PrivacyVerb::OptOut { id } => opt(id, true),
        PrivacyVerb::OptIn { id } => opt(id, false),
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

/// Prints when the report was made and since when its person is opted out; then the categories, one a line.
async fn report(global: &Global, id: UserId) -> anyhow::Result<()> {
    let report = Door::once(global, "GET", &format!("{PEOPLE}/{id}/report"), None).await?;
    print(global, &report, &["reported_at", "opted_out_at"])?;
    if !global.json {
        let categories = json!({ "items": report["categories"] });
        print(global, &categories, &["category", "items", "purpose", "sold_to", "shared_with"])?;
    }
    Ok(())
}

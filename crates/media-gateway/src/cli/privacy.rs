//! `privacy`: what an operator does for people who ask to see what is kept of them, or to have it unsold, or gone.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Global,
    door::{Door, print},
    person::{PEOPLE, Person},
};

/// What is printed of an erasure.
const RECEIPT: [&str; 6] = ["receipt", "state", "requested_at", "due_at", "erased_at", "waits_for"];
/// What is printed of a choice about sale and sharing.
const OPT: [&str; 2] = ["opted_out", "since"];

#[derive(Subcommand, Debug)]
pub enum PrivacyVerb {
    /// Say which account has an address
    Find {
        /// The address
        email: String,
    },
    /// Print everything that is kept of somebody, as JSON
    Export {
        /// The account: its id or its address
        person: Person,
    },
    /// Say what is collected of somebody, for what, and to whom it goes (CCPA)
    Report {
        /// The account: its id or its address
        person: Person,
    },
    /// Opt somebody out of the sale and sharing of their data
    OptOut {
        /// The account: its id or its address
        person: Person,
    },
    /// End somebody's opting out
    OptIn {
        /// The account: its id or its address
        person: Person,
    },
    /// Erase somebody's account in 30 days, or at once; prints the receipt
    Erase {
        /// The account: its id or its address
        person: Person,
        /// Without the 30 days in which it can be cancelled: they waived them
        #[arg(long)]
        waive_grace: bool,
    },
    /// Keep an account that was to be erased
    Keep {
        /// The account: its id or its address
        person: Person,
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
    let (answer, fields) = match verb {
        PrivacyVerb::Find { email } => {
            (Door::once(global, "POST", PEOPLE, Some(json!({ "email": email }))).await?, &["id"][..])
        }
        PrivacyVerb::Export { person } => (of(global, person, "GET", "", None).await?, &[][..]),
        PrivacyVerb::Report { person } => return report(global, person).await,
        PrivacyVerb::OptOut { person } => (opt(global, person, true).await?, &OPT[..]),
        PrivacyVerb::OptIn { person } => (opt(global, person, false).await?, &OPT[..]),
        PrivacyVerb::Erase { person, waive_grace } => {
            let path = format!("/erasure?waive_grace={waive_grace}");
            (of(global, person, "POST", &path, None).await?, &RECEIPT[..])
        }
        PrivacyVerb::Keep { person } => {
            of(global, person, "DELETE", "/erasure", None).await?;
            return Ok(());
        }
        PrivacyVerb::Erasures => {
            (Door::once(global, "GET", "/api/v1/internal/privacy/erasures", None).await?, &RECEIPT[..])
        }
        PrivacyVerb::Receipt { id } => {
            (Door::once(global, "GET", &format!("/api/v1/privacy/receipts/{id}"), None).await?, &RECEIPT[..])
        }
    };
    Ok(print(global, &answer, fields)?)
}

/// Asks for `what` of somebody.
async fn of(global: &Global, person: &Person, method: &str, what: &str, body: Option<Value>) -> anyhow::Result<Value> {
    person.ask(global, method, |id| format!("{PEOPLE}/{id}{what}"), body).await
}

async fn opt(global: &Global, person: &Person, out: bool) -> anyhow::Result<Value> {
    of(global, person, "PUT", "/opt-out", Some(json!({ "opted_out": out }))).await
}

/// Prints when the report was made and since when its person is opted out; then the categories, one a line.
async fn report(global: &Global, person: &Person) -> anyhow::Result<()> {
    let report = of(global, person, "GET", "/report", None).await?;
    print(global, &report, &["reported_at", "opted_out_at"])?;
    if !global.json {
        let categories = json!({ "items": report["categories"] });
        print(global, &categories, &["category", "items", "purpose", "sold_to", "shared_with"])?;
    }
    Ok(())
}

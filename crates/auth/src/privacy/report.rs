//! The report of the CCPA (§1798.110 and §1798.115): which categories of personal information are collected, from where,
//! for what, and to whom they go.

use contracts::{Call, Scope, UserId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{PersonalData, whose};
use crate::{Auth, audit::Entry};

/// One category of §1798.140(v).
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportLine {
    /// The category.
    pub category: &'static str,
    /// What that is here.
    pub what: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What it is used for.
    pub purpose: &'static str,
    /// How long it is kept.
    pub kept: &'static str,
    /// How many items of it there are of the person.
    pub items: usize,
    /// To whom it was sold in the last twelve months.
    pub sold_to: Vec<String>,
    /// To whom it was shared or disclosed in the last twelve months.
    pub shared_with: Vec<String>,
}

/// What is known of a person, by category.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataReport {
    /// When it was put together.
    #[schema(value_type = String)]
    pub reported_at: Timestamp,
    /// The categories.
    pub categories: Vec<ReportLine>,
    /// Since when the person's data may not be sold or shared.
    #[schema(value_type = Option<String>)]
    pub opted_out_at: Option<Timestamp>,
}

/// The programs that a person let read something of theirs.
fn readers(data: &PersonalData, scope: Scope) -> Vec<String> {
    let let_in = data.applications.iter().filter(|one| one.scopes.has(scope));
    let_in.map(|one| one.name.clone().unwrap_or_else(|| one.client.clone())).collect()
}

impl Auth {
    /// The report on the caller, or on whom an operator names.
    ///
    /// # Errors
    /// `NotFound` when there is no such account; else as for the other requests.
    pub async fn data_report(&self, call: &Call, named: Option<UserId>) -> contracts::Result<DataReport> {
        let data = self.data_of(whose(call, named)?, Entry::by_caller("privacy.reported", call)).await?;
        let (you, exists) = ("you", "while the account exists");
        let shared_with = readers(&data, Scope::Email);
        let ways = usize::from(data.sign_in.password) + usize::from(data.sign_in.authenticator_since.is_some());
        let consents = data.consents.iter().filter(|one| one.granted).count();
        let line = |category, what, source, purpose, kept, items| ReportLine {
            category,
            what,
            source,
            purpose,
            kept,
            items,
            sold_to: Vec::new(),
            shared_with: Vec::new(),
        };
        let address = usize::from(data.account.email.is_some());
        let categories = vec![
            ReportLine { shared_with, ..line("identifiers", "email address", you, "signing in", exists, address) },
            line(
                "sensitive personal information",
                "how you sign in: hash of the password, authenticator, passkeys, accounts elsewhere",
                you,
                "signing in",
                exists,
                ways + data.sign_in.passkeys.len() + data.sign_in.providers.len(),
            ),
            line(
                "internet activity",
                "what browsers that signed in call themselves, and when",
                "your browser",
                "showing you where you are signed in",
                "until 90 days after a sign-in has ended by itself",
                data.sessions.len(),
            ),
            line(
                "security records",
                "what was done with the account, by ids alone",
                "this service",
                "finding and proving misuse",
                "two years",
                data.audit.len(),
            ),
            line(
                "preferences",
                "what you allow, up to which age you see titles, programs you let in, names of your API keys",
                you,
                "doing as you said",
                exists,
                data.applications.len()
                    + data.api_keys.len()
                    + consents
                    + usize::from(data.account.age_limit.is_some()),
            ),
            ReportLine {
                shared_with: readers(&data, Scope::ReadWatchlist),
                ..line(
                    "commercial information",
                    "which titles you said you watched, and when",
                    you,
                    "showing you what you watched",
                    "90 days, while you allow it; then how often each title was watched in a month, without you",
                    data.kept.iter().map(|kept| kept.items.len()).sum(),
                )
            },
        ];
        let (reported_at, opted_out_at) = (data.exported_at, data.account.opted_out_at);
        Ok(DataReport { reported_at, categories, opted_out_at })
    }
}

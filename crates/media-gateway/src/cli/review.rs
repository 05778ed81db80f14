//! `review` and `ingest unmerge`: what resolution leaves to a person, decided here or through the running node.

use anyhow::Context as _;
use catalog::{Review, Unmerged};
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use contracts::{ApiError, Caller, ContentId};
use http_api::Page;
use serde_json::json;
use uuid::Uuid;

use super::Global;
use crate::{
    config::Config,
    folder::Opened,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

const PATH: &str = "/api/v1/internal/catalog";
/// How many questions are listed where nobody says.
const LISTED: u32 = 20;

#[derive(Subcommand, Debug)]
pub enum ReviewVerb {
    /// List the questions, the oldest first
    List {
        /// open, accepted or rejected
        #[arg(long, default_value = "open")]
        status: String,
        /// How many, up to 100
        #[arg(long, default_value_t = LISTED, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
    /// Make the two titles of a question one
    Accept {
        /// The question's id
        #[arg(value_parser = question)]
        id: Uuid,
    },
    /// Keep the two titles of a question apart
    Reject {
        /// The question's id
        #[arg(value_parser = question)]
        id: Uuid,
    },
}

#[derive(Args, Debug)]
pub struct UnmergeArgs {
    /// The source of the record, such as hulu
    source: String,
    /// The source's own key for it
    key: String,
}

/// Takes a record out of its title and makes it one of its own, for good.
pub async fn unmerge(global: &Global, args: &UnmergeArgs) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let done: Unmerged = match Services::folder(&config)? {
        Opened::Theirs(owner) => {
            let body = json!({ "source": args.source, "source_key": args.key });
            OwnerClient::new(owner, Role::Catalog)?.post(&format!("{PATH}/unmerge"), key(), &body).await?
        }
        Opened::Ours(folder) => {
            let services = Services::open(&config, &folder, Wanted::Everything).await?;
            let catalog = services.catalog.as_ref().context("this process has no catalogue")?;
            let done = catalog.unmerge(&services.call(Caller::Operator), &args.source, &args.key).await;
            finish(services, done.is_ok()).await?;
            done?
        }
    };
    if global.json {
        println!("{}", serde_json::to_string(&done)?);
    } else {
        println!("{} {} is now {}, apart from {}", args.source, args.key, done.content_id, done.from);
    }
    Ok(())
}

pub async fn run(global: &Global, verb: &ReviewVerb) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let reviews = match Services::folder(&config)? {
        Opened::Theirs(owner) => through(&OwnerClient::new(owner, Role::Catalog)?, verb).await?,
        Opened::Ours(folder) => {
            let services = Services::open(&config, &folder, Wanted::Everything).await?;
            let reviews = ourselves(&services, verb).await;
            let changed = reviews.is_ok() && !matches!(verb, ReviewVerb::List { .. });
            finish(services, changed).await?;
            reviews?
        }
    };
    if global.json {
        println!("{}", serde_json::to_string(&reviews)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "ID",
        "STATUS",
        "KIND",
        "RECORD",
        "TITLE",
        "OTHER",
        "WHAT IS KNOWN",
    ]);
    for one in reviews {
        let record = format!("{} {}", one.source, one.source_key);
        let named = |title: Option<String>, id: ContentId| title.unwrap_or_else(|| id.to_string());
        let (id, title) = (one.id.to_string(), named(one.title, one.content_id));
        let other = named(one.other_title, one.other_id);
        table.add_row([id, one.status, one.kind, record, title, other, one.evidence]);
    }
    println!("{table}");
    Ok(())
}

async fn through(node: &OwnerClient, verb: &ReviewVerb) -> anyhow::Result<Vec<Review>> {
    let decide = async |id: &Uuid, what: &str| {
        node.post::<Review>(&format!("{PATH}/reviews/{id}/{what}"), key(), &json!({})).await.map(|review| vec![review])
    };
    match verb {
        ReviewVerb::List { status, limit } => {
            let page: Page<Review> = node.get(&format!("{PATH}/reviews?status={status}&limit={limit}")).await?;
            Ok(page.items)
        }
        ReviewVerb::Accept { id } => decide(id, "accept").await,
        ReviewVerb::Reject { id } => decide(id, "reject").await,
    }
}

async fn ourselves(services: &Services, verb: &ReviewVerb) -> anyhow::Result<Vec<Review>> {
    let catalog = services.catalog.as_ref().context("this process has no catalogue")?;
    let call = services.call(Caller::Operator);
    match verb {
        ReviewVerb::List { status, limit } => {
            if !["open", "accepted", "rejected"].contains(&status.as_str()) {
                let error = ApiError::invalid("unknown_status", format!("{status:?} is no status of a question"));
                return Err(error.field("status", "must be open, accepted or rejected").into());
            }
            Ok(catalog.reviews(&call, status, None, *limit as usize).await?)
        }
        ReviewVerb::Accept { id } => Ok(vec![catalog.decide(&call, *id, true).await?]),
        ReviewVerb::Reject { id } => Ok(vec![catalog.decide(&call, *id, false).await?]),
    }
}

/// Lets the indexes follow what changed before the command ends.
async fn finish(services: Services, changed: bool) -> anyhow::Result<()> {
    let indexed = if changed {
        services.start_workers();
        super::ingest::index(&services).await
    } else {
        Ok(())
    };
    services.close().await;
    indexed
}

fn question(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| "it is not the id of a question, as `review list` prints it".to_owned())
}

fn key() -> Option<String> {
    Some(Uuid::new_v4().to_string())
}

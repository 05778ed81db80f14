//! `events`: what groups of consumers failed on too often, listed, offered to them again, or dropped.

use clap::Subcommand;
use contracts::EventId;
use serde_json::Value;

use super::{
    Global,
    door::{Door, print},
};
use crate::{roles::Role, services::Services};

const DEAD: &str = "/api/v1/admin/dead-letters";
/// What is shown of each.
const FIELDS: [&str; 6] = ["group", "event_id", "topic", "attempts", "failed_at", "reason"];

#[derive(Subcommand, Debug)]
pub enum EventsVerb {
    /// List the events that a group of consumers failed on four times, in the order of the log
    Dead {
        /// Those of this group alone, such as auth-erasures
        #[arg(long, value_parser = plain)]
        group: Option<String>,
        /// How many, up to 100
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        /// Go on where the list before ended, which named it
        #[arg(long, value_parser = plain)]
        cursor: Option<String>,
    },
    /// Offer a dead letter to its group again, once the cause is gone
    Retry {
        /// The group that failed on it
        #[arg(value_parser = plain)]
        group: String,
        /// The event's id
        event: EventId,
    },
    /// Drop a dead letter for good: its group never handles the event
    Discard {
        /// The group that failed on it
        #[arg(value_parser = plain)]
        group: String,
        /// The event's id
        event: EventId,
    },
}

pub async fn run(global: &Global, verb: &EventsVerb) -> anyhow::Result<()> {
    match verb {
        EventsVerb::Dead { group, limit, cursor } => {
            let of = group.as_ref().map(|group| format!("&group={group}")).unwrap_or_default();
            let after = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = ask(global, "GET", &format!("{DEAD}?limit={limit}{of}{after}")).await?;
            print(global, &page, &FIELDS)?;
            if let Some(next) = page["next_cursor"].as_str() {
                eprintln!("there are more: --cursor {next}");
            }
        }
        EventsVerb::Retry { group, event } => {
            ask(global, "POST", &format!("{DEAD}/{group}/{event}/retry")).await?;
            eprintln!("{group} is offered {event} again, by the node that runs or the next that starts");
        }
        EventsVerb::Discard { group, event } => {
            ask(global, "DELETE", &format!("{DEAD}/{group}/{event}")).await?;
            eprintln!("{group} will not handle {event}");
        }
    }
    Ok(())
}

async fn ask(global: &Global, method: &str, path: &str) -> anyhow::Result<Value> {
    let door = Door::of(global, Role::Gateway, Services::dead_letters).await?;
    let answer = door.call(method, path, None).await;
    door.close().await;
    answer
}

/// Names of groups and cursors are of nothing that an address would have to escape.
fn plain(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if text.is_empty() || !text.chars().all(good) {
        return Err("it is of letters, digits and `-_.:`".to_owned());
    }
    Ok(text.to_owned())
}

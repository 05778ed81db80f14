//! `search`: asks the running node, or opens the folder itself.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use contracts::{Caller, ContentType, Region, SearchFilters, SearchRequest, SearchResponse, SortOrder, YearRange};

use super::{Global, ingest, out};
use crate::{
    config::Config,
    folder::Opened,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

#[derive(Args, Debug)]
pub struct SearchArgs {
    /// What to look for, in plain words
    query: Vec<String>,
    /// Only this kind: movie or tv_show
    #[arg(long = "type", value_name = "KIND")]
    content_type: Vec<ContentType>,
    /// Only this genre, such as science_fiction
    #[arg(long, value_name = "GENRE")]
    genre: Vec<String>,
    /// Only what this platform offers, such as netflix
    #[arg(long, value_name = "PLATFORM")]
    platform: Vec<String>,
    /// Only what is offered here, such as US
    #[arg(long)]
    region: Option<Region>,
    /// Not before this year
    #[arg(long, value_name = "YEAR")]
    year_from: Option<u16>,
    /// Not after this year
    #[arg(long, value_name = "YEAR")]
    year_to: Option<u16>,
    /// Only with this person, by their whole name
    #[arg(long, value_name = "NAME")]
    person: Vec<String>,
    /// Only in this language, as a code such as ko
    #[arg(long, value_name = "LANGUAGE")]
    language: Vec<String>,
    /// Not rated lower, from 0 to 10
    #[arg(long, value_name = "RATING")]
    min_rating: Option<f64>,
    /// Not rated higher, from 0 to 10
    #[arg(long, value_name = "RATING")]
    max_rating: Option<f64>,
    /// Not longer, in minutes
    #[arg(long, value_name = "MINUTES")]
    max_runtime: Option<u16>,
    /// In which order: relevance, popular, trending, newest or recently_added
    #[arg(long, value_name = "ORDER", default_value_t)]
    sort: SortOrder,
    /// Which page
    #[arg(long, default_value_t = 1)]
    page: u32,
    /// How many a page
    #[arg(long, default_value_t = 10)]
    page_size: u32,
}

impl SearchArgs {
    fn request(&self) -> SearchRequest {
        let years = YearRange { from: self.year_from, to: self.year_to };
        SearchRequest {
            query: self.query.join(" "),
            filters: SearchFilters {
                genres: self.genre.clone(),
                content_types: self.content_type.clone(),
                year_range: (years != YearRange::default()).then_some(years),
                platforms: self.platform.clone(),
                people: self.person.clone(),
                languages: self.language.clone(),
                min_rating: self.min_rating,
                max_rating: self.max_rating,
                max_runtime_minutes: self.max_runtime,
            },
            region: self.region,
            sort: self.sort,
            page: self.page,
            page_size: self.page_size,
            ..SearchRequest::default()
        }
    }
}

pub async fn run(global: &Global, args: &SearchArgs) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let request = args.request();
    match Services::existing_folder(&config)? {
        Opened::Theirs(owner) => {
            show(global, &OwnerClient::new(owner, Role::Search)?.post("/api/v1/search", None, &request).await?)
        }
        Opened::Ours(folder) => {
            let services = Services::open(&config, &folder, Wanted::Everything).await?;
            services.start_workers();
            let shown = ourselves(global, &services, &request).await;
            // After the answer: a batch that is being embedded is finished first.
            services.close().await;
            shown
        }
    }
}

async fn ourselves(global: &Global, services: &Services, request: &SearchRequest) -> anyhow::Result<()> {
    if let Some(note) = ingest::words(services).await? {
        eprintln!("note: {note}");
    }
    show(global, &services.search_api.search(&services.call(Caller::Operator), request).await?)
}

fn show(global: &Global, answer: &SearchResponse) -> anyhow::Result<()> {
    if global.json { Ok(out::line(&serde_json::to_string(answer)?)?) } else { print(answer) }
}

/// How many were found, and what that counts.
fn counted(answer: &SearchResponse) -> String {
    let more = if answer.total_count_is_capped { "more than " } else { "" };
    match answer.fitting_count {
        Some(fitting) if fitting >= answer.total_count => format!("{fitting} found"),
        Some(fitting) => format!("{fitting} fit, {more}{} come near,", answer.total_count),
        None => format!("{more}{} come near,", answer.total_count),
    }
}

fn print(answer: &SearchResponse) -> anyhow::Result<()> {
    for correction in &answer.query_parsed.corrections {
        eprintln!("note: {:?} is read as {:?}", correction.from, correction.to);
    }
    if let Some(question) = &answer.query_parsed.clarification {
        eprintln!("note: {question}");
    } else if answer.total_count == 0 {
        eprintln!("note: nothing here fits all of that; leave a condition out");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    for (place, result) in answer.results.iter().enumerate() {
        let content = &result.content;
        let year = content.release_year.map(|year| format!(" ({year})")).unwrap_or_default();
        let place = (answer.page.saturating_sub(1) * answer.page_size) as usize + place + 1;
        let mut offers: Vec<_> =
            content
                .availability
                .iter()
                .map(|offer| {
                    if offer.source == "sample" {
                        format!("{} (sample)", offer.platform)
                    } else {
                        offer.platform.clone()
                    }
                })
                .collect();
        offers.sort();
        offers.dedup();
        table.add_row(vec![
            place.to_string(),
            format!("{}{year}", content.title),
            result.match_reasons.join("; "),
            offers.join(", "),
        ]);
    }
    if !answer.results.is_empty() {
        out::line(&table.to_string())?;
    }
    out::line(&format!("{} in {:.1} ms", counted(answer), answer.search_time_ms))?;
    for degraded in &answer.degraded {
        eprintln!("note: {} did not answer: {}", degraded.source, degraded.reason);
    }
    Ok(())
}

//! The services of one process, local or remote, wired in the order of their dependencies.

use std::{sync::Arc, time::Duration};

use auth::{Auth, Denials, Eraser, Keeper, Postman, Renewer, Retainer, Uses};
use catalog::Catalog;
use contracts::{
    ApiError, Call, Caller, CatalogApi, Clock, Component, ComponentState, Embedder, Ids, Mailer, Region, Rng,
    SearchApi, SecretFiles, Trace,
};
use ingest::{Ingest, LinkStore};
use jiff::SignedDuration;
use pictures::{HostedPictures, Hosts};
use playback::{Histories, Playback};
use search::Search;
use stores::{
    Deeds,
    cache::Cache,
    db::Db,
    events::{self, Head},
    personal::{Answering, Personal},
    vectors::VectorIndex,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    backends::{self, RedisLink},
    cloud::GoogleCloud,
    config::{self, Config},
    folder::{Folder, Opened},
    peers,
    roles::{self, Role},
};

/// How often secrets that came since are opened, where they are sealed.
const OPEN_SECRETS: Duration = Duration::from_secs(2);
/// How long a call of the command line may take.
const CLI_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long the database may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long events are kept: the longest time that the catalogue's topics ask for (O2).
const KEEP_EVENTS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long they are kept for whoever has not read them yet.
const KEEP_UNREAD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Which services to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those of the roles in the configuration.
    Roles,
    /// Those of every role, whatever the configuration names: for a command without a running node.
    Everything,
}

/// Time, randomness and where secrets are, also for those who are wired before the services stand.
#[derive(Clone)]
pub struct Means {
    pub clock: Clock,
    pub rng: Rng,
    /// Reads what an option names that says where a secret is.
    pub files: SecretFiles,
    /// What of the configuration is at Google Cloud.
    pub google: Option<Arc<GoogleCloud>>,
}

impl Means {
    /// The system's, with every secret fetched that the configuration has elsewhere.
    ///
    /// # Errors
    /// As [`GoogleCloud::open`].
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let (clock, rng) = (Clock::system(), Rng::system());
        let google = GoogleCloud::open(config, &clock, &rng).await?;
        let files = google.as_ref().map_or_else(SecretFiles::default, |google| google.files());
        Ok(Self { clock, rng, files, google })
    }
}

/// The services of this process.
pub struct Services {
    pub means: Means,
    pub db: Db,
    /// The head of its event log, for all who follow it here.
    pub head: Head,
    /// The Redis server that the cache is in, where it is in one.
    pub redis: Option<RedisLink>,
    /// What this process verifies with; it signs where it has the role.
    pub auth: Arc<Auth>,
    pub runs_auth: bool,
    mailer: Arc<dyn Mailer>,
    /// Refusals, on their way into the audit log.
    pub denials: Arc<Denials>,
    pub catalog: Option<Arc<Catalog>>,
    pub catalog_api: Arc<dyn CatalogApi>,
    pub ingest: Option<Arc<Ingest>>,
    pub search: Option<Arc<Search>>,
    pub search_api: Arc<dyn SearchApi>,
    pub playback: Option<Arc<Playback>>,
    notes: Vec<Component>,
    workers: TaskTracker,
    shutdown: CancellationToken,
}

impl Services {
    /// The data folder of `config`: ours, or another process'.
    ///
    /// # Errors
    /// As [`Folder::own`].
    pub fn folder(config: &Config) -> anyhow::Result<Opened> {
        Folder::own(&config.data_dir()?, &Rng::system())
    }

    /// The data folder of `config` for a command that only reads: it has to be there.
    ///
    /// # Errors
    /// As [`Folder::existing`].
    pub fn existing_folder(config: &Config) -> anyhow::Result<Opened> {
        Folder::existing(&config.data_dir()?, &Rng::system())
    }

    /// Opens the stores and builds the services on them.
    ///
    /// # Errors
    /// When a store can't be opened; a missing model is no error but a note.
    pub async fn open(config: &Config, folder: &Folder, wanted: Wanted) -> anyhow::Result<Self> {
        let means = Means::open(config).await?;
        let Means { clock, rng, files, .. } = &means;
        let db = backends::database(config, folder.path(), wanted).await?;
        let (redis, head) = (backends::redis(config, clock, files)?, Head::watch(db.clone()));
        let cache = backends::cache(config, redis.as_ref());
        let runs = |role: Role| wanted == Wanted::Everything || config.roles().contains(&role);

        let runs_auth = runs(Role::Auth);
        let auth = roles::auth::open(config, folder, db.clone(), &means, runs_auth).await?;
        let mailer = backends::mailer(config, folder.path(), files)?;
        let deeds = deeds(&auth);
        // One model for both: the catalogue compares overviews with it, the search looks for meaning.
        let model = match runs(Role::Catalog) || runs(Role::Search) {
            true => backends::embedder(config),
            false => Err("no role here needs one".to_owned()),
        };
        let catalog = match runs(Role::Catalog) {
            true => {
                let catalog = open_catalog(config, &db, &cache, &means, model.as_ref().ok())?;
                Some(Arc::new(catalog.audited(deeds.clone())))
            }
            false => None,
        };
        let catalog_api = peers::catalog(config, catalog.as_ref(), &means)?;
        let ingest = if runs(Role::Ingest) {
            let settings = sources(config, folder, &cache, &means, links(&db, &auth).audited(deeds.clone()))?;
            let ingest = Ingest::new(db.clone(), Arc::clone(&catalog_api), clock.clone(), rng.clone(), settings);
            Some(Arc::new(ingest.audited(deeds)))
        } else {
            None
        };
        if let Some(ingest) = ingest.as_ref().filter(|_| backends::owns_database(config)) {
            ingest.recover().await?;
        }
        let mut notes = Vec::new();
        let search = if runs(Role::Search) {
            let (db, catalog, cache) = (&db, &catalog_api, &cache);
            let parts = SearchParts { db, catalog, cache, means: &means, wanted, model };
            Some(Arc::new(open_search(config, folder, parts, &mut notes)?))
        } else {
            None
        };
        let search_api = peers::search(config, search.as_ref(), &means)?;
        let playback = runs(Role::Playback).then(|| Arc::new(open_playback(&db, &means, &catalog_api, &auth)));
        let (workers, shutdown) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self {
            denials: Arc::new(Denials::new(Arc::clone(&auth))),
            means,
            db,
            head,
            redis,
            auth,
            runs_auth,
            mailer,
            catalog,
            catalog_api,
            ingest,
            search,
            search_api,
            playback,
            notes,
            workers,
            shutdown,
        })
    }

    /// A call that this process makes for whoever started it.
    pub fn call(&self, caller: Caller) -> Call {
        Call::new(caller, Trace::start(&self.means.rng), &self.means.clock, CLI_TIMEOUT)
    }

    /// Where it is stated what operators do.
    pub fn deeds(&self) -> Deeds {
        deeds(&self.auth)
    }

    /// The operator's routes to the dead letters; the audit log says what was done with them.
    pub fn dead_letters(&self) -> OpenApiRouter {
        gateway::dead_letters(self.db.clone(), self.means.clock.clone(), self.deeds())
    }

    /// Starts the workers: the followers of the event log, and its trimming.
    pub fn start_workers(&self) {
        let (keeper, shutdown) = (Keeper::new(Arc::clone(&self.auth), self.runs_auth), self.shutdown.clone());
        let head = self.head.clone();
        self.workers.spawn(async move { shutdown.run_until_cancelled(keeper.run(head)).await });
        let (uses, shutdown) = (Uses::new(Arc::clone(&self.auth)), self.shutdown.clone());
        self.workers.spawn(async move { shutdown.run_until_cancelled(uses.run()).await });
        if self.runs_auth {
            let (renewer, shutdown) = (Renewer::new(Arc::clone(&self.auth)), self.shutdown.clone());
            self.workers.spawn(async move { shutdown.run_until_cancelled(renewer.run()).await });
        }
        self.keep_secrets();
        let (denials, shutdown) = (Arc::clone(&self.denials), self.shutdown.clone());
        self.workers.spawn(async move {
            shutdown.run_until_cancelled(denials.run()).await;
            denials.last_words().await;
        });
        if let Some(catalog) = &self.catalog {
            let (catalog, head, shutdown) = (Arc::clone(catalog), self.head.clone(), self.shutdown.clone());
            self.workers.spawn(async move { catalog.follow(head, shutdown.cancelled_owned()).await });
            let (db, clock, shutdown) = (self.db.clone(), self.means.clock.clone(), self.shutdown.clone());
            self.workers.spawn(async move { shutdown.run_until_cancelled(trim(db, clock)).await });
        }
        if let Some(search) = &self.search {
            let (search, head, shutdown) = (Arc::clone(search), self.head.clone(), self.shutdown.clone());
            self.workers.spawn(async move { search.follow(head, shutdown).await });
        }
    }

    /// Asks for secrets that are elsewhere again and again, and opens sealed ones that came since.
    fn keep_secrets(&self) {
        let Some(google) = self.means.google.clone() else { return };
        let (auth, sealed, shutdown) = (Arc::clone(&self.auth), google.sealer().is_some(), self.shutdown.clone());
        self.workers.spawn(async move { shutdown.run_until_cancelled(google.keep()).await });
        let shutdown = self.shutdown.clone();
        if sealed {
            self.workers.spawn(async move { shutdown.run_until_cancelled(open_secrets(auth)).await });
        }
    }

    /// The contexts of this process that hold something of people.
    fn personal(&self) -> Vec<Arc<dyn Personal>> {
        let accounts = self.runs_auth.then(|| Arc::clone(&self.auth) as Arc<dyn Personal>);
        // Also without the role: an erasure waits for the answer.
        let holds = self.runs_auth || self.playback.is_some();
        let histories = holds.then(|| Arc::new(Histories) as Arc<dyn Personal>);
        accounts.into_iter().chain(histories).collect()
    }

    /// Starts the jobs that are due and those that come, the mail, the daily count of titles, and forgetting what is past its
    /// time and who asked for it: only in a node, not in a command that ends by itself.
    pub fn start_jobs(&self) {
        if self.runs_auth {
            let postman = Postman::new(Arc::clone(&self.auth), Arc::clone(&self.mailer));
            let shutdown = self.shutdown.clone();
            self.workers.spawn(async move { shutdown.run_until_cancelled(postman.run()).await });
            let (retainer, shutdown) = (Retainer::new(Arc::clone(&self.auth)), self.shutdown.clone());
            self.workers.spawn(async move { shutdown.run_until_cancelled(retainer.run()).await });
            let eraser = Eraser::new(Arc::clone(&self.auth), Arc::clone(&self.mailer));
            let shutdown = self.shutdown.clone();
            self.workers.spawn(async move { shutdown.run_until_cancelled(eraser.run()).await });
        }
        for personal in self.personal() {
            let ids = Ids::new(self.means.clock.clone(), self.means.rng.clone());
            let answering = Answering::new(personal, self.db.clone(), self.means.clock.clone(), ids);
            let shutdown = self.shutdown.clone();
            self.workers.spawn(async move { shutdown.run_until_cancelled(answering.run()).await });
        }
        if let Some(catalog) = &self.catalog {
            let (catalog, shutdown) = (Arc::clone(catalog), self.shutdown.clone());
            self.workers.spawn(async move { shutdown.run_until_cancelled(catalog.keep_counts()).await });
        }
        if let Some(playback) = &self.playback {
            let (playback, shutdown) = (Arc::clone(playback), self.shutdown.clone());
            self.workers.spawn(async move { shutdown.run_until_cancelled(playback.keep_to_time()).await });
        }
        if let Some(ingest) = &self.ingest {
            let (ingest, shutdown) = (Arc::clone(ingest), self.shutdown.clone());
            self.workers.spawn(async move { ingest.follow_jobs(shutdown).await });
        }
    }

    /// Stops the workers; each finishes what it has begun. A run finishes its batch and is then interrupted.
    pub async fn close(&self) {
        if let Some(ingest) = &self.ingest {
            ingest.shutdown().await;
        }
        self.shutdown.cancel();
        self.workers.close();
        self.workers.wait().await;
        // SQLite then leaves one file; where a straggler holds a connection, its log beside it does as well.
        if tokio::time::timeout(CLOSE_TIMEOUT, self.db.close()).await.is_err() {
            tracing::warn!("the database was still in use at the end");
        }
    }

    /// How the parts of this process are.
    pub async fn components(&self) -> Vec<Component> {
        let database = match self.db.ping().await {
            Ok(()) => Component::new("database", ComponentState::Ready, ""),
            Err(error) => Component::new("database", ComponentState::Down, ApiError::from(error).detail),
        };
        let mut components = vec![database];
        components.extend(self.means.google.iter().flat_map(|google| google.components()));
        components.extend(self.runs_auth.then(|| self.auth.erasures_part()));
        if let Some(search) = &self.search {
            components.extend(search.components().await);
        }
        for note in &self.notes {
            // A note from the start says more than "ready", and less than what is wrong now.
            match components.iter_mut().find(|component| component.name == note.name) {
                Some(component) if component.state == ComponentState::Ready => {}
                Some(component) => component.detail.clone_from(&note.detail),
                None => components.push(note.clone()),
            }
        }
        components
    }
}

async fn open_secrets(auth: Arc<Auth>) {
    loop {
        tokio::time::sleep(OPEN_SECRETS).await;
        auth.open_secrets().await;
    }
}

/// What operators do, in the audit log.
fn deeds(auth: &Arc<Auth>) -> Deeds {
    let auth = Arc::clone(auth);
    Deeds::by(move |tx, deed| {
        let auth = Arc::clone(&auth);
        Box::pin(async move { auth.note(tx, deed).await })
    })
}

/// Links to accounts elsewhere, sealed as people's keys are.
fn links(db: &Db, auth: &Arc<Auth>) -> LinkStore {
    let (seals, opens) = (Arc::clone(auth), Arc::clone(auth));
    let seal = move |purpose: &str, plain: &[u8]| seals.seal_own(purpose, plain);
    let unseal = move |purpose: &str, sealed: &[u8]| opens.open_own(purpose, sealed);
    LinkStore::new(db.clone(), Arc::new(seal), Arc::new(unseal))
}

/// How ingest works, with the sources of the configuration.
fn sources(
    config: &Config,
    folder: &Folder,
    cache: &Arc<dyn Cache>,
    means: &Means,
    links: LinkStore,
) -> anyhow::Result<ingest::IngestConfig> {
    let mut settings = ingest::IngestConfig::new(folder.path());
    let Means { clock, rng, files, .. } = means;
    for (name, feed) in &config.sources {
        if let Some(webhook) = feed.webhook(name, files)? {
            settings.webhooks.insert(name.clone(), webhook);
        }
        let link = feed.link(name, files, links.clone(), clock.clone(), rng.clone())?;
        settings.links.extend(link.clone().map(|link| (name.clone(), link)));
        match feed.provider(name, files, Arc::clone(cache), clock.clone(), link)? {
            Some(provider) => {
                let region = feed.region.unwrap_or(Region::US);
                settings.providers.insert(name.clone(), (provider, region));
            }
            None if feed.is_read() => {
                settings.feeds.insert(name.clone(), feed.clone());
            }
            None => {}
        }
    }
    Ok(settings)
}

/// Forgets old events once an hour, except what a follower has yet to read and may still come for.
async fn trim(db: Db, clock: Clock) {
    let mut hourly = tokio::time::interval(Duration::from_secs(3600));
    loop {
        hourly.tick().await;
        let now = clock.now();
        let (Ok(old), Ok(ancient)) = (now.checked_sub(KEEP_EVENTS), now.checked_sub(KEEP_UNREAD)) else { continue };
        match events::trim(&db, old, ancient).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "old events were forgotten"),
            Err(error) => tracing::warn!(%error, "old events could not be forgotten; the next try is in an hour"),
        }
    }
}

/// From where pictures come.
fn pictures(config: &Config) -> anyhow::Result<HostedPictures> {
    let settings = &config.pictures;
    let hosts = Hosts::parse(&settings.hosts).map_err(|why| anyhow::anyhow!("`pictures.hosts`: {why}"))?;
    let timeout = Duration::from_millis(settings.timeout_ms);
    HostedPictures::new(hosts, settings.cache_bytes, timeout).map_err(|why| anyhow::anyhow!("`pictures`: {why}"))
}

/// The catalogue, with pictures and, where there is one, the model that compares overviews.
fn open_catalog(
    config: &Config,
    db: &Db,
    cache: &Arc<dyn Cache>,
    means: &Means,
    model: Option<&Arc<dyn Embedder>>,
) -> anyhow::Result<Catalog> {
    let catalog = Catalog::new(db.clone(), Arc::clone(cache), means.clock.clone(), means.rng.clone());
    let catalog = catalog.with_pictures(Arc::new(pictures(config)?));
    Ok(match model {
        Some(model) => catalog.with_model(Arc::clone(model)),
        None => catalog,
    })
}

/// What people watched, sealed under their keys.
fn open_playback(db: &Db, means: &Means, catalog: &Arc<dyn CatalogApi>, auth: &Arc<Auth>) -> Playback {
    let (clock, rng, catalog) = (means.clock.clone(), means.rng.clone(), Arc::clone(catalog));
    Playback::new(db.clone(), clock, rng, catalog, Arc::clone(auth) as _)
}

struct SearchParts<'a> {
    db: &'a Db,
    catalog: &'a Arc<dyn CatalogApi>,
    cache: &'a Arc<dyn Cache>,
    means: &'a Means,
    wanted: Wanted,
    /// The sentence model, or why there is none.
    model: Result<Arc<dyn Embedder>, String>,
}

fn open_search(
    config: &Config,
    folder: &Folder,
    parts: SearchParts<'_>,
    notes: &mut Vec<Component>,
) -> anyhow::Result<Search> {
    let SearchParts { db, catalog, cache, means, wanted, model } = parts;
    let Means { clock, rng, files, .. } = means;
    let mut embedder: Option<Arc<dyn Embedder>> = None;
    let mut vectors: Option<Arc<dyn VectorIndex>> = None;
    match model {
        Ok(model) => {
            let (index, note) = backends::vectors(folder.path(), model.as_ref())?;
            notes.extend(note);
            vectors = Some(index);
            embedder = Some(model);
        }
        Err(reason) => {
            tracing::warn!(reason, "there is no sentence model: searching by keyword and graph");
            let detail = format!("{reason}; searching by keyword and graph");
            notes.push(Component::new("embedding_model", ComponentState::Degraded, detail));
        }
    }
    // A command asks one question and leaves.
    let warm_up = wanted == Wanted::Roles;
    let search = Search::open(
        &folder.path().join("index"),
        db.clone(),
        Arc::clone(catalog),
        vectors,
        embedder,
        Arc::clone(cache),
        clock.clone(),
        rng.clone(),
        search::SearchConfig { warm_up, replica: replica(config, folder, rng)?, ..weights(&config.search) },
    )?;
    Ok(search.with_intents(backends::intents(config, clock, files)?).with_boost(peers::boost()))
}

/// The name of this process' indexes among those that follow one log: its folder's, where several processes can.
fn replica(config: &Config, folder: &Folder, rng: &Rng) -> anyhow::Result<String> {
    if backends::owns_database(config) {
        return Ok("local".to_owned());
    }
    let id = folder.secret("replica.id", rng)?;
    Ok(id.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// What the configuration says about fusion, in search's own terms.
pub fn weights(config: &config::Search) -> search::SearchConfig {
    let method = match config.fusion {
        config::Fusion::Rrf => search::FusionMethod::Rrf,
        config::Fusion::Convex => search::FusionMethod::Convex,
    };
    search::SearchConfig {
        fusion: search::FusionConfig {
            method,
            k: config.rrf_k,
            keyword: config.keyword_weight,
            vector: config.vector_weight,
            graph: config.graph_weight,
            story: search::StoryWeights {
                keyword: config.story_keyword_weight,
                vector: config.story_vector_weight,
                graph: config.story_graph_weight,
                evidence: config.story_evidence_weight,
            },
            example: search::ExampleWeights {
                keyword: config.example_keyword_weight,
                vector: config.example_vector_weight,
                graph: config.example_graph_weight,
            },
        },
        ..search::SearchConfig::default()
    }
}

//! A running node: starts its parts in order, stops them in reverse.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use axum::{Router, routing::get};
use contracts::{ApiError, Call, ComponentState, Topic};
use gateway::{Gateway as Door, Health, Limits, Reload, Reloaded, ResponseCache, Sockets};
use http_api::{Frame, server};
use metrics_exporter_prometheus::PrometheusHandle;
use stores::{Db, DbError, events};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    backends,
    config::Config,
    folder::Folder,
    limits, peers,
    roles::{self, Role},
    services::{Services, Wanted},
};

/// How long the requests in flight may take when the node stops.
const DRAIN: Duration = Duration::from_secs(20);

/// The part of the cache's memory that whole answers may take.
const RESPONSES_SHARE: u64 = 4;

/// How long another role may take to say how it is.
const PEER_PATIENCE: Duration = Duration::from_millis(800);

/// A node that listens.
pub struct Node {
    /// Its services.
    pub services: Arc<Services>,
    /// Base URLs of its roles and of `metrics`.
    pub urls: BTreeMap<String, String>,
    health: Arc<Health>,
    folder: Folder,
    listeners: TaskTracker,
    shutdown: CancellationToken,
    drain_pause: Duration,
    doors: Mutex<Vec<(Role, Door)>>,
    limits: Arc<Limits>,
    /// The operator's requests over HTTP to read the configuration again.
    pub reloads: tokio::sync::Mutex<mpsc::Receiver<Reloading>>,
}

/// Who asks for a reload, and waits to hear how it ends.
pub type Reloading = (Call, oneshot::Sender<Result<Reloaded, ApiError>>);

/// What every listener of a node is made with.
pub struct Common {
    pub config: Config,
    pub health: Arc<Health>,
    pub frame: Arc<Frame>,
    pub limits: Arc<Limits>,
    pub cache: Arc<ResponseCache>,
    pub reload: Reload,
    /// Who is told at once of what changes.
    pub sockets: Arc<Sockets>,
    /// What roles show each other.
    pub tls: Option<Arc<tls::Mutual>>,
}

impl Node {
    /// Opens the stores, starts the workers, and listens.
    ///
    /// # Errors
    /// When a store can't be opened or a port is taken; nothing keeps running then.
    pub async fn start(mut config: Config, folder: Folder, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        peers::check_plaintext(&config)?;
        let tls = peers::tls(&config)?;
        let bound = bind(&config).await?;
        if let Some((_, _, address)) = bound.iter().find(|(name, _, _)| name == Role::Gateway.as_str()) {
            config.auth.issuer.get_or_insert_with(|| roles::auth::issuer_at(*address));
        }
        let services = Arc::new(Services::open(&config, &folder, Wanted::Roles).await?);
        let health = health(&config, &services)?;
        let frame = Arc::new(frame(&config, &folder, &services)?);
        let limits = limits::limits(&config, &services)?;
        let room = config.limits.cache_bytes / RESPONSES_SHARE;
        let cache = Arc::new(ResponseCache::new(services.means.clock.clone(), room));
        let (reload, reloads) = reloads();
        let (listeners, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let sockets = sockets(&services, &limits, &listeners, &shutdown);
        // Before anybody can connect: they hear of what comes after.
        let news_from = events::head(&services.db).await?;
        let health_of = Arc::clone(&health);
        let common =
            Common { config, health: health_of, frame, limits: Arc::clone(&limits), cache, reload, sockets, tls };
        let node = Self {
            urls: bound.iter().map(|(name, _, address)| (name.clone(), format!("http://{address}"))).collect(),
            services,
            health,
            folder,
            listeners,
            shutdown,
            drain_pause: Duration::from_millis(common.config.limits.drain_pause_ms),
            doors: Mutex::default(),
            limits,
            reloads: tokio::sync::Mutex::new(reloads),
        };
        node.listen(&common, bound, metrics).await?;
        // Nothing fails from here on but the announcement, so that no worker is left behind by a node that isn't there.
        node.services.start_workers();
        node.services.start_jobs();
        node.watch_changes(&common.cache);
        node.feed_sockets(&common, news_from);
        node.announce(common.config.all_roles())
    }

    /// Says where the commands of this folder find which role. Where it `shares` one port that is the gateway's for every role;
    /// one that another process has is asked on the folder of that one, whose operator's token it knows.
    fn announce(mut self, shares: bool) -> anyhow::Result<Self> {
        let mut urls = self.urls.clone();
        if let Some(gateway) = self.urls.get(Role::Gateway.as_str()).filter(|_| shares) {
            for role in Role::ALL {
                urls.entry(role.as_str().to_owned()).or_insert_with(|| gateway.clone());
            }
        }
        // Whoever finds it in the lock file may ask at once whether it has.
        self.health.started();
        self.folder.announce(urls)?;
        Ok(self)
    }

    async fn listen(
        &self,
        common: &Common,
        bound: Vec<(String, TcpListener, SocketAddr)>,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<()> {
        let auth = rpc::ServerAuth::new(
            peers::token(&common.config, &self.services.means.files)?,
            Some(self.folder.token().to_owned()),
        )
        .with(Arc::clone(self.services.auth.verifier()));
        for (name, listener, _) in bound {
            let role = name.parse::<Role>().ok();
            let router = match role {
                None => metrics_router(common, metrics.clone()),
                Some(role) => {
                    let shared = role == Role::Gateway && common.config.all_roles();
                    let grpc = role.grpc(&self.services, shared);
                    let door = role.door(&self.services, common)?;
                    let settings = over_grpc(role, &door, &common.config, auth.clone());
                    let (clock, rng) = (self.services.means.clock.clone(), self.services.means.rng.clone());
                    let named: Vec<_> = [("", true), (rpc::CATALOG_SERVICE, grpc.catalog.is_some())]
                        .into_iter()
                        .chain([(rpc::AUTH_SERVICE, grpc.auth.is_some()), (rpc::SEARCH_SERVICE, grpc.search.is_some())])
                        .filter_map(|(name, here)| here.then_some(name))
                        .collect();
                    let (router, reporter) = rpc::routes(grpc, settings, clock, rng).await?;
                    self.report(reporter, named);
                    self.doors().push((role, door.clone()));
                    router.fallback_service(door)
                }
            };
            let (bounds, trusted) = (&common.config.limits, Arc::clone(&common.limits));
            let limits = server::ServerConfig {
                max_connections: bounds.max_connections,
                // As many as are worked on at once in any case: another role's requests come from one address.
                max_connections_per_client: (bounds.max_connections / 4).max(bounds.max_in_flight),
                proxies: server::Proxies::new(move |ip| trusted.trusts(ip)),
                drain: DRAIN,
                // People and whoever watches come to the others, through a proxy that speaks TLS to them.
                tls: common.tls.clone().filter(|_| role.is_some_and(|role| role != Role::Gateway)),
                ..server::ServerConfig::default()
            };
            let shutdown = self.shutdown.clone();
            self.listeners.spawn(async move {
                match server::serve(listener, router, limits, shutdown).await {
                    Ok(0) => {}
                    Ok(cut) => tracing::warn!(listener = name, cut, "connections were cut off at the end of the drain"),
                    Err(error) => tracing::error!(listener = name, %error, "a listener failed"),
                }
            });
        }
        Ok(())
    }

    /// Applies what can change while the node runs.
    ///
    /// # Errors
    /// When the limits are wrong; nothing has changed then.
    pub fn reload(&self, config: &Config) -> Result<(), ApiError> {
        let rates = limits::rates(config)?;
        self.limits.set(&rates);
        for (role, door) in self.doors().iter() {
            door.set(limits::of(config, *role));
        }
        Ok(())
    }

    fn doors(&self) -> MutexGuard<'_, Vec<(Role, Door)>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the cache of answers when the catalogue has changed, in this process or another.
    fn watch_changes(&self, cache: &ResponseCache) {
        let (outdated, db, shutdown) = (cache.outdated(), self.services.db.clone(), self.shutdown.clone());
        let mut head = self.services.head.clone();
        self.listeners.spawn(async move {
            let mut after = None;
            while shutdown.run_until_cancelled(head.changed()).await.is_some() {
                match changed_since(&db, after).await {
                    Ok((changed, reached)) => {
                        after = Some(reached);
                        if changed {
                            outdated();
                        }
                    }
                    // A database that does not answer is told of at `/readyz`; nobody knows what was missed.
                    Err(_) => {
                        after = None;
                        outdated();
                    }
                }
            }
        });
    }

    /// Tells whoever is connected here of what comes after a position of the log.
    fn feed_sockets(&self, common: &Common, after: i64) {
        if !common.config.roles().contains(&Role::Gateway) {
            return;
        }
        let (sockets, head, shutdown) =
            (Arc::clone(&common.sockets), self.services.head.clone(), self.shutdown.clone());
        self.listeners.spawn(async move { shutdown.run_until_cancelled(sockets.follow(after, head)).await });
    }

    /// Tells gRPC health checks how the node is, once a second, and at once when it drains.
    fn report(&self, reporter: rpc::Health, services: Vec<&'static str>) {
        let health = Arc::clone(&self.health);
        self.listeners.spawn(async move {
            loop {
                let draining = health.is_draining();
                let state = health.readiness().await.state;
                let serving = matches!(state, ComponentState::Ready | ComponentState::Degraded);
                for service in &services {
                    reporter.set(service, serving).await;
                }
                if draining {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_secs(1), health.drained()).await;
            }
        });
    }

    /// Stops: no new requests, the ones in flight finish, the workers write what they hold, the folder is free.
    pub async fn stop(self) {
        self.health.draining();
        tokio::time::sleep(self.drain_pause).await;
        self.shutdown.cancel();
        self.listeners.close();
        self.listeners.wait().await;
        self.services.close().await;
    }
}

/// Whether the catalogue changed after a position (it is not known from when on: that counts as changed), and how far
/// was looked.
async fn changed_since(db: &Db, after: Option<i64>) -> Result<(bool, i64), DbError> {
    let Some(after) = after else { return Ok((true, events::head(db).await?)) };
    let (news, reached) = events::read_of(db, &Topic::TITLES.map(Topic::as_str), after, 1).await?;
    // Whatever else there is up to the head is outdated with it.
    if news.is_empty() { Ok((false, reached)) } else { Ok((true, events::head(db).await?)) }
}

/// Connections that people keep open: they end when the node stops, and it waits until they have.
fn sockets(
    services: &Services,
    limits: &Arc<Limits>,
    listeners: &TaskTracker,
    shutdown: &CancellationToken,
) -> Arc<Sockets> {
    let (db, clock, limits) = (services.db.clone(), services.means.clock.clone(), Some(Arc::clone(limits)));
    Arc::new(Sockets::new(db, clock, limits, shutdown.clone(), listeners.clone()))
}

/// How the operator asks over HTTP to read the configuration again, and who hears it.
fn reloads() -> (Reload, mpsc::Receiver<Reloading>) {
    let (send, receive) = mpsc::channel::<Reloading>(4);
    let reload = move |call: Call| {
        let send = send.clone();
        Box::pin(async move {
            let busy = || ApiError::unavailable("reload_busy", "the configuration is being read already");
            let (reply, told) = oneshot::channel();
            send.try_send((call, reply)).map_err(|_| busy())?;
            told.await.map_err(|_| busy())?
        }) as _
    };
    (Arc::new(reload), receive)
}

/// Takes every port first: a port that is taken should not cost the opening of the stores.
async fn bind(config: &Config) -> anyhow::Result<Vec<(String, TcpListener, SocketAddr)>> {
    let mut wanted = vec![("metrics".to_owned(), config.listen.metrics)];
    for role in Role::ALL.into_iter().filter(|role| config.roles().contains(role)) {
        if role == Role::Gateway || !config.all_roles() {
            wanted.push((role.as_str().to_owned(), role.address(&config.listen)));
        }
    }
    let mut bound = Vec::new();
    for (name, address) in wanted {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("{address} is taken: stop what listens there or set `listen.{name}`"))?;
        let address = listener.local_addr()?;
        bound.push((name, listener, address));
    }
    Ok(bound)
}

fn health(config: &Config, services: &Arc<Services>) -> anyhow::Result<Arc<Health>> {
    let health = Health::new();
    let asked = Arc::clone(services);
    health.register("services", true, move || {
        let services = Arc::clone(&asked);
        async move { services.components().await }
    });
    // Apart from what waits for the database, which may hang.
    let (verifier, clock) = (Arc::clone(services.auth.verifier()), services.means.clock.clone());
    health.register(access::VERIFICATION, true, move || {
        let part = verifier.live().part(clock.now());
        async move { vec![part] }
    });
    if let Some(link) = services.redis.clone() {
        health.register("redis", false, move || {
            let link = link.clone();
            async move { vec![backends::redis_part(&link).await] }
        });
    }
    for role in Role::ALL.into_iter().filter(|role| !config.roles().contains(role)) {
        let Some(peer) = peers::of(role, config, services)? else { continue };
        health.register(&format!("{role}_peer"), false, move || {
            let peer = peer.clone();
            async move { vec![peer.health("", PEER_PATIENCE).await] }
        });
    }
    Ok(health)
}

/// How calls over gRPC to a role's port are treated. On the public one they have no longer than requests, whatever they
/// ask for: they stand in the same crowd.
fn over_grpc(role: Role, door: &Door, config: &Config, auth: rpc::ServerAuth) -> rpc::ServerConfig {
    let settings = rpc::ServerConfig { auth, entrance: role.entrance(door), ..rpc::ServerConfig::default() };
    if role != Role::Gateway {
        return settings;
    }
    let time = Duration::from_millis(config.limits.request_timeout_ms);
    rpc::ServerConfig { timeout: time, max_timeout: time, ..settings }
}

/// Clock, randomness, keys and what tokens are verified with.
pub fn frame(config: &Config, folder: &Folder, services: &Services) -> anyhow::Result<Frame> {
    Ok(Frame {
        clock: services.means.clock.clone(),
        rng: services.means.rng.clone(),
        timeout: Duration::from_millis(config.limits.request_timeout_ms),
        operator_token: Some(folder.token().to_owned()),
        access: Some(Arc::clone(services.auth.verifier())),
        cursor_key: cursor_key(config, folder, services)?,
    })
}

/// The key that signs cursors: from the roles' shared secret, so that every node of a deployment reads them, or kept in
/// the folder, so that a restart does not break them.
fn cursor_key(config: &Config, folder: &Folder, services: &Services) -> anyhow::Result<[u8; 32]> {
    use sha2::{Digest as _, Sha256};
    let tokens = peers::token(config, &services.means.files)?;
    if let Some(token) = tokens.and_then(|tokens| tokens.lines().into_iter().next()) {
        return Ok(Sha256::digest(format!("cursor key\n{token}")).into());
    }
    folder.secret("cursor.key", &services.means.rng)
}

fn metrics_router(common: &Common, metrics: PrometheusHandle) -> Router {
    let page = Router::new().route("/metrics", get(move || async move { metrics.render() }));
    let parts = gateway::RoleParts {
        routes: OpenApiRouter::from(page),
        health: Arc::clone(&common.health),
        frame: Arc::clone(&common.frame),
        clients: None,
        config: limits::door(&common.config, "metrics"),
    };
    Router::new().fallback_service(gateway::role(parts))
}

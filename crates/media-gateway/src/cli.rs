//! The command line: one file per verb.

mod auth;
mod bar;
mod completions;
mod config;
mod database;
mod demo;
mod doctor;
mod door;
mod eval;
mod events;
mod export;
mod ingest;
mod jobs;
mod link;
mod migrate;
mod openapi;
mod out;
mod person;
mod privacy;
mod review;
mod search;
mod serve;
mod tls;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use contracts::{ApiError, ErrorKind};
use stores::DbError;

use crate::{config::Flags, roles::Role};

/// Find something to watch across every streaming service.
#[derive(Parser, Debug)]
#[command(name = "media-gateway", version, propagate_version = true, max_term_width = 100)]
pub struct Command {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Flags that every verb takes.
#[derive(Args, Debug, Clone)]
pub struct Global {
    /// Read this TOML file [env: MEDIA_GATEWAY_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep files here [env: MEDIA_GATEWAY_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Log this much, as in `info` or `warn,search=debug` [env: MEDIA_GATEWAY_LOG]
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
}

/// Flags of the verbs that open ports.
#[derive(Args, Debug, Clone, Default)]
pub struct ListenArgs {
    /// Run these roles only; the others are reached over the network
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Option<Vec<Role>>,
    /// The address of the public API
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The address of metrics and health
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Run the node
    Serve(ListenArgs),
    /// Load a real catalogue and run the node: the way to begin
    Demo(demo::DemoArgs),
    /// Say what is wrong with this installation, and how to mend it
    Doctor,
    /// Bring the database to this release's schema
    Migrate,
    /// See to the users of a database of PostgreSQL
    Database {
        #[command(subcommand)]
        verb: database::DatabaseVerb,
    },
    /// Read titles from files or URLs into the catalogue
    Ingest(ingest::IngestArgs),
    /// List the jobs of this node, show one or run it now
    Jobs(jobs::JobsArgs),
    /// Search the catalogue
    Search(search::SearchArgs),
    /// Decide what resolution leaves to a person
    Review {
        #[command(subcommand)]
        verb: review::ReviewVerb,
    },
    /// Print the catalogue, one title a line, in an order and form that can be compared
    Export,
    /// Measure how good the answers are
    Eval {
        #[command(subcommand)]
        verb: eval::EvalVerb,
    },
    /// Sign in at a node, and administer accounts, clients and keys
    Auth {
        #[command(subcommand)]
        verb: auth::AuthVerb,
    },
    /// Check or print the audit log
    Audit {
        #[command(subcommand)]
        verb: auth::AuditVerb,
    },
    /// Show or erase what is kept of somebody
    Privacy {
        #[command(subcommand)]
        verb: privacy::PrivacyVerb,
    },
    /// See what consumers of events failed on, and offer it to them again
    Events {
        #[command(subcommand)]
        verb: events::EventsVerb,
    },
    /// Make the certificates that roles show each other
    Tls {
        #[command(subcommand)]
        verb: tls::TlsVerb,
    },
    /// Show the configuration
    Config {
        #[command(subcommand)]
        verb: config::ConfigVerb,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

impl Global {
    fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            data_dir: self.data_dir.clone(),
            log: self.log.clone(),
            ..Flags::default()
        }
    }

    fn flags_with(&self, listen: &ListenArgs) -> Flags {
        Flags {
            roles: listen.roles.clone(),
            listen: listen.listen,
            metrics_listen: listen.metrics_listen,
            ..self.flags()
        }
    }
}

/// Runs a verb; every failure ends here, as one line and an exit code.
pub async fn run(command: Command) -> ExitCode {
    let Command { global, verb } = command;
    let work = async {
        match verb {
            Verb::Serve(listen) => serve::run(&global, &listen).await,
            Verb::Demo(args) => demo::run(&global, &args).await,
            Verb::Doctor => doctor::run(&global).await,
            Verb::Migrate => migrate::run(&global).await,
            Verb::Database { verb } => database::run(&global, &verb).await,
            Verb::Ingest(args) => ingest::run(&global, &args).await,
            Verb::Jobs(args) => jobs::run(&global, &args).await,
            Verb::Search(args) => search::run(&global, &args).await,
            Verb::Review { verb } => review::run(&global, &verb).await,
            Verb::Export => export::run(&global).await,
            Verb::Eval { verb } => eval::run(&global, &verb).await,
            Verb::Auth { verb } => auth::run(&global, &verb).await,
            Verb::Audit { verb } => auth::audit(&global, &verb).await,
            Verb::Privacy { verb } => privacy::run(&global, &verb).await,
            Verb::Events { verb } => events::run(&global, &verb).await,
            Verb::Tls { verb } => tls::run(&global, &verb),
            Verb::Config { verb } => config::run(&global, &verb),
            Verb::Openapi => openapi::run(),
            Verb::Completions { shell } => completions::completions(shell),
            Verb::Man => completions::man(),
        }
    };
    match work.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.downcast_ref::<ApiError>().is_some_and(|error| error.code == out::CLOSED) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", out::told(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// What a command ends with that was told to stop before it was done.
fn interrupted(detail: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Cancelled, "interrupted", detail)
}

/// The exit codes of P3: 0 ok, 1 failed, 2 usage, 3 not found, 4 auth, 5 unavailable, 6 conflict, 130 interrupted.
fn exit_code(error: &anyhow::Error) -> u8 {
    let kind = match (error.downcast_ref::<ApiError>(), error.downcast_ref::<DbError>()) {
        (Some(error), _) => error.kind,
        (None, Some(DbError::Full)) => ErrorKind::StorageFull,
        (None, Some(error)) if error.is_transient() => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    kind.row().exit
}

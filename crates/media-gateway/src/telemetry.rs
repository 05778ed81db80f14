//! Log lines and metrics.

use std::{fmt, io::IsTerminal as _, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Changes what is logged while the process runs.
#[derive(Clone)]
pub struct LogLevel(reload::Handle<EnvFilter, tracing_subscriber::Registry>);

impl LogLevel {
    /// Logs by `directives` from now on.
    ///
    /// # Errors
    /// When `directives` is not a filter.
    pub fn set(&self, directives: &str) -> anyhow::Result<()> {
        self.0.reload(filter(directives)?).context("the log level can't be changed")
    }
}

/// Starts logging to standard error.
///
/// # Errors
/// When the level is not a filter, or logging has already started.
pub fn logs(config: &Log) -> anyhow::Result<LogLevel> {
    let (filter, handle) = reload::Layer::new(filter(&config.level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => registry.with(lines.with_target(false)).try_init()?,
        LogFormat::Json => registry.with(lines.event_format(JsonLines)).try_init()?,
    }
    Ok(LogLevel(handle))
}

fn filter(directives: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder().parse(directives).with_context(|| format!("{directives:?} is not a log level"))
}

/// Starts collecting metrics.
///
/// # Errors
/// When a recorder is already there.
pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    const SECONDS: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 2.0, 5.0, 10.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// One JSON object a line with the specification's fields: `timestamp level service trace_id message context`.
struct JsonLines;

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &tracing::Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut context = fields.0;
        let service = event.metadata().target().split("::").next().unwrap_or_default();
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), Value::from(Timestamp::now().to_string()));
        line.insert("level".to_owned(), Value::from(event.metadata().level().as_str()));
        line.insert("service".to_owned(), Value::from(service));
        for known in ["trace_id", "message"] {
            line.insert(known.to_owned(), context.remove(known).unwrap_or_default());
        }
        line.insert("context".to_owned(), Value::Object(context));
        writeln!(out, "{}", Value::Object(line))
    }
}

//! Logs: one JSON object a line on stderr, nothing of a caller's content in it.

use std::fmt;

use sfm_store::metrics;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Whether the log has the lines that CloudWatch reads metrics from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricLines {
    Written,
    LeftOut,
}

/// Starts logging for this process. `LOG_LEVEL` chooses what is logged, as in `debug` or `info,sfm_core=debug`; the default is `info`,
/// also where it cannot be read, which the first line then says. A second call does nothing.
pub fn init(metric_lines: MetricLines) {
    let level = std::env::var("LOG_LEVEL").unwrap_or_default();
    let (filter, unread) = match filter(&level) {
        Ok(filter) => (filter, None),
        Err(reason) => (Targets::new().with_default(LevelFilter::INFO), Some(reason)),
    };
    let started = lines(std::io::stderr, filter, metric_lines).try_init();
    if let (Ok(()), Some(reason)) = (started, unread) {
        tracing::warn!(reason, "LOG_LEVEL cannot be read: info is used");
    }
}

/// Metrics are written whatever `LOG_LEVEL` says.
fn lines<W>(writer: W, filter: Targets, metric_lines: MetricLines) -> impl Subscriber + Into<tracing::Dispatch>
where
    W: for<'w> MakeWriter<'w> + Clone + Send + Sync + 'static,
{
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let json = json.with_writer(writer.clone()).with_filter(filter_fn(|line| line.target() != metrics::TARGET)).with_filter(filter);
    let bare = tracing_subscriber::fmt::layer().event_format(Bare).with_writer(writer);
    let bare = bare.with_filter(filter_fn(move |line| line.target() == metrics::TARGET && metric_lines == MetricLines::Written));
    tracing_subscriber::registry().with(json).with(bare)
}

/// The message and nothing around it.
struct Bare;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N> FormatEvent<S, N> for Bare
where
    N: for<'a> tracing_subscriber::fmt::FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut message = Message(String::new());
        event.record(&mut message);
        writeln!(writer, "{}", message.0)
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// Reads `LOG_LEVEL`. A word that is no level is refused: to [`Targets`] it would be a part of the program, and all others were silent.
fn filter(text: &str) -> Result<Targets, String> {
    if text.trim().is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::INFO));
    }
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    for part in &parts {
        let level = part.rsplit_once('=').map_or(*part, |(_, level)| level);
        if !levels.iter().any(|known| known.eq_ignore_ascii_case(level)) {
            return Err(format!("{level:?} is none of {}", levels.join(", ")));
        }
    }
    parts.join(",").parse().map_err(|e: tracing_subscriber::filter::ParseError| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing::Level;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(level: LevelFilter, metric_lines: MetricLines) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let lines = lines(move || writer.clone(), Targets::new().with_default(level), metric_lines);
        tracing::subscriber::with_default(lines, || {
            tracing::info!(target: metrics::TARGET, "{}", r#"{"_aws":{}}"#);
            tracing::event!(Level::WARN, n = 1, "a line");
        });
        let bytes = written.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_metric_stands_bare_in_the_log_whatever_the_level_is() {
        for level in [LevelFilter::TRACE, LevelFilter::WARN] {
            let lines = written(level, MetricLines::Written);
            assert_eq!((lines.len(), lines[0].as_str()), (2, r#"{"_aws":{}}"#), "{lines:?}");
            assert!(lines[1].contains(r#""message":"a line","n":1"#), "{lines:?}");
        }
        assert_eq!(written(LevelFilter::OFF, MetricLines::Written).len(), 1);
        assert_eq!(written(LevelFilter::TRACE, MetricLines::LeftOut).len(), 1);
    }

    #[test]
    fn a_log_level_is_read_or_refused_with_words() {
        let logs = |text: &str, target: &str, level| filter(text).map(|filter| filter.would_enable(target, &level));
        for (text, info, debug) in
            [("", true, false), (" ", true, false), ("warn", false, false), ("debug", true, true), ("INFO", true, false)]
        {
            assert_eq!((logs(text, "any", Level::INFO), logs(text, "any", Level::DEBUG)), (Ok(info), Ok(debug)), "{text:?}");
        }
        assert_eq!(logs("info, sfm_core=debug", "sfm_core::queue", Level::DEBUG), Ok(true));
        for wrong in ["debg", "info,verbose", "sfm_core=loud", "info,", "=", "7"] {
            assert!(filter(wrong).is_err(), "{wrong:?}");
        }
    }
}

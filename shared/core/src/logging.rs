//! Logs: one JSON object a line on stderr, nothing of a caller's content in it.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging for this process. `LOG_LEVEL` chooses what is logged, as in `debug` or `info,sfm_core=debug`; the default is `info`.
/// A second call does nothing.
pub fn init() {
    let filter = std::env::var("LOG_LEVEL").ok().and_then(|text| text.parse().ok());
    let filter: Targets = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let _ = tracing_subscriber::registry().with(json.with_writer(std::io::stderr)).with(filter).try_init();
}

//! Logs: one JSON object a line on stderr's side of the world, nothing of a caller's content in it.

use tracing_subscriber::EnvFilter;

/// Starts logging for this process; the level is taken from `LOG_LEVEL`, else `info`. A second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let _ = json.with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

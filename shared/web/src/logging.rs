//! Logs: one JSON object a line on stderr, nothing of a caller's content in it.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging for this process. `LOG_LEVEL` chooses what is logged, as in `debug` or `info,sfm_core=debug`; the default is `info`,
/// also where it cannot be read, which the first line then says. A second call does nothing.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_default();
    let (filter, unread) = match filter(&level) {
        Ok(filter) => (filter, None),
        Err(reason) => (Targets::new().with_default(LevelFilter::INFO), Some(reason)),
    };
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let started = tracing_subscriber::registry().with(json.with_writer(std::io::stderr)).with(filter).try_init();
    if let (Ok(()), Some(reason)) = (started, unread) {
        tracing::warn!(reason, "LOG_LEVEL cannot be read: info is used");
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
    use tracing::Level;

    use super::*;

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

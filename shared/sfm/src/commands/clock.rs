//! `sfm clock advance`, for the local stack alone.

use clap::Subcommand;
use jiff::SignedDuration;
use serde_json::Value;
use sfm_store::platform::Platform;

use super::CommandError;
use super::control::control;

#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Moves every clock of the stack forward, for instance by 90d, "1h 30m" or 45s
    #[command(after_help = "Example:\n  sfm clock advance 90d")]
    Advance {
        /// By how much
        #[arg(value_parser = parse_duration)]
        by: SignedDuration,
    },
}

impl ClockCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        match self {
            Self::Advance { by } => advance(platform, by).await,
        }
    }
}

/// Moves every clock of the stack forward. The answer is its new time.
pub async fn advance(platform: &Platform, by: SignedDuration) -> Result<Value, CommandError> {
    control(platform, reqwest::Method::POST, &format!("/clock/advance/{}", by.as_millis())).await
}

/// How far the stack's clock is ahead of the system's.
pub async fn ahead(platform: &Platform) -> Result<SignedDuration, CommandError> {
    let told = control(platform, reqwest::Method::GET, "/clock").await?;
    Ok(SignedDuration::from_millis(told["ahead_ms"].as_i64().unwrap_or_default()))
}

/// Reads a duration as `90d`, `1h30m`, `45s` or in ISO 8601.
pub fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let span: jiff::Span = text.parse().map_err(|e| format!("a duration is written as 90d, 1h 30m or 45s: {e}"))?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|e| e.to_string())?;
    if duration.is_negative() { Err("time moves forward only".into()) } else { Ok(duration) }
}

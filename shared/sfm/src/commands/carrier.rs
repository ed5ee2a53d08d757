//! `sfm carrier …`, for the local stack alone.

use std::path::PathBuf;

use clap::Subcommand;
use fax_document::Options;
use reqwest::Method;
use serde_json::Value;
use sfm_core::phone::E164;
use sfm_store::platform::Platform;

use super::control::{control, control_with};
use super::{CommandError, document, e164};

#[derive(Debug, Subcommand)]
pub enum CarrierCommand {
    /// One line per fax that the carrier accepted
    #[command(after_help = "Example:\n  sfm carrier log")]
    Log,
    /// Makes a fax come in
    #[command(after_help = "Example:\n  sfm carrier send-in --to +12025550111 --file .local/letter.pdf")]
    SendIn {
        /// The number that is called
        #[arg(long)]
        to: String,
        /// What is faxed: whatever the service itself takes
        #[arg(long)]
        file: PathBuf,
        /// Who calls; +15005550010 to +15005550014 choose what goes wrong
        #[arg(long, default_value = "+12025550142")]
        from: String,
        /// The call breaks off: the file is the part that had arrived
        #[arg(long)]
        partial: bool,
    },
}

impl CarrierCommand {
    pub async fn run(self, platform: &Platform) -> Result<Vec<Value>, CommandError> {
        match self {
            Self::Log => log(platform).await,
            Self::SendIn { to, file, from, partial } => Ok(vec![send_in(platform, &e164(&to)?, &e164(&from)?, file, partial).await?]),
        }
    }
}

/// One value per submission that the simulated carrier accepted.
pub async fn log(platform: &Platform) -> Result<Vec<Value>, CommandError> {
    match control(platform, Method::GET, "/carrier/log").await? {
        Value::Array(lines) => Ok(lines),
        _ => Err(CommandError::new("internal_error", "The stack's answer makes no sense.")),
    }
}

/// Makes the file fax-ready and lets it come in from `from` at `to`; `partial`: as the part of a fax whose call broke off.
pub async fn send_in(platform: &Platform, to: &E164, from: &E164, file: PathBuf, partial: bool) -> Result<Value, CommandError> {
    let converting = tokio::task::spawn_blocking(move || {
        let document = document::read(&file)?;
        document::fax_ready(&document, Options { threads: document::processors(), ..Options::default() }, None)
    });
    let fax = converting.await.map_err(|e| CommandError::new("internal_error", e.to_string()))??;
    let path = format!("/carrier/send-in/{to}/{from}?partial={partial}");
    control_with(platform, Method::POST, &path, fax.pdf).await
}

//! `sfm fax …`

use clap::Subcommand;
use serde_json::{Value, json};
use sfm_core::clock::ApiTime;
use sfm_core::id::{AccountId, FaxId};
use sfm_core::list::Page;
use sfm_core::principal::Principal;
use sfm_service::deletion::FaxRemoval;
use sfm_service::faxes::FaxReader;
use sfm_service::trace::FaxTrace;
use sfm_store::log_lines::LogLines;
use sfm_store::platform::Platform;

use super::{CommandError, id, list};

#[derive(Debug, Subcommand)]
pub enum FaxCommand {
    /// Lists the faxes of an account, newest first, a hundred a page
    #[command(after_help = "Example:\n  sfm fax list acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    List {
        /// The account, acct_…
        account: String,
        /// Which page
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        page: u64,
    },
    /// Tells the whole way of a fax: its attempts, its events, who was told of them, who looked at it, and what was logged of it
    #[command(after_help = "Example:\n  sfm fax trace fax_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Trace {
        /// The fax, fax_…
        id: String,
    },
    /// Deletes a fax with its document; sending, usage and webhooks go on
    #[command(after_help = "Example:\n  sfm fax delete fax_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Delete {
        /// The fax, fax_…
        id: String,
    },
}

impl FaxCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        match self {
            Self::List { account, page } => faxes(platform, id(&account, "account")?, page).await,
            Self::Trace { id: fax } => trace(platform, id(&fax, "fax")?).await,
            Self::Delete { id: fax } => delete(platform, id(&fax, "fax")?).await,
        }
    }
}

pub async fn faxes(platform: &Platform, account: AccountId, page: u64) -> Result<Value, CommandError> {
    let faxes = FaxReader::new(platform)?.list(account, None, Page { limit: Page::MAX_LIMIT, page }).await?;
    Ok(list(&faxes, |fax| json!(fax.resource())))
}

/// The whole way of a fax, and the lines of the functions' log that name it.
pub async fn trace(platform: &Platform, id: FaxId) -> Result<Value, CommandError> {
    let key = FaxRemoval::new(platform)?.find(id).await?.ok_or_else(|| CommandError::not_found("fax"))?;
    let traced = FaxTrace::new(platform)?.of(key.account_id, id).await?;
    let (fax, steps) = traced.ok_or_else(|| CommandError::new("not_found", "The fax was deleted."))?;
    let mut told = json!({"fax": fax.resource(), "account_id": key.account_id, "trace_id": fax.trace().trace_id(), "steps": steps});
    if let Some(log) = LogLines::new(platform)? {
        // Whoever may not read the log is told the rest.
        match log.with(&id.to_string(), fax.created_at).await {
            Ok(lines) => told["logs"] = lines.into_iter().map(|line| json!({"at": ApiTime::from(line.at), "line": line.line})).collect(),
            Err(e) => told["logs_error"] = e.to_string().into(),
        }
    }
    Ok(told)
}

/// Deletes a fax with its document; sending, usage and webhooks go on. Deleting it twice is no error.
pub async fn delete(platform: &Platform, id: FaxId) -> Result<Value, CommandError> {
    let removal = FaxRemoval::new(platform)?;
    let key = removal.find(id).await?.ok_or_else(|| CommandError::not_found("fax"))?;
    removal.delete(&Principal::Operator { account: key.account_id }, id, platform.clock().now()).await?;
    Ok(json!({"id": id, "deleted": true}))
}

//! `sfm fax …`

use clap::Subcommand;
use serde_json::{Value, json};
use sfm_core::id::FaxId;
use sfm_core::principal::Principal;
use sfm_service::deletion::FaxRemoval;
use sfm_store::platform::Platform;

use super::{CommandError, id};

#[derive(Debug, Subcommand)]
pub enum FaxCommand {
    /// Deletes a fax with its document; sending, usage and webhooks go on
    Delete { id: String },
}

impl FaxCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        match self {
            Self::Delete { id: fax } => delete(platform, id(&fax, "fax")?).await,
        }
    }
}

/// Deletes a fax with its document; sending, usage and webhooks go on. Deleting it twice is no error.
pub async fn delete(platform: &Platform, id: FaxId) -> Result<Value, CommandError> {
    let removal = FaxRemoval::new(platform)?;
    let key = removal.find(id).await?.ok_or_else(|| CommandError::not_found("fax"))?;
    removal.delete(&Principal::Operator { account: key.account_id }, id, platform.clock().now()).await?;
    Ok(json!({"id": id, "deleted": true}))
}

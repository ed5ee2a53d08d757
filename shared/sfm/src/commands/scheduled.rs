//! `sfm scheduled …`

use clap::Subcommand;
use serde_json::{Value, json};
use sfm_core::list::Page;
use sfm_service::scheduled::ScheduledReader;
use sfm_store::platform::Platform;

use super::{CommandError, id, list};

#[derive(Debug, Subcommand)]
pub enum ScheduledCommand {
    /// Lists the faxes that an account put off, newest first, a hundred a page
    #[command(after_help = "Example:\n  sfm scheduled list acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    List {
        /// The account, acct_…
        account: String,
        /// Which page
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        page: u64,
    },
}

impl ScheduledCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        let Self::List { account, page } = self;
        let page = Page { limit: Page::MAX_LIMIT, page };
        let scheduled = ScheduledReader::new(platform)?.list(id(&account, "account")?, page).await?;
        Ok(list(&scheduled, |scheduled| json!(scheduled.resource())))
    }
}

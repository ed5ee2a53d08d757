//! `sfm account …`

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sfm_core::account::Account;
use sfm_core::clock::ApiTime;
use sfm_core::id::AccountId;
use sfm_core::list::ListHead;
use sfm_core::month::Month;
use sfm_core::plan::Plan;
use sfm_core::recipient::RecipientPolicy;
use sfm_core::settings::{Emptied, FaxSettings, FaxSettingsChange, HeaderName, StationId, Zone};
use sfm_core::submission::Paper;
use sfm_store::accounts::{AccountChange, AccountsAdmin};
use sfm_store::faxes::Faxes;
use sfm_store::platform::Platform;

use super::{CommandError, id};

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Makes an account
    #[command(after_help = "Example:\n  sfm account create --name Clinic --plan business --time-zone Europe/Berlin")]
    Create(New),
    /// Changes an account's plan, gates and settings; what is not named stays
    #[command(after_help = "Example:\n  sfm account update acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C --recipients confirm_new --paper a4")]
    Update {
        /// The account, acct_…
        id: String,
        /// free (10 pages a month) or pro (200), without the API; business (2,000) or enterprise (20,000)
        #[arg(long)]
        plan: Option<Plan>,
        /// Pages a month, in place of the plan's
        #[arg(long)]
        monthly_pages: Option<u32>,
        /// Whether it sends nothing before its agreement is signed (true or false)
        #[arg(long)]
        requires_baa: Option<bool>,
        /// Whether it may send to premium-rate, satellite and audiotext numbers
        #[arg(long)]
        allow_premium: Option<bool>,
        /// To which numbers it may send: any, `confirm_new` (unknown ones only when they are named twice) or contacts
        #[arg(long)]
        recipients: Option<RecipientPolicy>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Notes that the business associate agreement with the account's owner is signed, now
    #[command(after_help = "Example:\n  sfm account sign-baa acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    SignBaa {
        /// The account, acct_…
        id: String,
    },
    /// Lists all accounts, oldest first
    #[command(after_help = "Example:\n  sfm account list")]
    List,
    /// Shows an account with its settings and the pages that it used this month
    #[command(after_help = "Example:\n  sfm account show acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Show {
        /// The account, acct_…
        id: String,
    },
}

impl AccountCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        let account = match self {
            Self::List => return list(platform).await,
            Self::Create(new) => create(platform, new).await,
            Self::Update { id: account, plan, monthly_pages, requires_baa, allow_premium, recipients, settings } => {
                let settings = settings.into();
                let change = AccountChange { plan, monthly_pages, requires_baa, allow_premium, recipients, settings, baa_signed_at: None };
                update(platform, id(&account, "account")?, change).await
            }
            Self::SignBaa { id: account } => sign_baa(platform, id(&account, "account")?).await,
            Self::Show { id: account } => show(platform, id(&account, "account")?).await,
        };
        Ok(json!(account?))
    }
}

#[derive(Debug, Serialize)]
pub struct AccountView {
    pub id: AccountId,
    name: String,
    plan: Plan,
    monthly_pages: u64,
    /// Pages used in the current month.
    used_pages: u64,
    requires_baa: bool,
    baa_signed_at: Option<ApiTime>,
    allow_premium: bool,
    recipients: RecipientPolicy,
    #[serde(flatten)]
    settings: FaxSettings,
}

impl AccountView {
    fn new(account: &Account, now: Timestamp) -> Self {
        Self {
            id: account.id,
            name: account.name.clone(),
            plan: account.plan,
            monthly_pages: account.page_limit(),
            used_pages: account.used_in(Month::of(now)),
            requires_baa: account.requires_baa,
            baa_signed_at: account.baa_signed_at.map(ApiTime::from),
            allow_premium: account.allow_premium,
            recipients: account.recipients,
            settings: account.settings.clone(),
        }
    }
}

// How its faxes are made, and what the line above their pages tells. (A docstring would become the help of the commands that have them.)
#[derive(Debug, Default, Args)]
pub struct Settings {
    /// Whether a line above each page tells when and by whom it was sent (true or false)
    #[arg(long)]
    pub header: Option<bool>,
    /// Who sends, as the line tells it; empty: the account's name
    #[arg(long, value_parser = parse::<Emptied<HeaderName>>)]
    pub header_name: Option<Emptied<HeaderName>>,
    /// What the line tells beside the number (CSID), at most 20 characters; empty: nothing
    #[arg(long, value_parser = parse::<Emptied<StationId>>)]
    pub station_id: Option<Emptied<StationId>>,
    /// The IANA time zone of the line, of covers and receipts, such as America/New_York
    #[arg(long)]
    pub time_zone: Option<Zone>,
    /// The sheet of faxes that ask for none: letter, a4 or legal
    #[arg(long)]
    pub paper: Option<Paper>,
}

fn parse<T: FromStr>(text: &str) -> Result<T, T::Err> {
    text.parse()
}

impl From<Settings> for FaxSettingsChange {
    fn from(Settings { header, header_name, station_id, time_zone, paper }: Settings) -> Self {
        Self { header, header_name, station_id, time_zone, paper }
    }
}

#[derive(Debug, Args)]
pub struct New {
    /// The owner's name, of at most 200 characters; the line above each page has it
    #[arg(long)]
    pub name: String,
    /// free (10 pages a month) or pro (200), without the API; business (2,000) or enterprise (20,000)
    #[arg(long)]
    pub plan: Plan,
    /// Pages a month, in place of the plan's
    #[arg(long)]
    pub monthly_pages: Option<u32>,
    /// It sends nothing before its agreement is signed
    #[arg(long)]
    pub requires_baa: bool,
    /// Lets it send to premium-rate, satellite and audiotext numbers
    #[arg(long)]
    pub allow_premium: bool,
    /// To which numbers it may send: any, `confirm_new` (unknown ones only when they are named twice) or contacts
    #[arg(long, default_value_t)]
    pub recipients: RecipientPolicy,
    #[command(flatten)]
    pub settings: Settings,
}

pub async fn create(platform: &Platform, new: New) -> Result<AccountView, CommandError> {
    let now = platform.clock().now();
    let name_fits = (1..=200).contains(&new.name.chars().count());
    if !name_fits {
        return Err(CommandError::invalid("A name has 1 to 200 characters."));
    }
    let account = Account {
        id: AccountId::generate(now),
        name: new.name,
        plan: new.plan,
        monthly_pages: new.monthly_pages,
        requires_baa: new.requires_baa,
        allow_premium: new.allow_premium,
        recipients: new.recipients,
        settings: FaxSettings::default().changed(new.settings.into()),
        baa_signed_at: None,
        used: BTreeMap::new(),
        faxes: ListHead::default(),
        created_at: now,
        reservations: Vec::new(),
    };
    AccountsAdmin::new(platform)?.create(&account).await?;
    Ok(AccountView::new(&account, now))
}

pub async fn update(platform: &Platform, id: AccountId, change: AccountChange) -> Result<AccountView, CommandError> {
    let account = AccountsAdmin::new(platform)?.update(id, &change).await?.ok_or_else(|| CommandError::not_found("account"))?;
    Ok(AccountView::new(&account, platform.clock().now()))
}

pub async fn sign_baa(platform: &Platform, id: AccountId) -> Result<AccountView, CommandError> {
    let change = AccountChange { baa_signed_at: Some(platform.clock().now()), ..AccountChange::default() };
    update(platform, id, change).await
}

pub async fn show(platform: &Platform, id: AccountId) -> Result<AccountView, CommandError> {
    let account = AccountsAdmin::new(platform)?.get(id).await?.ok_or_else(|| CommandError::not_found("account"))?;
    let account = Faxes::new(platform)?.without_open(account).await?;
    Ok(AccountView::new(&account, platform.clock().now()))
}

/// All accounts, oldest first. Reads the whole table, and tells on stderr how far it is.
pub async fn list(platform: &Platform) -> Result<Value, CommandError> {
    let (now, mut accounts) = (platform.clock().now(), Vec::new());
    AccountsAdmin::new(platform)?
        .all(|page, looked_at| {
            eprintln!("accounts: {looked_at} items read");
            accounts.extend(page);
        })
        .await?;
    accounts.sort_by_key(|account| account.id);
    let accounts: Vec<_> = accounts.iter().map(|account| AccountView::new(account, now)).collect();
    Ok(json!({"object": "list", "data": accounts}))
}

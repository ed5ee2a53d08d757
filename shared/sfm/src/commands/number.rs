//! `sfm number …`

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};
use sfm_core::account::{Number, NumberResource, NumberStatus};
use sfm_core::id::{AccountId, NumberId};
use sfm_core::phone::E164;
use sfm_store::accounts::Accounts;
use sfm_store::contacts::Contacts;
use sfm_store::numbers::Numbers;
use sfm_store::platform::Platform;

use super::{CommandError, e164, id};

#[derive(Debug, Subcommand)]
pub enum NumberCommand {
    /// Gives an account a number that the carrier has: it sends from it, and receives at it
    #[command(after_help = "Example:\n  sfm number add acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C +12025550111 --label Front-desk")]
    Add {
        /// The account, acct_…
        account: String,
        /// The number in E.164, +12025550111
        number: String,
        /// What people call it
        #[arg(long)]
        label: Option<String>,
    },
    /// Takes a number back from its account
    #[command(after_help = "Example:\n  sfm number release num_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Release {
        /// The number's id, num_…
        id: String,
    },
    /// Lists the numbers of one account, or of all
    #[command(after_help = "Example:\n  sfm number list acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    List {
        /// The account, acct_…; all without it
        account: Option<String>,
        /// Lists the numbers and contacts that release 0.1 may have stored wrongly, each with what it may have been
        #[arg(long)]
        suspicious: bool,
    },
}

impl NumberCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        match self {
            Self::Add { account, number, label } => Ok(json!(add(platform, id(&account, "account")?, e164(&number)?, label).await?)),
            Self::Release { id: number } => Ok(json!(release(platform, id(&number, "number")?).await?)),
            Self::List { account, suspicious } => {
                let account = account.map(|account| id(&account, "account")).transpose()?;
                list(platform, account, suspicious).await
            }
        }
    }
}

#[derive(Debug, Serialize)]
pub struct NumberView {
    #[serde(flatten)]
    number: NumberResource,
    account_id: AccountId,
}

impl From<Number> for NumberView {
    fn from(number: Number) -> Self {
        Self { number: number.resource(), account_id: number.account_id }
    }
}

pub async fn add(platform: &Platform, account: AccountId, number: E164, label: Option<String>) -> Result<NumberView, CommandError> {
    if number.is_costly() {
        return Err(CommandError::invalid(
            "The number is a premium-rate, satellite or audiotext number, which nobody can send faxes from.",
        ));
    }
    Accounts::new(platform)?.get(account).await?.ok_or_else(|| CommandError::not_found("account"))?;
    let now = platform.clock().now();
    let id = NumberId::generate(now);
    let number = Number { account_id: account, id, number, label, status: NumberStatus::Active, created_at: now };
    let added = Numbers::new(platform)?.add(&number).await?;
    added.map_err(|e| CommandError::new("conflict", e.to_string()))?;
    Ok(number.into())
}

pub async fn release(platform: &Platform, id: NumberId) -> Result<NumberView, CommandError> {
    let numbers = Numbers::new(platform)?;
    let number = numbers.find(id).await?.ok_or_else(|| CommandError::not_found("number"))?;
    // Released before is released: asking twice is no error.
    numbers.release(&number).await?;
    Ok(Number { status: NumberStatus::Released, ..number }.into())
}

/// The numbers of one account or of all; or, of numbers and contacts alike, those that release 0.1 may have stored wrongly.
///
/// Reads whole tables, and tells on stderr how far it is.
pub async fn list(platform: &Platform, account: Option<AccountId>, suspicious: bool) -> Result<Value, CommandError> {
    let wanted =
        |owner: AccountId, number: &E164| account.is_none_or(|account| account == owner) && (!suspicious || number.is_suspicious());
    let told = |mut row: Value, object: &str, number: &E164| {
        row["object"] = object.into();
        if suspicious {
            row["may_have_been"] = json!(number.with_lost_digit());
        }
        row
    };
    let mut data = Vec::new();
    Numbers::new(platform)?
        .all(|numbers, looked_at| {
            progress("numbers", looked_at);
            for number in numbers.into_iter().filter(|row| wanted(row.account_id, &row.number)) {
                let value = number.number.clone();
                data.push(told(json!(NumberView::from(number)), "number", &value));
            }
        })
        .await?;
    if suspicious {
        Contacts::new(platform)?
            .all(|contacts, looked_at| {
                progress("contacts", looked_at);
                for contact in contacts.into_iter().filter(|row| wanted(row.account_id, &row.fax_number)) {
                    let mut row = json!(contact.resource());
                    row["account_id"] = json!(contact.account_id);
                    data.push(told(row, "contact", &contact.fax_number));
                }
            })
            .await?;
    }
    Ok(json!({"object": "list", "data": data}))
}

fn progress(table: &str, looked_at: usize) {
    eprintln!("{table}: {looked_at} items read");
}

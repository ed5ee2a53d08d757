//! What the `sfm` binary does with its command line.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use serde::Serialize;
use serde_json::{Value, json};
use sfm_core::phone::E164;
use sfm_store::accounts::AccountChange;
use sfm_store::platform::Platform;

use crate::cli::{
    AccountCommand, CarrierCommand, Cli, ClockCommand, Command, DocumentCommand, FaxCommand, KeyCommand, LocalArgs, MemberCommand,
    NumberCommand, WebhookCommand,
};
use crate::commands::{CommandError, account, bench, carrier, clock, document, fax, id, key, member, number, webhook};
use crate::local;

/// Does what this process was started for: a document's conversion, or its command line.
pub fn main() -> ExitCode {
    fax_document::sandbox::serve_if_worker();
    let cli = Cli::parse();
    // Files are worked on without a runtime, which takes longer to start than a page to draw.
    if let Some(Command::Document(command)) = cli.command {
        return finish(on_files(command));
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => finish(runtime.block_on(run(cli))),
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{}", CommandError::new("internal_error", e.to_string()).json());
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), CommandError> {
    match cli.command {
        None => run_local(cli.local).await,
        Some(Command::Local(args)) => run_local(args).await,
        Some(command) => operate(command).await.and_then(|lines| print_lines(&lines)),
    }
}

fn on_files(command: DocumentCommand) -> Result<(), CommandError> {
    match command {
        DocumentCommand::Convert { input, output, threads, paper, resolution, tiff, csid } => {
            let converted = document::convert(document::Conversion { input, output, threads, paper, resolution, coding: tiff, csid })?;
            print_lines(&line(converted)?)
        }
        DocumentCommand::Bench { files, runs } => bench::table(&files, runs, print),
    }
}

fn finish(done: Result<(), CommandError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{}", e.json());
            ExitCode::FAILURE
        }
    }
}

fn print_lines(lines: &[Value]) -> Result<(), CommandError> {
    print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn print(text: &str) -> Result<(), CommandError> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| CommandError::new("internal_error", e.to_string()))
}

async fn run_local(args: LocalArgs) -> Result<(), CommandError> {
    sfm_web::logging::init();
    local::run(args).await.map_err(|e| CommandError::new("unavailable", e.to_string()))
}

fn line(value: impl Serialize) -> Result<Vec<Value>, CommandError> {
    Ok(vec![json!(value)])
}

async fn on_webhooks(platform: &Platform, command: WebhookCommand) -> Result<Value, CommandError> {
    match command {
        WebhookCommand::Add { account, url, event, description } => {
            webhook::add(platform, id(&account, "account")?, &url, event, description).await
        }
        WebhookCommand::List { account } => webhook::endpoints(platform, id(&account, "account")?).await,
        WebhookCommand::Update { id: endpoint, url, event, description } => {
            webhook::update(platform, id(&endpoint, "endpoint")?, url, event, description).await
        }
        WebhookCommand::Enable { id: endpoint } => webhook::enable(platform, id(&endpoint, "endpoint")?).await,
        WebhookCommand::Disable { id: endpoint } => webhook::disable(platform, id(&endpoint, "endpoint")?).await,
        WebhookCommand::Delete { id: endpoint } => webhook::delete(platform, id(&endpoint, "endpoint")?).await,
        WebhookCommand::Rotate { id: endpoint, expire_now } => webhook::rotate(platform, id(&endpoint, "endpoint")?, expire_now).await,
        WebhookCommand::ExpireOld { id: endpoint } => webhook::expire_old_secret(platform, id(&endpoint, "endpoint")?).await,
        WebhookCommand::Test { id: endpoint } => webhook::test(platform, id(&endpoint, "endpoint")?).await,
        WebhookCommand::Deliveries { id: of, account, before } => {
            let account = account.map(|account| id(&account, "account")).transpose()?;
            let before = before.map(|before| id(&before, "delivery")).transpose()?;
            webhook::deliveries(platform, &of, account, before).await
        }
        WebhookCommand::Events { account, before } => {
            let before = before.map(|before| id(&before, "event")).transpose()?;
            webhook::events(platform, id(&account, "account")?, before).await
        }
        WebhookCommand::Redeliver { delivery } => webhook::redeliver(platform, id(&delivery, "delivery")?).await,
        WebhookCommand::Recover { id: endpoint, since } => webhook::recover(platform, id(&endpoint, "endpoint")?, &since).await,
    }
}

fn e164(text: &str) -> Result<E164, CommandError> {
    text.parse().map_err(|e| CommandError::invalid(format!("The number {e}.")))
}

/// Carries out an operator command and returns the lines that it prints.
async fn operate(command: Command) -> Result<Vec<Value>, CommandError> {
    let platform = &Platform::of_operator().await;
    // On the local stack time is the stack's.
    if platform.var("SFM_CONTROL_URL").is_ok() {
        platform.clock().advance(clock::ahead(platform).await?);
    }
    match command {
        Command::Local(_) | Command::Document(_) => Ok(Vec::new()),
        Command::Account(AccountCommand::Create { name, plan, monthly_pages, requires_baa, allow_premium }) => {
            line(account::create(platform, account::New { name, plan, monthly_pages, requires_baa, allow_premium }).await?)
        }
        Command::Account(AccountCommand::Update { id: account, plan, monthly_pages, requires_baa, allow_premium }) => {
            let change = AccountChange { plan, monthly_pages, requires_baa, allow_premium, baa_signed_at: None };
            line(account::update(platform, id(&account, "account")?, change).await?)
        }
        Command::Account(AccountCommand::SignBaa { id: account }) => line(account::sign_baa(platform, id(&account, "account")?).await?),
        Command::Account(AccountCommand::Show { id: account }) => line(account::show(platform, id(&account, "account")?).await?),
        Command::Number(NumberCommand::Add { account, number, label }) => {
            line(number::add(platform, id(&account, "account")?, e164(&number)?, label).await?)
        }
        Command::Number(NumberCommand::List { account, suspicious }) => {
            let account = account.map(|account| id(&account, "account")).transpose()?;
            line(number::list(platform, account, suspicious).await?)
        }
        Command::Number(NumberCommand::Release { id: number }) => line(number::release(platform, id(&number, "number")?).await?),
        Command::Key(KeyCommand::Create { account, scope, test }) => {
            line(key::create(platform, id(&account, "account")?, scope, test).await?)
        }
        Command::Key(KeyCommand::Revoke { id: key }) => line(key::revoke(platform, id(&key, "key")?).await?),
        Command::Member(MemberCommand::Add { account, email, role }) => {
            line(member::add(platform, id(&account, "account")?, &email, role).await?)
        }
        Command::Member(MemberCommand::List { account }) => line(member::list(platform, id(&account, "account")?).await?),
        Command::Member(MemberCommand::Remove { account, email }) => {
            line(member::remove(platform, id(&account, "account")?, &email).await?)
        }
        Command::Fax(FaxCommand::Delete { id: fax }) => line(fax::delete(platform, id(&fax, "fax")?).await?),
        Command::Webhook(command) => line(on_webhooks(platform, command).await?),
        Command::Clock(ClockCommand::Advance { by }) => line(clock::advance(platform, by).await?),
        Command::Carrier(CarrierCommand::Log) => carrier::log(platform).await,
        Command::Carrier(CarrierCommand::SendIn { to, file, from, partial }) => {
            line(carrier::send_in(platform, &e164(&to)?, &e164(&from)?, file, partial).await?)
        }
    }
}

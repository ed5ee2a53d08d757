//! The command line of `sfm`, and which room each command is in.

use clap::{Parser, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use sfm_store::platform::Platform;

use crate::commands::CommandError;
use crate::commands::account::AccountCommand;
#[cfg(feature = "local")]
use crate::commands::carrier::CarrierCommand;
#[cfg(feature = "local")]
use crate::commands::clock::{self, ClockCommand};
#[cfg(feature = "local")]
use crate::commands::document::DocumentCommand;
use crate::commands::fax::FaxCommand;
use crate::commands::key::KeyCommand;
use crate::commands::member::MemberCommand;
use crate::commands::number::NumberCommand;
use crate::commands::scheduled::ScheduledCommand;
use crate::commands::user::UserCommand;
use crate::commands::webhook::WebhookCommand;
#[cfg(feature = "local")]
use crate::local::LocalArgs;

/// Send FAX Mail: the local stack and the operator's commands.
///
/// Commands print one JSON object on one line. They reach the stack that the AWS SDK's environment names; for a local one, load
/// the file operator.env of its folder.
#[derive(Debug, Parser)]
#[command(name = "sfm", version, disable_help_subcommand = true)]
#[cfg_attr(not(feature = "local"), command(subcommand_required = true, arg_required_else_help = true))]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[cfg(feature = "local")]
    #[command(flatten)]
    pub local: LocalArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the whole service on this machine (what sfm does without a command)
    #[cfg(feature = "local")]
    Local(LocalArgs),
    #[command(flatten)]
    User(UserCommand),
    #[command(flatten)]
    Operator(OperatorCommand),
    /// What the service does to a document, on files
    #[cfg(feature = "local")]
    #[command(subcommand)]
    Document(DocumentCommand),
}

/// What works on a stack, local or deployed.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// The customers, each with a plan and settings
    #[command(subcommand)]
    Account(AccountCommand),
    /// The telephone numbers of the accounts
    #[command(subcommand)]
    Number(NumberCommand),
    /// The API keys of the accounts
    #[command(subcommand)]
    Key(KeyCommand),
    /// Who may use the dashboard of which account
    #[command(subcommand)]
    Member(MemberCommand),
    /// Faxes
    #[command(subcommand)]
    Fax(FaxCommand),
    /// Faxes that are put off
    #[command(subcommand)]
    Scheduled(ScheduledCommand),
    /// Webhook endpoints, and what they were told
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// The local stack's clock
    #[cfg(feature = "local")]
    #[command(subcommand)]
    Clock(ClockCommand),
    /// The local stack's simulated carrier
    #[cfg(feature = "local")]
    #[command(subcommand)]
    Carrier(CarrierCommand),
}

impl OperatorCommand {
    /// Carries it out on the stack that the environment names, and returns the lines to print.
    ///
    /// # Errors
    /// What the command could not do, in the form in which it is printed.
    pub async fn run(self) -> Result<Vec<Value>, CommandError> {
        let platform = &Platform::of_operator().await;
        keep_time(platform).await?;
        match self {
            Self::Account(command) => line(command.run(platform).await?),
            Self::Number(command) => line(command.run(platform).await?),
            Self::Key(command) => line(command.run(platform).await?),
            Self::Member(command) => line(command.run(platform).await?),
            Self::Fax(command) => line(command.run(platform).await?),
            Self::Scheduled(command) => line(command.run(platform).await?),
            Self::Webhook(command) => line(command.run(platform).await?),
            #[cfg(feature = "local")]
            Self::Clock(command) => line(command.run(platform).await?),
            #[cfg(feature = "local")]
            Self::Carrier(command) => command.run(platform).await,
        }
    }
}

/// On the local stack time is the stack's.
#[cfg(feature = "local")]
async fn keep_time(platform: &Platform) -> Result<(), CommandError> {
    if platform.var("SFM_CONTROL_URL").is_ok() {
        platform.clock().advance(clock::ahead(platform).await?);
    }
    Ok(())
}

/// The local stack has a clock of its own, which this build cannot ask: it would write wrong times.
#[cfg(not(feature = "local"))]
async fn keep_time(platform: &Platform) -> Result<(), CommandError> {
    match platform.var("SFM_CONTROL_URL") {
        Ok(_) => Err(CommandError::new("configuration", "This sfm was built without the local stack, which the environment names.")),
        Err(_) => Ok(()),
    }
}

fn line(value: impl Serialize) -> Result<Vec<Value>, CommandError> {
    Ok(vec![json!(value)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::{Arg, CommandFactory as _};

    use super::*;

    /// Every command below, by its words.
    fn commands(of: &clap::Command, words: &str) -> Vec<(String, clap::Command)> {
        let below = of.get_subcommands().flat_map(|command| commands(command, &format!("{words} {}", command.get_name())));
        std::iter::once((words.to_owned(), of.clone())).chain(below).collect()
    }

    #[test]
    fn every_command_and_argument_says_what_it_is_and_every_example_is_one() {
        for (words, command) in commands(&Cli::command(), "sfm") {
            assert!(command.get_about().is_some(), "{words}: no help");
            for argument in command.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str())) {
                assert!(Arg::get_help(argument).is_some(), "{words}: {} has no help", argument.get_id());
            }
            if !command.has_subcommands() && words != "sfm local" {
                let shown = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                let example = shown.lines().last().unwrap_or_default().trim();
                assert!(example.starts_with(&words), "{words}: its example is {example:?}");
                assert!(Cli::try_parse_from(example.split(' ')).is_ok(), "{example}");
            }
        }
    }
}

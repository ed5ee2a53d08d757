//! What the `sfm` binary does with its command line.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use serde_json::Value;

use crate::cli::{Cli, Command};
use crate::commands::CommandError;
#[cfg(feature = "local")]
use crate::local;

/// Does what this process was started for: a document's conversion, or its command line.
pub fn main() -> ExitCode {
    #[cfg(feature = "local")]
    fax_document::sandbox::serve_if_worker();
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::User(command)) => on_a_runtime(async { print_lines(&[command.run().await?]) }),
        Some(Command::Operator(command)) => on_a_runtime(async { print_lines(&command.run().await?) }),
        #[cfg(feature = "local")]
        Some(Command::Local(args)) => on_a_runtime(local::run(args)),
        // Files are worked on without a runtime, which takes longer to start than a page to draw.
        #[cfg(feature = "local")]
        Some(Command::Document(command)) => command.run(print),
        #[cfg(feature = "local")]
        None => on_a_runtime(local::run(cli.local)),
        // The command line's parser asks for one.
        #[cfg(not(feature = "local"))]
        None => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{}", e.json());
            ExitCode::FAILURE
        }
    }
}

fn on_a_runtime(work: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|e| CommandError::new("internal_error", e.to_string()))?.block_on(work)
}

fn print_lines(lines: &[Value]) -> Result<(), CommandError> {
    print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn print(text: &str) -> Result<(), CommandError> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| CommandError::new("internal_error", e.to_string()))
}

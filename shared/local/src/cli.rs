//! The command line of `sfm`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use fax_document::{Coding, Paper, Resolution};
use jiff::SignedDuration;
use sfm_core::event::EventType;
use sfm_core::member::Role;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;

use crate::commands::clock::parse_duration;
use crate::commands::document::Output;

/// Send FAX Mail: the local stack and the operator's commands.
///
/// Commands print one JSON object on one line. They reach the stack that the AWS SDK's environment names; for a local one, load
/// the file operator.env of its folder.
#[derive(Debug, Parser)]
#[command(name = "sfm", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub local: LocalArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the whole service on this machine (what sfm does without a command)
    Local(LocalArgs),
    #[command(subcommand)]
    Account(AccountCommand),
    #[command(subcommand)]
    Number(NumberCommand),
    #[command(subcommand)]
    Key(KeyCommand),
    #[command(subcommand)]
    Member(MemberCommand),
    #[command(subcommand)]
    Fax(FaxCommand),
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// What the service does to a document, on files
    #[command(subcommand)]
    Document(DocumentCommand),
    /// The local stack's clock
    #[command(subcommand)]
    Clock(ClockCommand),
    /// The local stack's simulated carrier
    #[command(subcommand)]
    Carrier(CarrierCommand),
}

#[derive(Debug, Args)]
pub struct LocalArgs {
    /// The API's port; 0 picks a free one
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Where everything is kept
    #[arg(long, default_value = ".local")]
    pub data: PathBuf,
    /// How many times faster than the telephone the simulated carrier is
    #[arg(long, default_value_t = 20.0, value_parser = parse_speed)]
    pub carrier_speed: f64,
    /// Lets documents and webhooks be at loopback addresses and plain HTTP, for tests
    #[arg(long)]
    pub allow_loopback: bool,
    /// Runs the functions' built binaries, which are here, in processes of their own, over Lambda's Runtime API
    #[arg(long, value_name = "DIR")]
    pub bootstrap: Option<PathBuf>,
    /// Prints one JSON line on stdout once it is ready
    #[arg(long)]
    pub json: bool,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "a speed is a number".to_owned())?;
    if speed.is_finite() && speed > 0.0 { Ok(speed) } else { Err("a speed is more than 0".to_owned()) }
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        plan: Plan,
        #[arg(long)]
        monthly_pages: Option<u32>,
        #[arg(long)]
        requires_baa: bool,
        /// Lets it send to premium-rate, satellite and audiotext numbers
        #[arg(long)]
        allow_premium: bool,
    },
    Update {
        id: String,
        #[arg(long)]
        plan: Option<Plan>,
        #[arg(long)]
        monthly_pages: Option<u32>,
        #[arg(long)]
        requires_baa: Option<bool>,
        /// Whether it may send to premium-rate, satellite and audiotext numbers
        #[arg(long)]
        allow_premium: Option<bool>,
    },
    SignBaa {
        id: String,
    },
    Show {
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum NumberCommand {
    Add {
        account: String,
        number: String,
        #[arg(long)]
        label: Option<String>,
    },
    Release {
        id: String,
    },
    /// Lists the numbers of one account, or of all
    List {
        account: Option<String>,
        /// Lists the numbers and contacts that release 0.1 may have stored wrongly, each with what it may have been
        #[arg(long)]
        suspicious: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    Create {
        account: String,
        #[arg(long, required = true)]
        scope: Vec<Scope>,
        /// No carrier is involved and no quota used
        #[arg(long)]
        test: bool,
    },
    Revoke {
        id: String,
    },
}

/// Who may use the dashboard of an account
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Adds a member, or gives one another role
    Add {
        account: String,
        email: String,
        #[arg(long)]
        role: Role,
    },
    List {
        account: String,
    },
    Remove {
        account: String,
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Makes an endpoint and shows its secret
    Add {
        account: String,
        url: String,
        /// fax.delivered, fax.failed, fax.received (all three without it), scheduled.failed
        #[arg(long, value_parser = EventType::for_endpoint)]
        event: Vec<EventType>,
        #[arg(long)]
        description: Option<String>,
    },
    List {
        account: String,
    },
    Update {
        id: String,
        #[arg(long)]
        url: Option<String>,
        #[arg(long, value_parser = EventType::for_endpoint)]
        event: Vec<EventType>,
        #[arg(long)]
        description: Option<String>,
    },
    /// Switches it on again; recover_since tells where a recovery would begin
    Enable {
        id: String,
    },
    Disable {
        id: String,
    },
    Delete {
        id: String,
    },
    /// Makes a new secret; the old one signs for 24 hours more
    Rotate {
        id: String,
        /// The old one signs no more
        #[arg(long)]
        expire_now: bool,
    },
    /// Ends the overlap of a rotation
    ExpireOld {
        id: String,
    },
    /// Sends a test event
    Test {
        id: String,
    },
    /// The log of an endpoint, or with --account of an event
    Deliveries {
        id: String,
        #[arg(long)]
        account: Option<String>,
        /// Goes on behind this delivery
        #[arg(long)]
        before: Option<String>,
    },
    /// The newest 100 events of an account, of 30 days
    Events {
        account: String,
        /// Goes on behind this event
        #[arg(long)]
        before: Option<String>,
    },
    Redeliver {
        delivery: String,
    },
    /// Tries anew what failed, or was not told, since a time
    Recover {
        id: String,
        #[arg(long)]
        since: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum FaxCommand {
    /// Takes a fax out of the API's view; sending, usage and webhooks go on
    Delete { id: String },
}

#[derive(Debug, Subcommand)]
pub enum DocumentCommand {
    /// Makes a document fax-ready: a PDF of Group 4 pages, or a TIFF-F
    Convert {
        input: PathBuf,
        /// A .pdf or a .tif
        output: Output,
        /// Pages drawn at a time; as many as there are processors without it
        #[arg(long)]
        threads: Option<usize>,
        #[arg(long, value_parser = one_of([("a4", Paper::A4), ("letter", Paper::Letter)]), default_value = "letter")]
        paper: Paper,
        #[arg(long, value_parser = one_of([("fine", Resolution::Fine), ("standard", Resolution::Standard)]), default_value = "fine")]
        resolution: Resolution,
        /// The coding of a TIFF's pages
        #[arg(long, value_parser = one_of([("g3", Coding::Group3), ("g4", Coding::Group4)]), default_value = "g4")]
        tiff: Coding,
        /// Puts a line above each page: the date, this sender's identification (at most 20 characters), the page's number
        #[arg(long)]
        csid: Option<String>,
    },
    /// Compares with Ghostscript, Poppler with libtiff, and MuPDF, as far as they are installed, and prints a table
    Bench {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Of so many runs the fastest counts
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
        runs: u32,
    },
}

/// Reads one of a few names.
fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(choices: [(&'static str, T); N]) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        chosen.ok_or_else(|| format!("one of {}", choices.map(|(name, _)| name).join(", ")))
    }
}

#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Moves every clock of the stack forward, for instance by 90d, "1h 30m" or 45s
    Advance {
        #[arg(value_parser = parse_duration)]
        by: SignedDuration,
    },
}

#[derive(Debug, Subcommand)]
pub enum CarrierCommand {
    /// One line per fax that the carrier accepted
    Log,
    /// Makes a fax come in
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

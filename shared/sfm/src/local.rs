//! `sfm local`: starts the stack, says how to use it, and stops it on Ctrl-C or SIGTERM.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use sfm_local::interceptor::NoInterceptor;
use sfm_local::stack::{DEMO_OWNER, Stack, StackConfig};
use sfm_web::logging::{self, MetricLines};
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::CommandError;

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

/// Runs the stack until the process is asked to end.
pub async fn run(args: LocalArgs) -> Result<(), CommandError> {
    logging::init(MetricLines::LeftOut);
    serve(args).await.map_err(|e| CommandError::new("unavailable", e.to_string()))
}

async fn serve(args: LocalArgs) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stack = Stack::start(StackConfig {
        dir: args.data,
        port: args.port,
        carrier_speed: args.carrier_speed,
        allow_loopback: args.allow_loopback,
        parameters: BTreeMap::new(),
        carrier_credentials: BTreeMap::new(),
        document_worker: None,
        interceptor: Arc::new(NoInterceptor),
        count_capacity: false,
        connected: true,
        variables: HashMap::new(),
        names: None,
        bootstrap: args.bootstrap,
    })
    .await?;
    let ready = if args.json { ready_line(&stack) } else { welcome(&stack) };
    let mut stdout = std::io::stdout();
    stdout.write_all(ready.as_bytes())?;
    stdout.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stack.stop().await;
    Ok(())
}

fn ready_line(stack: &Stack) -> String {
    let line = json!({
        "base_url": stack.base_url(),
        "dashboard_url": format!("{}/dashboard/", stack.base_url()),
        "aws_endpoint_url": stack.aws_endpoint_url(),
        "operator_env": stack.operator_env(),
        "demo_account": stack.demo().account,
        "demo_key": stack.demo().key,
    });
    format!("{line}\n")
}

fn welcome(stack: &Stack) -> String {
    let (url, key, account) = (stack.base_url(), &stack.demo().key, &stack.demo().account);
    let (env, sample) = (stack.operator_env().display(), stack.sample());
    let sample = sample.display();
    let owner = DEMO_OWNER;
    format!(
        r#"
Send FAX Mail is running at {url}

  Dashboard      {url}/dashboard/   (sign in as {owner})
  Demo account   {account}
  Its API key    {key}

Send a first fax (put any PDF in place of the sample):

  printf '{{"to":"+12125551234","document":{{"content":"%s","content_type":"application/pdf"}}}}' "$(base64 < '{sample}' | tr -d '\n')" | curl {url}/v1/faxes -H 'Authorization: Bearer {key}' -d @-

Watch it:

  curl {url}/v1/faxes -H 'Authorization: Bearer {key}'

Operator commands work after:  set -a; . {env}; set +a
Ctrl-C stops it; everything is kept for the next start.
"#
    )
}

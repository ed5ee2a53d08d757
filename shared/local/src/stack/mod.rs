//! The whole service in one process, with durable state in a folder.
//!
//! [`Stack::start`] reads `template.yaml`, starts the emulated services ([`crate::aws`]) and the simulated carrier
//! ([`sfm_simulator`]), makes what the template declares, hosts its functions and connects its event sources.

mod api;
mod authorizer;
pub mod bootstrap;
mod control;
mod demo;
mod host;
mod oidc;
mod provision;
mod sources;
mod state;
mod streams;
pub mod template;

use std::collections::{BTreeMap, HashMap};
use std::fs::DirBuilder;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sfm_core::clock::Clock;
use sfm_core::secret::Secret;
use sfm_http_client::ssrf::Names;
use sfm_store::members::MembersAdmin;
use sfm_store::platform::Platform;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::aws::{BusRule, Endpoint, EndpointConfig, EndpointError};
use api::Route;
use authorizer::Authorizer;
use bootstrap::{Bootstrap, binary_of};
use control::Controls;
pub use demo::DEMO_OWNER;
use host::tapped;
pub use host::{Host, HostError};
use oidc::Issuer;
use sfm_simulator::tap::Tap;
use sfm_simulator::{Incoming, SendInError, Simulator, SimulatorConfig, SimulatorError, Taken};
use sources::{QueueSource, StreamSource, each, rate_minutes};
pub use state::Demo;
use state::{Lock, State};
use template::{Resource, Template, TemplateError, name_of_arn};

/// The deployment that this stack is a local form of.
pub const TEMPLATE: &str = include_str!("../../../../template.yaml");
/// A document for a first fax.
const SAMPLE: &[u8] = include_bytes!("../../../fax-document/samples/letter.pdf");
const REGION: &str = "us-east-1";
const AWS_ACCOUNT: &str = "000000000000";
/// The caller's name of what Lambda itself does: polling queues, keeping failed records.
pub const POLLER: &str = "Lambda";

#[derive(Debug)]
pub struct StackConfig {
    pub dir: PathBuf,
    /// 0 picks a free one, or the last start's where that is free.
    pub port: u16,
    /// How many times faster than the telephone the simulated carrier is.
    pub carrier_speed: f64,
    pub allow_loopback: bool,
    /// Values of the template's parameters, instead of the stack's own: another carrier's, for instance.
    pub parameters: BTreeMap<String, String>,
    /// Members of the carrier's secret, beside the stack's own.
    pub carrier_credentials: BTreeMap<String, Secret>,
    /// The program that converts documents when it is started as a worker; None: this one, whose `main` is [`crate::run::main`].
    pub document_worker: Option<PathBuf>,
    pub tap: Arc<dyn Tap>,
    pub count_capacity: bool,
    /// Whether queues, streams and schedules feed their functions. Otherwise only the API is served, and a test invokes what it likes.
    pub connected: bool,
    /// Variables of the functions' environment that differ from the template's.
    pub variables: HashMap<String, String>,
    /// What resolves the hosts that customers name; None: the system.
    pub names: Option<Arc<dyn Names>>,
    /// Where the functions' binaries are, each to run in processes of its own; None: all run in this process.
    pub bootstrap: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum StackError {
    #[error("{} is in use by another stack", .0.display())]
    InUse(PathBuf),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("port {port}: {source}")]
    Port { port: u16, source: std::io::Error },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Aws(#[from] EndpointError),
    #[error("making what the template declares: {0}")]
    Provision(String),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("carrier: {0}")]
    Carrier(#[from] SimulatorError),
    #[error("demo account: {0}")]
    Demo(String),
    #[error("functions in processes of their own have the machine's clock, which cannot be moved")]
    FixedClock,
}

impl StackError {
    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

/// A running stack. Dropping it is a crash; [`Stack::stop`] ends it cleanly.
#[derive(Debug)]
pub struct Stack {
    base_url: String,
    aws: Arc<Endpoint>,
    carrier: Arc<Simulator>,
    shared: Arc<Shared>,
    host: Host,
    tasks: JoinSet<()>,
    operator_env: PathBuf,
    operator_vars: BTreeMap<String, String>,
    authorizers: HashMap<String, Authorizer>,
    demo: Demo,
    _lock: Lock,
}

/// What the control port moves.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    moved: watch::Sender<u64>,
    carrier: Arc<Simulator>,
    state: Mutex<State>,
    fixed_clock: bool,
}

impl Controls for Shared {
    fn advance(&self, by: SignedDuration) -> Result<Timestamp, StackError> {
        if self.fixed_clock {
            return Err(StackError::FixedClock);
        }
        self.clock.advance(by);
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        state.clock_offset_ms = i64::try_from(self.clock.offset().as_millis()).unwrap_or(i64::MAX);
        state.save()?;
        drop(state);
        self.carrier.clock_moved();
        self.moved.send_modify(|count| *count += 1);
        Ok(self.clock.now())
    }

    fn ahead(&self) -> SignedDuration {
        self.clock.offset()
    }

    fn carrier_log(&self) -> Vec<Value> {
        self.carrier.log().iter().filter_map(|submission| serde_json::to_value(submission).ok()).collect()
    }

    fn carrier_send_in(&self, incoming: Incoming, partial: bool) -> Result<Taken, SendInError> {
        if partial { self.carrier.send_in_part(incoming) } else { self.carrier.send_in(incoming) }
    }
}

/// A listener on `wanted`, or, where the caller leaves it to us, on `last` if that is free.
async fn listen(wanted: u16, last: u16) -> Result<(TcpListener, u16), StackError> {
    let bound = match wanted {
        0 => match TcpListener::bind((Ipv4Addr::LOCALHOST, last)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
        },
        port => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await,
    };
    let failed = |source| StackError::Port { port: wanted, source };
    let listener = bound.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

impl Stack {
    pub async fn start(config: StackConfig) -> Result<Self, StackError> {
        let dir = config.dir.clone();
        // Private papers lie in it.
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| StackError::io(&dir, e))?;
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).map_err(|e| StackError::io(&dir, e))?;
        let dir = dir.canonicalize().map_err(|e| StackError::io(&dir, e))?;
        let lock = Lock::take(&dir)?;
        let mut state = State::load(&dir)?;
        if config.bootstrap.is_some() && state.clock_offset_ms != 0 {
            return Err(StackError::FixedClock);
        }
        let clock = Clock::ahead(SignedDuration::from_millis(state.clock_offset_ms));

        let (api_listener, api_port) = listen(config.port, state.ports.api).await?;
        let (aws_listener, aws_port) = listen(0, state.ports.aws).await?;
        let (carrier_listener, carrier_port) = listen(0, state.ports.carrier).await?;
        let (issuer_listener, issuer_port) = listen(0, state.ports.issuer).await?;
        let (control_listener, control_port) = listen(0, state.ports.control).await?;
        state.ports = state::Ports { api: api_port, aws: aws_port, carrier: carrier_port, control: control_port, issuer: issuer_port };
        state.save()?;
        let base_url = format!("http://127.0.0.1:{api_port}");
        let issuer_url = format!("http://127.0.0.1:{issuer_port}");
        let aws_url = format!("http://127.0.0.1:{aws_port}");
        let callback_url = format!("{base_url}/carrier/telnyx");
        let mut credentials = config.carrier_credentials;
        credentials.insert("telnyx_api_key".to_owned(), Secret::new(&state.carrier_api_key));
        let exposed: BTreeMap<&str, &str> = credentials.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
        let carrier_secret = json!(exposed).to_string();

        let carrier = Simulator::start(SimulatorConfig {
            listener: carrier_listener,
            dir: dir.join("carrier"),
            clock: clock.clone(),
            speed: config.carrier_speed,
            api_key: state.carrier_api_key.clone(),
            signing_key: state.signing_key()?,
            default_webhook_url: callback_url,
            decode: sfm_simulator::fax_pages,
            tap: config.tap.clone(),
        })
        .await?;
        let carrier = Arc::new(carrier);

        let parameters = [
            ("AWS::StackName", "local"),
            ("AWS::Region", REGION),
            ("AWS::AccountId", AWS_ACCOUNT),
            ("AWS::Partition", "aws"),
            ("TelnyxApiUrl", carrier.url()),
            ("OidcIssuer", &issuer_url),
            ("OidcClientId", oidc::CLIENT_ID),
            ("DashboardUrl", &base_url),
            ("TelnyxConnectionId", "local"),
            ("TelnyxPublicKey", &carrier.public_key()),
        ];
        let mut parameters = BTreeMap::from(parameters.map(|(name, value)| (name.to_owned(), value.to_owned())));
        parameters.extend(config.parameters);
        let attributes = BTreeMap::from([("Api.ApiEndpoint".to_owned(), base_url.clone())]);
        let template = Template::parse(TEMPLATE, parameters, attributes, &aws_url)?;

        let aws = Endpoint::start(EndpointConfig {
            listener: aws_listener,
            dir: dir.clone(),
            clock: clock.clone(),
            tap: config.tap.clone(),
            rules: rules(&template)?,
            secret: state.aws_secret.clone(),
            count_capacity: config.count_capacity,
        })
        .await?;
        let platform =
            |name: &str, vars: HashMap<String, String>| Platform::local(name, &aws_url, &state.aws_secret, REGION, vars, clock.clone());
        provision::provision(&template, &platform(POLLER, HashMap::new()), &carrier_secret).await?;

        let functions = template.resources("AWS::Serverless::Function")?;
        let mut host = Host::default();
        for function in &functions {
            let mut vars: HashMap<String, String> = template.environment(function)?.into_iter().collect();
            if config.allow_loopback {
                vars.insert("ALLOW_LOOPBACK".into(), "true".into());
            }
            vars.extend(config.variables.clone());
            if let Some(dir) = &config.bootstrap {
                let aws = [("AWS_ENDPOINT_URL", &*aws_url), ("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", &*function.name)];
                vars.extend(aws.map(|(name, value)| (name.to_owned(), value.to_owned())));
                vars.insert("AWS_SECRET_ACCESS_KEY".into(), state.aws_secret.clone());
                let binary = binary_of(dir, &function.name).ok_or_else(|| HostError::NoBinary(function.name.clone(), dir.clone()))?;
                host.add_process(Bootstrap::new(&function.name, binary, vars.into_iter().collect(), template.timeout(function)));
                continue;
            }
            if let Some(worker) = &config.document_worker {
                vars.insert("DOCUMENT_WORKER".into(), worker.display().to_string());
            }
            let mut platform = platform(&function.name, vars);
            if let Some(names) = &config.names {
                platform = platform.with_names(names.clone());
            }
            host.add(&function.name, &platform)?;
        }

        let mut operator_vars = operator_vars(&template, &state, &aws_url, control_port)?;
        if config.allow_loopback {
            operator_vars.insert("ALLOW_LOOPBACK".into(), "true".into());
        }
        let operator_env = dir.join("operator.env");
        let lines: String = operator_vars.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        state::write_private(&operator_env, lines.as_bytes())?;
        state::write_private(&dir.join("letter.pdf"), SAMPLE)?;
        let demo = match state.demo.clone() {
            Some(demo) => demo,
            None => {
                let operator = platform("operator", operator_vars.clone().into_iter().collect());
                let demo = demo::create(&operator).await.map_err(|e| StackError::Demo(e.to_string()))?;
                state.demo = Some(demo.clone());
                state.save()?;
                demo
            }
        };

        let poller = platform(POLLER, HashMap::new());
        let (moved, moved_seen) = watch::channel(0);
        let token = state.control_token.clone();
        let fixed_clock = config.bootstrap.is_some();
        let shared = Arc::new(Shared { clock: clock.clone(), moved, carrier: carrier.clone(), state: Mutex::new(state), fixed_clock });
        let aws = Arc::new(aws);
        let mut stack = Self {
            base_url,
            aws,
            carrier,
            shared: shared.clone(),
            host,
            tasks: JoinSet::new(),
            operator_env,
            operator_vars,
            authorizers: HashMap::new(),
            demo,
            _lock: lock,
        };
        stack.serve(control_listener, control::router(shared, token));
        let members = MembersAdmin::new(&stack.operator_platform()).map_err(|e| StackError::Demo(e.to_string()))?;
        let issuer = Issuer::new(issuer_url, &stack.base_url, &dir, members, clock.clone());
        stack.serve(issuer_listener, oidc::router(Arc::new(issuer)));
        stack.authorizers = template.resources("AWS::Serverless::HttpApi")?.iter().flat_map(|api| Authorizer::all(api, &clock)).collect();
        let routes = stack.connect(&functions, &dir, &poller, &moved_seen, config.connected.then_some(config.tap))?;
        stack.serve(api_listener, api::router(routes, clock));
        Ok(stack)
    }

    fn serve(&mut self, listener: TcpListener, router: Router) {
        self.tasks.spawn(async move {
            if let Err(e) = axum::serve(listener, router).await {
                tracing::error!(error = %e, "a server ended");
            }
        });
    }

    /// Connects every event source that the template names to its function, and returns the routes.
    fn connect(
        &mut self,
        functions: &[Resource],
        dir: &Path,
        poller: &Platform,
        moved: &watch::Receiver<u64>,
        background: Option<Arc<dyn Tap>>,
    ) -> Result<Vec<Route>, StackError> {
        let mut routes = Vec::new();
        for function in functions {
            let Some(handler) = self.host.handler(&function.name) else { continue };
            for event in function.properties["Events"].as_object().into_iter().flat_map(|events| events.values()) {
                let properties = &event["Properties"];
                let text = |field: &str| properties[field].as_str().unwrap_or_default().to_owned();
                match (event["Type"].as_str().unwrap_or_default(), &background) {
                    ("HttpApi", _) => {
                        let path = if properties["Path"].is_null() { api::DEFAULT.to_owned() } else { text("Path") };
                        let method = if properties["Method"].is_null() { "ANY".to_owned() } else { text("Method").to_uppercase() };
                        let authorizer = match properties["Auth"]["Authorizer"].as_str() {
                            None => None,
                            Some(name) => Some(self.authorizers.get(name).cloned().ok_or_else(|| {
                                TemplateError::Shape(format!("{} asks for an authorizer {name}, which the API has not", function.name))
                            })?),
                        };
                        routes.push(Route { method, path, authorizer, handler: handler.clone() });
                    }
                    ("SQS" | "DynamoDB" | "ScheduleV2", None) => {}
                    ("SQS", Some(tap)) => {
                        let arn = text("Queue");
                        let source = QueueSource {
                            queue_url: format!("{}/{AWS_ACCOUNT}/{}", self.aws.url(), name_of_arn(&arn)),
                            queue_arn: arn,
                            batch_size: properties["BatchSize"].as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or(10).min(10),
                            concurrency: properties["ScalingConfig"]["MaximumConcurrency"]
                                .as_u64()
                                .and_then(|n| usize::try_from(n).ok())
                                .unwrap_or(10),
                            handler: tapped(handler.clone(), &function.name, tap.clone()),
                        };
                        self.tasks.spawn(source.poll(poller.clone()));
                    }
                    ("DynamoDB", Some(tap)) => {
                        let handler = tapped(handler.clone(), &function.name, tap.clone());
                        let source = stream_source(function, properties, handler, dir);
                        self.tasks.spawn(source.poll(self.aws.clone(), poller.clone()));
                    }
                    ("ScheduleV2", Some(_)) => {
                        let minutes = rate_minutes(&text("ScheduleExpression"))
                            .ok_or_else(|| TemplateError::Shape(format!("{} has a schedule that is no rate of minutes", function.name)))?;
                        let aws = self.aws.clone();
                        let sweep = move || {
                            let aws = aws.clone();
                            tokio::task::spawn_blocking(move || {
                                if let Err(e) = aws.sweep_ttl() {
                                    tracing::error!(error = %e, "expired items were not removed");
                                }
                            });
                        };
                        self.tasks.spawn(each(minutes, handler.clone(), self.shared.clock.clone(), moved.clone(), sweep));
                    }
                    (other, _) => return Err(TemplateError::Shape(format!("{} has an event of type {other}", function.name)).into()),
                }
            }
        }
        Ok(routes)
    }

    /// Feeds a function an event as Lambda would. None when the template names no such function.
    pub async fn invoke(&self, function: &str, event: Value) -> Option<Result<Value, sfm_web::runtime::Error>> {
        let handler = self.host.handler(function)?;
        Some(handler(event).await)
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    pub fn aws_endpoint_url(&self) -> &str {
        self.aws.url()
    }

    /// A file of `KEY=value` lines: the environment of the operator commands.
    pub fn operator_env(&self) -> &Path {
        &self.operator_env
    }

    /// A PDF that can be sent.
    pub fn sample(&self) -> PathBuf {
        self.operator_env.with_file_name("letter.pdf")
    }

    pub fn demo(&self) -> &Demo {
        &self.demo
    }

    /// The platform of the operator commands against this stack.
    pub fn operator_platform(&self) -> Platform {
        let vars: HashMap<String, String> = self.operator_vars.clone().into_iter().collect();
        let secret = self.operator_vars.get("AWS_SECRET_ACCESS_KEY").cloned().unwrap_or_default();
        Platform::local("operator", self.aws.url(), &secret, REGION, vars, self.shared.clock.clone())
    }

    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    pub fn advance(&self, by: SignedDuration) -> Result<Timestamp, StackError> {
        self.shared.advance(by)
    }

    pub fn carrier(&self) -> &Simulator {
        &self.carrier
    }

    /// Stops taking requests, lets the emulators finish what is under way and closes the files.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        drop(self.shared);
        if let Ok(carrier) = Arc::try_unwrap(self.carrier) {
            carrier.stop().await;
        }
        if let Ok(aws) = Arc::try_unwrap(self.aws) {
            aws.stop().await;
        }
    }
}

fn rules(template: &Template) -> Result<Vec<BusRule>, StackError> {
    let mut rules = Vec::new();
    for rule in template.resources("AWS::Events::Rule")? {
        let properties = &rule.properties;
        for target in properties["Targets"].as_array().into_iter().flatten() {
            rules.push(BusRule {
                name: rule.name.clone(),
                event_bus_name: properties["EventBusName"].as_str().unwrap_or_default().to_owned(),
                pattern: properties["EventPattern"].clone(),
                target_queue_name: name_of_arn(target["Arn"].as_str().unwrap_or_default()).to_owned(),
            });
        }
    }
    Ok(rules)
}

fn stream_source(function: &Resource, properties: &Value, handler: host::Handler, dir: &Path) -> StreamSource {
    let number = |field: &str, default: u64| properties[field].as_u64().unwrap_or(default);
    let stream_arn = properties["Stream"].as_str().unwrap_or_default().to_owned();
    let patterns = properties["FilterCriteria"]["Filters"].as_array().into_iter().flatten();
    let event_names = patterns
        .filter_map(|filter| serde_json::from_str::<Value>(filter["Pattern"].as_str()?).ok())
        .flat_map(|pattern| pattern["eventName"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let failures = properties["DestinationConfig"]["OnFailure"]["Destination"].as_str();
    StreamSource {
        table: name_of_arn(&stream_arn).to_owned(),
        stream_arn,
        batch_size: usize::try_from(number("BatchSize", 100)).unwrap_or(100),
        max_retries: u32::try_from(number("MaximumRetryAttempts", 10)).unwrap_or(10),
        bisect: properties["BisectBatchOnFunctionError"] == true,
        event_names,
        failures_bucket: failures.map(|arn| name_of_arn(arn).to_owned()),
        checkpoint: dir.join(format!("{}.position", function.name)),
        handler,
    }
}

/// The environment of the operator commands: how to reach the services, what the resources are called, and the control port.
fn operator_vars(template: &Template, state: &State, aws_url: &str, control_port: u16) -> Result<BTreeMap<String, String>, StackError> {
    let mut vars = template.operator_environment()?;
    vars.retain(|name, _| !name.starts_with("TELNYX") && !name.starts_with("CARRIER"));
    let fixed = [
        ("AWS_ENDPOINT_URL", aws_url),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "operator"),
        ("AWS_SECRET_ACCESS_KEY", &state.aws_secret),
        ("SFM_CONTROL_URL", &format!("http://127.0.0.1:{control_port}")),
        ("SFM_CONTROL_TOKEN", &state.control_token),
    ];
    vars.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(vars)
}

//! How a stack starts: one step after another, each on what those before it made.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use jiff::SignedDuration;
use serde_json::json;
use sfm_core::clock::Clock;
use sfm_core::secret::Secret;
use sfm_simulator::{Simulator, SimulatorConfig};
use sfm_store::members::MembersAdmin;
use sfm_store::platform::Platform;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::authorizer::Authorizer;
use super::bootstrap::{Bootstrap, binary_of};
use super::config::StackConfig;
use super::error::StackError;
use super::host::{Host, HostError};
use super::listeners::{Listeners, url};
use super::oidc::{self, Issuer};
use super::shared::Shared;
use super::state::{self, Demo, Lock, State};
use super::template::{Resource, Template, bucket_name, name_of_arn};
use super::{AWS_ACCOUNT, POLLER, REGION, Stack, TEMPLATE, api, control, demo, operator, provision};
use crate::aws::{BusRule, Endpoint, EndpointConfig, LifecycleRule};

/// A document for a first fax.
const SAMPLE: &[u8] = include_bytes!("../../../fax-document/samples/letter.pdf");

impl Stack {
    /// Starts everything on the folder's data, which a start makes where there is none.
    ///
    /// # Errors
    /// When another stack has the folder, a port is taken, or the template asks for what there is not here.
    pub async fn start(config: StackConfig) -> Result<Self, StackError> {
        let dir = private_folder(&config.dir)?;
        let lock = Lock::take(&dir)?;
        let mut state = State::load(&dir)?;
        let fixed_clock = config.bootstrap.is_some();
        if fixed_clock && state.clock_offset_ms != 0 {
            return Err(StackError::FixedClock);
        }
        let clock = Clock::ahead(SignedDuration::from_millis(state.clock_offset_ms));
        let listeners = Listeners::open(config.port, state.ports).await?;
        state.ports = listeners.ports;
        state.save()?;
        let (base_url, issuer_url, aws_url) = (url(state.ports.api), url(state.ports.issuer), url(state.ports.aws));

        let carrier = Arc::new(
            Simulator::start(SimulatorConfig {
                listener: listeners.carrier,
                dir: dir.join("carrier"),
                clock: clock.clone(),
                speed: config.carrier_speed,
                api_key: state.carrier_api_key.clone(),
                signing_key: state.signing_key()?,
                default_webhook_url: format!("{base_url}/carrier/telnyx"),
                decode: sfm_simulator::fax_pages,
                interceptor: config.interceptor.clone(),
            })
            .await?,
        );
        let template = template(&config, &carrier, &base_url, &issuer_url, &aws_url)?;
        let aws = Endpoint::start(EndpointConfig {
            listener: listeners.aws,
            dir: dir.clone(),
            clock: clock.clone(),
            interceptor: config.interceptor.clone(),
            rules: rules(&template)?,
            lifecycle: lifecycle(&template)?,
            secret: state.aws_secret.clone(),
            count_capacity: config.count_capacity,
        })
        .await?;
        let platforms = Platforms { aws_url, aws_secret: state.aws_secret.clone(), clock: clock.clone() };
        let poller = platforms.of(POLLER, HashMap::new());
        provision::provision(&template, &poller, &secret_text(&config, &state)).await?;
        let functions = template.resources("AWS::Serverless::Function")?;
        let host = host(&config, &template, &functions, &platforms)?;

        let mut operator_vars = operator::variables(&template, &state, &platforms.aws_url)?;
        if config.allow_loopback {
            operator_vars.insert("ALLOW_LOOPBACK".into(), "true".into());
        }
        let operator_env = dir.join("operator.env");
        let lines: String = operator_vars.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        state::write_private(&operator_env, lines.as_bytes())?;
        state::write_private(&dir.join("letter.pdf"), SAMPLE)?;
        let demo = demo_account(&mut state, &platforms.of("operator", operator_vars.clone().into_iter().collect())).await?;

        let (moved, moved_seen) = watch::channel(0);
        let token = state.control_token.clone();
        let shared = Arc::new(Shared { clock: clock.clone(), moved, carrier: carrier.clone(), state: Mutex::new(state), fixed_clock });
        let mut stack = Self {
            base_url,
            aws: Arc::new(aws),
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
        stack.serve(listeners.control, control::router(shared, token));
        let members = MembersAdmin::new(&stack.operator_platform()).map_err(|e| StackError::Demo(e.to_string()))?;
        let issuer = Issuer::new(issuer_url, &stack.base_url, &dir, members, clock.clone());
        stack.serve(listeners.issuer, oidc::router(Arc::new(issuer)));
        stack.authorizers = template.resources("AWS::Serverless::HttpApi")?.iter().flat_map(|api| Authorizer::all(api, &clock)).collect();
        let routes = stack.connect(&functions, &dir, &poller, &moved_seen, config.connected.then_some(config.interceptor))?;
        stack.serve(listeners.api, api::router(routes, clock));
        Ok(stack)
    }

    fn serve(&mut self, listener: TcpListener, router: Router) {
        self.tasks.spawn(async move {
            if let Err(e) = axum::serve(listener, router).await {
                tracing::error!(error = %e, "a server ended");
            }
        });
    }
}

/// The folder, made where it is missing. Private papers lie in it: only its owner may look.
fn private_folder(dir: &Path) -> Result<PathBuf, StackError> {
    let failed = |e| StackError::io(dir, e);
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed)?;
    dir.canonicalize().map_err(failed)
}

/// The text of each secret of the template: the members of all of them.
fn secret_text(config: &StackConfig, state: &State) -> String {
    let mut members: BTreeMap<&str, &str> =
        config.carrier_credentials.iter().map(|(name, secret): (_, &Secret)| (name.as_str(), secret.expose())).collect();
    members.insert("telnyx_api_key", &state.carrier_api_key);
    members.insert("receipt_key", &state.receipt_key);
    json!(members).to_string()
}

/// The template with the values that this stack gives its parameters.
fn template(config: &StackConfig, carrier: &Simulator, base_url: &str, issuer_url: &str, aws_url: &str) -> Result<Template, StackError> {
    let parameters = [
        ("AWS::StackName", "local"),
        ("AWS::Region", REGION),
        ("AWS::AccountId", AWS_ACCOUNT),
        ("AWS::Partition", "aws"),
        ("TelnyxApiUrl", carrier.url()),
        ("OidcIssuer", issuer_url),
        ("OidcClientId", oidc::CLIENT_ID),
        ("DashboardUrl", base_url),
        ("TelnyxConnectionId", "local"),
        ("TelnyxPublicKey", &carrier.public_key()),
    ];
    let mut parameters = BTreeMap::from(parameters.map(|(name, value)| (name.to_owned(), value.to_owned())));
    parameters.extend(config.parameters.clone());
    let attributes = BTreeMap::from([("Api.ApiEndpoint".to_owned(), base_url.to_owned())]);
    Ok(Template::parse(TEMPLATE, parameters, attributes, aws_url)?)
}

/// The rules that put what is published on queues.
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

/// How long objects are kept, by prefix.
fn lifecycle(template: &Template) -> Result<Vec<LifecycleRule>, StackError> {
    let mut rules = Vec::new();
    for bucket in template.resources("AWS::S3::Bucket")? {
        for rule in bucket.properties["LifecycleConfiguration"]["Rules"].as_array().into_iter().flatten() {
            let days = &rule["ExpirationInDays"];
            let days = days.as_u64().or_else(|| days.as_str()?.parse().ok()).and_then(|days| u32::try_from(days).ok());
            if let Some(days) = days.filter(|_| rule["Status"] == "Enabled") {
                let prefix = rule["Prefix"].as_str().unwrap_or_default().to_owned();
                rules.push(LifecycleRule { bucket: bucket_name(&bucket.name), prefix, days });
            }
        }
    }
    Ok(rules)
}

/// Makes the platforms of whoever calls the emulated services.
struct Platforms {
    aws_url: String,
    aws_secret: String,
    clock: Clock,
}

impl Platforms {
    fn of(&self, caller: &str, variables: HashMap<String, String>) -> Platform {
        Platform::local(caller, &self.aws_url, &self.aws_secret, REGION, variables, self.clock.clone())
    }
}

/// Every function of the template, in this process or, where binaries are given, in processes of its own.
fn host(config: &StackConfig, template: &Template, functions: &[Resource], platforms: &Platforms) -> Result<Host, StackError> {
    let mut host = Host::default();
    for function in functions {
        let mut vars: HashMap<String, String> = template.environment(function)?.into_iter().collect();
        if config.allow_loopback {
            vars.insert("ALLOW_LOOPBACK".into(), "true".into());
        }
        vars.extend(config.variables.clone());
        if let Some(dir) = &config.bootstrap {
            let aws = [("AWS_ENDPOINT_URL", &*platforms.aws_url), ("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", &*function.name)];
            vars.extend(aws.map(|(name, value)| (name.to_owned(), value.to_owned())));
            vars.insert("AWS_SECRET_ACCESS_KEY".into(), platforms.aws_secret.clone());
            let binary = binary_of(dir, &function.name).ok_or_else(|| HostError::NoBinary(function.name.clone(), dir.clone()))?;
            host.add_process(Bootstrap::new(&function.name, binary, vars.into_iter().collect(), template.timeout(function)));
            continue;
        }
        if let Some(worker) = &config.document_worker {
            vars.insert("DOCUMENT_WORKER".into(), worker.display().to_string());
        }
        let mut platform = platforms.of(&function.name, vars);
        if let Some(names) = &config.names {
            platform = platform.with_names(names.clone());
        }
        host.add(&function.name, &platform)?;
    }
    Ok(host)
}

/// The demo account of a folder: that of its first start.
async fn demo_account(state: &mut State, operator: &Platform) -> Result<Demo, StackError> {
    if let Some(demo) = &state.demo {
        return Ok(demo.clone());
    }
    let demo = demo::create(operator).await.map_err(|e| StackError::Demo(e.to_string()))?;
    state.demo = Some(demo.clone());
    state.save()?;
    Ok(demo)
}

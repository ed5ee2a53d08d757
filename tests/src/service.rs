//! A stack in this process, in a folder that goes with it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::Value;
use sfm::commands::{account, key, number};
use sfm_core::id::AccountId;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_core::secret::Secret;
use sfm_http_client::ssrf::Names;
use sfm_local::interceptor::{CallInterceptor, NoInterceptor};
use sfm_local::stack::template::Template;
use sfm_local::stack::{Stack, StackConfig, StackError, TEMPLATE};
use sfm_store::accounts::Accounts;
use sfm_store::faxes::Faxes;
use sfm_store::platform::Platform;
use tempfile::TempDir;

use crate::client::Client;
use crate::eventually;

/// How fast the simulated carrier plays in tests.
pub const CARRIER_SPEED: f64 = 1000.0;
/// So slow that a call is still under way whatever a test does meanwhile: it takes two hours.
pub const SLOW_CARRIER: f64 = 0.01;

#[derive(Debug)]
pub struct Service {
    pub stack: Stack,
    /// Removed with the service, unless the folder is somebody else's.
    _folder: Option<TempDir>,
}

/// An account of its own for a test, with a number and a key of all scopes.
#[derive(Debug)]
pub struct Customer {
    pub account: AccountId,
    pub key: String,
    pub client: Client,
}

/// A document's worker that another test starts at the moment holds what this process has open until its program runs: the folder of a
/// stack that is gone may be in use for so long.
pub async fn start_in(dir: PathBuf, interceptor: Arc<dyn CallInterceptor>) -> Stack {
    start_at(dir, interceptor, CARRIER_SPEED).await
}

/// The same with a carrier that plays at another speed.
pub async fn start_at(dir: PathBuf, interceptor: Arc<dyn CallInterceptor>, carrier_speed: f64) -> Stack {
    eventually("the folder to be free", || async {
        match Stack::start(StackConfig { interceptor: interceptor.clone(), carrier_speed, ..config(dir.clone()) }).await {
            Err(StackError::InUse(_)) => None,
            started => Some(started.expect("the stack starts")),
        }
    })
    .await
}

async fn start_as(config: StackConfig) -> Stack {
    Stack::start(config).await.expect("the stack starts")
}

/// The `sfm` binary that is built beside the tests.
pub fn sfm_under_test() -> PathBuf {
    // A test lies in `deps`, one of the programs of this crate above it.
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let folder = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
    folder.join("sfm-under-test")
}

/// How stacks are started in tests.
pub fn config(dir: PathBuf) -> StackConfig {
    StackConfig {
        dir,
        port: 0,
        carrier_speed: CARRIER_SPEED,
        allow_loopback: true,
        parameters: BTreeMap::new(),
        carrier_credentials: BTreeMap::new(),
        document_worker: Some(sfm_under_test()),
        interceptor: Arc::new(NoInterceptor),
        count_capacity: true,
        connected: true,
        variables: HashMap::new(),
        names: None,
        bootstrap: None,
    }
}

impl Service {
    pub async fn start() -> Self {
        Self::start_intercepted(Arc::new(NoInterceptor)).await
    }

    pub async fn start_intercepted(interceptor: Arc<dyn CallInterceptor>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stack = start_in(folder.path().to_owned(), interceptor).await;
        Self { stack, _folder: Some(folder) }
    }

    /// A stack whose carrier plays at another speed.
    pub async fn start_at(interceptor: Arc<dyn CallInterceptor>, carrier_speed: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stack = start_at(folder.path().to_owned(), interceptor, carrier_speed).await;
        Self { stack, _folder: Some(folder) }
    }

    /// A stack as it is in the cloud: without the switch that lets customers' URLs lead to this machine.
    pub async fn start_closed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stack = start_as(StackConfig { allow_loopback: false, ..config(folder.path().to_owned()) }).await;
        Self { stack, _folder: Some(folder) }
    }

    /// A stack whose queues, streams and schedules feed nobody: the test invokes the functions. `variables` of their environment
    /// differ from the template's.
    pub async fn start_disconnected(interceptor: Arc<dyn CallInterceptor>, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let stack = start_as(StackConfig { interceptor, variables, connected: false, ..config(folder.path().to_owned()) }).await;
        Self { stack, _folder: Some(folder) }
    }

    /// A stack with another carrier.
    pub async fn start_with_carrier(
        interceptor: Arc<dyn CallInterceptor>,
        parameters: &[(&str, &str)],
        credentials: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StackConfig {
            parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            carrier_credentials: credentials.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
            interceptor,
            ..config(folder.path().to_owned())
        };
        Self { stack: start_as(config).await, _folder: Some(folder) }
    }

    /// A stack whose functions run in processes of their own.
    pub async fn start_with_binaries(dir: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stack = start_as(StackConfig { bootstrap: Some(dir), ..config(folder.path().to_owned()) }).await;
        Self { stack, _folder: Some(folder) }
    }

    /// A stack that asks this resolver for the hosts that customers name.
    pub async fn start_with_names(names: Arc<dyn Names>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stack = start_as(StackConfig { names: Some(names), ..config(folder.path().to_owned()) }).await;
        Self { stack, _folder: Some(folder) }
    }

    pub async fn customer(&self) -> Customer {
        customer(&self.stack, Plan::Business, None).await
    }

    pub async fn customer_with(&self, plan: Plan, monthly_pages: Option<u32>) -> Customer {
        customer(&self.stack, plan, monthly_pages).await
    }

    pub async fn key(&self, account: AccountId, scopes: Vec<Scope>, test: bool) -> String {
        key::create(&self.stack.operator_platform(), account, scopes, test).await.unwrap().key
    }

    /// The template, as this stack would be deployed by it.
    pub fn template(&self) -> Template {
        let public_key = self.stack.carrier().public_key();
        let parameters = [
            ("AWS::StackName", "local"),
            ("AWS::Region", "us-east-1"),
            ("OidcIssuer", "https://issuer.example.com"),
            ("OidcClientId", "dashboard"),
            ("TelnyxApiUrl", self.stack.carrier().url()),
            ("TelnyxConnectionId", "local"),
            ("TelnyxPublicKey", public_key.as_str()),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let attributes = [("Api.ApiEndpoint".to_owned(), "https://api.example.com".to_owned())].into();
        Template::parse(TEMPLATE, parameters, attributes, self.stack.aws_endpoint_url()).unwrap()
    }

    pub fn anonymous(&self) -> Client {
        Client::anonymous(self.stack.base_url())
    }

    pub fn client(&self, key: &str) -> Client {
        Client::new(self.stack.base_url(), key)
    }

    /// The kept document of a fax.
    pub async fn document(&self, account: AccountId, fax: &str) -> Vec<u8> {
        let key = format!("faxes/{account}/{fax}.pdf");
        let kept = self.stack.operator_platform().s3().get_object().bucket("documents").key(key).send().await.unwrap();
        kept.body.collect().await.unwrap().to_vec()
    }

    /// What came out of the machines that were called.
    pub fn printouts(&self) -> Vec<Vec<u8>> {
        let folder = self.stack.operator_env().with_file_name("carrier").join("received");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|kind| kind == "pdf")).map(|path| std::fs::read(path).unwrap()).collect()
    }

    pub fn advance(&self, by: SignedDuration) {
        self.stack.advance(by).unwrap();
    }

    /// The pages that an account has used this month.
    pub async fn used_pages(&self, account: AccountId) -> u64 {
        used_pages(&self.stack, account).await
    }
}

pub async fn used_pages(stack: &Stack, account: AccountId) -> u64 {
    used_pages_of(&stack.operator_platform(), account).await
}

/// How many telephone numbers this process gave to customers.
static NUMBERS: AtomicU32 = AtomicU32::new(0);

/// The pages that an account is charged, of whichever month: a test's clock may pass the end of one.
pub async fn used_pages_of(operator: &Platform, account: AccountId) -> u64 {
    let read = Accounts::new(operator).unwrap().get(account).await.unwrap().unwrap();
    let read = Faxes::new(operator).unwrap().without_open(read).await.unwrap();
    read.used.values().sum()
}

pub async fn customer(stack: &Stack, plan: Plan, monthly_pages: Option<u32>) -> Customer {
    customer_at(&stack.operator_platform(), stack.base_url(), plan, monthly_pages).await
}

pub async fn customer_at(operator: &Platform, base_url: &str, plan: Plan, monthly_pages: Option<u32>) -> Customer {
    let new = account::New {
        name: "Test".into(),
        plan,
        monthly_pages,
        requires_baa: false,
        allow_premium: false,
        recipients: sfm_core::recipient::RecipientPolicy::Any,
        settings: account::Settings::default(),
    };
    let account = account::create(operator, new).await.unwrap().id;
    // Another stack of the same folder, or another process, may have given this one.
    for _ in 0..10_000 {
        let free = format!("+1202{:07}", 2_000_000 + NUMBERS.fetch_add(1, Ordering::Relaxed)).parse().unwrap();
        if number::add(operator, account, free, None).await.is_ok() {
            break;
        }
    }
    let key = key::create(operator, account, Scope::ALL.to_vec(), false).await.unwrap().key;
    let client = Client::new(base_url, &key);
    Customer { account, key, client }
}

/// The notes of sends under way in an account's item.
pub async fn reservations(stack: &Stack, account: AccountId) -> usize {
    let operator = stack.operator_platform();
    let item = operator.dynamodb().get_item().table_name(operator.var("ACCOUNTS_TABLE").unwrap());
    let item = item.key("account_id", AttributeValue::S(account.to_string())).key("item", AttributeValue::S("account".into()));
    let item = item.consistent_read(true).send().await.unwrap().item.unwrap();
    item.keys().filter(|name| name.starts_with("place#")).count()
}

/// What of an account stands in a due index, by table: work that is still to be done.
pub async fn left_due(stack: &Stack, account: AccountId) -> Vec<String> {
    let operator = stack.operator_platform();
    let mut left = Vec::new();
    for table in ["FAXES_TABLE", "SCHEDULED_TABLE", "EVENTS_TABLE", "DELIVERIES_TABLE"] {
        let found = operator.dynamodb().query().table_name(operator.var(table).unwrap());
        let found = found.key_condition_expression("account_id = :account").filter_expression("attribute_exists(due_at)");
        let found = found.expression_attribute_values(":account", AttributeValue::S(account.to_string())).consistent_read(true);
        left.extend(found.send().await.unwrap().items().iter().map(|item| format!("{table}: {:?}", item["id"])));
    }
    left
}

/// How many entries of an action the audit log of an account has.
pub async fn audited(operator: &Platform, account: AccountId, action: &str) -> usize {
    let found = operator.dynamodb().query().table_name(operator.var("AUDIT_TABLE").unwrap()).consistent_read(true);
    let found = found.key_condition_expression("account_id = :account").filter_expression("#action = :action");
    let found =
        found.expression_attribute_names("#action", "action").expression_attribute_values(":action", AttributeValue::S(action.into()));
    let found = found.expression_attribute_values(":account", AttributeValue::S(account.to_string())).send().await.unwrap();
    found.items().len()
}

/// Whether the document of a fax lies in the bucket.
pub async fn has_document(operator: &Platform, bucket: &str, account: AccountId, fax: &str) -> bool {
    let key = format!("faxes/{account}/{fax}.pdf");
    match operator.s3().head_object().bucket(bucket).key(key).send().await {
        Ok(_) => true,
        Err(e) if e.as_service_error().is_some_and(|e| e.is_not_found()) => false,
        Err(e) => panic!("{e:?}"),
    }
}

/// The carrier's log as the operator's command prints it.
pub fn carrier_log(stack: &Stack) -> Vec<Value> {
    stack.carrier().log().iter().map(|line| serde_json::to_value(line).unwrap()).collect()
}

//! What functions call, and what the template lets them call: `(function, action, resource)` both, in the template's own names.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::Value;
use sfm_local::interceptor::{Call, CallInterceptor, Verdict};
use sfm_local::stack::TEMPLATE;
use sfm_local::stack::template::Template;

/// `("SendFax", "dynamodb:PutItem", "Faxes")`, `("ListFaxes", "dynamodb:Query", "Faxes/index/by-seq")`, `("SendFax", "s3:PutObject",
/// "Documents/faxes/*")`.
pub type Grant = (String, String, String);

/// An interceptor that writes down every call of a function, and has some of them fail.
#[derive(Debug, Default)]
pub struct Recorder {
    calls: Mutex<BTreeSet<Grant>>,
    refused: Mutex<Option<(&'static str, &'static str)>>,
}

impl Recorder {
    pub fn calls(&self) -> BTreeSet<Grant> {
        self.calls.lock().unwrap().clone()
    }

    /// From now on calls of this service and operation break off, by whichever function.
    pub fn refuse(&self, call: Option<(&'static str, &'static str)>) {
        *self.refused.lock().unwrap() = call;
    }
}

impl CallInterceptor for Recorder {
    fn verdict(&self, call: &Call) -> Verdict {
        let refused = *self.refused.lock().unwrap() == Some((call.service, call.operation.as_str()));
        if refused && call.caller != "operator" { Verdict::Refuse } else { Verdict::Perform }
    }

    fn performed(&self, call: &Call, request: &[u8], _: u16, _: &[u8]) {
        // The operator and Lambda's own pollers have rights of their own.
        if call.service == "carrier" || matches!(call.caller.as_str(), "operator" | "Lambda") {
            return;
        }
        let body: Value = serde_json::from_slice(request).unwrap_or_default();
        let mut calls = self.calls.lock().unwrap();
        for (action, resource) in needs(call, &body) {
            calls.insert((call.caller.clone(), format!("{}:{action}", call.service), resource));
        }
    }
}

/// The actions that a call needs, each on its resource.
fn needs(call: &Call, body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match (call.service, call.operation.as_str()) {
        ("dynamodb", "TransactWriteItems") => {
            let items = body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            let action = |kind: &str| if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
            items.map(|(kind, item)| (action(kind), text(&item["TableName"]))).collect()
        }
        ("dynamodb", "BatchGetItem") => {
            body["RequestItems"].as_object().unwrap().keys().map(|table| ("BatchGetItem".to_owned(), table.clone())).collect()
        }
        ("dynamodb", operation) => {
            let index = body["IndexName"].as_str().map(|index| format!("/index/{index}")).unwrap_or_default();
            vec![(operation.to_owned(), text(&body["TableName"]) + &index)]
        }
        ("sqs", operation) => {
            let queue = text(&body["QueueUrl"]).rsplit('/').next().unwrap_or_default().to_owned();
            vec![(operation.trim_end_matches("Batch").to_owned(), queue)]
        }
        ("events", operation) => vec![(operation.to_owned(), text(&body["Entries"][0]["EventBusName"]))],
        ("s3", "CopyObject") => {
            let (to, from) = call.path.split_once(' ').unwrap();
            vec![("PutObject".into(), object(to)), ("GetObject".into(), object(from))]
        }
        ("s3", "HeadObject") => vec![("GetObject".into(), object(&call.path))],
        ("s3", operation) => vec![(operation.to_owned(), object(&call.path))],
        (_, operation) => vec![(operation.to_owned(), text(&body["SecretId"]))],
    }
}

/// `/documents/faxes/acct_…/fax_….pdf` is `documents/faxes/*`: grants on objects are by prefix.
fn object(path: &str) -> String {
    let mut parts = path.trim_start_matches('/').split('/');
    let (bucket, prefix) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{bucket}/{prefix}/*")
}

/// The template as far as it says who may do what.
fn template() -> Template {
    let parameters = [
        ("AWS::StackName", "local"),
        ("AWS::Region", "r"),
        ("AWS::AccountId", "a"),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
        ("OidcIssuer", "i"),
        ("OidcClientId", "c"),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let attributes = [("Api.ApiEndpoint".to_owned(), String::new())].into();
    Template::parse(TEMPLATE, parameters, attributes, "").unwrap()
}

/// Every grant of every function's own policies. What SAM adds for event sources and logs is not among them.
pub fn granted() -> BTreeSet<Grant> {
    let mut granted = BTreeSet::new();
    for function in template().resources("AWS::Serverless::Function").unwrap() {
        let policies = function.properties["Policies"].as_array().into_iter().flatten();
        for statement in policies.flat_map(|policy| policy["Statement"].as_array().into_iter().flatten()) {
            assert_eq!(statement["Effect"], "Allow", "{}", function.name);
            granted.extend(allowed(statement).into_iter().map(|(action, resource)| (function.name.clone(), action, resource)));
        }
    }
    granted
}

/// The actions that the boundary of all functions lets through, each on its resource, which may end in a star.
pub fn bounded() -> BTreeSet<(String, String)> {
    let policies = template().resources("AWS::IAM::ManagedPolicy").unwrap();
    let statements =
        |policy: &Value| policy["PolicyDocument"]["Statement"].as_array().unwrap().iter().flat_map(allowed).collect::<Vec<_>>();
    policies.iter().flat_map(|policy| statements(&policy.properties)).collect()
}

fn allowed(statement: &Value) -> Vec<(String, String)> {
    let resources = list(&statement["Resource"]);
    let actions = list(&statement["Action"]);
    actions.iter().flat_map(|action| resources.iter().map(|resource| (action.clone(), name(resource)))).collect()
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

/// The resource of an ARN, as calls name it.
fn name(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let kinds = ["table/", "event-bus/", "secret:"];
    kinds.iter().find_map(|kind| resource.strip_prefix(kind)).unwrap_or(resource).to_owned()
}

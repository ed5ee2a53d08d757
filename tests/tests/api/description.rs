//! The OpenAPI document: served as it is in the repository, true to the template and to the code, with examples that work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm_core::event::EventType;
use sfm_core::failure::FailureCode;
use sfm_core::fax::FaxStatus;
use sfm_core::scope::Scope;
use sfm_local::stack::TEMPLATE;
use sfm_local::stack::template::Template;
use sfm_tests::contract::Contract;
use sfm_tests::target::Target;

/// What is not for customers' programs: carriers' callbacks and the dashboard's pages.
const NOT_DESCRIBED: [&str; 5] =
    ["POST /carrier/telnyx", "POST /carrier/sinch/{secret}", "GET /dashboard", "GET /dashboard/", "GET /dashboard/{path+}"];

/// The routes of the template whose function finds the operation itself.
const DASHBOARD: &str = "/dashboard/api/{path+}";

/// Each operation with its method and path.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    all.collect()
}

/// The scopes that an operation names, each of which suffices.
fn scopes_of(operation: &Value) -> Vec<String> {
    let scopes = operation["description"].as_str().unwrap().split_once("Scope: `").map_or("", |(_, scopes)| scopes);
    scopes.split('`').step_by(2).filter(|scope| scope.contains(':')).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_to_anybody_as_it_is_in_the_repository() {
    let service = Target::start().await;
    let answer = service.anonymous().get("/v1/openapi.json").await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/openapi.json");
    assert_eq!((answer.status, answer.text), (200, std::fs::read_to_string(file).unwrap()));
}

/// The routes of the template, and the authorizer of each.
fn routes() -> BTreeMap<String, Value> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let parameters = [("AWS::StackName", "local"), ("AWS::Region", "us-east-1"), ("OidcIssuer", "https://issuer.example.com")].map(owned);
    let attributes = [("Api.ApiEndpoint", "https://api.example.com")].map(owned);
    let template = Template::parse(TEMPLATE, parameters.into(), attributes.into(), "http://127.0.0.1:1").unwrap();
    let functions = template.resources("AWS::Serverless::Function").unwrap();
    let events = functions.iter().filter_map(|function| function.properties["Events"].as_object()).flat_map(|events| events.values());
    let routes = events.map(|event| &event["Properties"]).filter(|route| route["Path"].is_string());
    let key = |route: &Value| format!("{} {}", route["Method"].as_str().unwrap(), route["Path"].as_str().unwrap());
    routes.map(|route| (key(route), route["Auth"]["Authorizer"].clone())).collect()
}

/// The operations that the function behind [`DASHBOARD`] finds, as the arms of its code name them: `("GET", ["keys", id]) => …`.
fn arms() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let code = std::fs::read_to_string(root.join("functions/dashboard/dashboard-api/src/lib.rs")).unwrap();
    let arm = |line: &str| {
        let (method, parts) = line.trim().strip_prefix("(\"")?.split_once("\", [")?;
        let parts = parts.split_once("])")?.0;
        if parts == r#""session""# {
            return Some(format!("{method} /dashboard/api/session"));
        }
        let part = |part: &str| part.strip_prefix('"').and_then(|part| part.strip_suffix('"')).unwrap_or("{id}").to_owned();
        let path: String = parts.split(", ").filter(|text| !text.is_empty()).map(|text| format!("/{}", part(text))).collect();
        Some(format!("{method} /dashboard/api/accounts/{{account_id}}{path}"))
    };
    code.lines().filter_map(arm).collect()
}

#[test]
fn the_document_has_the_routes_of_the_template_and_of_the_code_behind_them() {
    let routes = routes();
    let (behind, mut reached): (BTreeSet<String>, BTreeSet<String>) = routes.keys().cloned().partition(|route| route.ends_with(DASHBOARD));
    let arms = arms();
    let methods = arms.iter().map(|arm| format!("{} {DASHBOARD}", arm.split(' ').next().unwrap()));
    assert_eq!(behind, methods.collect(), "each method that the code knows has its route");
    for arm in arms {
        assert!(reached.insert(arm.clone()), "another function has {arm}");
    }
    let described = operations(Contract::get().document()).into_iter().map(|(method, path, _)| format!("{method} {path}"));
    let described: BTreeSet<String> = described.chain(NOT_DESCRIBED.map(str::to_owned)).collect();
    assert_eq!(reached, described);
    for (route, authorizer) in routes {
        let guarded = route.contains(" /dashboard/api/").then_some("DashboardUsers");
        assert_eq!(authorizer.as_str(), guarded, "{route}");
    }
}

#[test]
fn the_document_knows_every_status_code_and_scope_of_the_code() {
    let document = Contract::get().document();
    let listed = |pointer: &str| -> BTreeSet<String> {
        let values = document.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
        values.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let statuses: BTreeSet<String> = FaxStatus::ALL.iter().map(|status| status.as_str().to_owned()).collect();
    assert_eq!(listed("/components/schemas/Fax/properties/status/enum"), statuses);
    let filter = &document["paths"]["/v1/faxes"]["get"]["parameters"];
    let filter = filter.as_array().unwrap().iter().find(|parameter| parameter["name"] == "status").unwrap();
    assert_eq!(filter["schema"]["enum"], document["components"]["schemas"]["Fax"]["properties"]["status"]["enum"]);
    let failures: BTreeSet<String> =
        FailureCode::ALL.iter().map(|code| serde_json::to_value(code).unwrap().as_str().unwrap().to_owned()).collect();
    assert_eq!(listed("/components/schemas/FaxFailure/properties/code/enum"), failures);
    let told_of = EventType::OF_FAXES.into_iter().chain([EventType::FaxCanceled, EventType::ScheduledFailed, EventType::WebhookTest]);
    let told_of: BTreeSet<String> = told_of.map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(document["webhooks"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), told_of);
    let scopes: BTreeSet<String> = Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect();
    let told: BTreeSet<String> = operations(document).iter().flat_map(|(_, _, operation)| scopes_of(operation)).collect();
    assert_eq!(told, scopes);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_that_the_document_names_is_the_one_that_the_route_asks_for() {
    let service = Target::start().await;
    let customer = service.customer().await;
    for (method, path, operation) in operations(Contract::get().document()) {
        let named: Vec<Scope> = scopes_of(&operation).iter().map(|scope| scope.parse().unwrap()).collect();
        if named.is_empty() {
            continue;
        }
        let others = Scope::ALL.into_iter().filter(|other| !named.contains(other)).collect();
        let path = path.replace("{id}", "nonsense");
        for (scopes, refused) in named.into_iter().map(|scope| (vec![scope], false)).chain([(others, true)]) {
            let client = service.client(&service.key(customer.account, scopes, false).await);
            let body = (method == "POST").then(|| b"{}".to_vec());
            let answer = client.try_call(Method::from_bytes(method.as_bytes()).unwrap(), &path, &[], body).await.unwrap();
            assert_eq!(answer.status == 403, refused, "{method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_document_work() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let mut tried = 0;
    for (method, path, operation) in operations(Contract::get().document()) {
        let examples = &operation["requestBody"]["content"]["application/json"]["examples"];
        for (name, example) in examples.as_object().into_iter().flatten() {
            let mut body = example["value"].clone();
            // An example's date cannot stay ahead of the reader's.
            if body["send_at"].is_string() {
                body["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(24)).to_string());
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let headers = [("idempotency-key", name.as_str())];
            let answer = customer.client.try_call(method, &path, &headers, Some(body.to_string().into_bytes())).await.unwrap();
            assert_eq!(answer.status, 201, "{name}: {}", answer.text);
            tried += 1;
        }
    }
    assert!(tried >= 4, "{tried} examples");
}

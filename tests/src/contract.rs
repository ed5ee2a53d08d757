//! The OpenAPI document as a judge: each answer that a test gets must be one that the document describes.

use std::collections::HashMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::client::Answer;
use crate::receiver::Request;

/// What the document says of one answer of one operation.
#[derive(Debug)]
struct Described {
    headers: Vec<(String, bool)>,
    body: Option<Validator>,
    /// The media types that it may have beside JSON.
    others: Vec<String>,
}

#[derive(Debug)]
pub struct Contract {
    document: Value,
    /// By method, path pattern and status.
    answers: HashMap<(String, String, String), Described>,
    error: Validator,
    /// By type of event.
    webhooks: HashMap<String, Webhook>,
}

/// What the document says of the request that tells of an event.
#[derive(Debug)]
struct Webhook {
    headers: Vec<(String, Validator)>,
    body: Validator,
}

impl Contract {
    /// The document that the service serves.
    pub fn get() -> &'static Self {
        static CONTRACT: OnceLock<Contract> = OnceLock::new();
        CONTRACT.get_or_init(|| Self::read(sfm_web::openapi::DOCUMENT))
    }

    fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).unwrap();
        let mut answers = HashMap::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    let answer = follow(&document, answer);
                    let headers = answer["headers"].as_object().cloned().unwrap_or_default();
                    let headers =
                        headers.iter().map(|(name, header)| (name.clone(), follow(&document, header)["required"] == true)).collect();
                    let schema = &answer["content"]["application/json"]["schema"];
                    let body = (!schema.is_null()).then(|| validator(&document, schema));
                    let others = answer["content"].as_object().into_iter().flat_map(|content| content.keys().cloned());
                    let others = others.filter(|media_type| media_type != "application/json").collect();
                    answers.insert((method.to_uppercase(), path.clone(), status.clone()), Described { headers, body, others });
                }
            }
        }
        let error = validator(&document, &json!({"$ref": "#/components/schemas/Error"}));
        let webhooks = document["webhooks"].as_object().unwrap().iter();
        let webhooks = webhooks.map(|(kind, item)| (kind.clone(), Webhook::read(&document, &item["post"]))).collect();
        Self { document, answers, error, webhooks }
    }

    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Panics when an answer is not as the document describes it.
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap();
        if !path.starts_with("/v1/") && !path.starts_with("/dashboard/api/") {
            return;
        }
        let told = || format!("{method} {path}: {} {}", answer.status, answer.text);
        let Some(described) = self.find(method, path, answer.status) else {
            // What the document does not list: unknown routes, and methods that a route does not take.
            assert!(matches!(answer.status, 404 | 405), "not in openapi.json: {}", told());
            assert!(method == "HEAD" || self.error.is_valid(&answer.json()), "{}", told());
            return;
        };
        for (name, required) in &described.headers {
            assert!(!required || answer.header(name).is_some(), "no {name}: {}", told());
        }
        if answer.header("content-type").is_some_and(|media_type| described.others.iter().any(|other| other == media_type)) {
            return;
        }
        match &described.body {
            Some(schema) => {
                let body = answer.json();
                let wrong: Vec<String> = schema.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
                assert!(wrong.is_empty(), "{wrong:?} in {}", told());
                assert_eq!(answer.header("content-type"), Some("application/json"), "{}", told());
            }
            None => assert!(answer.text.is_empty() && described.others.is_empty(), "{}", told()),
        }
    }

    /// Panics when a request to an endpoint is not as the document describes it.
    pub fn check_webhook(&self, request: &Request) {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let kind = body["type"].as_str().unwrap_or_default();
        let described = self.webhooks.get(kind).unwrap_or_else(|| panic!("not in openapi.json: {body}"));
        let wrong: Vec<String> = described.body.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:?} in {body}");
        for (name, schema) in &described.headers {
            let value = request.header(&name.to_lowercase());
            assert!(schema.is_valid(&json!(value)), "{name}: {value:?}");
        }
    }

    fn find(&self, method: &str, path: &str, status: u16) -> Option<&Described> {
        let fits = |pattern: &str| {
            let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
            pattern.len() == path.len() && pattern.iter().zip(&path).all(|(p, s)| p == s || (p.starts_with('{') && !s.is_empty()))
        };
        let fitting = self.answers.iter().filter(|((m, pattern, s), _)| m == method && *s == status.to_string() && fits(pattern));
        // `/faxes/export` is no `/faxes/{id}`.
        fitting.min_by_key(|((_, pattern, _), _)| pattern.matches('{').count()).map(|(_, described)| described)
    }
}

impl Webhook {
    fn read(document: &Value, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().unwrap().iter().map(|parameter| follow(document, parameter));
        let headers = parameters.map(|header| (header["name"].as_str().unwrap().to_owned(), validator(document, &header["schema"])));
        let mut body = operation["requestBody"]["content"]["application/json"]["schema"].clone();
        close(&mut body);
        Self { headers: headers.collect(), body: validator(document, &body) }
    }
}

fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} is nowhere")),
        None => value,
    }
}

/// A schema that also refuses what it does not describe: callers may meet more than they know, but not from this version.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = json!({"schemas": document["components"]["schemas"]});
    close(&mut whole["components"]["schemas"]);
    jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let open = fields.get("type") == Some(&json!("object")) && fields.contains_key("properties") && !is_of_documents(fields);
            if open {
                fields.insert("additionalProperties".into(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// The OpenAPI document itself has more than its schema says.
fn is_of_documents(fields: &Map<String, Value>) -> bool {
    fields["properties"].get("openapi").is_some()
}

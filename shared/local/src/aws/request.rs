//! What a request says about itself before anything is done with it.

use http::header::{AUTHORIZATION, HeaderMap};
use http::request::Parts;
use http::{Method, Uri};
use serde_json::Value;

/// The scope that a request was signed for: `Credential=ID/DATE/REGION/SERVICE/aws4_request`, in the header or in a presigned
/// link's query.
#[derive(Debug, Default)]
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: String,
}

impl Signer {
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        let header = header(&parts.headers, AUTHORIZATION.as_str());
        let scope = match header.split_once("Credential=") {
            Some((_, rest)) => rest.split([',', ' ']).next().unwrap_or_default().to_owned(),
            None => query(&parts.uri, "X-Amz-Credential")?,
        };
        // From the right: nothing forbids a slash in an access key id.
        let mut scope = scope.rsplitn(5, '/').skip(1);
        let (service, region, _date, access_key) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        Some(Self { access_key: access_key.to_owned(), region: region.to_owned(), service: service.to_owned() })
    }
}

pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The decoded value of a query parameter.
pub(super) fn query(uri: &Uri, name: &str) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// What a JSON service is asked to do: the part of `X-Amz-Target` after the dot, if that belongs to the service.
pub(super) fn operation(headers: &HeaderMap, services: &[&str]) -> Option<String> {
    let (service, operation) = header(headers, "x-amz-target").split_once('.')?;
    services.contains(&service).then(|| operation.to_owned())
}

/// The resources that a request to a JSON service names: each table with its index, a queue, a secret, or buses.
pub(super) fn json_target(body: &[u8]) -> String {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let text = |value: &Value| value.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = ["TableName", "QueueUrl", "SecretId"].iter().map(|name| text(&asked[*name])).collect();
    if let Some(index) = asked["IndexName"].as_str() {
        names[0] = format!("{}.{index}", names[0]);
    }
    names.extend(asked["RequestItems"].as_object().into_iter().flat_map(|tables| tables.keys().cloned()));
    names.extend(asked["Entries"].as_array().into_iter().flatten().map(|entry| text(&entry["EventBusName"])));
    for action in asked["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object) {
        names.extend(action.iter().map(|(kind, action)| format!("{kind} {}", text(&action["TableName"]))));
    }
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names.join(", ")
}

/// The bucket of an object, and the first part of its key.
pub(super) fn object_target(path: &str) -> String {
    path.trim_start_matches('/').split('/').take(2).collect::<Vec<_>>().join("/")
}

/// The S3 operation that a path-style request asks for.
pub(super) fn s3_operation(parts: &Parts) -> String {
    let path = parts.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let has = |name: &str| query(&parts.uri, name).is_some();
    let copy = parts.headers.contains_key("x-amz-copy-source");
    let (get, put, post) = (parts.method == Method::GET, parts.method == Method::PUT, parts.method == Method::POST);
    let (head, delete) = (parts.method == Method::HEAD, parts.method == Method::DELETE);
    let operation = match (bucket.is_empty(), key.is_empty()) {
        (true, _) if get => "ListBuckets",
        (_, true) if get && has("list-type") => "ListObjectsV2",
        (_, true) if get && has("location") => "GetBucketLocation",
        (_, true) if get && has("uploads") => "ListMultipartUploads",
        (_, true) if get => "ListObjects",
        (_, true) if put => "CreateBucket",
        (_, true) if head => "HeadBucket",
        (_, true) if delete => "DeleteBucket",
        (_, true) if post && has("delete") => "DeleteObjects",
        (_, true) if post => "PostObject",
        (_, false) if get && has("uploadId") => "ListParts",
        (_, false) if get => "GetObject",
        (_, false) if head => "HeadObject",
        (_, false) if put && has("uploadId") && copy => "UploadPartCopy",
        (_, false) if put && has("uploadId") => "UploadPart",
        (_, false) if put && copy => "CopyObject",
        (_, false) if put => "PutObject",
        (_, false) if delete && has("uploadId") => "AbortMultipartUpload",
        (_, false) if delete => "DeleteObject",
        (_, false) if post && has("uploads") => "CreateMultipartUpload",
        (_, false) if post && has("uploadId") => "CompleteMultipartUpload",
        _ => return parts.method.to_string(),
    };
    operation.to_owned()
}

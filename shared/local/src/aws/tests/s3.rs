use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier, ServerSideEncryption};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use jiff::SignedDuration;

use super::{CALLER, Stack, client, fetch};

async fn documents(stack: &Stack) -> Client {
    let client = client!(aws_sdk_s3, stack);
    client.create_bucket().bucket("documents").send().await.unwrap();
    client
}

async fn put(client: &Client, key: &str, body: &[u8]) {
    client
        .put_object()
        .bucket("documents")
        .key(key)
        .body(ByteStream::from(body.to_vec()))
        .content_type("application/pdf")
        .metadata("pages", "3")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .send()
        .await
        .unwrap();
}

/// A link to an object for five minutes from now, by the stack's clock.
async fn link(stack: &Stack, client: &Client, key: &str) -> String {
    let now = SystemTime::try_from(stack.clock.now()).unwrap();
    let config = PresigningConfig::builder().start_time(now).expires_in(Duration::from_secs(300));
    let request = client.get_object().bucket("documents").key(key).presigned(config.build().unwrap()).await.unwrap();
    request.uri().to_owned()
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put_even_after_a_crash() {
    let stack = Stack::start().await;
    let body: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    put(&documents(&stack).await, "2026/fax 1.pdf", &body).await;
    let stack = stack.crash().await;
    let client = client!(aws_sdk_s3, stack);
    let object = client.get_object().bucket("documents").key("2026/fax 1.pdf").send().await.unwrap();
    assert_eq!(object.content_type(), Some("application/pdf"));
    assert_eq!(object.metadata().unwrap()["pages"], "3");
    assert!(object.body.collect().await.unwrap().to_vec() == body);
    let head = client.head_object().bucket("documents").key("2026/fax 1.pdf").send().await.unwrap();
    assert_eq!((head.content_length(), head.content_type()), (Some(3_000_000), Some("application/pdf")));
    let range = client.get_object().bucket("documents").key("2026/fax 1.pdf").range("bytes=1-2").send().await.unwrap();
    assert_eq!(range.body.collect().await.unwrap().to_vec(), [1, 2]);
}

#[tokio::test]
async fn a_copy_over_an_object_that_is_being_read_does_not_disturb_the_reader() {
    const SIZE: usize = 32 * 1024 * 1024;
    let stack = Stack::start().await;
    let client = documents(&stack).await;
    put(&client, "old", &vec![b'a'; SIZE]).await;
    put(&client, "new", &vec![b'b'; 1000]).await;
    let mut old = client.get_object().bucket("documents").key("old").send().await.unwrap().body;
    let mut read = old.try_next().await.unwrap().unwrap().to_vec();
    client.copy_object().bucket("documents").key("old").copy_source("documents/new").send().await.unwrap();
    while let Some(bytes) = old.try_next().await.unwrap() {
        read.extend(bytes);
    }
    assert!(read == vec![b'a'; SIZE], "{} bytes", read.len());
    let copied = client.get_object().bucket("documents").key("old").send().await.unwrap();
    assert_eq!((copied.content_type(), copied.metadata().unwrap()["pages"].as_str()), (Some("application/pdf"), "3"));
    assert!(copied.body.collect().await.unwrap().to_vec() == vec![b'b'; 1000]);
    let missing = client.copy_object().bucket("documents").key("old").copy_source("documents/never").send().await;
    assert_eq!(missing.unwrap_err().code(), Some("NoSuchKey"));
}

#[tokio::test]
async fn objects_are_listed_and_deleted() {
    let stack = Stack::start().await;
    let client = documents(&stack).await;
    for key in ["a/1", "a/2", "b/1"] {
        put(&client, key, b"x").await;
    }
    let keys = async |prefix: &str| -> Vec<String> {
        let list = client.list_objects_v2().bucket("documents").prefix(prefix).send().await.unwrap();
        list.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    };
    assert_eq!(keys("a/").await, ["a/1", "a/2"]);
    client.delete_object().bucket("documents").key("a/1").send().await.unwrap();
    let rest = ["a/2", "b/1", "never/was"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let rest = Delete::builder().set_objects(Some(rest.to_vec())).build().unwrap();
    client.delete_objects().bucket("documents").delete(rest).send().await.unwrap();
    assert!(keys("").await.is_empty());
    let missing = client.get_object().bucket("documents").key("a/1").send().await.unwrap_err().into_service_error();
    assert!(missing.is_no_such_key());
}

#[tokio::test]
async fn a_link_works_until_the_stacks_clock_passes_its_end() {
    let stack = Stack::start().await;
    let client = documents(&stack).await;
    put(&client, "fax.pdf", b"%PDF").await;
    let link = link(&stack, &client, "fax.pdf").await;
    assert_eq!(fetch(&link).await, (StatusCode::OK, "%PDF".to_owned()));
    stack.clock.advance(SignedDuration::from_secs(290));
    assert_eq!(fetch(&link).await.0, StatusCode::OK);
    stack.clock.advance(SignedDuration::from_secs(20));
    let (status, body) = fetch(&link).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("<Code>AccessDenied</Code>") && body.contains("Request has expired"), "{body}");
}

#[tokio::test]
async fn a_link_made_by_the_systems_clock_is_long_expired_on_a_stack_that_stands_ahead() {
    let stack = Stack::start().await;
    let client = documents(&stack).await;
    put(&client, "fax.pdf", b"%PDF").await;
    let config = PresigningConfig::expires_in(Duration::from_secs(300)).unwrap();
    let request = client.get_object().bucket("documents").key("fax.pdf").presigned(config).await.unwrap();
    assert_eq!(fetch(request.uri()).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_link_opens_nothing_but_what_it_was_signed_for() {
    let stack = Stack::start().await;
    let client = documents(&stack).await;
    put(&client, "mine.pdf", b"mine").await;
    put(&client, "theirs.pdf", b"theirs").await;
    let link = link(&stack, &client, "mine.pdf").await;
    let later = link.replace("X-Amz-Expires=300", "X-Amz-Expires=3000");
    for forged in [link.replace("mine.pdf", "theirs.pdf"), later] {
        let (status, body) = fetch(&forged).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body.contains("<Code>SignatureDoesNotMatch</Code>"), "{body}");
    }
}

#[tokio::test]
async fn an_unsigned_or_wrongly_signed_request_is_refused() {
    let stack = Stack::start().await;
    put(&documents(&stack).await, "fax.pdf", b"%PDF").await;
    let (status, body) = fetch(&format!("{}/documents/fax.pdf", stack.endpoint.url())).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("<Code>AccessDenied</Code>"), "{body}");
    let other = aws_credential_types::Credentials::new(CALLER, "another secret", None, None, "test");
    let impostor = client!(aws_sdk_s3, stack);
    let impostor = Client::from_conf(impostor.config().to_builder().credentials_provider(other).build());
    let refused = impostor.get_object().bucket("documents").key("fax.pdf").send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
}

#[tokio::test]
async fn the_tap_sees_the_operations_by_name_without_the_objects() {
    let mut stack = Stack::start().await;
    let client = documents(&stack).await;
    put(&client, "fax.pdf", b"%PDF").await;
    client.list_objects_v2().bucket("documents").send().await.unwrap();
    let url = link(&stack, &client, "fax.pdf").await;
    fetch(&url).await;
    let mut seen = Vec::new();
    while let Ok(performed) = stack.performed.try_recv() {
        assert_eq!((performed.call.service, performed.call.caller.as_str()), ("s3", CALLER));
        assert!(performed.request.is_empty() && performed.response.is_empty());
        seen.push((performed.call.operation, performed.status));
    }
    let expected = ["CreateBucket", "PutObject", "ListObjectsV2", "GetObject"].map(|operation| (operation.to_owned(), 200));
    assert_eq!(seen, expected);
}

/// A link by which exactly `size` bytes of a type are put, good for five minutes from now on the stack's clock.
async fn upload_link(stack: &Stack, client: &Client, key: &str, size: i64, content_type: Option<&str>) -> String {
    let now = SystemTime::try_from(stack.clock.now()).unwrap();
    let config = PresigningConfig::builder().start_time(now).expires_in(Duration::from_secs(300)).build().unwrap();
    let put = client.put_object().bucket("documents").key(key).content_length(size).set_content_type(content_type.map(str::to_owned));
    put.presigned(config).await.unwrap().uri().to_owned()
}

async fn upload(url: &str, content_type: Option<&str>, body: &'static [u8]) -> StatusCode {
    let mut request = http::Request::put(url);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let client = HttpClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    client.request(request.body(Full::new(Bytes::from_static(body))).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_link_takes_an_upload_of_the_size_and_type_that_were_signed_while_it_lives() {
    let stack = Stack::start().await;
    let client = documents(&stack).await;
    let plain = upload_link(&stack, &client, "plain", 4, None).await;
    let typed = upload_link(&stack, &client, "typed", 4, Some("text/plain")).await;
    for (url, content_type, body) in [
        (&plain, None, &b"abcde"[..]),
        (&plain, None, b"abc"),
        (&plain, None, b""),
        (&typed, None, b"abcd"),
        (&typed, Some("image/png"), b"abcd"),
        (&plain.replace("plain", "other"), None, b"abcd"),
    ] {
        assert_eq!(upload(url, content_type, body).await, StatusCode::FORBIDDEN, "{url} {content_type:?} {body:?}");
    }
    assert_eq!(client.list_objects_v2().bucket("documents").send().await.unwrap().contents().len(), 0);
    assert_eq!(upload(&plain, None, b"abcd").await, StatusCode::OK);
    assert_eq!(upload(&typed, Some("text/plain"), b"abcd").await, StatusCode::OK);
    let stored = client.get_object().bucket("documents").key("typed").send().await.unwrap();
    assert_eq!((stored.content_type(), stored.content_length()), (Some("text/plain"), Some(4)));
    stack.clock.advance(SignedDuration::from_secs(301));
    assert_eq!(upload(&plain, None, b"abcd").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn old_objects_are_removed_where_a_rule_says_so_by_the_stacks_clock() {
    let stack = Stack::start().await;
    let client = documents(&stack).await;
    for key in ["brief/acct/old", "long/old"] {
        put(&client, key, b"x").await;
    }
    // The stack stands three days ahead of the system: nothing is as old as that yet.
    assert_eq!(stack.endpoint.expire_objects().unwrap(), 0);
    stack.clock.advance(SignedDuration::from_hours(23));
    put(&client, "brief/acct/new", b"x").await;
    client.copy_object().bucket("documents").key("brief/acct/copy").copy_source("documents/brief/acct/old").send().await.unwrap();
    assert_eq!(stack.endpoint.expire_objects().unwrap(), 0);
    stack.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(stack.endpoint.expire_objects().unwrap(), 1);
    let gone = client.get_object().bucket("documents").key("brief/acct/old").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchKey"));
    for key in ["brief/acct/new", "brief/acct/copy", "long/old"] {
        client.head_object().bucket("documents").key(key).send().await.unwrap();
    }
}

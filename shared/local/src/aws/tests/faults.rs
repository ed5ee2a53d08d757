use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{CALLER, Stack, Verdict, client, dynamodb};

async fn queue(stack: &Stack) -> (aws_sdk_sqs::Client, String) {
    let client = client!(aws_sdk_sqs, stack);
    let url = client.create_queue().queue_name("work").send().await.unwrap().queue_url.unwrap();
    (client, url)
}

async fn waiting(client: &aws_sdk_sqs::Client, queue: &str) -> String {
    let counts = client.get_queue_attributes().queue_url(queue).attribute_names(QueueAttributeName::All).send().await.unwrap();
    counts.attributes().unwrap()[&QueueAttributeName::ApproximateNumberOfMessages].clone()
}

#[tokio::test]
async fn a_refused_call_is_not_carried_out_and_the_connection_closes() {
    let mut stack = Stack::start().await;
    let (client, queue) = queue(&stack).await;
    stack.plan("SendMessage", Verdict::Refuse);
    let failed = client.send_message().queue_url(&queue).message_body("hello").send().await.unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(_)), "{failed:?}");
    assert_eq!(waiting(&client, &queue).await, "0");
    stack.next_performed("CreateQueue").await;
    assert_eq!(stack.performed.recv().await.unwrap().call.operation, "GetQueueAttributes");
}

#[tokio::test]
async fn a_lost_answer_belongs_to_a_call_that_was_carried_out() {
    let mut stack = Stack::start().await;
    let (client, queue) = queue(&stack).await;
    stack.plan("SendMessage", Verdict::DropResponse);
    let failed = client.send_message().queue_url(&queue).message_body("hello").send().await.unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(_)), "{failed:?}");
    assert_eq!(waiting(&client, &queue).await, "1");
    let performed = stack.next_performed("SendMessage").await;
    assert_eq!((performed.call.service, performed.call.caller.as_str(), performed.status), ("sqs", CALLER, 200));
    assert!(performed.request.contains("hello") && performed.response.contains("MessageId"));
}

#[tokio::test]
async fn the_sdk_tries_again_under_the_same_id() {
    let stack = Stack::start().await;
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let client = client!(aws_sdk_sqs, stack, retries);
    stack.plan("CreateQueue", Verdict::Refuse);
    stack.plan("CreateQueue", Verdict::DropResponse);
    client.create_queue().queue_name("work").send().await.unwrap();
    client.create_queue().queue_name("more").send().await.unwrap();
    let ids = stack.ids("CreateQueue");
    assert_eq!(ids.len(), 4);
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{ids:?}");
}

#[tokio::test]
async fn a_hanging_call_is_carried_out_and_never_answered() {
    let mut stack = Stack::start().await;
    let (client, queue) = queue(&stack).await;
    stack.plan("SendMessage", Verdict::NeverRespond);
    let hanging = tokio::spawn(client.send_message().queue_url(&queue).message_body("hello").send());
    stack.next_performed("SendMessage").await;
    assert_eq!(waiting(&client, &queue).await, "1");
    assert!(!hanging.is_finished());
    stack.endpoint.stop().await;
    let failed = hanging.await.unwrap().unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(_)), "{failed:?}");
}

#[tokio::test]
async fn faults_hit_dynamodb_objects_and_events_alike() {
    let mut stack = Stack::start().await;
    let dynamodb = client!(aws_sdk_dynamodb, stack);
    let s3 = client!(aws_sdk_s3, stack);
    let events = client!(aws_sdk_eventbridge, stack);
    for verdict in [Verdict::Refuse, Verdict::DropResponse] {
        for operation in ["ListTables", "CreateBucket", "PutEvents"] {
            stack.plan(operation, verdict.clone());
        }
        let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder().source("sfm").detail_type("X").detail("{}");
        assert!(matches!(dynamodb.list_tables().send().await, Err(SdkError::DispatchFailure(_))));
        assert!(matches!(s3.create_bucket().bucket("documents").send().await, Err(SdkError::DispatchFailure(_))));
        assert!(matches!(events.put_events().entries(entry.build()).send().await, Err(SdkError::DispatchFailure(_))));
    }
    for operation in ["ListTables", "CreateBucket", "PutEvents"] {
        assert_eq!(stack.performed.recv().await.unwrap().call.operation, operation);
    }
    assert!(stack.performed.try_recv().is_err());
}

#[tokio::test]
async fn an_error_is_the_services_own_and_nothing_is_done() {
    let stack = Stack::start().await;
    let (sqs, queue) = queue(&stack).await;
    let dynamodb = client!(aws_sdk_dynamodb, stack);
    let s3 = client!(aws_sdk_s3, stack);
    stack.plan("SendMessage", Verdict::Fail { status: 400, code: "ThrottlingException" });
    stack.plan("ListTables", Verdict::Fail { status: 500, code: "InternalServerError" });
    stack.plan("CreateBucket", Verdict::Fail { status: 503, code: "SlowDown" });
    let failed = sqs.send_message().queue_url(&queue).message_body("hello").send().await.unwrap_err();
    assert_eq!(failed.as_service_error().unwrap().meta().code(), Some("ThrottlingException"));
    assert_eq!(waiting(&sqs, &queue).await, "0");
    assert!(dynamodb.list_tables().send().await.unwrap_err().into_service_error().is_internal_server_error());
    let failed = s3.create_bucket().bucket("documents").send().await.unwrap_err();
    assert_eq!(failed.as_service_error().unwrap().meta().code(), Some("SlowDown"));
    s3.create_bucket().bucket("documents").send().await.unwrap();
}

#[tokio::test]
async fn a_batch_done_in_part_says_which_entry_was_left_out() {
    use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
    let stack = Stack::start().await;
    let (sqs, queue) = queue(&stack).await;
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
    for (entries, done) in [(vec![entry("a"), entry("b")], 1), (vec![entry("c")], 0)] {
        stack.plan("SendMessageBatch", Verdict::Partial);
        let last = entries.last().unwrap().id().to_owned();
        let sent = sqs.send_message_batch().queue_url(&queue).set_entries(Some(entries)).send().await.unwrap();
        assert_eq!((sent.successful().len(), sent.failed().len(), sent.failed()[0].id()), (done, 1, &*last));
        assert_eq!(waiting(&sqs, &queue).await, "1");
    }
    let events = client!(aws_sdk_eventbridge, stack);
    let entry = || aws_sdk_eventbridge::types::PutEventsRequestEntry::builder().source("sfm").detail_type("X").detail("{}").build();
    stack.plan("PutEvents", Verdict::Partial);
    let put = events.put_events().entries(entry()).entries(entry()).send().await.unwrap();
    assert_eq!((put.failed_entry_count(), put.entries().len()), (1, 2));
    assert!(put.entries()[0].error_code().is_none() && put.entries()[1].error_code().is_some());
}

/// The last key or write of each request is left out, and the client that repeats what was left out gets all of it.
#[tokio::test]
async fn items_that_were_not_processed_are_named_and_come_with_the_next_call() {
    use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
    let stack = Stack::start().await;
    let client = dynamodb::faxes(&stack).await;
    let write = |id: &str| {
        let put = PutRequest::builder().set_item(Some(dynamodb::item(id, "queued"))).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    stack.plan("BatchWriteItem", Verdict::Partial);
    let written = client.batch_write_item().request_items("faxes", vec![write("a"), write("b")]).send().await.unwrap();
    let left = written.unprocessed_items.unwrap();
    assert_eq!(left["faxes"], [write("b")]);
    assert_eq!((dynamodb::state_of(&client, "a").await.as_deref(), dynamodb::state_of(&client, "b").await), (Some("queued"), None));
    let written = client.batch_write_item().set_request_items(Some(left)).send().await.unwrap();
    assert!(written.unprocessed_items.unwrap_or_default().is_empty());

    let key = |id: &str| HashMap::from([("id".to_owned(), dynamodb::text(id))]);
    let read = async |wanted: KeysAndAttributes| {
        let read = client.batch_get_item().request_items("faxes", wanted).send().await.unwrap();
        let found = read.responses().and_then(|tables| tables.get("faxes")).map_or(0, Vec::len);
        (found, read.unprocessed_keys.unwrap_or_default().remove("faxes"))
    };
    let both = KeysAndAttributes::builder().keys(key("a")).keys(key("b")).build().unwrap();
    let one = KeysAndAttributes::builder().keys(key("b")).build().unwrap();
    for (wanted, found) in [(both, 1), (one.clone(), 0)] {
        stack.plan("BatchGetItem", Verdict::Partial);
        assert_eq!(read(wanted).await, (found, Some(one.clone())));
    }
    assert_eq!(read(one).await, (1, None));
}

#[tokio::test]
async fn an_index_that_has_not_caught_up_is_empty_and_its_table_is_not() {
    let stack = Stack::start().await;
    let client = dynamodb::faxes(&stack).await;
    dynamodb::put(&client, "a", "queued").await;
    let by_state = || {
        let query = client.query().table_name("faxes").index_name("by-state").key_condition_expression("#state = :state");
        query.expression_attribute_names("#state", "state").expression_attribute_values(":state", dynamodb::text("queued")).send()
    };
    let by_id = || {
        let query = client.query().table_name("faxes").key_condition_expression("id = :id");
        query.expression_attribute_values(":id", dynamodb::text("a")).send()
    };
    stack.plan("Query", Verdict::Stale);
    assert_eq!(by_state().await.unwrap().items().len(), 0);
    assert_eq!(by_state().await.unwrap().items().len(), 1);
    stack.plan("Query", Verdict::Stale);
    assert_eq!(by_id().await.unwrap().items().len(), 1, "a table is read as it is");
}

#[tokio::test]
async fn an_object_breaks_off_in_the_middle() {
    let stack = Stack::start().await;
    let s3 = client!(aws_sdk_s3, stack);
    s3.create_bucket().bucket("documents").send().await.unwrap();
    let put = || s3.put_object().bucket("documents").key("a/b").body(vec![7; 100_000].into());
    stack.plan("PutObject", Verdict::Break);
    assert!(put().send().await.is_err());
    assert!(s3.head_object().bucket("documents").key("a/b").send().await.is_err(), "nothing of it is kept");
    put().send().await.unwrap();
    stack.plan("GetObject", Verdict::Break);
    let got = s3.get_object().bucket("documents").key("a/b").send().await.unwrap();
    assert!(got.body.collect().await.is_err());
    let got = s3.get_object().bucket("documents").key("a/b").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().into_bytes().len(), 100_000);
}

#[tokio::test]
async fn a_held_call_waits_until_it_is_released() {
    let mut stack = Stack::start().await;
    let (sqs, queue) = queue(&stack).await;
    let (release, released) = tokio::sync::watch::channel(false);
    stack.plan("SendMessage", Verdict::Hold(released));
    let held = tokio::spawn(sqs.send_message().queue_url(&queue).message_body("hello").send());
    while stack.ids("SendMessage").is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!((waiting(&sqs, &queue).await.as_str(), held.is_finished()), ("0", false));
    release.send_replace(true);
    held.await.unwrap().unwrap();
    assert_eq!(stack.next_performed("SendMessage").await.call.target, "work");
}

#[tokio::test]
async fn stopping_does_not_wait_for_whoever_waits_for_a_message() {
    let stack = Stack::start().await;
    let (client, queue) = queue(&stack).await;
    let waiting = tokio::spawn(client.receive_message().queue_url(&queue).wait_time_seconds(20).send());
    while stack.ids("ReceiveMessage").is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(Duration::from_secs(4), stack.endpoint.stop()).await.unwrap();
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn what_is_not_emulated_is_an_unknown_operation() {
    let stack = Stack::start().await;
    let refused = client!(aws_sdk_eventbridge, stack).list_rules().send().await.map(drop).unwrap_err();
    let error = refused.into_service_error();
    assert_eq!(error.meta().code(), Some("UnknownOperationException"));
}

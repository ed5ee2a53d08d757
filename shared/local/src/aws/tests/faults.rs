use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{CALLER, Stack, Verdict, client};

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
    stack.plan("SendMessage", Verdict::Lose);
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
    stack.plan("CreateQueue", Verdict::Lose);
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
    stack.plan("SendMessage", Verdict::Hang);
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
    for verdict in [Verdict::Refuse, Verdict::Lose] {
        for operation in ["ListTables", "CreateBucket", "PutEvents"] {
            stack.plan(operation, verdict);
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

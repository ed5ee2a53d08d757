use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use jiff::SignedDuration;
use serde_json::json;

use super::{Stack, client};

async fn queue(client: &Client, name: &str) -> String {
    client.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

async fn send(client: &Client, queue: &str, body: &str, delay: i32) {
    client.send_message().queue_url(queue).message_body(body).delay_seconds(delay).send().await.unwrap();
}

async fn receive(client: &Client, queue: &str, wait: i32) -> Option<Message> {
    let answer = client
        .receive_message()
        .queue_url(queue)
        .wait_time_seconds(wait)
        .visibility_timeout(60)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    answer.messages?.pop()
}

fn attribute(message: &Message, name: MessageSystemAttributeName) -> i64 {
    message.attributes().unwrap()[&name].parse().unwrap()
}

#[tokio::test]
async fn a_message_goes_through_a_queue_whose_url_points_here() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let queue = queue(&client, "deliveries").await;
    assert_eq!(queue, format!("{}/000000000000/deliveries", stack.endpoint.url()));
    assert_eq!(client.get_queue_url().queue_name("deliveries").send().await.unwrap().queue_url, Some(queue.clone()));
    assert_eq!(client.list_queues().send().await.unwrap().queue_urls(), std::slice::from_ref(&queue));
    send(&client, &queue, "hello", 0).await;
    let message = receive(&client, &queue, 0).await.unwrap();
    assert_eq!(message.body(), Some("hello"));
    client.delete_message().queue_url(&queue).receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
    stack.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(receive(&client, &queue, 0).await, None);
}

#[tokio::test]
async fn a_delay_ends_when_the_clock_has_moved_past_it() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let queue = queue(&client, "retries").await;
    let before = stack.clock.now().as_millisecond();
    send(&client, &queue, "later", 600).await;
    assert_eq!(receive(&client, &queue, 0).await, None);
    stack.clock.advance(SignedDuration::from_secs(590));
    assert_eq!(receive(&client, &queue, 0).await, None);
    stack.clock.advance(SignedDuration::from_secs(20));
    let message = receive(&client, &queue, 0).await.unwrap();
    let now = stack.clock.now().as_millisecond();
    let sent = attribute(&message, MessageSystemAttributeName::SentTimestamp);
    let received = attribute(&message, MessageSystemAttributeName::ApproximateFirstReceiveTimestamp);
    assert!((before..before + 600_000).contains(&sent), "sent {sent}, sending began {before}");
    assert!((before + 610_000..=now).contains(&received), "received {received}, now {now}");
}

#[tokio::test]
async fn a_message_that_is_not_deleted_comes_back_with_a_higher_count_when_its_timeout_has_passed() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let queue = queue(&client, "deliveries").await;
    send(&client, &queue, "hello", 0).await;
    let first = receive(&client, &queue, 0).await.unwrap();
    assert_eq!(attribute(&first, MessageSystemAttributeName::ApproximateReceiveCount), 1);
    assert_eq!(receive(&client, &queue, 0).await, None);
    stack.clock.advance(SignedDuration::from_secs(61));
    let counts = client.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::All).send().await.unwrap();
    assert_eq!(counts.attributes().unwrap()[&QueueAttributeName::ApproximateNumberOfMessages], "1");
    let second = receive(&client, &queue, 0).await.unwrap();
    assert_eq!(attribute(&second, MessageSystemAttributeName::ApproximateReceiveCount), 2);
    client
        .change_message_visibility()
        .queue_url(&queue)
        .receipt_handle(second.receipt_handle.unwrap())
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    assert!(receive(&client, &queue, 0).await.is_some());
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let dead = queue(&client, "dead").await;
    let attributes = client.get_queue_attributes().queue_url(&dead).attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
    let policy = json!({
        "deadLetterTargetArn": attributes.attributes().unwrap()[&QueueAttributeName::QueueArn],
        "maxReceiveCount": 2
    });
    let work = client.create_queue().queue_name("work").attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
    let work = work.send().await.unwrap().queue_url.unwrap();
    send(&client, &work, "poison", 0).await;
    for _ in 0..2 {
        assert!(receive(&client, &work, 0).await.is_some());
        stack.clock.advance(SignedDuration::from_secs(61));
    }
    assert_eq!(receive(&client, &work, 0).await, None);
    assert_eq!(receive(&client, &dead, 0).await.unwrap().body(), Some("poison"));
}

#[tokio::test]
async fn a_message_older_than_its_queue_keeps_messages_is_gone() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let queue = queue(&client, "deliveries").await;
    send(&client, &queue, "hello", 0).await;
    stack.clock.advance(SignedDuration::from_hours(4 * 24 + 1));
    assert_eq!(receive(&client, &queue, 0).await, None);
}

async fn while_waiting(act: impl AsyncFnOnce(&Stack, &Client, &str)) -> Option<Message> {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let queue = queue(&client, "deliveries").await;
    send(&client, &queue, "later", 600).await;
    let waiting = tokio::spawn({
        let (client, queue) = (client.clone(), queue.clone());
        async move { receive(&client, &queue, 20).await }
    });
    while stack.ids("ReceiveMessage").is_empty() {
        tokio::task::yield_now().await;
    }
    act(&stack, &client, &queue).await;
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap()
}

#[tokio::test]
async fn whoever_waits_for_a_message_gets_it_at_once() {
    let message = while_waiting(async |_, client, queue| send(client, queue, "hello", 0).await).await;
    assert_eq!(message.unwrap().body(), Some("hello"));
}

#[tokio::test]
async fn whoever_waits_gets_a_delayed_message_when_the_clock_moves_past_its_delay() {
    let message = while_waiting(async |stack, _, _| stack.clock.advance(SignedDuration::from_mins(11))).await;
    assert_eq!(message.unwrap().body(), Some("later"));
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_reported_as_such() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let missing = client.get_queue_url().queue_name("nowhere").send().await.unwrap_err().into_service_error();
    assert!(missing.is_queue_does_not_exist());
}

fn entry(id: &str, delay: i32) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder().id(id).message_body("hello").delay_seconds(delay).build().unwrap()
}

#[tokio::test]
async fn a_batch_is_carried_out_entry_by_entry() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let queue = queue(&client, "deliveries").await;
    let entries = Some(vec![entry("good", 0), entry("too late", 901)]);
    let sent = client.send_message_batch().queue_url(&queue).set_entries(entries).send().await.unwrap();
    assert_eq!(sent.successful().iter().map(|done| done.id()).collect::<Vec<_>>(), ["good"]);
    assert_eq!(sent.successful()[0].md5_of_message_body(), "5d41402abc4b2a76b9719d911017c592");
    let failed = &sent.failed()[0];
    assert_eq!((failed.id(), failed.sender_fault(), failed.code()), ("too late", true, "InvalidParameterValueException"));
    let receipt = receive(&client, &queue, 0).await.unwrap().receipt_handle.unwrap();
    let delete = |id: &str, receipt: &str| DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(receipt).build().unwrap();
    // Deleted twice is deleted.
    let entries = Some(vec![delete("1", &receipt), delete("2", &receipt), delete("3", "no receipt")]);
    let deleted = client.delete_message_batch().queue_url(&queue).set_entries(entries).send().await.unwrap();
    assert_eq!((deleted.successful().len(), deleted.failed()[0].id()), (2, "3"));
    stack.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(receive(&client, &queue, 0).await, None);
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_whole() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let queue = queue(&client, "deliveries").await;
    let refused = async |entries: Vec<SendMessageBatchRequestEntry>| {
        let refused = client.send_message_batch().queue_url(&queue).set_entries(Some(entries)).send().await.unwrap_err();
        refused.into_service_error().code().unwrap_or_default().to_owned()
    };
    let names: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    // By the names of the query protocol, which a header of the answer has and the SDK goes by.
    assert_eq!(refused(Vec::new()).await, "AWS.SimpleQueueService.EmptyBatchRequest");
    assert_eq!(refused(vec![entry("1", 0), entry("1", 0)]).await, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
    let eleven = names.iter().map(|name| entry(name, 0)).collect();
    assert_eq!(refused(eleven).await, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
    assert_eq!(receive(&client, &queue, 0).await, None);
}

#[tokio::test]
async fn a_queue_is_made_twice_only_with_the_same_attributes() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_sqs, stack);
    let create = async |seconds: &str| {
        let created = client.create_queue().queue_name("deliveries").attributes(QueueAttributeName::VisibilityTimeout, seconds);
        created.send().await.map_err(|e| e.into_service_error())
    };
    let url = create("45").await.unwrap().queue_url;
    assert_eq!(create("45").await.unwrap().queue_url, url);
    assert!(create("46").await.unwrap_err().is_queue_name_exists());
}

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, ConditionCheck, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, Put, ReturnValuesOnConditionCheckFailure, ScalarAttributeType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification, TransactWriteItem,
};
use aws_sdk_dynamodbstreams::types::{OperationType, Record, ShardIteratorType};
use dynoxide::Database;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{CALLER, Stack, client};

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn item(id: &str, state: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("id".to_owned(), text(id)), ("state".to_owned(), text(state))])
}

pub(super) async fn faxes(stack: &Stack) -> Client {
    let client = client!(aws_sdk_dynamodb, stack);
    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let by_state = GlobalSecondaryIndex::builder()
        .index_name("by-state")
        .key_schema(key("state", KeyType::Hash))
        .key_schema(key("id", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages);
    client
        .create_table()
        .table_name("faxes")
        .attribute_definitions(attribute("id"))
        .attribute_definitions(attribute("state"))
        .key_schema(key("id", KeyType::Hash))
        .global_secondary_indexes(by_state)
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream.build().unwrap())
        .send()
        .await
        .unwrap();
    client
}

pub(super) async fn put(client: &Client, id: &str, state: &str) {
    client.put_item().table_name("faxes").set_item(Some(item(id, state))).send().await.unwrap();
}

pub(super) async fn state_of(client: &Client, id: &str) -> Option<String> {
    let answer = client.get_item().table_name("faxes").key("id", text(id)).consistent_read(true).send().await.unwrap();
    Some(answer.item?.get("state")?.as_s().unwrap().clone())
}

/// All records of the table's stream from a position on.
async fn records(stack: &Stack, from: ShardIteratorType, after: Option<&str>) -> Vec<Record> {
    let client = client!(aws_sdk_dynamodbstreams, stack);
    let streams = client.list_streams().table_name("faxes").send().await.unwrap();
    let stream = streams.streams()[0].stream_arn().unwrap().to_owned();
    let description = client.describe_stream().stream_arn(&stream).send().await.unwrap().stream_description.unwrap();
    let shard = description.shards()[0].shard_id().unwrap().to_owned();
    let iterator = client.get_shard_iterator().stream_arn(&stream).shard_id(shard).shard_iterator_type(from);
    let mut iterator = iterator.set_sequence_number(after.map(str::to_owned)).send().await.unwrap().shard_iterator;
    let mut records = Vec::new();
    loop {
        let page = client.get_records().set_shard_iterator(iterator).limit(2).send().await.unwrap();
        if page.records().is_empty() {
            return records;
        }
        records.extend(page.records.unwrap());
        iterator = page.next_shard_iterator;
    }
}

#[tokio::test]
async fn a_conditional_put_on_an_existing_item_fails_and_shows_the_item() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    put(&client, "fax-1", "queued").await;
    let refused = client
        .put_item()
        .table_name("faxes")
        .set_item(Some(item("fax-1", "sent")))
        .condition_expression("attribute_not_exists(id)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.item, Some(item("fax-1", "queued")));
    assert_eq!(state_of(&client, "fax-1").await.as_deref(), Some("queued"));
}

#[tokio::test]
async fn a_cancelled_transaction_gives_a_reason_and_the_old_item_for_each_part_and_writes_nothing() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    put(&client, "fax-1", "sent").await;
    let check = ConditionCheck::builder()
        .table_name("faxes")
        .key("id", text("fax-1"))
        .condition_expression("#state = :queued")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":queued", text("queued"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let write = Put::builder().table_name("faxes").set_item(Some(item("fax-2", "queued")));
    let cancelled = client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(write.build().unwrap()).build())
        .transact_items(TransactWriteItem::builder().condition_check(check.build().unwrap()).build())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(cancelled) = cancelled
    else {
        panic!("{cancelled:?}");
    };
    let reasons = cancelled.cancellation_reasons();
    assert_eq!(reasons[0].code(), Some("None"));
    assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item, Some(item("fax-1", "sent")));
    assert_eq!(state_of(&client, "fax-2").await, None);
}

#[tokio::test]
async fn a_transaction_repeated_with_its_token_is_carried_out_once() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    for _ in 0..2 {
        let write =
            Put::builder().table_name("faxes").set_item(Some(item("fax-1", "queued"))).condition_expression("attribute_not_exists(id)");
        let write = TransactWriteItem::builder().put(write.build().unwrap()).build();
        client.transact_write_items().transact_items(write).client_request_token("once").send().await.unwrap();
    }
    assert_eq!(records(&stack, ShardIteratorType::TrimHorizon, None).await.len(), 1);
}

#[tokio::test]
async fn an_index_is_queried_page_by_page() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    for number in 0..5 {
        put(&client, &format!("fax-{number}"), "queued").await;
    }
    put(&client, "fax-9", "sent").await;
    let pages = client
        .query()
        .table_name("faxes")
        .index_name("by-state")
        .key_condition_expression("#state = :queued")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":queued", text("queued"))
        .scan_index_forward(false)
        .into_paginator()
        .page_size(2)
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    let ids: Vec<Vec<_>> = pages
        .iter()
        .map(|page| page.items().iter().map(|item| item["id"].as_s().unwrap().as_str()).collect())
        .filter(|page: &Vec<_>| !page.is_empty())
        .collect();
    assert_eq!(ids, [vec!["fax-4", "fax-3"], vec!["fax-2", "fax-1"], vec!["fax-0"]]);
}

#[tokio::test]
async fn a_stream_gives_every_change_in_order_from_any_position() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    for state in ["queued", "sending", "sent"] {
        put(&client, "fax-1", state).await;
    }
    client.delete_item().table_name("faxes").key("id", text("fax-1")).send().await.unwrap();
    let all = records(&stack, ShardIteratorType::TrimHorizon, None).await;
    let changes: Vec<_> = all
        .iter()
        .map(|record| {
            let image = record.dynamodb().unwrap().new_image().map(|image| image["state"].as_s().unwrap().as_str());
            (record.event_name().unwrap().clone(), image)
        })
        .collect();
    let expected = [
        (OperationType::Insert, Some("queued")),
        (OperationType::Modify, Some("sending")),
        (OperationType::Modify, Some("sent")),
        (OperationType::Remove, None),
    ];
    assert_eq!(changes, expected);
    let second = all[1].dynamodb().unwrap().sequence_number().unwrap();
    let rest = records(&stack, ShardIteratorType::AfterSequenceNumber, Some(second)).await;
    assert_eq!(rest, all[2..]);
}

#[tokio::test]
async fn a_trimmed_stream_goes_on_after_the_record_that_stays() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    for state in ["queued", "sending", "sent"] {
        put(&client, "fax-1", state).await;
    }
    let all = records(&stack, ShardIteratorType::TrimHorizon, None).await;
    let last = all[2].dynamodb().unwrap().sequence_number().unwrap();
    assert_eq!(stack.endpoint.trim_stream("faxes", last).unwrap(), 2);
    put(&client, "fax-1", "archived").await;
    let rest = records(&stack, ShardIteratorType::AfterSequenceNumber, Some(last)).await;
    assert_eq!(rest.len(), 1);
    assert_eq!(records(&stack, ShardIteratorType::TrimHorizon, None).await[1..], rest);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_with_its_stream() {
    let stack = Stack::start().await;
    put(&faxes(&stack).await, "fax-1", "queued").await;
    let stack = stack.crash().await;
    let client = client!(aws_sdk_dynamodb, stack);
    assert_eq!(state_of(&client, "fax-1").await.as_deref(), Some("queued"));
    put(&client, "fax-1", "sent").await;
    let records = records(&stack, ShardIteratorType::TrimHorizon, None).await;
    let names: Vec<_> = records.iter().map(|record| record.event_name().unwrap().clone()).collect();
    assert_eq!(names, [OperationType::Insert, OperationType::Modify]);
    assert!(stack.files().join("dynamodb.sqlite").exists());
}

#[tokio::test]
async fn items_expire_by_the_stacks_clock_and_are_marked_as_expired_in_the_stream() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
    client.update_time_to_live().table_name("faxes").time_to_live_specification(ttl).send().await.unwrap();
    let expires = (stack.clock.now() + SignedDuration::from_hours(1)).as_second();
    let mut mortal = item("fax-1", "sent");
    mortal.insert("expires".to_owned(), AttributeValue::N(expires.to_string()));
    client.put_item().table_name("faxes").set_item(Some(mortal)).send().await.unwrap();
    put(&client, "fax-2", "sent").await;
    assert_eq!(stack.endpoint.sweep_ttl().unwrap(), 0);
    stack.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(stack.endpoint.sweep_ttl().unwrap(), 1);
    assert_eq!(state_of(&client, "fax-1").await, None);
    put(&client, "fax-2", "archived").await;
    let seen: Vec<_> = polled(stack.endpoint.database())
        .into_iter()
        .map(|record| (record.event_name, record.user_identity.map(|by| (by.identity_type, by.principal_id))))
        .collect();
    let expiry = ("Service".to_owned(), "dynamodb.amazonaws.com".to_owned());
    let expected = [("INSERT", None), ("INSERT", None), ("REMOVE", Some(expiry)), ("MODIFY", None)];
    assert_eq!(seen, expected.map(|(name, by)| (name.to_owned(), by)));
}

/// The whole stream of the table, read through the handle.
fn polled(database: &Database) -> Vec<dynoxide::actions::get_records::Record> {
    fn request<T: serde::de::DeserializeOwned>(request: Value) -> T {
        serde_json::from_value(request).unwrap()
    }
    let streams = database.list_streams(request(json!({ "TableName": "faxes" }))).unwrap();
    let stream = &streams.streams[0].stream_arn;
    let description = database.describe_stream(request(json!({ "StreamArn": stream }))).unwrap().stream_description;
    let shard = &description.shards[0].shard_id;
    let from = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let iterator = database.get_shard_iterator(request(from)).unwrap().shard_iterator;
    database.get_records(request(json!({ "ShardIterator": iterator }))).unwrap().records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_sweeps_do_not_hinder_each_other() {
    let stack = Stack::start().await;
    let client = faxes(&stack).await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
    client.update_time_to_live().table_name("faxes").time_to_live_specification(ttl).send().await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let client = client.clone();
        writers.spawn(async move {
            for number in 0..25 {
                let mut expired = item(&format!("fax-{writer}-{number}"), "sent");
                expired.insert("expires".to_owned(), AttributeValue::N("1".to_owned()));
                client.put_item().table_name("faxes").set_item(Some(expired)).send().await.unwrap();
            }
        });
    }
    let mut swept = 0;
    while !writers.is_empty() {
        swept += tokio::task::block_in_place(|| stack.endpoint.sweep_ttl()).unwrap();
        while let Some(writer) = writers.try_join_next() {
            writer.unwrap();
        }
    }
    swept += stack.endpoint.sweep_ttl().unwrap();
    assert_eq!(swept, 100);
}

#[tokio::test]
async fn the_capacity_that_a_call_consumed_is_shown_to_the_tap_though_nobody_asked_for_it() {
    let mut stack = Stack::start().await;
    put(&faxes(&stack).await, "fax-1", "queued").await;
    let performed = stack.next_performed("PutItem").await;
    assert_eq!((performed.call.service, performed.call.caller.as_str(), performed.status), ("dynamodb", CALLER, 200));
    assert!(!performed.request.contains("ReturnConsumedCapacity"));
    let response: serde_json::Value = serde_json::from_str(&performed.response).unwrap();
    assert_eq!(response["ConsumedCapacity"]["CapacityUnits"], 2.0);
}

#[tokio::test]
async fn the_database_handle_sees_what_clients_wrote() {
    let stack = Stack::start().await;
    put(&faxes(&stack).await, "fax-1", "queued").await;
    let tables = stack.endpoint.database().list_tables(Default::default()).unwrap();
    assert_eq!(tables.table_names, ["faxes"]);
}

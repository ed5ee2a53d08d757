//! Makes the template's tables, queues and buckets where they are missing.

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use sfm_store::platform::Platform;

use super::error::StackError;
use super::template::{Resource, Template, bucket_name};

/// `secret` is the text of the template's secrets, which an operator would fill in.
pub async fn provision(template: &Template, platform: &Platform, secret: &str) -> Result<(), StackError> {
    let dynamodb = platform.dynamodb();
    let existing = dynamodb.list_tables().send().await.map_err(failed)?.table_names.unwrap_or_default();
    for table in template.resources("AWS::DynamoDB::Table")? {
        if existing.contains(&table.name) {
            check_indexes(&dynamodb, &table).await?;
        } else {
            create_table(&dynamodb, &table).await?;
        }
    }
    let sqs = platform.sqs();
    for queue in template.resources("AWS::SQS::Queue")? {
        create_queue(&sqs, &queue).await?;
    }
    let secrets = platform.secrets();
    for declared in template.resources("AWS::SecretsManager::Secret")? {
        secrets.create_secret().name(&declared.name).secret_string(secret).send().await.map_err(failed)?;
    }
    let s3 = platform.s3();
    for bucket in template.resources("AWS::S3::Bucket")? {
        let name = bucket_name(&bucket.name);
        if s3.head_bucket().bucket(&name).send().await.is_err() {
            s3.create_bucket().bucket(&name).send().await.map_err(failed)?;
        }
    }
    Ok(())
}

fn failed(error: impl std::error::Error + 'static) -> StackError {
    StackError::Provision(DisplayErrorContext(&error).to_string())
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A folder of an earlier version may lack indexes, and its rows what they are keyed by.
async fn check_indexes(client: &aws_sdk_dynamodb::Client, table: &Resource) -> Result<(), StackError> {
    let described = client.describe_table().table_name(&table.name).send().await.map_err(failed)?.table;
    let has = |name: &str| described.iter().flat_map(|t| t.global_secondary_indexes()).any(|index| index.index_name() == Some(name));
    match items(&table.properties["GlobalSecondaryIndexes"]).map(|index| text(index, "IndexName")).find(|name| !has(name)) {
        None => Ok(()),
        Some(name) => Err(StackError::Provision(format!(
            "the data folder was made by an earlier version (table {} has no index {name}); remove it, or choose another with --data",
            table.name
        ))),
    }
}

async fn create_table(client: &aws_sdk_dynamodb::Client, table: &Resource) -> Result<(), StackError> {
    let properties = &table.properties;
    let mut create = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&properties["KeySchema"])?));
    for attribute in items(&properties["AttributeDefinitions"]) {
        let definition = AttributeDefinition::builder()
            .attribute_name(text(attribute, "AttributeName"))
            .attribute_type(ScalarAttributeType::from(text(attribute, "AttributeType")))
            .build()
            .map_err(failed)?;
        create = create.attribute_definitions(definition);
    }
    for index in items(&properties["GlobalSecondaryIndexes"]) {
        let projection = ProjectionType::from(text(&index["Projection"], "ProjectionType"));
        let index = GlobalSecondaryIndex::builder()
            .index_name(text(index, "IndexName"))
            .set_key_schema(Some(key_schema(&index["KeySchema"])?))
            .projection(Projection::builder().projection_type(projection).build())
            .build()
            .map_err(failed)?;
        create = create.global_secondary_indexes(index);
    }
    if let Some(view) = properties["StreamSpecification"]["StreamViewType"].as_str() {
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::from(view)).build();
        create = create.stream_specification(stream.map_err(failed)?);
    }
    create.send().await.map_err(failed)?;
    if let Some(attribute) = properties["TimeToLiveSpecification"]["AttributeName"].as_str() {
        let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build().map_err(failed)?;
        client.update_time_to_live().table_name(&table.name).time_to_live_specification(ttl).send().await.map_err(failed)?;
    }
    Ok(())
}

fn key_schema(schema: &Value) -> Result<Vec<KeySchemaElement>, StackError> {
    let element = |key: &Value| {
        let kind = KeyType::from(text(key, "KeyType"));
        KeySchemaElement::builder().attribute_name(text(key, "AttributeName")).key_type(kind).build().map_err(failed)
    };
    items(schema).map(element).collect()
}

async fn create_queue(client: &aws_sdk_sqs::Client, queue: &Resource) -> Result<(), StackError> {
    let mut create = client.create_queue().queue_name(&queue.name);
    for (property, attribute) in [
        ("VisibilityTimeout", QueueAttributeName::VisibilityTimeout),
        ("MessageRetentionPeriod", QueueAttributeName::MessageRetentionPeriod),
        ("DelaySeconds", QueueAttributeName::DelaySeconds),
        ("RedrivePolicy", QueueAttributeName::RedrivePolicy),
    ] {
        match &queue.properties[property] {
            Value::Null => {}
            value => create = create.attributes(attribute, value.to_string()),
        }
    }
    create.send().await.map_err(failed)?;
    Ok(())
}

//! Reading a table's stream straight from the emulated database, in the shape in which Lambda feeds it.

use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use serde_json::Value;

/// At most `limit` records after sequence number `after`, or from the beginning. Blocks.
pub fn stream_records(database: &Database, table: &str, after: Option<&str>, limit: usize) -> dynoxide::Result<Vec<Value>> {
    let request = ListStreamsRequest { table_name: Some(table.to_owned()), ..Default::default() };
    let Some(stream) = database.list_streams(request)?.streams.into_iter().next() else { return Ok(Vec::new()) };
    let request = DescribeStreamRequest { stream_arn: stream.stream_arn.clone(), ..Default::default() };
    let mut records = Vec::new();
    for shard in database.describe_stream(request)?.stream_description.shards {
        let iterator = database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn: stream.stream_arn.clone(),
            shard_id: shard.shard_id,
            shard_iterator_type: if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" }.to_owned(),
            sequence_number: after.map(str::to_owned),
        })?;
        let Some(shard_iterator) = iterator.shard_iterator else { continue };
        let read = database.get_records(GetRecordsRequest { shard_iterator, limit: Some(limit) })?;
        for record in read.records {
            records.push(serde_json::to_value(record).map_err(|e| dynoxide::DynoxideError::InternalServerError(e.to_string()))?);
        }
    }
    Ok(records)
}

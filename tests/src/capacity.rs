//! What a call of DynamoDB consumed.

use serde_json::Value;

/// The capacity units that an answer reports: of one table, or of each of several.
pub fn consumed(response: &[u8]) -> f64 {
    let answer: Value = serde_json::from_slice(response).unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
    }
}

/// Whether the units of an operation are read units.
pub fn is_read(operation: &str) -> bool {
    ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation)
}

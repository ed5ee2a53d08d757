//! Figures of the service in CloudWatch's embedded metric format: lines of the log that CloudWatch makes metrics of.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sfm_core::clock::Clock;

use crate::platform::{ConfigError, Platform};

/// The target of these lines in the log. CloudWatch reads the line as it is: nothing may stand around it.
pub const TARGET: &str = "metrics";
/// Values of one metric in one line (the specification, "Target members").
const MOST_VALUES: usize = 100;

/// CloudWatch knows them by these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    FaxesAccepted,
    FaxesDelivered,
    FaxesFailed,
    FaxesCanceled,
    FaxesReceived,
    PagesSent,
    PagesReceived,
    /// From a fax's acceptance to its delivery.
    TimeToDelivery,
    /// From the call of the carrier to its answer.
    CarrierLatency,
    /// Attempts of webhooks.
    WebhooksDelivered,
    WebhooksFailed,
    /// From an attempt's beginning to its end.
    WebhookLatency,
}

impl Metric {
    /// Durations are in milliseconds; all else is counted.
    const fn is_duration(self) -> bool {
        matches!(self, Self::TimeToDelivery | Self::CarrierLatency | Self::WebhookLatency)
    }
}

/// What a metric is told apart by.
#[derive(Debug, Clone, Copy)]
pub struct Dimension {
    pub name: &'static str,
    pub value: &'static str,
}

/// Writes metrics into the log, in the namespace that `METRICS_NAMESPACE` names.
#[derive(Debug, Clone)]
pub struct Metrics {
    namespace: String,
    clock: Clock,
}

impl Metrics {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { namespace: platform.var("METRICS_NAMESPACE")?, clock: platform.clock() })
    }

    /// Writes values down. With a dimension they count twice: among those that have the same value of it, and among all.
    pub fn write(&self, dimension: Option<Dimension>, values: &[(Metric, f64)]) {
        for line in lines(&self.namespace, self.clock.now().as_millisecond(), dimension, values) {
            tracing::info!(target: TARGET, "{line}");
        }
    }
}

/// What is counted is added up, durations stand one by one.
fn lines(namespace: &str, at: i64, dimension: Option<Dimension>, values: &[(Metric, f64)]) -> Vec<Value> {
    let mut of_metric: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
    for (metric, value) in values {
        let of_metric = of_metric.entry(*metric).or_default();
        match of_metric.first_mut().filter(|_| !metric.is_duration()) {
            Some(sum) => *sum += value,
            None => of_metric.push(*value),
        }
    }
    let count = of_metric.values().map(|values| values.len().div_ceil(MOST_VALUES)).max().unwrap_or(0);
    let dimensions = dimension.map_or(json!([[]]), |dimension| json!([[], [dimension.name]]));
    let line = |nth: usize| {
        let (mut members, mut defined) = (Map::new(), Vec::new());
        for (metric, values) in &of_metric {
            let Some(values) = values.chunks(MOST_VALUES).nth(nth) else { continue };
            let unit = if metric.is_duration() { "Milliseconds" } else { "Count" };
            let name = format!("{metric:?}");
            defined.push(json!({"Name": name, "Unit": unit}));
            members.insert(name, if let [value] = values { json!(value) } else { json!(values) });
        }
        if let Some(Dimension { name, value }) = dimension {
            members.insert(name.into(), value.into());
        }
        let directive = json!({"Namespace": namespace, "Dimensions": dimensions, "Metrics": defined});
        members.insert("_aws".into(), json!({"Timestamp": at, "CloudWatchMetrics": [directive]}));
        Value::Object(members)
    };
    (0..count).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_up_and_durations_kept() {
        let values = [
            (Metric::FaxesDelivered, 1.0),
            (Metric::TimeToDelivery, 5000.0),
            (Metric::FaxesDelivered, 1.0),
            (Metric::TimeToDelivery, 7000.0),
            (Metric::PagesSent, 3.0),
        ];
        let expected = json!({
            "_aws": {"Timestamp": 1_800_000_000_000_i64, "CloudWatchMetrics": [{
                "Namespace": "stack", "Dimensions": [[]], "Metrics": [
                    {"Name": "FaxesDelivered", "Unit": "Count"},
                    {"Name": "PagesSent", "Unit": "Count"},
                    {"Name": "TimeToDelivery", "Unit": "Milliseconds"},
                ],
            }]},
            "FaxesDelivered": 2.0, "PagesSent": 3.0, "TimeToDelivery": [5000.0, 7000.0],
        });
        assert_eq!(lines("stack", 1_800_000_000_000, None, &values), [expected]);
        assert!(lines("stack", 0, None, &[]).is_empty());
    }

    #[test]
    fn a_dimension_has_its_value_beside_the_metrics() {
        let code = Dimension { name: "Code", value: "busy" };
        let lines = lines("stack", 0, Some(code), &[(Metric::FaxesFailed, 1.0)]);
        let [line] = lines.as_slice() else { unreachable!("one line: {lines:?}") };
        assert_eq!((&line["Code"], &line["FaxesFailed"]), (&json!("busy"), &json!(1.0)));
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[], ["Code"]]));
    }

    #[test]
    fn a_line_has_no_more_values_than_cloudwatch_takes() {
        let values: Vec<_> = (0..250).map(|n| (Metric::WebhookLatency, f64::from(n))).chain([(Metric::WebhooksDelivered, 250.0)]).collect();
        let lines = lines("stack", 0, None, &values);
        let sizes = lines.iter().map(|line| line["WebhookLatency"].as_array().map_or(0, Vec::len));
        assert_eq!(sizes.collect::<Vec<_>>(), [100, 100, 50]);
        let counted: Vec<_> = lines.iter().map(|line| &line["WebhooksDelivered"]).collect();
        assert_eq!(counted, [&json!(250.0), &Value::Null, &Value::Null]);
    }
}

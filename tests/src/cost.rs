//! What a delivered fax costs on AWS, and what a month without any: units, calls, invocations and bytes as the local stack counts them, at the
//! prices of `docs/prices.json`. Prints the tables of `docs/costs.md`.
//!
//!     cargo run --workspace --bin cost
//!
//! The time of an invocation is not that of this machine: it is its processor time by the table of `docs/performance.md`, on the part of a
//! processor that its memory buys, and for each call that it makes the milliseconds of `docs/prices.json`, one after the other. With `AT_MOST` the
//! program fails where 1,000 faxes cost more dollars.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use serde_json::Value;
use sfm::commands::webhook;
use sfm_local::interceptor::{Call, CallInterceptor};
use sfm_local::stack::template::Template;
use sfm_tests::capacity::{consumed, is_read};
use sfm_tests::client::{fax, http};
use sfm_tests::documents::TEXT;
use sfm_tests::errors::Errors;
use sfm_tests::eventually;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::Service;

const FAXES: usize = 20;
const IDLE_MINUTES: usize = 60;
const MINUTES_OF_A_MONTH: f64 = 30.4 * 24.0 * 60.0;
/// Memory that buys a whole processor (AWS Lambda Developer Guide, "Configure Lambda function memory").
const WHOLE_PROCESSOR_MB: f64 = 1769.0;

#[derive(Debug, Default, Clone)]
struct Usage {
    write_units: f64,
    read_units: f64,
    /// Calls by function and service.
    calls: BTreeMap<(String, &'static str), f64>,
    s3_puts: f64,
    s3_gets: f64,
    queue_messages: f64,
    events: f64,
    secret_calls: f64,
    bytes_to_carrier: f64,
    /// Of functions that queues and streams feed.
    invocations: BTreeMap<String, f64>,
}

#[derive(Debug, Default)]
struct Meter(Mutex<Usage>);

impl CallInterceptor for Meter {
    fn feed(&self, function: &str, event: Value) -> Vec<Value> {
        *self.0.lock().unwrap().invocations.entry(function.to_owned()).or_default() += 1.0;
        vec![event]
    }

    fn performed(&self, call: &Call, request: &[u8], _: u16, response: &[u8]) {
        let mut usage = self.0.lock().unwrap();
        // The carrier fetches the document by a link that this function has signed.
        if call.operation == "GetObject" && call.caller == "TransmitFax" {
            usage.s3_gets += 1.0;
            return;
        }
        if call.caller == "operator" {
            return;
        }
        *usage.calls.entry((call.caller.clone(), call.service)).or_default() += 1.0;
        match (call.service, call.operation.as_str()) {
            ("dynamodb", operation) => {
                let units = consumed(response);
                let reads = is_read(operation);
                *(if reads { &mut usage.read_units } else { &mut usage.write_units }) += units;
            }
            ("s3", "PutObject" | "CopyObject") => usage.s3_puts += 1.0,
            ("s3", "GetObject" | "HeadObject") => usage.s3_gets += 1.0,
            ("sqs", "SendMessage") => usage.queue_messages += 1.0,
            ("sqs", "SendMessageBatch") | ("events", "PutEvents") => {
                let body: Value = serde_json::from_slice(request).unwrap_or_default();
                let entries = body["Entries"].as_array().map_or(0, Vec::len) as f64;
                *(if call.service == "sqs" { &mut usage.queue_messages } else { &mut usage.events }) += entries;
            }
            ("secretsmanager", _) => usage.secret_calls += 1.0,
            _ => {}
        }
    }
}

impl Meter {
    fn take(&self) -> Usage {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Milliseconds of processor for an invocation of each function, by the column of that name.
fn processor_times(performance: &str) -> BTreeMap<String, f64> {
    let mut rows = performance.lines().filter(|line| line.starts_with("| ")).map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let head = rows.find(|row| row[1] == "function").expect("the table of functions");
    let column = head.iter().position(|name| *name == "processor ms").expect("a column of processor time");
    rows.filter_map(|row| {
        let processor = row.get(column)?.parse().ok()?;
        Some((row[1].split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect(), processor))
    })
    .collect()
}

struct Prices<'a> {
    prices: &'a Value,
    processor: &'a BTreeMap<String, f64>,
    memory_mb: &'a BTreeMap<String, f64>,
}

impl Prices<'_> {
    fn price(&self, name: &str) -> f64 {
        self.prices[name].as_f64().unwrap_or_else(|| panic!("no price of {name}"))
    }

    /// Seconds of an invocation of each function, from its calls.
    fn gb_seconds(&self, usage: &Usage, invocations: &BTreeMap<String, f64>) -> f64 {
        let of_function = |(function, count): (&String, &f64)| {
            let memory = self.memory_mb[function];
            let processor = self.processor.get(function).copied().unwrap_or(1.0) * (WHOLE_PROCESSOR_MB / memory).max(1.0);
            let calls = usage.calls.iter().filter(|((caller, _), _)| caller == function);
            let waited: f64 =
                calls.map(|((_, service), calls)| self.prices["milliseconds_of_a_call"][service].as_f64().unwrap() * calls).sum();
            (processor * count + waited) / 1000.0 * memory / 1024.0
        };
        invocations.iter().map(of_function).sum()
    }

    /// The rows of a table: what, how many, dollars.
    fn rows(&self, usage: &Usage, requests: &BTreeMap<String, f64>, log_bytes: f64) -> Vec<(&'static str, f64, f64)> {
        let mut invocations = usage.invocations.clone();
        for (function, count) in requests {
            *invocations.entry(function.clone()).or_default() += count;
        }
        let count: f64 = invocations.values().sum();
        let gb_seconds = self.gb_seconds(usage, &invocations);
        let api: f64 = requests
            .iter()
            .filter(|(function, _)| *function != "DispatchDue" && *function != "PollCarrier")
            .map(|(_, n)| n)
            .fold(0.0, |sum, n| sum + n);
        // Sent, received and deleted, one by one: what a batch saves is not counted. Those that the bus sends come from its events.
        let queue_requests = 3.0 * (usage.queue_messages + usage.events);
        vec![
            ("DynamoDB, write units", usage.write_units, usage.write_units * self.price("dynamodb_write_unit")),
            ("DynamoDB, read units", usage.read_units, usage.read_units * self.price("dynamodb_read_unit")),
            ("Lambda, invocations", count, count * self.price("lambda_request")),
            ("Lambda, GB-seconds", gb_seconds, gb_seconds * self.price("lambda_gb_second_arm64")),
            ("S3, writes", usage.s3_puts, usage.s3_puts * self.price("s3_put")),
            ("S3, reads", usage.s3_gets, usage.s3_gets * self.price("s3_get")),
            ("SQS, requests", queue_requests, queue_requests * self.price("sqs_request")),
            ("EventBridge, events", usage.events, usage.events * self.price("eventbridge_event")),
            ("API Gateway, requests", api, api * self.price("api_request")),
            // Lambda itself writes of trouble alone: `SystemLogLevel` in the template.
            ("CloudWatch, log bytes", log_bytes, log_bytes / 1e9 * self.price("log_gb")),
            ("Secrets Manager, calls", usage.secret_calls, usage.secret_calls * self.price("secret_call")),
            ("Bytes to the carrier", usage.bytes_to_carrier, usage.bytes_to_carrier / 1e9 * self.price("transfer_gb")),
        ]
    }
}

/// A table of `rows`, each times `factor`. Returns its sum.
fn table(title: &str, rows: &[(&str, f64, f64)], factor: f64) -> f64 {
    println!("\n| {title} | units | dollars |\n| --- | ---: | ---: |");
    for (what, units, dollars) in rows {
        println!("| {what} | {:.1} | {:.4} |", units * factor, dollars * factor);
    }
    let sum: f64 = rows.iter().map(|(_, _, dollars)| dollars * factor).sum();
    println!("| **in all** | | **{sum:.4}** |");
    sum
}

/// The requests of the API in lines of the log, by the resource's name of their function.
fn requests(lines: &[String], template: &Template) -> BTreeMap<String, f64> {
    let functions: BTreeMap<String, String> = template
        .resources("AWS::Serverless::Function")
        .unwrap()
        .iter()
        .flat_map(|function| {
            let events = function.properties["Events"].as_object().cloned().unwrap_or_default();
            events
                .into_iter()
                .filter_map(|(_, event)| {
                    let http = &event["Properties"];
                    Some((format!("{} {}", http["Method"].as_str()?, http["Path"].as_str()?), function.name.clone()))
                })
                .collect::<Vec<_>>()
        })
        // One endpoint has the routes of all carriers.
        .chain([("POST /carrier/{carrier}".to_owned(), "ReceiveCarrierEvent".to_owned())])
        .collect();
    let mut counts = BTreeMap::new();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["message"] == "request"
            && let Some(function) = line["route"].as_str().and_then(|route| functions.get(route))
        {
            *counts.entry(function.clone()).or_default() += 1.0;
        }
    }
    counts
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let prices: Value = serde_json::from_str(&read("docs/prices.json")).unwrap();
    let processor = processor_times(&read("docs/performance.md"));
    let log = Errors::default();
    let of_a_thread = log.clone();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().on_thread_start(move || of_a_thread.all_of_this_thread()).build().unwrap();
    runtime.block_on(runtime.spawn(measure(prices, processor, log))).unwrap();
}

async fn measure(prices: Value, processor: BTreeMap<String, f64>, log: Errors) {
    let meter = Arc::new(Meter::default());
    let service = Service::start_intercepted(meter.clone()).await;
    let template = service.template();
    let memory_mb = template.resources("AWS::Serverless::Function").unwrap();
    let memory_mb: BTreeMap<String, f64> =
        memory_mb.iter().map(|function| (function.name.clone(), function.properties["MemorySize"].as_f64().unwrap_or(256.0))).collect();
    let prices = Prices { prices: &prices, processor: &processor, memory_mb: &memory_mb };

    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    webhook::add(&service.stack.operator_platform(), customer.account, &receiver.url("/"), vec![], None).await.unwrap();
    let body = fax("+15005550001", TEXT, "text/plain");
    let send = async |told: usize| {
        let sent = customer.client.post("/v1/faxes", &body).await;
        assert_eq!(sent.status, 201, "{}", sent.text);
        let sent = sent.json();
        eventually("the webhook", || async { (receiver.requests().len() >= told).then_some(()) }).await;
        let path = format!("/v1/faxes/{}", sent["id"].as_str().unwrap());
        assert_eq!(customer.client.get(&path).await.json()["status"], "delivered");
        path
    };
    // What is done once for many is done before: the use of a key is noted, and the endpoint known to be quick.
    let first = send(1).await;
    let link = customer.client.get(&format!("{first}/document")).await;
    let document = http().get(link.header("location").unwrap()).send().await.unwrap().bytes().await.unwrap();
    let (_, _) = (meter.take(), log.take());
    for nth in 0..FAXES {
        send(nth + 2).await;
    }
    let (mut usage, lines) = (meter.take(), log.take());
    usage.bytes_to_carrier = (document.len() * FAXES) as f64;
    let log_bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    let factor = 1000.0 / FAXES as f64;
    let of_faxes = table(
        "1,000 delivered faxes, each with a webhook and a poll",
        &prices.rows(&usage, &requests(&lines, &template), log_bytes as f64),
        factor,
    );

    meter.take();
    log.take();
    for minute in 0..IDLE_MINUTES {
        service.advance(SignedDuration::from_mins(1));
        eventually("the dispatcher", || async {
            let calls = meter.0.lock().unwrap().calls.get(&("DispatchDue".to_owned(), "dynamodb")).copied().unwrap_or(0.0);
            (calls > 20.0 * minute as f64).then_some(())
        })
        .await;
    }
    let (usage, lines) = (meter.take(), log.take());
    let minutes = IDLE_MINUTES as f64;
    let runs = BTreeMap::from([("DispatchDue".to_owned(), minutes), ("PollCarrier".to_owned(), minutes / 5.0)]);
    let log_bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    let month = MINUTES_OF_A_MONTH / minutes;
    let mut rows = prices.rows(&usage, &runs, log_bytes as f64);
    let queues = template.resources("AWS::Serverless::Function").unwrap();
    let queues = queues.iter().flat_map(|function| function.properties["Events"].as_object().cloned().unwrap_or_default());
    let queues = queues.filter(|(_, event)| event["Type"] == "SQS").count() as f64;
    let polls = queues * prices.price("pollers_of_a_queue") * minutes * 60.0 / prices.price("poll_seconds");
    rows.push(("SQS, empty receives of Lambda's pollers", polls, polls * prices.price("sqs_request")));
    let secrets = template.resources("AWS::SecretsManager::Secret").unwrap().len() as f64;
    rows.push(("Secrets Manager, secrets", secrets / month, secrets * prices.price("secret_month") / month));
    let idle = table("A month without a fax, alarms apart", &rows, month);

    println!("\n1,000 delivered faxes ${of_faxes:.4}, a month without one ${idle:.2}");
    if let Some(most) = std::env::var("AT_MOST").ok().and_then(|text| text.parse::<f64>().ok()) {
        assert!(of_faxes <= most, "${of_faxes:.4} for 1,000 faxes, ${most} at most");
    }
}

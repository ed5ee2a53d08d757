//! How long each built function takes to start and to answer, how much memory it holds, and how large it is; beside a function that does
//! nothing. Prints the table of `docs/performance.md`.
//!
//!     cargo build --release
//!     cargo build --release --manifest-path tests/hello-function/Cargo.toml --target-dir target/hello
//!     cargo run -p sfm-tests --bin cold-start -- target/release target/hello/release

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::SignedDuration;
use serde_json::Value;
use sfm_core::scope::Scope;
use sfm_local::interceptor::NoInterceptor;
use sfm_local::stack::bootstrap::{Bootstrap, binary_of};
use sfm_local::stack::template::Template;
use sfm_tests::service::Service;

const STARTS: usize = 9;
const WARM: usize = 30;
const TIMEOUT: Duration = Duration::from_secs(120);

struct Measured {
    init: Duration,
    first: Duration,
    warm: Duration,
    /// What a warm invocation uses of the processor, with the processes that it starts.
    processor: Duration,
    resident_kib: u64,
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What a process has used of the processor: its threads to the nanosecond, the processes that it started and waited for in ticks of 10 ms
/// (proc(5), `schedstat` and fields 16 and 17 of `stat`).
fn processor(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let used = threads.filter_map(|thread| {
        let schedstat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        schedstat.split(' ').next()?.parse::<u64>().ok()
    });
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let behind_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = behind_name.split(' ').skip(13).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_nanos(used.sum::<u64>()) + Duration::from_millis(10 * ticks)
}

async fn measure(service: &Service, function: &Bootstrap, mut event: Value) -> Measured {
    let (mut init, mut first, mut warm, mut resident_kib_seen) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut processor_used = Duration::ZERO;
    if event["body"].as_str().is_some_and(|body| body.contains("send_at")) {
        let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        body["send_at"] = (service.stack.clock().now() + SignedDuration::from_hours(24)).to_string().into();
        event["body"] = body.to_string().into();
    }
    let sends = event["headers"]["idempotency-key"].is_string();
    for start in 0..STARTS {
        // One of its own for each start where it sends, which a key may do 60 times a minute; an account has at most 90.
        if event["headers"]["authorization"].is_string() && (sends || start == 0) {
            let key = service.key(service.stack.demo().account.parse().unwrap(), Scope::ALL.to_vec(), false).await;
            event["headers"]["authorization"] = format!("Bearer {key}").into();
        }
        let mut process = function.start().await.unwrap();
        init.push(process.ready().await.unwrap());
        let (id, mut processor_used_before) = (process.id().unwrap(), Duration::ZERO);
        for nth in 0..=WARM {
            if sends {
                event["headers"]["idempotency-key"] = format!("{start}-{nth}").into();
            }
            let started = Instant::now();
            process.invoke(&event, TIMEOUT).await.unwrap();
            if nth == 0 { &mut first } else { &mut warm }.push(started.elapsed());
            if nth == 0 {
                processor_used_before = processor(id);
            }
        }
        processor_used += processor(id) - processor_used_before;
        resident_kib_seen = resident_kib(id);
    }
    let processor = processor_used / u32::try_from(STARTS * WARM).unwrap();
    Measured { init: median(init), first: median(first), warm: median(warm), processor, resident_kib: resident_kib_seen }
}

/// The size of the binary in a zip.
fn zipped(binary: &Path) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&std::fs::read(binary).unwrap()).unwrap();
    encoder.finish().unwrap().len()
}

/// What the template gives a function, and where the emulated services are.
fn environment(template: &Template, name: &str, aws: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let resource: String = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let functions = template.resources("AWS::Serverless::Function").unwrap();
    let function = functions.iter().find(|function| function.name == resource).unwrap();
    let mut environment = template.environment(function).unwrap();
    environment.extend(aws.clone());
    environment
}

fn row(name: &str, binary: &Path, measured: &Measured) {
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} |",
        ms(measured.init),
        ms(measured.first),
        ms(measured.warm),
        format_args!("{:.2}", measured.processor.as_secs_f64() * 1000.0),
        mb(measured.resident_kib * 1024),
        mb(std::fs::metadata(binary).unwrap().len()),
        mb(zipped(binary) as u64)
    );
}

#[tokio::main]
async fn main() {
    let [dir, hello] =
        [1, 2].map(|nth| PathBuf::from(std::env::args_os().nth(nth).expect("the folders of the built functions, and of hello")));
    let service = Service::start_disconnected(std::sync::Arc::new(NoInterceptor), &[]).await;
    let aws: BTreeMap<String, String> = std::fs::read_to_string(service.stack.operator_env())
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let template = service.template();
    println!("| function | init ms | first ms | warm ms | processor ms | resident MB | binary MB | zip MB |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let hello = hello.join("hello-function");
    let function = Bootstrap::new("Hello", hello.clone(), aws.clone(), TIMEOUT);
    row("*hello world*", &hello, &measure(&service, &function, Value::Null).await);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut events: Vec<PathBuf> = std::fs::read_dir(root.join("events")).unwrap().map(|file| file.unwrap().path()).collect();
    events.sort();
    for path in events {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let binary = binary_of(&dir, name).unwrap_or_else(|| panic!("{} has no {name}", dir.display()));
        let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let function = Bootstrap::new(name, binary.clone(), environment(&template, name, &aws), TIMEOUT);
        row(name, &binary, &measure(&service, &function, event).await);
    }
}

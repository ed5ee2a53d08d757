//! How long each built function takes to start and to answer, how much memory it holds, and how large it is; beside a function that does
//! nothing. Prints the table of `docs/performance.md`.
//!
//!     cargo build --release                                            # or the functions alone
//!     cargo build --release -p sfm-core --example hello-function
//!     cargo run -p sfm-tests --bin cold-start -- target/release

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;
use sfm::stack::bootstrap::{Bootstrap, binary_of};
use sfm::tap::NoTap;
use sfm_tests::service::Service;

const STARTS: usize = 9;
const WARM: usize = 30;
const TIMEOUT: Duration = Duration::from_secs(120);

struct Measured {
    init: Duration,
    first: Duration,
    warm: Duration,
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

async fn measure(function: &Bootstrap, event: &Value) -> Measured {
    let (mut init, mut first, mut warm, mut resident_kib_seen) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..STARTS {
        let mut process = function.start().await.unwrap();
        init.push(process.ready().await.unwrap());
        for nth in 0..=WARM {
            let started = Instant::now();
            process.invoke(event, TIMEOUT).await.unwrap();
            if nth == 0 { &mut first } else { &mut warm }.push(started.elapsed());
        }
        resident_kib_seen = resident_kib(process.id().unwrap());
    }
    Measured { init: median(init), first: median(first), warm: median(warm), resident_kib: resident_kib_seen }
}

/// The size of the binary in a zip.
fn zipped(binary: &Path) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&std::fs::read(binary).unwrap()).unwrap();
    encoder.finish().unwrap().len()
}

fn row(name: &str, binary: &Path, measured: &Measured) {
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} |",
        ms(measured.init),
        ms(measured.first),
        ms(measured.warm),
        mb(measured.resident_kib * 1024),
        mb(std::fs::metadata(binary).unwrap().len()),
        mb(zipped(binary) as u64)
    );
}

#[tokio::main]
async fn main() {
    let dir = PathBuf::from(std::env::args_os().nth(1).expect("the folder of the built functions"));
    let service = Service::start_disconnected(std::sync::Arc::new(NoTap), &[]).await;
    // What the operator has is what all functions have together, and where the emulated services are.
    let lines = std::fs::read_to_string(service.stack.operator_env()).unwrap();
    let environment: BTreeMap<String, String> =
        lines.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    println!("| function | init ms | first ms | warm ms | resident MB | binary MB | zip MB |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let hello = dir.join("examples/hello-function");
    let function = Bootstrap::new("Hello", hello.clone(), environment.clone(), TIMEOUT);
    row("*hello world*", &hello, &measure(&function, &Value::Null).await);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut events: Vec<PathBuf> = std::fs::read_dir(root.join("events")).unwrap().map(|file| file.unwrap().path()).collect();
    events.sort();
    for path in events {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let binary = binary_of(&dir, name).unwrap_or_else(|| panic!("{} has no {name}", dir.display()));
        let event = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let function = Bootstrap::new(name, binary.clone(), environment.clone(), TIMEOUT);
        row(name, &binary, &measure(&function, &event).await);
    }
}

//! How much the whole local stack does a second, and with how much of the processor: sends, polls, lists and webhooks over HTTP. With a second
//! binary, as of the last release, both are measured in turns and compared.
//!
//!     cargo build --release
//!     cargo build --workspace --bins --tests
//!     target/debug/bench target/release/sfm [OTHER_SFM]
//!
//! `ROUNDS` (3) says how often each figure is measured: the median is printed, and least and most as the noise of the machine.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fax_document::{Header, Options, convert, read_fax_pdf, stamp};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use sfm::commands::{key, webhook};
use sfm_core::clock::Clock;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_store::platform::Platform;
use sfm_tests::client::{Client, fax};
use sfm_tests::documents::TEXT;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::seed::{delivered_events, faxes_like, first_attempts};
use sfm_tests::service::{Customer, customer_at};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Requests at a time.
const TOGETHER: [usize; 3] = [1, 4, 16];
const SENDS: usize = 120;
/// What a key may send in a minute, less some.
const SENDS_OF_A_KEY: usize = 50;
const POLLS: usize = 1000;
const LISTED: u64 = 10_000;
const PAGES: usize = 50;
const WEBHOOKS: usize = 2000;
/// Pages of the fax whose header line is stamped.
const HEADED: usize = 100;
/// Kernel's `USER_HZ`, in which `/proc` counts (proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// A figure: its name, and what it is in this round.
type Figure = (String, f64);

/// A stack under measurement.
struct Subject {
    process: Child,
    operator: Platform,
    base_url: String,
    _folder: TempDir,
}

impl Subject {
    async fn start(sfm: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(sfm);
        command.args(["local", "--port", "0", "--carrier-speed", "1000", "--allow-loopback", "--json", "--data"]).arg(folder.path());
        command.env("RUST_LOG", "off").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).await.unwrap();
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let env = std::fs::read_to_string(text("operator_env")).unwrap();
        let vars: HashMap<String, String> =
            env.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let secret = vars["AWS_SECRET_ACCESS_KEY"].clone();
        let region = vars["AWS_REGION"].clone();
        let operator = Platform::local("operator", &text("aws_endpoint_url"), &secret, &region, vars, Clock::default());
        Self { process, operator, base_url: text("base_url"), _folder: folder }
    }

    async fn customer(&self) -> Customer {
        customer_at(&self.operator, &self.base_url, Plan::Enterprise, None).await
    }

    /// What the stack and all that it has started and waited for have used of the processor: fields 14 to 17 of proc(5)'s `stat`.
    fn used(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id().unwrap())).unwrap();
        let behind_name = stat.rsplit_once(") ").unwrap().1;
        let ticks: u32 = behind_name.split(' ').skip(11).take(4).map(|field| field.parse::<u32>().unwrap()).sum();
        TICK * ticks
    }

    /// Makes `requests`, so many at a time, and returns what happened in a second and the processor's milliseconds for each.
    async fn load<F: Future<Output = ()>>(&self, what: &str, together: usize, requests: Vec<F>) -> Vec<Figure> {
        let (count, started, used) = (requests.len() as f64, Instant::now(), self.used());
        stream::iter(requests).buffer_unordered(together).collect::<Vec<()>>().await;
        let (took, used) = (started.elapsed().as_secs_f64(), (self.used() - used).as_secs_f64());
        let name = format!("{what}, {together} at a time");
        vec![(format!("{name}: a second"), count / took), (format!("{name}: ms of processor each"), used * 1000.0 / count)]
    }

    async fn sends(&self, customer: &Customer) -> Vec<Figure> {
        let mut figures = Vec::new();
        let body = fax("+15005550001", TEXT, "text/plain");
        for together in TOGETHER {
            let mut clients = Vec::new();
            for _ in 0..SENDS.div_ceil(SENDS_OF_A_KEY) {
                let key = key::create(&self.operator, customer.account, Scope::ALL.to_vec(), false).await.unwrap().key;
                clients.push(Client::new(&self.base_url, &key));
            }
            let send = |nth: usize| {
                let (client, body) = (&clients[nth % clients.len()], &body);
                async move {
                    let sent = client.post("/v1/faxes", body).await;
                    assert_eq!(sent.status, 201, "{}", sent.text);
                }
            };
            figures.extend(self.load("sends of a page of text", together, (0..SENDS).map(send).collect()).await);
        }
        figures
    }

    async fn polls(&self, customer: &Customer) -> Vec<Figure> {
        let sent = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/faxes/{sent}");
        let mut figures = Vec::new();
        for together in TOGETHER {
            let poll = |_| async { assert_eq!(customer.client.get(&path).await.status, 200) };
            figures.extend(self.load("polls of a fax", together, (0..POLLS).map(poll).collect()).await);
        }
        figures
    }

    async fn lists(&self) -> Vec<Figure> {
        let customer = self.customer().await;
        let sent = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
        customer.client.completed(&sent).await;
        faxes_like(&self.operator.dynamodb(), customer.account, sent.parse().unwrap(), LISTED).await;
        let mut figures = Vec::new();
        for query in ["page=1", "page=400", "page=1&status=delivered", "page=400&status=delivered"] {
            let path = format!("/v1/faxes?{query}");
            let mut took = Vec::new();
            for _ in 0..PAGES {
                let started = Instant::now();
                assert_eq!(customer.client.get(&path).await.status, 200);
                took.push(started.elapsed().as_secs_f64() * 1000.0);
            }
            took.sort_unstable_by(f64::total_cmp);
            figures.push((format!("list of 25 of {LISTED}, {query}: ms"), took[took.len() / 2]));
        }
        figures
    }

    /// A burst of events to one endpoint that answers at once.
    async fn webhooks(&self) -> Vec<Figure> {
        let customer = self.customer().await;
        let told = Arc::new(AtomicUsize::new(0));
        let seen = told.clone();
        let receiver = Receiver::start(move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
            Reply::status(200)
        })
        .await;
        webhook::add(&self.operator, customer.account, &receiver.url("/"), vec![], None).await.unwrap();
        let (started, used) = (Instant::now(), self.used());
        let ids = delivered_events(&self.operator.dynamodb(), customer.account, WEBHOOKS, Timestamp::now()).await;
        let deadline = started + Duration::from_secs(600);
        while told.load(Ordering::SeqCst) < WEBHOOKS {
            assert!(Instant::now() < deadline, "{} were told", told.load(Ordering::SeqCst));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (took, used) = (started.elapsed().as_secs_f64(), (self.used() - used).as_secs_f64());
        let waited = first_attempts(&self.operator, &ids, customer.account).await;
        let at = |part: f64| waited[((waited.len() - 1) as f64 * part) as usize] as f64;
        let name = format!("{WEBHOOKS} webhooks at once");
        vec![
            (format!("{name}: a second"), WEBHOOKS as f64 / took),
            (format!("{name}: events a second of processor"), WEBHOOKS as f64 / used),
            (format!("{name}: ms to the first attempt, p50"), at(0.5)),
            (format!("{name}: ms to the first attempt, p99"), at(0.99)),
        ]
    }

    /// What the header line adds to a hand-over, beside the read of the document that comes before it.
    async fn header(&self) -> Vec<Figure> {
        let options = Options { header: true, ..Options::default() };
        let letters = vec![TEXT; HEADED].join(&0x0c);
        let document = convert(&letters, Some("text/plain"), &options).unwrap().pdf;
        assert_eq!(read_fax_pdf(&document).unwrap().len(), HEADED);
        let header = Header::new("2026-11-24 17:05 UTC", "Clinic  +1 202 555 0111");
        let (s3, bucket) = (self.operator.s3(), self.operator.var("DOCUMENTS_BUCKET").unwrap());
        s3.put_object().bucket(&bucket).key("headed.pdf").body(document.clone().into()).send().await.unwrap();
        let (mut read, mut stamped) = (Vec::new(), Vec::new());
        for _ in 0..PAGES {
            let started = Instant::now();
            let kept = s3.get_object().bucket(&bucket).key("headed.pdf").send().await.unwrap().body.collect().await.unwrap().into_bytes();
            read.push(started.elapsed().as_secs_f64() * 1000.0);
            let started = Instant::now();
            assert_ne!(stamp(&kept, Some(&header)).unwrap(), document);
            stamped.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        let name = format!("{HEADED} pages of {} KB", document.len() / 1000);
        vec![
            (format!("{name}: ms to read them from S3"), summary(read).0),
            (format!("{name}: ms to stamp their header line"), summary(stamped).0),
        ]
    }

    async fn round(&self) -> Vec<Figure> {
        let customer = self.customer().await;
        let mut figures = self.header().await;
        figures.extend(self.sends(&customer).await);
        figures.extend(self.polls(&customer).await);
        figures.extend(self.lists().await);
        figures.extend(self.webhooks().await);
        figures
    }
}

/// Median, least and most.
fn summary(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

#[tokio::main]
async fn main() {
    let binaries: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    assert!((1..=2).contains(&binaries.len()), "bench SFM [OTHER_SFM]");
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let mut measured: Vec<BTreeMap<String, Vec<f64>>> = vec![BTreeMap::new(); binaries.len()];
    let mut order: Vec<String> = Vec::new();
    for round in 1..=rounds {
        for (binary, measured) in binaries.iter().zip(&mut measured) {
            eprintln!("round {round} of {rounds}: {}", binary.display());
            let subject = Subject::start(binary).await;
            for (name, value) in subject.round().await {
                if !order.contains(&name) {
                    order.push(name.clone());
                }
                measured.entry(name).or_default().push(value);
            }
        }
    }
    println!("| figure | median | least–most |{}", if binaries.len() == 2 { " other | ratio |" } else { "" });
    println!("| --- | ---: | ---: |{}", if binaries.len() == 2 { " ---: | ---: |" } else { "" });
    for name in order {
        let (median, least, most) = summary(measured[0][&name].clone());
        let other = measured.get(1).and_then(|other| other.get(&name)).map(|values| summary(values.clone()).0);
        let other = other.map_or(String::new(), |other| format!(" {other:.1} | {:.2} |", median / other));
        println!("| {name} | {median:.1} | {least:.1}–{most:.1} |{other}");
    }
}

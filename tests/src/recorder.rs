//! Records what a stack asks of DynamoDB, and what it is answered, so that another implementation can be asked the same: `.ci/dynamodb/run`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfm_local::interceptor::{Call, CallInterceptor, NoInterceptor, Verdict};
use tokio::sync::watch;

/// Nobody hears of a call whose caller went away in the midst of it. After so long the next one goes on.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// A file for each stack, a call a line. One call is done at a time, so that the order of the lines is that in which they were done.
#[derive(Debug)]
struct Recorder {
    file: Mutex<File>,
    /// The call that is being done, if one is.
    under_way: Mutex<Option<UnderWay>>,
}

#[derive(Debug)]
struct UnderWay {
    since: Instant,
    waiting: VecDeque<watch::Sender<bool>>,
}

/// What records into the folder that `DYNAMODB_CALLS` names; without it nothing does.
pub fn from_env() -> Arc<dyn CallInterceptor> {
    static STACKS: AtomicUsize = AtomicUsize::new(0);
    let Some(folder) = std::env::var_os("DYNAMODB_CALLS") else { return Arc::new(NoInterceptor) };
    let name = format!("{}.jsonl", STACKS.fetch_add(1, Ordering::Relaxed));
    let file = Mutex::new(File::create(Path::new(&folder).join(name)).unwrap());
    Arc::new(Recorder { file, under_way: Mutex::default() })
}

/// Lets the next one go on that is still there.
fn go_on(under_way: &mut Option<UnderWay>) {
    let Some(UnderWay { since, waiting }) = under_way else { return };
    *since = Instant::now();
    while let Some(next) = waiting.pop_front() {
        if next.send(true).is_ok() {
            return;
        }
    }
    *under_way = None;
}

impl CallInterceptor for Recorder {
    fn verdict(&self, call: &Call) -> Verdict {
        if call.service != "dynamodb" {
            return Verdict::Perform;
        }
        let mut under_way = self.under_way.lock().unwrap();
        let Some(UnderWay { since, waiting }) = &mut *under_way else {
            *under_way = Some(UnderWay { since: Instant::now(), waiting: VecDeque::new() });
            return Verdict::Perform;
        };
        let (go, goes) = watch::channel(false);
        waiting.push_back(go);
        if since.elapsed() > LONGEST_CALL {
            go_on(&mut under_way);
        }
        Verdict::Hold(goes)
    }

    fn performed(&self, call: &Call, request: &[u8], status: u16, response: &[u8]) {
        if call.service == "dynamodb" {
            let of = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
            let line = json!({"operation": call.operation, "request": of(request), "status": status, "answer": of(response)});
            writeln!(self.file.lock().unwrap(), "{line}").unwrap();
            go_on(&mut self.under_way.lock().unwrap());
        }
    }
}

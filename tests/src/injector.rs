//! The fault injector: an interceptor that counts the calls of some functions and lets some of them fail, feeds workers twice, or holds a
//! call.

use std::collections::HashMap;
use std::fmt::{Display, Formatter};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use sfm_local::interceptor::{Call, CallInterceptor, Verdict};
use tokio::sync::watch;

use crate::draw::Draw;
use crate::errors::Errors;

/// One call: who calls what, about what, for the how-manieth time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Point {
    pub caller: String,
    pub service: &'static str,
    pub operation: String,
    pub target: String,
    pub nth: usize,
}

impl Display for Point {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} of {} #{}", self.caller, self.service, self.operation, self.target, self.nth)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    FailedBefore,
    AnswerLost,
    /// The process dies before the call, between two of its own steps; nothing else comes of it.
    GoneBefore,
    /// The process dies before the answer to the call.
    ProcessGone,
    /// A transaction of another has the item: of writes to the database alone.
    Conflict,
    /// The service's own error, at each repetition of the call by the client.
    Error(u16, &'static str),
    /// Of a batch the last entry is not done.
    Partial,
    /// An object's body breaks off in the middle.
    BrokenBody,
    /// An index has not caught up.
    Stale,
}

impl Point {
    /// The call, however often it has been made.
    pub fn call(&self) -> (&str, &str, &str, &str) {
        (&self.caller, self.service, &self.operation, &self.target)
    }

    /// The faults of connections and processes, and conflicts, that this call can meet.
    pub fn faults(&self) -> Vec<Fault> {
        let writes = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"].contains(&self.operation.as_str());
        let conflict = (self.service == "dynamodb" && writes).then_some(Fault::Conflict);
        [Fault::FailedBefore, Fault::AnswerLost, Fault::GoneBefore, Fault::ProcessGone].into_iter().chain(conflict).collect()
    }

    pub fn reads(&self) -> bool {
        ["Get", "Query", "BatchGet", "Head", "GET"].iter().any(|start| self.operation.starts_with(start))
    }

    /// The errors and half-done work that this call's service can answer with.
    ///
    /// Codes: "Common Errors" and "Error handling" of each service's API reference; of the carrier, those of its published list.
    pub fn errors(&self) -> Vec<Fault> {
        let errors: &[(u16, &str)] = match self.service {
            "dynamodb" => &[
                (400, "ThrottlingException"),
                (400, "ProvisionedThroughputExceededException"),
                (400, "RequestLimitExceeded"),
                (500, "InternalServerError"),
                (400, "ExpiredTokenException"),
            ],
            "s3" => &[(503, "SlowDown"), (500, "InternalError"), (400, "ExpiredToken")],
            "sqs" => &[(400, "ThrottlingException"), (503, "ServiceUnavailable"), (400, "ExpiredTokenException")],
            "events" => &[(400, "ThrottlingException"), (500, "InternalException"), (400, "ExpiredTokenException")],
            "secretsmanager" => &[(500, "InternalServiceError"), (400, "ThrottlingException"), (400, "ExpiredTokenException")],
            _ => &[(429, "too many requests"), (500, "failure"), (503, "unavailable")],
        };
        let mut faults: Vec<Fault> = errors.iter().map(|(status, code)| Fault::Error(*status, code)).collect();
        match self.operation.as_str() {
            "TransactWriteItems" => faults.push(Fault::Error(400, "TransactionInProgressException")),
            "GetObject" | "PutObject" => faults.push(Fault::BrokenBody),
            _ => {}
        }
        faults.extend(self.silent());
        faults
    }

    /// What a caller that looks at nothing but the call's success never notices.
    pub fn silent(&self) -> Option<Fault> {
        match self.operation.as_str() {
            "SendMessageBatch" | "DeleteMessageBatch" | "PutEvents" | "BatchGetItem" | "BatchWriteItem" => Some(Fault::Partial),
            "Query" if self.target.contains('.') => Some(Fault::Stale),
            _ => None,
        }
    }

    pub fn all_faults(&self) -> Vec<Fault> {
        [self.faults(), self.errors()].concat()
    }
}

/// How queues and streams feed their functions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    #[default]
    Straight,
    /// Each event at two workers at once.
    Doubled,
    /// Each message of a queue at two workers of its own, the last first. Streams keep the order of their records, and what came once
    /// comes again from the middle on.
    Shuffled,
}

/// Something that happened, in the one order in which it did.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A write by one of the functions that are looked at was done.
    Written { caller: String, request: Value },
    /// Whatever the test saw at another place.
    Noted(String),
}

#[derive(Debug, Default)]
pub struct Injector {
    inner: Mutex<Armed>,
    feed: Mutex<Feed>,
    errors: Errors,
}

#[derive(Debug, Default)]
struct Armed {
    /// The functions whose calls are looked at.
    callers: &'static [&'static str],
    targets: Vec<(Point, Fault)>,
    /// How often each call was made, its repetitions by the client not counted.
    counts: HashMap<(String, &'static str, String, String), usize>,
    known: HashMap<String, Point>,
    seen: Vec<Point>,
    /// The ids of the calls that were hit, and with what.
    hits: HashMap<String, Fault>,
    struck: usize,
    process_gone: bool,
    happened: Vec<Happening>,
    /// Whether each call waits until it is let go on.
    holds: bool,
    waiting: Vec<watch::Sender<bool>>,
}

/// A hold that nobody ends.
fn for_ever() -> Verdict {
    Verdict::Hold(watch::channel(false).1)
}

impl Injector {
    pub fn arm(&self, callers: &'static [&'static str], targets: impl IntoIterator<Item = (Point, Fault)>) {
        *self.inner.lock().unwrap() = Armed { callers, targets: targets.into_iter().collect(), ..Armed::default() };
    }

    /// Looks at nothing more. Returns whether the process is gone, which then nobody else is told.
    pub fn disarm(&self) -> bool {
        let mut armed = self.inner.lock().unwrap();
        (armed.callers, armed.targets) = (&[], Vec::new());
        std::mem::take(&mut armed.process_gone)
    }

    /// After the process that is gone: what has not struck yet may strike its successor, counted anew.
    pub fn resume(&self) {
        let mut armed = self.inner.lock().unwrap();
        armed.process_gone = false;
        armed.counts.clear();
    }

    pub fn seen(&self) -> Vec<Point> {
        self.inner.lock().unwrap().seen.clone()
    }

    /// How many of the targets have struck since they were armed.
    pub fn struck(&self) -> usize {
        self.inner.lock().unwrap().struck
    }

    /// Whether all targets have struck.
    pub fn was_hit(&self) -> bool {
        let armed = self.inner.lock().unwrap();
        armed.targets.is_empty() && armed.struck > 0
    }

    pub fn process_gone(&self) -> bool {
        self.inner.lock().unwrap().process_gone
    }

    /// What the stacks under this interceptor have written of level ERROR.
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    /// Nothing that passes needs a person.
    pub fn assert_no_errors(&self, what: &impl std::fmt::Debug) {
        let lines = self.errors.take();
        assert!(lines.is_empty(), "{what:?}: of level ERROR: {lines:#?}");
    }

    pub fn feed_as(&self, feed: Feed) {
        *self.feed.lock().unwrap() = feed;
    }

    /// At how many workers one event can be at once: the stream's records are doubled, and the queue's messages are.
    pub fn copies(&self) -> usize {
        if *self.feed.lock().unwrap() == Feed::Straight { 1 } else { 4 }
    }

    /// Puts what the test saw into the order of the writes.
    pub fn note(&self, what: impl Into<String>) {
        self.inner.lock().unwrap().happened.push(Happening::Noted(what.into()));
    }

    pub fn happened(&self) -> Vec<Happening> {
        self.inner.lock().unwrap().happened.clone()
    }

    /// From now on each call that these functions make waits for [`Self::go_on`].
    pub fn hold(&self, callers: &'static [&'static str]) {
        *self.inner.lock().unwrap() = Armed { callers, holds: true, ..Armed::default() };
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.inner.lock().unwrap().waiting.len()
    }

    /// Lets one of the calls that wait go on.
    pub fn go_on(&self, draw: &mut Draw) {
        let mut armed = self.inner.lock().unwrap();
        let places: Vec<usize> = (0..armed.waiting.len()).collect();
        if !places.is_empty() {
            armed.waiting.remove(*draw.one_of(&places)).send_replace(true);
        }
    }
}

/// How long the product has made no call.
#[derive(Debug)]
pub struct Patience {
    since: Instant,
    calls: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { since: Instant::now(), calls: 0 }
    }
}

impl Patience {
    /// Whether nothing has gone on by itself for so long, counted from the last time that this was so.
    pub fn is_over(&mut self, interceptor: &Injector, limit: Duration) -> bool {
        let calls = interceptor.inner.lock().unwrap().known.len();
        if calls != self.calls {
            *self = Self { calls, ..Self::default() };
        }
        let over = self.since.elapsed() > limit;
        if over {
            self.since = Instant::now();
        }
        over
    }
}

impl Fault {
    /// Whether the service answers.
    pub fn is_answered(self) -> bool {
        matches!(self, Self::Conflict | Self::Error(..) | Self::Partial | Self::Stale)
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::FailedBefore => Verdict::Refuse,
            Self::AnswerLost => Verdict::DropResponse,
            Self::GoneBefore => for_ever(),
            Self::ProcessGone => Verdict::NeverRespond,
            Self::Conflict => Verdict::Conflict,
            Self::Error(status, code) => Verdict::Fail { status, code },
            Self::Partial => Verdict::Partial,
            Self::BrokenBody => Verdict::Break,
            Self::Stale => Verdict::Stale,
        }
    }

    /// What becomes of the client's repetition of a call that met this.
    fn again(self) -> Verdict {
        match self {
            Self::Error(..) | Self::BrokenBody => self.verdict(),
            Self::Partial | Self::Stale => Verdict::Perform,
            _ => Verdict::Refuse,
        }
    }
}

impl CallInterceptor for Injector {
    fn verdict(&self, call: &Call) -> Verdict {
        let caller = if call.service == "carrier" { "TransmitFax".to_owned() } else { call.caller.clone() };
        let mut armed = self.inner.lock().unwrap();
        if !armed.callers.contains(&caller.as_str()) {
            return Verdict::Perform;
        }
        // Who is dead does nothing more.
        if armed.process_gone {
            return for_ever();
        }
        if let Some(fault) = armed.hits.get(&call.id) {
            return fault.again();
        }
        if armed.known.contains_key(&call.id) {
            return Verdict::Perform;
        }
        let named = (caller.clone(), call.service, call.operation.clone(), call.target.clone());
        let nth = armed.counts.entry(named).or_default();
        *nth += 1;
        let point = Point { caller, service: call.service, operation: call.operation.clone(), target: call.target.clone(), nth: *nth };
        armed.known.insert(call.id.clone(), point.clone());
        armed.seen.push(point.clone());
        if armed.holds {
            let (release, released) = watch::channel(false);
            armed.waiting.push(release);
            return Verdict::Hold(released);
        }
        let Some(target) = armed.targets.iter().position(|(target, _)| *target == point) else { return Verdict::Perform };
        let (_, fault) = armed.targets.swap_remove(target);
        armed.hits.insert(call.id.clone(), fault);
        armed.struck += 1;
        armed.process_gone |= fault == Fault::GoneBefore;
        fault.verdict()
    }

    fn performed(&self, call: &Call, request: &[u8], status: u16, _: &[u8]) {
        let mut armed = self.inner.lock().unwrap();
        armed.process_gone |= armed.hits.get(&call.id) == Some(&Fault::ProcessGone);
        if call.service == "dynamodb" && status == 200 && armed.callers.contains(&call.caller.as_str()) {
            let request = serde_json::from_slice(request).unwrap_or_default();
            armed.happened.push(Happening::Written { caller: call.caller.clone(), request });
        }
    }

    fn feed(&self, _: &str, event: Value) -> Vec<Value> {
        let feed = *self.feed.lock().unwrap();
        match (feed, event["Records"].as_array()) {
            (Feed::Doubled, _) => vec![event.clone(), event],
            (Feed::Shuffled, Some(records)) if records.iter().all(|record| record["eventSource"] == "aws:sqs") => {
                let alone = records.iter().rev().map(|record| serde_json::json!({"Records": [record]}));
                alone.flat_map(|event| [event.clone(), event]).collect()
            }
            (Feed::Shuffled, Some(records)) => {
                let again = serde_json::json!({"Records": records[records.len() / 2..]});
                vec![event, again]
            }
            _ => vec![event],
        }
    }
}

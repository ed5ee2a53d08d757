//! The fault injector: a tap that counts the calls of some functions and lets some of them fail, feeds workers twice, or holds a call.

use std::collections::HashMap;
use std::fmt::{Display, Formatter};
use std::sync::Mutex;

use serde_json::Value;
use sfm::tap::{Call, Tap, Verdict};
use tokio::sync::watch;

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
    /// The faults of connections and processes, and conflicts, that this call can meet.
    pub fn faults(&self) -> Vec<Fault> {
        let writes = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"].contains(&self.operation.as_str());
        let conflict = (self.service == "dynamodb" && writes).then_some(Fault::Conflict);
        [Fault::FailedBefore, Fault::AnswerLost, Fault::GoneBefore, Fault::ProcessGone].into_iter().chain(conflict).collect()
    }

    fn reads(&self) -> bool {
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
            "SendMessageBatch" | "DeleteMessageBatch" | "PutEvents" | "BatchGetItem" | "BatchWriteItem" => faults.push(Fault::Partial),
            "GetObject" | "PutObject" => faults.push(Fault::BrokenBody),
            "Query" if self.target.contains('.') => faults.push(Fault::Stale),
            _ => {}
        }
        faults
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

    pub fn feed_as(&self, feed: Feed) {
        *self.feed.lock().unwrap() = feed;
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

impl Fault {
    /// Whether the service answers.
    fn is_answered(self) -> bool {
        matches!(self, Self::Conflict | Self::Error(..) | Self::Partial | Self::Stale)
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::FailedBefore => Verdict::Refuse,
            Self::AnswerLost => Verdict::Lose,
            Self::GoneBefore => for_ever(),
            Self::ProcessGone => Verdict::Hang,
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

impl Tap for Injector {
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

/// Draws from a seed, the same each time: `SplitMix64`.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// Of the seed in `FAULT_SEED`, or a fixed one, and the name of a flow, so that flows draw otherwise. Prints the seed.
    pub fn new(flow: &str) -> Self {
        let seed = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(15);
        println!("  FAULT_SEED={seed}");
        Self(flow.bytes().fold(seed, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(byte.into())))
    }

    /// One of `items`, of which there is at least one.
    pub fn one_of<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        &items[usize::try_from(mixed % items.len() as u64).unwrap()]
    }

    /// What to try of these points: at each call that reads one fault, at each that writes one of connections and processes and one that
    /// the service answers with. With `FAULTS=kinds` one of each kind at every call, with `FAULTS=all` all.
    pub fn singles(&mut self, points: &[Point]) -> Vec<(Point, Fault)> {
        let wanted = std::env::var("FAULTS").unwrap_or_default();
        let mut targets = Vec::new();
        for point in points {
            let faults = match wanted.as_str() {
                "all" => point.all_faults(),
                "kinds" => self.of_each_kind(point),
                _ if point.reads() => vec![*self.one_of(&point.all_faults())],
                _ => {
                    let (answered, broken): (Vec<_>, Vec<_>) = point.all_faults().into_iter().partition(|fault| fault.is_answered());
                    vec![*self.one_of(&broken), *self.one_of(&answered)]
                }
            };
            targets.extend(faults.into_iter().map(|fault| (point.clone(), fault)));
        }
        targets
    }

    /// One of each kind at every call. Where several come to the same one is drawn: a read that failed and one whose answer is lost, a
    /// process gone before or after it, an error of this name or that.
    pub fn kinds(&mut self, points: &[Point]) -> Vec<(Point, Fault)> {
        if std::env::var("FAULTS").is_ok_and(|faults| faults == "all") {
            return self.singles(points);
        }
        points.iter().flat_map(|point| self.of_each_kind(point).into_iter().map(|fault| (point.clone(), fault))).collect()
    }

    fn of_each_kind(&mut self, point: &Point) -> Vec<Fault> {
        let connection = [Fault::FailedBefore, Fault::AnswerLost];
        let mut faults = if point.reads() { vec![*self.one_of(&connection)] } else { connection.to_vec() };
        faults.push(*self.one_of(&[Fault::GoneBefore, Fault::ProcessGone]));
        faults.push(*self.one_of(&point.errors()));
        faults.extend(point.faults().contains(&Fault::Conflict).then_some(Fault::Conflict));
        faults
    }

    /// Pairs of faults of different points: so many as `FAULT_PAIRS` says, or `few`; with `FAULT_PAIRS=all` all, in order.
    pub fn pairs(&mut self, points: &[Point], few: usize) -> Vec<[(Point, Fault); 2]> {
        let every: Vec<_> = points.iter().flat_map(|point| point.all_faults().into_iter().map(|fault| (point.clone(), fault))).collect();
        let wanted = std::env::var("FAULT_PAIRS").unwrap_or_default();
        if wanted == "all" {
            let pairs = every.iter().enumerate().flat_map(|(i, one)| every[i + 1..].iter().map(|other| [one.clone(), other.clone()]));
            return pairs.filter(|[one, other]| one.0 != other.0).collect();
        }
        let mut pairs = Vec::new();
        while pairs.len() < wanted.parse().unwrap_or(few) {
            let pair = [self.one_of(&every).clone(), self.one_of(&every).clone()];
            if pair[0].0 != pair[1].0 {
                pairs.push(pair);
            }
        }
        pairs
    }
}

/// The calls that two runs without faults both made. What only one made hangs on the order of things, and is named.
pub fn in_both(one: Vec<Point>, other: &[Point]) -> Vec<Point> {
    let (both, once): (Vec<_>, Vec<_>) = one.into_iter().partition(|point| other.contains(point));
    for point in &both {
        println!("    {point}");
    }
    for point in once {
        println!("    {point}: not made in another run, so not tried");
    }
    both
}

/// Points that no trial is bound to strike: part of what the point's name says, and why.
pub type Explained = (&'static str, &'static str);

/// Tries each target until it strikes, three times at most. One that never struck must be explained.
pub fn try_each<S>(
    targets: Vec<(Point, Fault)>,
    explained: &[Explained],
    mut state: S,
    mut trial: impl FnMut(S, (Point, Fault)) -> (S, bool),
) -> S {
    let (mut missed, tried) = (Vec::new(), targets.len());
    for target in targets {
        let mut struck = false;
        for _ in 0..3 {
            (state, struck) = trial(state, target.clone());
            if struck {
                break;
            }
        }
        if !struck {
            let why = explained.iter().find(|(part, _)| target.0.to_string().contains(part));
            println!("  never struck: {:?} of {}: {}", target.1, target.0, why.map_or("not explained", |(_, why)| why));
            missed.push((target, why));
        }
    }
    println!("  {tried} faults, {} of them struck", tried - missed.len());
    let unexplained: Vec<_> = missed.iter().filter(|(_, why)| why.is_none()).map(|(target, _)| target).collect();
    assert!(unexplained.is_empty(), "never struck, and not explained: {unexplained:?}");
    // So that an explanation never covers most of a flow.
    assert!(missed.len() * 10 <= tried, "{} of {tried} faults never struck", missed.len());
    state
}

/// Tries pairs of faults and prints what struck. The second may belong to a way that the first one leads away from: of most pairs one strikes.
pub fn try_pairs<S>(pairs: &[[(Point, Fault); 2]], mut state: S, mut trial: impl FnMut(S, &[(Point, Fault)]) -> (S, usize)) -> S {
    let mut struck = [0; 3];
    for pair in pairs {
        let times;
        (state, times) = trial(state, pair);
        struck[times] += 1;
    }
    println!("  {} pairs: of {} both struck, of {} one, of {} none", pairs.len(), struck[2], struck[1], struck[0]);
    assert!(struck[0] * 3 <= pairs.len(), "{struck:?}");
    state
}

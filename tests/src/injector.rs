//! The fault injector: a tap that counts the calls of some functions and lets one of them fail.

use std::collections::HashMap;
use std::sync::Mutex;

use sfm::tap::{Call, Tap, Verdict};

/// One call: who calls what for the how-manieth time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Point {
    pub caller: String,
    pub service: &'static str,
    pub operation: String,
    pub nth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    FailedBefore,
    AnswerLost,
    ProcessGone,
    /// A transaction of another has the item: of writes to the database alone.
    Conflict,
}

#[derive(Debug, Default)]
pub struct Injector {
    inner: Mutex<Armed>,
}

impl Point {
    /// The faults that this call can meet.
    pub fn faults(&self) -> Vec<Fault> {
        let writes = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"].contains(&self.operation.as_str());
        let conflict = (self.service == "dynamodb" && writes).then_some(Fault::Conflict);
        [Fault::FailedBefore, Fault::AnswerLost, Fault::ProcessGone].into_iter().chain(conflict).collect()
    }
}

#[derive(Debug, Default)]
struct Armed {
    /// The functions whose calls are looked at.
    callers: &'static [&'static str],
    target: Option<(Point, Fault)>,
    /// How often each call was made, its repetitions by the client not counted.
    counts: HashMap<(String, &'static str, String), usize>,
    known: HashMap<String, Point>,
    seen: Vec<Point>,
    /// The id of the call that was hit; the client's repetitions of it are refused.
    hit: Option<String>,
    process_gone: bool,
}

impl Injector {
    pub fn arm(&self, callers: &'static [&'static str], target: Option<(Point, Fault)>) {
        *self.inner.lock().unwrap() = Armed { callers, target, ..Armed::default() };
    }

    pub fn seen(&self) -> Vec<Point> {
        self.inner.lock().unwrap().seen.clone()
    }

    pub fn was_hit(&self) -> bool {
        self.inner.lock().unwrap().hit.is_some()
    }

    pub fn process_gone(&self) -> bool {
        self.inner.lock().unwrap().process_gone
    }
}

impl Tap for Injector {
    fn verdict(&self, call: &Call) -> Verdict {
        let caller = if call.service == "carrier" { "TransmitFax".to_owned() } else { call.caller.clone() };
        let mut armed = self.inner.lock().unwrap();
        if !armed.callers.contains(&caller.as_str()) {
            return Verdict::Perform;
        }
        if armed.hit.as_ref() == Some(&call.id) {
            return Verdict::Refuse;
        }
        if armed.known.contains_key(&call.id) {
            return Verdict::Perform;
        }
        let nth = armed.counts.entry((caller.clone(), call.service, call.operation.clone())).or_default();
        *nth += 1;
        let point = Point { caller, service: call.service, operation: call.operation.clone(), nth: *nth };
        armed.known.insert(call.id.clone(), point.clone());
        armed.seen.push(point.clone());
        match armed.target.clone() {
            Some((target, fault)) if target == point => {
                armed.hit = Some(call.id.clone());
                match fault {
                    Fault::FailedBefore => Verdict::Refuse,
                    Fault::AnswerLost => Verdict::Lose,
                    Fault::ProcessGone => Verdict::Hang,
                    Fault::Conflict => Verdict::Conflict,
                }
            }
            _ => Verdict::Perform,
        }
    }

    fn performed(&self, call: &Call, _: &[u8], _: u16, _: &[u8]) {
        let mut armed = self.inner.lock().unwrap();
        if armed.hit.as_ref() == Some(&call.id) && armed.target.as_ref().is_some_and(|(_, fault)| *fault == Fault::ProcessGone) {
            armed.process_gone = true;
        }
    }
}

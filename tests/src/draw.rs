//! What the fault suites try: points found by watching, faults drawn by a seed, each target until it strikes, pairs of them.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::injector::{Fault, Point};

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
        &items[self.below(items.len())]
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).unwrap()
    }

    /// What to try of these points: at each call that reads one fault, at each that writes one of connections and processes and one that
    /// the service answers with; each batch is done in part, and each index has not caught up. With `FAULTS=kinds` one of each kind at every
    /// call, with `FAULTS=all` all.
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
            targets.extend(with_silent(point, faults));
        }
        targets
    }

    /// One of each kind at every call. Where several come to the same one is drawn: a read that failed and one whose answer is lost, a
    /// process gone before or after it, an error of this name or that.
    pub fn kinds(&mut self, points: &[Point]) -> Vec<(Point, Fault)> {
        if std::env::var("FAULTS").is_ok_and(|faults| faults == "all") {
            return self.singles(points);
        }
        points.iter().flat_map(|point| with_silent(point, self.of_each_kind(point))).collect()
    }

    fn of_each_kind(&mut self, point: &Point) -> Vec<Fault> {
        let connection = [Fault::FailedBefore, Fault::AnswerLost];
        let mut faults = if point.reads() { vec![*self.one_of(&connection)] } else { connection.to_vec() };
        faults.push(*self.one_of(&[Fault::GoneBefore, Fault::ProcessGone]));
        faults.push(*self.one_of(&point.errors()));
        faults.extend(point.faults().contains(&Fault::Conflict).then_some(Fault::Conflict));
        faults
    }

    /// Pairs of faults of different points, in an order that the seed draws: the first `few`. `FAULT_PAIRS` wants others: `200` the first
    /// 200, `200..400` those that come then, `all` all; `points` every pair of points with one fault of each, `points:200..400` some of these.
    pub fn pairs(&mut self, points: &[Point], few: usize) -> Vec<[(Point, Fault); 2]> {
        let mut points: Vec<_> = points.iter().collect();
        // Runs make the same calls in another order.
        points.sort_by_key(|point| point.to_string());
        let wanted = std::env::var("FAULT_PAIRS").unwrap_or_default();
        let (mut pairs, range) = match wanted.strip_prefix("points") {
            Some(range) => (self.pairs_of_points(&points), range.strip_prefix(':').unwrap_or("all")),
            None => (pairs_of_faults(&points), wanted.as_str()),
        };
        for place in 1..pairs.len() {
            let other = self.below(place + 1);
            pairs.swap(place, other);
        }
        let number = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("FAULT_PAIRS={wanted}"));
        let range = match range.split_once("..") {
            _ if range.is_empty() => 0..few,
            _ if range == "all" => 0..pairs.len(),
            Some((from, to)) => number(from)..number(to),
            None => 0..number(range),
        };
        println!("  pairs {range:?} of {}", pairs.len());
        let told = |(point, fault): (&Point, Fault)| (point.clone(), fault);
        pairs.into_iter().take(range.end).skip(range.start).map(|pair| pair.map(told)).collect()
    }

    fn pairs_of_points<'p>(&mut self, points: &[&'p Point]) -> Vec<[(&'p Point, Fault); 2]> {
        let mut pairs = Vec::new();
        for (place, one) in points.iter().enumerate() {
            for other in &points[..place] {
                pairs.push([*other, *one].map(|point| (point, *self.one_of(&point.all_faults()))));
            }
        }
        pairs
    }
}

fn pairs_of_faults<'p>(points: &[&'p Point]) -> Vec<[(&'p Point, Fault); 2]> {
    let every: Vec<_> = points.iter().flat_map(|point| point.all_faults().into_iter().map(|fault| (*point, fault))).collect();
    let pairs = (0..every.len()).flat_map(|one| (0..one).map(move |other| (other, one)));
    pairs.map(|(one, other)| [every[one], every[other]]).filter(|[one, other]| one.0 != other.0).collect()
}

fn with_silent(point: &Point, faults: Vec<Fault>) -> Vec<(Point, Fault)> {
    let silent = point.silent().filter(|fault| !faults.contains(fault));
    faults.into_iter().chain(silent).map(|fault| (point.clone(), fault)).collect()
}

/// The calls to try, of those that two runs without faults made: all but what only one of them made once more than the other, as when
/// a message came twice. Another call that only one of them made hangs on the order of things: it is tried, and told apart, since it may
/// not come again.
pub fn in_either(one: Vec<Point>, other: Vec<Point>) -> (Vec<Point>, HashSet<Point>) {
    let both: HashSet<_> = one.iter().filter(|point| other.contains(point)).cloned().collect();
    let calls: HashSet<_> = both.iter().map(Point::call).collect();
    let all: Vec<_> = one.into_iter().chain(other.into_iter().filter(|point| !both.contains(point))).collect();
    let (points, again): (Vec<_>, Vec<_>) = all.into_iter().partition(|point| both.contains(point) || !calls.contains(&point.call()));
    for point in &points {
        println!("    {point}{}", if both.contains(point) { "" } else { ": in one run of two" });
    }
    println!("    left out, once more in one run of two: {}", again.iter().map(Point::to_string).collect::<Vec<_>>().join(", "));
    let in_one = points.iter().filter(|point| !both.contains(point)).cloned().collect();
    (points, in_one)
}

/// Points that no trial is bound to strike: part of what the point's name says, and why.
pub type Explained = (&'static str, &'static str);

/// Tries each target until it strikes, three times at most. One that never struck must be explained, or be of a call that another target
/// struck or that only one of two runs without faults made: how often a call is made may hang on how soon things come, as a further
/// attempt does.
pub fn try_each<S>(
    targets: Vec<(Point, Fault)>,
    explained: &[Explained],
    in_one_run: &HashSet<Point>,
    mut state: S,
    mut trial: impl FnMut(S, (Point, Fault)) -> (S, bool),
) -> S {
    let call = |point: &Point| format!("{:?}", point.call());
    let (mut missed, mut calls, tried) = (Vec::new(), HashSet::new(), targets.len());
    for target in targets {
        let mut struck = false;
        for _ in 0..3 {
            (state, struck) = trial(state, target.clone());
            if struck {
                break;
            }
        }
        if struck {
            calls.insert(call(&target.0));
        } else {
            let why = explained.iter().find(|(part, _)| target.0.to_string().contains(part));
            println!("  never struck: {:?} of {}: {}", target.1, target.0, why.map_or("not explained", |(_, why)| why));
            missed.push((target, why));
        }
    }
    println!("  {tried} faults, {} of them struck", tried - missed.len());
    let hangs_on_order = |point: &Point| in_one_run.contains(point) || calls.contains(&call(point));
    let unexplained = missed.iter().filter(|((point, _), why)| why.is_none() && !hangs_on_order(point));
    let unexplained: Vec<_> = unexplained.map(|(target, _)| target).collect();
    assert!(unexplained.is_empty(), "never struck, and not explained: {unexplained:?}");
    // So that an explanation never covers most of a flow. How many further calls of one kind there are hangs on how busy the machine is.
    let explained = missed.iter().filter(|(_, why)| why.is_some()).count();
    assert!(explained * 10 <= tried, "{explained} of {tried} faults never struck, as explained");
    assert!(missed.len() * 3 <= tried, "{} of {tried} faults never struck", missed.len());
    state
}

/// Tries pairs of faults and prints what struck. The second may belong to a way that the first one leads away from: of most pairs one strikes.
/// A pair that fails is told of at once; the others go on from what `anew` makes, and the test fails at their end.
pub fn try_pairs<S>(
    pairs: &[[(Point, Fault); 2]],
    state: S,
    mut anew: impl FnMut() -> S,
    mut trial: impl FnMut(S, &[(Point, Fault)]) -> (S, usize),
) -> S {
    let (mut struck, mut failed, mut state) = ([0; 3], Vec::new(), Some(state));
    for (number, pair) in pairs.iter().enumerate() {
        let before = state.take().unwrap_or_else(&mut anew);
        match catch_unwind(AssertUnwindSafe(|| trial(before, pair))) {
            Ok((after, times)) => {
                struck[times] += 1;
                state = Some(after);
            }
            Err(_) => {
                println!("  FAILED: {pair:?}");
                failed.push(pair);
            }
        }
        if (number + 1) % 10 == 0 {
            println!("  {} of {} pairs, {} failed", number + 1, pairs.len(), failed.len());
        }
    }
    println!("  {} pairs: of {} both struck, of {} one, of {} none", pairs.len(), struck[2], struck[1], struck[0]);
    assert!(failed.is_empty(), "{} pairs failed: {failed:?}", failed.len());
    assert!(struck[0] * 3 <= pairs.len(), "{struck:?}");
    state.unwrap_or_else(anew)
}

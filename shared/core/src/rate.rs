//! The rate limit: at most [`SLOTS`] requests of a key in any span of [`SPAN_SECONDS`] seconds.
//!
//! A window is 60 slots, each with the time when it was last taken. A request takes a slot that was last taken 60 s ago or longer;
//! so each slot is taken at most once in any 60 s, and the window at most 60 times.

use jiff::Timestamp;

pub const SLOTS: usize = 60;
pub const SPAN_SECONDS: i64 = 60;
const SPAN_MS: i64 = SPAN_SECONDS * 1000;

/// When each slot was last taken, in milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window([Option<i64>; SLOTS]);

/// What is left of a window at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Requests that would be accepted now.
    pub remaining: usize,
    /// Whole seconds, rounded up, after which one more request will be accepted than now. Zero while all slots are free.
    pub reset_seconds: u32,
}

impl Window {
    /// Reads the slots from wherever they are stored.
    pub fn new(taken_at: impl Fn(usize) -> Option<i64>) -> Self {
        Self(std::array::from_fn(taken_at))
    }

    /// A slot may be taken at `now` if it was taken before this moment, or never.
    pub fn free_before(now: Timestamp) -> i64 {
        now.as_millisecond() - SPAN_MS + 1
    }

    pub fn free(&self, now: Timestamp) -> Vec<usize> {
        let before = Self::free_before(now);
        (0..SLOTS).filter(|slot| self.0[*slot].is_none_or(|taken| taken < before)).collect()
    }

    pub fn quota(&self, now: Timestamp) -> RateLimitStatus {
        let before = Self::free_before(now);
        let taken: Vec<i64> = self.0.iter().flatten().copied().filter(|taken| *taken >= before).collect();
        // A slot that another machine's clock took in the future is not waited for longer than a span.
        let wait = taken.iter().min().map_or(0, |oldest| (*oldest - before + 1).min(SPAN_MS));
        RateLimitStatus { remaining: SLOTS - taken.len(), reset_seconds: u32::try_from((wait + 999) / 1000).unwrap_or(u32::MAX) }
    }

    #[cfg(test)]
    fn take(&mut self, now: Timestamp) -> bool {
        let free = self.free(now).first().copied();
        free.map(|slot| self.0[slot] = Some(now.as_millisecond())).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap_or_default()
    }

    fn empty() -> Window {
        Window::new(|_| None)
    }

    #[test]
    fn the_last_free_slot_is_the_sixtieth_and_the_wait_is_true() {
        let mut window = empty();
        assert_eq!(window.quota(at(0)), RateLimitStatus { remaining: 60, reset_seconds: 0 });
        for ms in 0..60 {
            assert!(window.take(at(ms)));
        }
        assert!(!window.take(at(60)));
        let quota = window.quota(at(60));
        assert_eq!(quota, RateLimitStatus { remaining: 0, reset_seconds: 60 });
        assert!(!window.take(at(59_999)));
        assert!(window.take(at(60_000)));
    }

    #[test]
    fn a_slot_that_was_taken_in_the_future_of_a_slow_clock_is_not_free() {
        let mut window = empty();
        assert!(window.take(at(100_000)));
        assert_eq!(window.quota(at(99_000)), RateLimitStatus { remaining: 59, reset_seconds: 60 });
    }

    proptest! {
        /// The clock is the test's own: pauses of any length between requests.
        #[test]
        fn no_span_of_sixty_seconds_ever_holds_sixty_one(pauses in prop::collection::vec(prop_oneof![0i64..50, 0i64..1500, 0i64..61_000], 200..400)) {
            let (mut window, mut now, mut accepted) = (empty(), 1_700_000_000_000, Vec::new());
            for pause in pauses {
                now += pause;
                let quota = window.quota(at(now));
                let took = window.take(at(now));
                prop_assert_eq!(took, quota.remaining > 0);
                if took {
                    accepted.push(now);
                } else {
                    let wait = i64::from(quota.reset_seconds) * 1000;
                    prop_assert!(!window.clone().take(at(now + wait - 1000)), "Retry-After is too long");
                    prop_assert!(window.clone().take(at(now + wait)), "Retry-After is too short");
                }
            }
            for (i, last) in accepted.iter().enumerate().skip(SLOTS) {
                prop_assert!(last - accepted[i - SLOTS] >= SPAN_MS, "61 requests within 60 s");
            }
        }
    }
}

//! What the control port of a running stack moves: its clock, and its carrier.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sfm_core::clock::Clock;
use sfm_simulator::{Incoming, SendInError, Simulator, Taken};
use tokio::sync::watch;

use super::control::Controls;
use super::error::StackError;
use super::state::State;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) moved: watch::Sender<u64>,
    pub(super) carrier: Arc<Simulator>,
    pub(super) state: Mutex<State>,
    /// Functions in processes of their own have the machine's clock.
    pub(super) fixed_clock: bool,
}

impl Controls for Shared {
    fn advance(&self, by: SignedDuration) -> Result<Timestamp, StackError> {
        if self.fixed_clock {
            return Err(StackError::FixedClock);
        }
        self.clock.advance(by);
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        state.clock_offset_ms = i64::try_from(self.clock.offset().as_millis()).unwrap_or(i64::MAX);
        state.save()?;
        drop(state);
        self.carrier.clock_moved();
        self.moved.send_modify(|count| *count += 1);
        Ok(self.clock.now())
    }

    fn ahead(&self) -> SignedDuration {
        self.clock.offset()
    }

    fn carrier_log(&self) -> Vec<Value> {
        self.carrier.log().iter().filter_map(|submission| serde_json::to_value(submission).ok()).collect()
    }

    fn carrier_send_in(&self, incoming: Incoming, partial: bool) -> Result<Taken, SendInError> {
        if partial { self.carrier.send_in_part(incoming) } else { self.carrier.send_in(incoming) }
    }
}

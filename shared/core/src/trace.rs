//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): which trace of the caller's a fax belongs to. Its webhooks carry the same trace.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The header of requests and webhooks.
pub const TRACEPARENT: &str = "traceparent";

/// The text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct MalformedTraceParent;

/// A trace, and the span of it that called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceParent {
    trace: u128,
    span: u64,
    /// Bit 0: the caller records the trace.
    flags: u8,
}

impl TraceParent {
    const SAMPLED: u8 = 1;

    /// The trace of something that began without one: its id has as many bits, and is as random.
    pub fn begun(id: u128) -> Self {
        Self { trace: id, span: 0, flags: Self::SAMPLED }
    }

    /// A further span of the trace. Of a random number only 0, which is no span, is not taken.
    #[must_use]
    pub fn with_span(self, random: u64) -> Self {
        Self { span: random.max(1), ..self }
    }

    /// The id of the trace: 32 digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = MalformedTraceParent;

    /// Reads the header (section 3.2). A version to come may have more after the flags; `ff` is none.
    fn from_str(text: &str) -> Result<Self, MalformedTraceParent> {
        let mut fields = text.splitn(5, '-');
        let mut field = |digits: usize| {
            let field = fields.next().filter(|field| field.len() == digits).ok_or(MalformedTraceParent)?;
            let is_hex = field.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if is_hex { u128::from_str_radix(field, 16).map_err(|_| MalformedTraceParent) } else { Err(MalformedTraceParent) }
        };
        let (version, trace, span, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let more = fields.next();
        if version == 0xff || (version == 0 && more.is_some()) || trace == 0 || span == 0 {
            return Err(MalformedTraceParent);
        }
        let narrow = |_| MalformedTraceParent;
        Ok(Self { trace, span: u64::try_from(span).map_err(narrow)?, flags: u8::try_from(flags).map_err(narrow)? & Self::SAMPLED })
    }
}

impl TryFrom<String> for TraceParent {
    type Error = MalformedTraceParent;

    fn try_from(text: String) -> Result<Self, MalformedTraceParent> {
        text.parse()
    }
}

impl From<TraceParent> for String {
    fn from(parent: TraceParent) -> Self {
        parent.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// The examples of the specification, and what it calls invalid.
    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        assert_eq!(GIVEN.parse().map(|parent: TraceParent| parent.to_string()), Ok(GIVEN.to_owned()));
        let parsed = |text: &str| text.parse::<TraceParent>().map(|parent| parent.to_string());
        for (text, read) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"),
            // Flags that are not known are not passed on.
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", GIVEN),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", GIVEN),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like", GIVEN),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(read), "{text}");
        }
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parsed(text), Err(MalformedTraceParent), "{text}");
        }
    }

    #[test]
    fn a_span_is_never_zero() {
        let begun = TraceParent::begun(0xabc);
        for random in [0, 1, u64::MAX] {
            assert!(begun.with_span(random).to_string().parse::<TraceParent>().is_ok());
        }
        assert_eq!(begun.with_span(7).trace_id(), "00000000000000000000000000000abc");
    }
}

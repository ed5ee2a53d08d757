//! What the functions logged: their log group in CloudWatch Logs. An operator asks for it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws_json::{AwsJson, CallError};
use crate::platform::{ConfigError, Platform};

/// Answers that are read at most: each looks through some of the group, and may have found nothing there.
const MOST_PAGES: usize = 100;
/// Lines that are read at most.
const MOST_LINES: usize = 1000;

#[derive(Debug)]
pub struct LogLines {
    group: String,
    logs: AwsJson,
}

/// A line, and when it was written.
#[derive(Debug, Clone)]
pub struct LogLine {
    pub at: Timestamp,
    /// The JSON object that the line is; a text where it is none.
    pub line: Value,
}

impl LogLines {
    /// None where nobody keeps the functions' lines: `LOG_GROUP` is not set.
    ///
    /// # Errors
    /// When region or credentials are missing, or TLS cannot be made ready.
    pub fn new(platform: &Platform) -> Result<Option<Self>, ConfigError> {
        let Ok(group) = platform.var("LOG_GROUP") else { return Ok(None) };
        Ok(Some(Self { group, logs: AwsJson::new(platform, "logs", "Logs_20140328")? }))
    }

    /// The lines since `since` that have this word, oldest first: at most 1,000. CloudWatch keeps them for as many days as the stack says, and finds them
    /// some seconds after they were written.
    ///
    /// # Errors
    /// [`CallError`], with the service's words when it refuses.
    pub async fn with(&self, word: &str, since: Timestamp) -> Result<Vec<LogLine>, CallError> {
        // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
        let mut asked = json!({"logGroupName": self.group, "startTime": since.as_millisecond(), "filterPattern": format!("\"{word}\"")});
        let mut lines = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = self.logs.call("FilterLogEvents", &asked).await?;
            lines.extend(page["events"].as_array().into_iter().flatten().filter_map(line));
            match page["nextToken"].as_str().filter(|_| lines.len() < MOST_LINES) {
                Some(next) => asked["nextToken"] = next.into(),
                None => break,
            }
        }
        lines.truncate(MOST_LINES);
        lines.sort_by_key(|line| line.at);
        Ok(lines)
    }
}

fn line(event: &Value) -> Option<LogLine> {
    let text = event["message"].as_str()?.trim_end();
    let line = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    Some(LogLine { at: Timestamp::from_millisecond(event["timestamp"].as_i64()?).ok()?, line })
}

//! What HTTP clients have in common: rustls with ring and the platform's roots. The client for carriers follows no redirects.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

type Error = Box<dyn std::error::Error + Send + Sync>;

pub(crate) const USER_AGENT: &str = concat!("send-fax-mail/", env!("CARGO_PKG_VERSION"));

pub(crate) fn tls() -> Result<rustls::ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// `Retry-After` (RFC 9110, 10.2.3): whole seconds, or the moment itself in any of the three forms of HTTP dates (5.6.7). A moment that is over is no
/// pause. None for anything else.
pub fn retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(SignedDuration::from_secs(text.parse().unwrap_or(i64::MAX)));
    }
    let until = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(until.duration_since(now).max(SignedDuration::ZERO))
}

/// A client whose every exchange, body included, ends within `timeout`.
pub(crate) fn build(timeout: Duration) -> Result<reqwest::Client, Error> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .user_agent(USER_AGENT)
        .build()?;
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_in_seconds_or_a_date_of_any_of_the_three_forms() {
        let now = Timestamp::from_second(784_111_777).unwrap_or_default();
        let seconds = |text| retry_after(text, now).map(|pause| pause.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 7 "), Some(7));
        assert_eq!(seconds("99999999999999999999999"), Some(i64::MAX));
        for form in ["Sun, 06 Nov 1994 08:51:37 GMT", "Sunday, 06-Nov-94 08:51:37 GMT", "Sun Nov  6 08:51:37 1994"] {
            assert_eq!(seconds(form), Some(120), "{form}");
        }
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a moment that is over");
        for unreadable in ["", "soon", "-5", "+120", "1.5", "Sun, 06 Nov 1994"] {
            assert_eq!(seconds(unreadable), None, "{unreadable}");
        }
    }
}

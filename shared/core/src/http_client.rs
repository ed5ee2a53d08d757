//! What HTTP clients have in common: rustls with ring and the platform's roots. The client for carriers follows no redirects.

use std::sync::Arc;
use std::time::Duration;

type Error = Box<dyn std::error::Error + Send + Sync>;

pub(crate) const USER_AGENT: &str = concat!("send-fax-mail/", env!("CARGO_PKG_VERSION"));

pub(crate) fn tls() -> Result<rustls::ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
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

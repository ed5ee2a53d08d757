//! The HTTP client for carriers: rustls with ring and the platform's roots, no redirects, no proxies.

use std::sync::Arc;
use std::time::Duration;

/// A client whose every exchange, body included, ends within `timeout`.
pub(crate) fn build(timeout: Duration) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .user_agent(concat!("send-fax-mail/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

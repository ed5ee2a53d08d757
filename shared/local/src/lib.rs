//! The local stack of Send FAX Mail: the whole service on one machine.
//!
//! [`stack`] reads `template.yaml`, hosts the functions, and stands on [`aws`], the emulated services, and [`sfm_simulator`], the
//! simulated carrier. [`interceptor`] is where tests see and disturb the calls between them.

pub mod aws;
pub mod stack;

use std::sync::Arc;

pub use sfm_simulator::interceptor;

/// A client for this machine's own ports: no TLS roots, no proxies.
///
/// # Errors
/// When no TLS can be set up, which the client wants although it never uses it.
pub fn plain_http_client() -> Result<reqwest::Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().map_err(|e| e.to_string())
}

//! The local stack of Send FAX Mail and the operator's commands.
//!
//! [`stack`] runs the whole service in one process: it reads `template.yaml`, hosts the functions, and stands on [`aws`], the emulated
//! services, and [`carrier`], the simulated carrier. [`tap`] is where tests see and disturb the calls between them. [`commands`] work
//! on a local or a deployed stack alike; [`cli`] is their command line.

pub mod aws;
pub mod carrier;
pub mod cli;
pub mod commands;
pub mod local;
pub mod run;
pub mod stack;
pub mod tap;

/// A client for this machine's own ports: no TLS roots, no proxies.
fn plain_http_client() -> Result<reqwest::Client, String> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().map_err(|e| e.to_string())
}

/// Reads a fax-ready PDF as the simulated carrier does: the size in bytes of each page, which must decode.
pub fn fax_pages(pdf: &[u8]) -> Result<Vec<usize>, String> {
    let pages = fax_document::read_fax_pdf(pdf).map_err(|e| e.to_string())?;
    for page in &pages {
        page.decode().map_err(|e| e.to_string())?;
    }
    Ok(pages.iter().map(|page| page.g4.len()).collect())
}

//! HTTP to hosts that customers name: documents by link, webhooks.
//!
//! A customer's URL is hostile until shown otherwise. The name is resolved once; every address that it has must be public; the
//! connection is pinned to the addresses that were checked. Redirects are not followed: whoever wants to asks for a client anew.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use url::{Host, Url};

/// How long a host's addresses are taken to be what they were: DNS changes.
const KEPT: Duration = Duration::from_secs(60);
const MOST_KEPT: usize = 1000;

/// IPv4 blocks that are not for anybody: IANA IPv4 Special-Purpose Address Registry (RFC 6890;
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>), multicast (RFC 5771), class E (RFC 1112), and what
/// is named beside.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 18] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Azure's platform address, reached from any machine there (Microsoft Learn, "What is IP address 168.63.129.16?").
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    // 6to4 relay anycast, deprecated (RFC 7526).
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // AS112, of the same registry (RFC 7534), as 192.31.196.0/24 is (RFC 7535).
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast and all above it.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Blocks inside 2000::/3, the only global unicast there is (RFC 4291), that are not: IANA IPv6 Special-Purpose Address
/// Registry (<https://www.iana.org/assignments/iana-ipv6-special-registry>). Teredo and 6to4 are among them, which
/// embed IPv4 addresses; mapped, compatible and NAT64 forms lie outside of 2000::/3.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is one that anybody on the internet may be told to connect to.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let inside = |(block, bits): &(Ipv4Addr, u32)| (u32::from(v4) ^ u32::from(*block)).leading_zeros() >= *bits;
            !NOT_PUBLIC_V4.iter().any(inside)
        }
        IpAddr::V6(v6) => {
            let inside = |(block, bits): &(Ipv6Addr, u32)| (u128::from(v6) ^ u128::from(*block)).leading_zeros() >= *bits;
            v6.segments()[0] >> 13 == 0b001 && !NOT_PUBLIC_V6.iter().any(inside) && !is_isatap(v6)
        }
    }
}

/// ISATAP's interface identifiers, `::5efe:a.b.c.d` and `::200:5efe:a.b.c.d` in any prefix, stand for an IPv4 host
/// behind a tunnel (RFC 5214, 6.1).
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, universal, isatap, _, _] = address.segments();
    matches!(universal, 0 | 0x0200) && isatap == 0x5efe
}

/// Why a URL is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlRejected {
    #[error("is not a URL")]
    Malformed,
    #[error("must be an https:// URL")]
    NotHttps,
    #[error("must not contain a user name or password")]
    Credentials,
    /// There is no such name, or one of its addresses is not public. Callers are not told which: it would let them explore.
    #[error("names a host that cannot be reached from the public internet")]
    Host,
}

/// What resolves names: the system, or a test's table.
pub trait Names: fmt::Debug + Send + Sync {
    fn addresses<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// The system's resolver.
#[derive(Debug)]
pub struct SystemResolver;

impl Names for SystemResolver {
    fn addresses<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// Makes clients for customers' URLs.
#[derive(Debug, Clone)]
pub struct SafeHttp {
    tls: crate::Tls,
    names: Arc<dyn Names>,
    allow_loopback: bool,
    kept: Arc<Mutex<HashMap<Origin, (Instant, crate::Client)>>>,
}

/// Scheme, host and port.
type Origin = (String, String, u16);

impl SafeHttp {
    /// `allow_loopback` lets loopback addresses through, and plain HTTP to them: for tests.
    ///
    /// # Errors
    /// As [`crate::Tls::new`].
    pub fn new(names: Arc<dyn Names>, allow_loopback: bool) -> Result<Self, crate::Error> {
        Ok(Self { tls: crate::Tls::new()?, names, allow_loopback, kept: Arc::default() })
    }

    /// Reads a URL as a customer wrote it. The parser is the one of browsers (WHATWG), and of the client that connects: what either
    /// makes of `0x7f.1` or `2130706433` is the same address.
    ///
    /// # Errors
    /// [`UrlRejected`] for what is no URL that may be connected to.
    pub fn parse(&self, text: &str) -> Result<Url, UrlRejected> {
        let text = text.trim();
        // The parser would leave out tabs and line breaks, and the host would leave out what nobody sees.
        if text.chars().any(|c| c.is_control() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')) {
            return Err(UrlRejected::Malformed);
        }
        let url = Url::parse(text).map_err(|_| UrlRejected::Malformed)?;
        self.check(&url)?;
        Ok(url)
    }

    fn check(&self, url: &Url) -> Result<(), UrlRejected> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_loopback => {}
            _ => return Err(UrlRejected::NotHttps),
        }
        if url.port() == Some(0) {
            return Err(UrlRejected::Malformed);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRejected::Credentials);
        }
        // What is never public is refused while its owner still types it. Other names are looked at when they are connected to.
        let never = match url.host() {
            None => return Err(UrlRejected::Malformed),
            Some(Host::Ipv4(address)) => !self.allows(address.into(), url),
            Some(Host::Ipv6(address)) => !self.allows(address.into(), url),
            Some(Host::Domain(name)) if !is_well_formed(name) => return Err(UrlRejected::Malformed),
            Some(Host::Domain(name)) => is_never_public(name) && !(self.allow_loopback && is_localhost(name)),
        };
        if never { Err(UrlRejected::Host) } else { Ok(()) }
    }

    /// A client that connects to nothing but the host of this URL, at the addresses that it has now. It has no deadline
    /// of its own.
    ///
    /// # Errors
    /// [`UrlRejected`] when the host has no address that may be connected to.
    pub async fn client_for(&self, url: &Url) -> Result<crate::Client, UrlRejected> {
        self.check(url)?;
        let addresses = match url.host().ok_or(UrlRejected::Malformed)? {
            Host::Ipv4(address) => vec![IpAddr::V4(address)],
            Host::Ipv6(address) => vec![IpAddr::V6(address)],
            Host::Domain(name) => self.names.addresses(name).await.map_err(|_| UrlRejected::Host)?,
        };
        if addresses.is_empty() || !addresses.iter().all(|address| self.allows(*address, url)) {
            return Err(UrlRejected::Host);
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let pinned = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        Ok(crate::Client::pinned(pinned, self.tls.config().clone()))
    }

    /// The same, but one that was made for the host within the last minute is taken again, with the connections that it still has: for hosts that are
    /// asked often.
    ///
    /// # Errors
    /// As [`Self::client_for`].
    pub async fn kept_client_for(&self, url: &Url) -> Result<crate::Client, UrlRejected> {
        self.check(url)?;
        let host = url.host_str().ok_or(UrlRejected::Malformed)?;
        let origin = (url.scheme().to_owned(), host.to_owned(), url.port_or_known_default().unwrap_or(443));
        let kept = |clients: &HashMap<Origin, (Instant, crate::Client)>| {
            clients.get(&origin).filter(|(made, _)| made.elapsed() < KEPT).map(|(_, client)| client.clone())
        };
        if let Some(client) = kept(&self.kept.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(client);
        }
        let client = self.client_for(url).await?;
        let mut clients = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Several may have been made at once: all use the first.
        if let Some(client) = kept(&clients) {
            return Ok(client);
        }
        if clients.len() >= MOST_KEPT {
            clients.retain(|_, (made, _)| made.elapsed() < KEPT);
        }
        if clients.len() < MOST_KEPT {
            clients.insert(origin, (Instant::now(), client.clone()));
        }
        Ok(client)
    }

    fn allows(&self, address: IpAddr, url: &Url) -> bool {
        let loopback = self.allow_loopback && address.is_loopback();
        loopback || (url.scheme() == "https" && is_public(address))
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// Top-level names that no public name server answers for: RFC 2606 and 6761 (example, invalid, localhost, test), RFC 6762 (local, and what its
/// appendix G names), RFC 7686 (onion), RFC 9476 (alt), ICANN's reservation of `internal`, under which clouds have their metadata, and the names that
/// it never delegates for their private use (corp, home, mail; resolution 2018.02.04.12).
const PRIVATE_TOPS: [&str; 14] =
    ["alt", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "localhost", "mail", "onion", "private", "test"];
/// Public names that stand for the metadata of a cloud's own machines (Google: "View and query VM metadata"; Tencent Cloud: "Query instance metadata"),
/// and the names of home networks (RFC 8375) and of Kubernetes' services.
const PRIVATE_NAMES: [&str; 4] = ["metadata.goog", "metadata.tencentyun.com", "home.arpa", "svc"];

/// Whether a name can never be that of a server on the internet.
fn is_never_public(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let Some((_, top)) = name.rsplit_once('.') else { return true };
    let is_under = |private: &str| name == private || name.ends_with(&format!(".{private}"));
    PRIVATE_TOPS.contains(&top) || PRIVATE_NAMES.into_iter().any(is_under)
}

/// Whether a name has the form of one: labels of 1 to 63 characters, 253 in all (RFC 1035, 2.3.4).
fn is_well_formed(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

#[cfg(test)]
mod tests;

//! The ports of a stack.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::error::StackError;
use super::state::Ports;

/// A listener for each server of a stack.
pub(super) struct Listeners {
    pub(super) api: TcpListener,
    pub(super) aws: TcpListener,
    pub(super) carrier: TcpListener,
    pub(super) issuer: TcpListener,
    pub(super) control: TcpListener,
    pub(super) ports: Ports,
}

impl Listeners {
    /// The API listens on the port that is asked for; all others on those of the last start, where these are free.
    pub(super) async fn open(api_port: u16, last: Ports) -> Result<Self, StackError> {
        let (api, api_port) = listen(api_port, last.api).await?;
        let (aws, aws_port) = listen(0, last.aws).await?;
        let (carrier, carrier_port) = listen(0, last.carrier).await?;
        let (issuer, issuer_port) = listen(0, last.issuer).await?;
        let (control, control_port) = listen(0, last.control).await?;
        let ports = Ports { api: api_port, aws: aws_port, carrier: carrier_port, control: control_port, issuer: issuer_port };
        Ok(Self { api, aws, carrier, issuer, control, ports })
    }
}

/// The address of a server of this machine.
pub(super) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// A listener on `wanted`, or, where the caller leaves it to us, on `last` if that is free.
async fn listen(wanted: u16, last: u16) -> Result<(TcpListener, u16), StackError> {
    let bound = match wanted {
        0 => match TcpListener::bind((Ipv4Addr::LOCALHOST, last)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
        },
        port => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await,
    };
    let failed = |source| StackError::Port { port: wanted, source };
    let listener = bound.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

//! Why a stack does not start, or does not do what it is asked for.

use std::path::{Path, PathBuf};

use sfm_simulator::SimulatorError;

use super::host::HostError;
use super::template::TemplateError;
use crate::aws::EndpointError;

#[derive(Debug, thiserror::Error)]
pub enum StackError {
    #[error("{} is in use by another stack", .0.display())]
    InUse(PathBuf),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("port {port}: {source}")]
    Port { port: u16, source: std::io::Error },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Aws(#[from] EndpointError),
    #[error("making what the template declares: {0}")]
    Provision(String),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("carrier: {0}")]
    Carrier(#[from] SimulatorError),
    #[error("demo account: {0}")]
    Demo(String),
    #[error("functions in processes of their own have the machine's clock, which cannot be moved")]
    FixedClock,
}

impl StackError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

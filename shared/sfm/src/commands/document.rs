//! `sfm document …`: what the service does to a document, on files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use fax_document::sandbox::{Sandbox, SandboxError};
use fax_document::{Coding, FaxDocument, Header, Options, Paper, Progress, Resolution, read_fax_pdf, stamp, write_tiff};
use serde::Serialize;
use serde_json::json;

use super::{CommandError, bench};

#[derive(Debug, Subcommand)]
pub enum DocumentCommand {
    /// Makes a document fax-ready: a PDF of Group 4 pages, or a TIFF-F
    #[command(after_help = "Example:\n  sfm document convert letter.pdf letter.tif --paper a4")]
    Convert(Conversion),
    /// Compares with Ghostscript, Poppler with libtiff, and MuPDF, as far as they are installed, and prints a table
    #[command(after_help = "Example:\n  sfm document bench letter.pdf scan.pdf")]
    Bench {
        /// The documents
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Of so many runs the fastest counts
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
        runs: u32,
    },
}

impl DocumentCommand {
    /// Works on files and prints what came of it; no stack is asked.
    pub fn run(self, mut print: impl FnMut(&str) -> Result<(), CommandError>) -> Result<(), CommandError> {
        match self {
            Self::Convert(conversion) => print(&format!("{}\n", json!(convert(conversion)?))),
            Self::Bench { files, runs } => bench::table(&files, runs, print),
        }
    }
}

/// Reads one of a few names.
fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(choices: [(&'static str, T); N]) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        chosen.ok_or_else(|| format!("one of {}", choices.map(|(name, _)| name).join(", ")))
    }
}

/// As long as the service gives a document.
const TIME: Duration = Duration::from_secs(12);

#[derive(Debug, Args)]
pub struct Conversion {
    /// Whatever the service takes: PDF, TIFF, JPEG, PNG, GIF, WebP or text
    input: PathBuf,
    /// A .pdf or a .tif
    output: Output,
    /// Pages drawn at a time; as many as there are processors without it
    #[arg(long)]
    threads: Option<usize>,
    /// The sheet: letter, a4 or legal
    #[arg(long, value_parser = one_of([("a4", Paper::A4), ("legal", Paper::Legal), ("letter", Paper::Letter)]), default_value = "letter")]
    paper: Paper,
    /// fine (204 by 196 dots an inch) or standard (204 by 98)
    #[arg(long, value_parser = one_of([("fine", Resolution::Fine), ("standard", Resolution::Standard)]), default_value = "fine")]
    resolution: Resolution,
    /// The coding of a TIFF's pages
    #[arg(long = "tiff", value_name = "TIFF", value_parser = one_of([("g3", Coding::Group3), ("g4", Coding::Group4)]), default_value = "g4")]
    coding: Coding,
    /// Puts a line above each page: the date, this sender's identification (at most 20 characters), the page's number
    #[arg(long)]
    csid: Option<String>,
}

/// A file to be written; its name says what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    Pdf(PathBuf),
    Tiff(PathBuf),
}

impl Output {
    fn path(&self) -> &Path {
        let (Self::Pdf(path) | Self::Tiff(path)) = self;
        path
    }
}

impl std::str::FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "pdf" => Ok(Self::Pdf(path)),
            "tif" | "tiff" => Ok(Self::Tiff(path)),
            _ => Err("the output is a .pdf or a .tif".to_owned()),
        }
    }
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Converted {
    output: PathBuf,
    pages: u32,
    bytes: usize,
}

/// Of a document of fewer pages nothing is told, nor between so many.
const MANY: u32 = 20;
const TOLD: u32 = 10;

fn tell(Progress { done, of }: Progress) {
    if done.is_multiple_of(TOLD) && of.is_none_or(|of| of >= MANY) {
        match of {
            Some(of) => eprintln!("page {done} of {of}"),
            None => eprintln!("page {done}"),
        }
    }
}

fn failed(path: &Path, e: std::io::Error) -> CommandError {
    CommandError::new("unavailable", format!("{}: {e}", path.display()))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    fs::read(path).map_err(|e| failed(path, e))
}

pub(super) fn processors() -> usize {
    available_parallelism().map_or(1, |processors| processors.get())
}

/// Makes a document fax-ready in a process of its own, as the service does and in the time that it gives one. Blocks.
pub(super) fn fax_ready(
    document: &[u8],
    mut options: Options,
    watch: Option<&(dyn Fn(Progress) + Sync)>,
) -> Result<FaxDocument, CommandError> {
    options.limits.deadline = Some(Instant::now() + TIME);
    let sandbox = Sandbox::of_this_program().map_err(|e| CommandError::new("unavailable", e.to_string()))?;
    sandbox.convert_watched(document, None, &options, watch).map_err(|e| match e {
        SandboxError::Document(e) => CommandError::invalid(e.to_string()).code(e.error.code()),
        SandboxError::Worker(e) => CommandError::new("unavailable", e.to_string()),
    })
}

/// Converts a file; the output is there whole or not at all.
pub fn convert(wanted: Conversion) -> Result<Converted, CommandError> {
    let path = wanted.output.path();
    let document = read(&wanted.input)?;
    let threads = wanted.threads.unwrap_or_else(processors);
    let time = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let header = wanted.csid.as_deref().map(|csid| Header::new(&time, csid));
    let options = Options { paper: wanted.paper, resolution: wanted.resolution, header: header.is_some(), threads, ..Options::default() };
    let fax = fax_ready(&document, options, Some(&tell))?;
    let internal = |e: &dyn std::fmt::Display| CommandError::new("internal_error", e.to_string());
    let pdf = stamp(&fax.pdf, header.as_ref()).map_err(|e| internal(&e))?;
    let bytes = match &wanted.output {
        Output::Pdf(_) => pdf,
        Output::Tiff(_) => {
            let pages = read_fax_pdf(&pdf).map_err(|e| internal(&e))?;
            write_tiff(&pages, wanted.coding).map_err(|e| internal(&e))?
        }
    };
    let beside = path.with_extension("part");
    let written = fs::write(&beside, &bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|e| {
        // Half a file must not stay; should it, the error above is what matters.
        let _ = fs::remove_file(&beside);
        failed(path, e)
    })?;
    Ok(Converted { output: path.to_owned(), pages: fax.pages, bytes: bytes.len() })
}

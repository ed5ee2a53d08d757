//! What the two sides tell each other: a line of options, then each part as a line and its bytes; back come lines that tell how far the worker
//! is, then a line with the outcome, and the PDF.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::HEAD;
use crate::convert::{FaxDocument, Part, Progress};
use crate::error::DocumentError;
use crate::options::{Limits, Options, Paper, Resolution};

/// The longest reason that is taken over from a worker, which the document may have taken over.
pub(super) const REASON: usize = 200;
/// What is passed on of a `Content-Type`, in characters; what would follow means nothing to anybody.
const DECLARED: usize = 500;

/// What a worker is told before the parts.
pub(super) struct Request<'a> {
    pub(super) options: &'a Options,
    pub(super) time: Option<Duration>,
    pub(super) watched: bool,
}

impl Request<'_> {
    pub(super) fn head(&self) -> Vec<u8> {
        let Options { paper, resolution, header, limits, threads } = self.options;
        let time = self.time.map_or(u64::MAX, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let paper = match paper {
            Paper::Letter => "letter",
            Paper::A4 => "a4",
            Paper::Legal => "legal",
        };
        let resolution = if *resolution == Resolution::Fine { "fine" } else { "standard" };
        let Limits { pages, image_pixels, image_memory, pdf_bytes, .. } = limits;
        let (header, watched) = (u8::from(*header), u8::from(self.watched));
        format!("{paper} {resolution} {header} {watched} {pages} {image_pixels} {image_memory} {pdf_bytes} {threads} {time}\n").into_bytes()
    }
}

/// What a worker was told.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) options: Options,
    pub(super) time: Duration,
    pub(super) watched: bool,
}

/// Reads back what [`Request::head`] wrote.
pub(super) fn read_head(line: &str, started: Instant) -> Option<Told> {
    let mut words = line.trim_end().split(' ');
    let mut word = || words.next();
    let paper = match word()? {
        "letter" => Paper::Letter,
        "a4" => Paper::A4,
        "legal" => Paper::Legal,
        _ => return None,
    };
    let resolution = if word()? == "fine" { Resolution::Fine } else { Resolution::Standard };
    let header = word()? == "1";
    let watched = word()? == "1";
    let (pages, image_pixels, image_memory) = (word()?.parse().ok()?, word()?.parse().ok()?, word()?.parse().ok()?);
    let (pdf_bytes, threads, time) = (word()?.parse().ok()?, word()?.parse().ok()?, Duration::from_millis(word()?.parse().ok()?));
    let limits = Limits { pages, image_pixels, image_memory, pdf_bytes, deadline: started.checked_add(time) };
    Some(Told { options: Options { paper, resolution, header, limits, threads }, time, watched })
}

/// The line before the bytes of a part: how many they are, and what the part is.
pub(super) fn part_head<'a>(part: &Part<'a>) -> (String, Cow<'a, [u8]>) {
    match part {
        Part::Cover(cover) => {
            let bytes = cover.written();
            (format!("{} cover\n", bytes.len()), bytes.into())
        }
        Part::Fax(bytes) => (format!("{} fax\n", bytes.len()), Cow::Borrowed(bytes)),
        Part::Document { bytes, declared: None } => (format!("{} -\n", bytes.len()), Cow::Borrowed(bytes)),
        Part::Document { bytes, declared: Some(declared) } => {
            let declared: String = declared.chars().take(DECLARED).map(|c| if c.is_control() { ' ' } else { c }).collect();
            (format!("{} ={declared}\n", bytes.len()), Cow::Borrowed(bytes))
        }
    }
}

/// What [`part_head`] wrote.
#[derive(Debug, PartialEq)]
pub(super) enum PartHead {
    Cover,
    Fax,
    Document { declared: Option<String> },
}

impl PartHead {
    pub(super) fn read(line: &str) -> Option<(usize, Self)> {
        let (length, what) = line.strip_suffix('\n')?.split_once(' ')?;
        let head = match what {
            "cover" => Self::Cover,
            "fax" => Self::Fax,
            "-" => Self::Document { declared: None },
            declared => Self::Document { declared: Some(declared.strip_prefix('=')?.to_owned()) },
        };
        Some((length.parse().ok()?, head))
    }
}

/// What a worker tells before its answer.
#[derive(Debug, PartialEq)]
pub(super) enum Note {
    /// A page is done.
    Page(Progress),
    /// This part is begun, from 0.
    Part(usize),
}

pub(super) fn read_note(line: &[u8]) -> Option<Note> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    if let Some(part) = line.strip_prefix("part ") {
        return part.parse().ok().map(Note::Part);
    }
    let (done, of) = line.strip_prefix("page ")?.split_once(' ')?;
    Some(Note::Page(Progress { done: done.parse().ok()?, of: Some(of.parse().ok()?).filter(|of| *of > 0) }))
}

/// An error in one line: its code, and what the code does not say.
pub(super) fn written(error: &DocumentError) -> String {
    let details = match error {
        DocumentError::Broken { reason }
        | DocumentError::Empty { reason }
        | DocumentError::TooLarge { reason }
        | DocumentError::TypeUnsupported { reason } => reason.replace('\n', " "),
        DocumentError::TooManyPages { pages, limit } => format!("{pages} {limit}"),
        DocumentError::Encrypted | DocumentError::Blank | DocumentError::TooComplex => String::new(),
    };
    format!("{} {details}", error.code())
}

pub(super) fn read_answer(mut answer: Vec<u8>) -> Option<Result<FaxDocument, DocumentError>> {
    let end = answer.iter().take(HEAD).position(|byte| *byte == b'\n')?;
    let head: Vec<u8> = answer.drain(..=end).collect();
    let (line, rest) = (std::str::from_utf8(&head[..end]).ok()?, answer);
    let (word, details) = line.split_once(' ')?;
    let reason = || details.chars().filter(|c| !c.is_control()).take(REASON).collect::<String>();
    Some(Err(match word {
        "ok" if rest.starts_with(b"%PDF-") => {
            return Some(Ok(FaxDocument { pdf: rest, pages: details.parse().ok().filter(|pages| *pages > 0)? }));
        }
        "document_broken" => DocumentError::Broken { reason: reason() },
        "document_blank" => DocumentError::Blank,
        "document_empty" => DocumentError::Empty { reason: reason() },
        "document_too_large" => DocumentError::TooLarge { reason: reason() },
        "document_type_unsupported" => DocumentError::TypeUnsupported { reason: reason() },
        "document_too_many_pages" => {
            let (pages, limit) = details.split_once(' ')?;
            DocumentError::TooManyPages { pages: pages.parse().ok()?, limit: limit.parse().ok()? }
        }
        "document_encrypted" => DocumentError::Encrypted,
        _ => return None,
    }))
}

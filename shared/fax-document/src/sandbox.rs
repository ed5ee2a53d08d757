//! Conversion in a process of its own, for documents that nobody trusts.
//!
//! The libraries that parse and draw have no limits on time and memory. So a child process does it: the same program once more, started
//! with [`WORKER`] as its only argument, without environment, with three pipes. It limits itself before it reads the document;
//! the parent waits as long as it said it would, then kills, and always reaps. What the child's death leaves behind is nothing.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::convert::{FaxDocument, convert};
use crate::error::DocumentError;
use crate::media_type::MediaType;
use crate::options::{Limits, Options, Paper, Resolution};

/// The argument that makes a program a worker.
pub const WORKER: &str = "--fax-document-worker";
/// What a worker may allocate.
const MEMORY: u64 = 640 << 20;
/// Room for a result's first lines.
const HEAD: usize = 4096;
/// The longest reason that is taken over from a worker, which the document may have taken over.
const REASON: usize = 200;

/// Makes this process a worker if it was started as one, and then never returns. The first thing that `main` does.
pub fn serve_if_worker() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER) {
        let code = i32::from(serve().is_err());
        std::process::exit(code);
    }
}

/// Starts workers.
#[derive(Debug, Clone)]
pub struct Sandbox {
    program: PathBuf,
}

/// Why there is no fax.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// No worker could be started: nothing is known of the document.
    #[error("no worker: {0}")]
    Worker(io::Error),
}

impl Sandbox {
    /// Workers are `program`, which calls [`serve_if_worker`] first.
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// Workers are this program once more.
    ///
    /// # Errors
    /// When the program cannot tell where it lies.
    pub fn of_this_program() -> io::Result<Self> {
        // The file itself, even if another has taken its name since.
        let itself = PathBuf::from("/proc/self/exe");
        if cfg!(target_os = "linux") && itself.exists() { Ok(Self::new(itself)) } else { std::env::current_exe().map(Self::new) }
    }

    /// As [`convert`], with time and memory limited whatever the document does. Blocks until [`Limits::deadline`] at the latest.
    ///
    /// # Errors
    /// As [`convert`]; a document that the worker died of is [`DocumentError::TooComplex`].
    pub fn convert(&self, bytes: &[u8], declared: Option<&str>, options: &Options) -> Result<FaxDocument, SandboxError> {
        // What a look at the first bytes can tell needs no worker.
        MediaType::decide(bytes, declared)?;
        let time = options.limits.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if time.is_some_and(|time| time.is_zero()) {
            return Err(DocumentError::TooComplex.into());
        }
        let request = Request { declared, options, time }.head();
        let mut worker = Worker::start(&self.program).map_err(SandboxError::Worker)?;
        let answer = worker.exchange(&request, bytes, options.limits.pdf_bytes.saturating_add(HEAD), time);
        drop(worker);
        Ok(answer.as_deref().and_then(read_answer).unwrap_or(Err(DocumentError::TooComplex))?)
    }
}

/// A child that is killed and reaped whatever happens to its parent's wishes.
struct Worker(Child);

impl Worker {
    fn start(program: &PathBuf) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(OsString::from(WORKER)).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map(Self)
    }

    /// Sends the request and reads the answer. None when there is none in time, or more than `most` bytes of it.
    fn exchange(&mut self, request: &[u8], document: &[u8], most: usize, time: Option<Duration>) -> Option<Vec<u8>> {
        let (mut input, output) = (self.0.stdin.take()?, self.0.stdout.take()?);
        thread::scope(|scope| {
            // A child that does not read is killed below, which breaks the pipe that this waits on.
            scope.spawn(move || {
                let _ = input.write_all(request).and_then(|()| input.write_all(document));
            });
            let (sender, receiver) = channel();
            scope.spawn(move || {
                let mut answer = Vec::new();
                let read = output.take(most as u64 + 1).read_to_end(&mut answer);
                let _ = sender.send(read.is_ok().then_some(answer).filter(|answer| answer.len() <= most));
            });
            let answer = match time {
                Some(time) => receiver.recv_timeout(time),
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            self.end();
            answer.ok().flatten()
        })
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a worker is told before the document: one line.
struct Request<'a> {
    declared: Option<&'a str>,
    options: &'a Options,
    time: Option<Duration>,
}

impl Request<'_> {
    fn head(&self) -> Vec<u8> {
        let Options { paper, resolution, limits, threads } = self.options;
        let time = self.time.map_or(u64::MAX, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let paper = if *paper == Paper::A4 { "a4" } else { "letter" };
        let resolution = if *resolution == Resolution::Fine { "fine" } else { "standard" };
        let Limits { pages, image_pixels, image_memory, pdf_bytes, .. } = limits;
        let declared = self.declared.map(|declared| declared.replace(['\n', '\r'], " "));
        let declared = declared.map_or("-".to_owned(), |declared| format!("={declared}"));
        format!("{paper} {resolution} {pages} {image_pixels} {image_memory} {pdf_bytes} {threads} {time} {declared}\n").into_bytes()
    }
}

/// Reads back what [`Request::head`] wrote.
fn read_head(line: &str, started: Instant) -> Option<(Option<String>, Options, Duration)> {
    let mut words = line.splitn(9, ' ');
    let mut word = || words.next();
    let paper = if word()? == "a4" { Paper::A4 } else { Paper::Letter };
    let resolution = if word()? == "fine" { Resolution::Fine } else { Resolution::Standard };
    let (pages, image_pixels, image_memory) = (word()?.parse().ok()?, word()?.parse().ok()?, word()?.parse().ok()?);
    let (pdf_bytes, threads, time) = (word()?.parse().ok()?, word()?.parse().ok()?, Duration::from_millis(word()?.parse().ok()?));
    let declared = word()?.strip_prefix('=').map(str::to_owned);
    let limits = Limits { pages, image_pixels, image_memory, pdf_bytes, deadline: started.checked_add(time) };
    Some((declared, Options { paper, resolution, limits, threads }, time))
}

/// The worker's side: reads a request, answers it.
fn serve() -> io::Result<()> {
    let started = Instant::now();
    let mut input = io::stdin().lock();
    let mut head = Vec::new();
    for byte in input.by_ref().take(HEAD as u64).bytes() {
        match byte? {
            b'\n' => break,
            byte => head.push(byte),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let (declared, options, time) = read_head(&head, started).ok_or(io::ErrorKind::InvalidData)?;
    limit(time)?;
    let mut document = Vec::new();
    input.read_to_end(&mut document)?;
    let mut output = io::stdout().lock();
    match convert(&document, declared.as_deref(), &options) {
        Ok(fax) => {
            writeln!(output, "ok {}", fax.pages)?;
            output.write_all(&fax.pdf)?;
        }
        Err(refused) => writeln!(output, "{}", written(&refused))?,
    }
    output.flush()
}

/// What this process may use from now on: three pipes, the processor until the time is up, and memory. Its parent's death is its own.
#[cfg(unix)]
fn limit(time: Duration) -> io::Result<()> {
    use nix::sys::resource::{Resource, setrlimit};

    // What the program that started our parent left open is nothing to a document. Nothing of ours is open yet.
    let listed = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let open: Vec<i32> = std::fs::read_dir(listed)?.filter_map(|fd| fd.ok()?.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // The list itself is closed already.
        let _ = nix::unistd::close(fd);
    }
    // Each processor counts.
    let seconds = time.as_secs().saturating_add(2).saturating_mul(thread::available_parallelism().map_or(1, |n| n.get() as u64));
    for (resource, most) in [
        (Resource::RLIMIT_CPU, seconds),
        (Resource::RLIMIT_DATA, MEMORY),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 16),
        (Resource::RLIMIT_CORE, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    Ok(())
}

#[cfg(not(unix))]
fn limit(_: Duration) -> io::Result<()> {
    Ok(())
}

/// An error in one line: its code, and what the code does not say.
fn written(error: &DocumentError) -> String {
    let details = match error {
        DocumentError::Broken { reason }
        | DocumentError::Empty { reason }
        | DocumentError::TooLarge { reason }
        | DocumentError::TypeUnsupported { reason } => reason.replace('\n', " "),
        DocumentError::TooManyPages { pages, limit } => format!("{pages} {limit}"),
        DocumentError::Encrypted | DocumentError::TooComplex => String::new(),
    };
    format!("{} {details}", error.code())
}

fn read_answer(answer: &[u8]) -> Option<Result<FaxDocument, DocumentError>> {
    let end = answer.iter().take(HEAD).position(|byte| *byte == b'\n')?;
    let (line, rest) = (std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 1..]);
    let (word, details) = line.split_once(' ')?;
    let reason = || details.chars().filter(|c| !c.is_control()).take(REASON).collect::<String>();
    Some(Err(match word {
        "ok" if rest.starts_with(b"%PDF-") => {
            return Some(Ok(FaxDocument { pdf: rest.to_vec(), pages: details.parse().ok().filter(|pages| *pages > 0)? }));
        }
        "document_broken" => DocumentError::Broken { reason: reason() },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_comes_back_as_it_was_written() {
        let refusals = [
            DocumentError::broken("a picture is damaged"),
            DocumentError::empty("it has no bytes"),
            DocumentError::too_large("a picture is"),
            DocumentError::unsupported("it is none"),
            DocumentError::TooManyPages { pages: 300, limit: 200 },
            DocumentError::Encrypted,
        ];
        for refusal in refusals {
            assert_eq!(read_answer(format!("{}\n", written(&refusal)).as_bytes()), Some(Err(refusal)));
        }
        assert_eq!(read_answer(b"document_too_complex \n"), None, "which is what no answer is");
    }

    #[test]
    fn what_a_worker_that_was_taken_over_may_say_is_bounded() {
        for rubbish in
            [&b""[..], b"ok 1\n", b"ok 0\n%PDF-1.7", b"ok x\n%PDF-1.7", b"\n", b"\xff\xfe\n", b"ok 1", b"document_too_many_pages x\n"]
        {
            assert_eq!(read_answer(rubbish), None, "{rubbish:?}");
        }
        let long = format!("document_broken \u{7}{}\n", "x".repeat(2000));
        assert_eq!(read_answer(long.as_bytes()), Some(Err(DocumentError::broken("x".repeat(REASON - 1) + "x"))));
    }

    #[test]
    fn a_worker_reads_what_it_was_told() {
        let started = Instant::now();
        let limits = Limits { pages: 7, deadline: started.checked_add(Duration::from_millis(1500)), ..Limits::default() };
        let options = Options { paper: Paper::A4, resolution: Resolution::Standard, limits, threads: 3 };
        for declared in [None, Some(""), Some("-"), Some("text/plain; charset=utf-8")] {
            let head = Request { declared, options: &options, time: Some(Duration::from_millis(1500)) }.head();
            let line = String::from_utf8_lossy(&head);
            let read = read_head(line.trim_end_matches('\n'), started);
            assert_eq!(read, Some((declared.map(str::to_owned), options.clone(), Duration::from_millis(1500))));
        }
    }
}

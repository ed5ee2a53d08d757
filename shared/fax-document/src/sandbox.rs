//! Conversion in a process of its own, for documents that nobody trusts.
//!
//! The libraries that parse and draw have no limits on time and memory. So a child process does it: the same program once more, started
//! with [`WORKER`] as its only argument, without environment, with three pipes. It limits itself before it reads the document;
//! the parent waits as long as it said it would, then kills, and always reaps. What the child's death leaves behind is nothing.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::convert::{FaxDocument, Progress, convert_watched};
use crate::error::DocumentError;
use crate::media_type::MediaType;
use crate::options::{Header, Limits, Options, Paper, Resolution};

/// The argument that makes a program a worker.
pub const WORKER: &str = "--fax-document-worker";
/// What a worker may allocate.
const MEMORY: u64 = 640 << 20;
/// How long a worker has the processor as any process has it: most documents take no longer. From then on it yields to others, so that the
/// next small document does not wait for a large one.
pub const BRIEF: Duration = Duration::from_millis(500);
/// Added to the nice value of a worker that yields: it gets a quarter of the processor beside one process that does not, all of it beside none.
#[cfg(unix)]
const YIELDING: i32 = 5;
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
    /// No worker could be started, or it was given too little of the processor: nothing is known of the document.
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

    /// As [`convert`](crate::convert), with time and memory limited whatever the document does. Blocks until [`Limits::deadline`] at the latest.
    ///
    /// # Errors
    /// As [`convert`](crate::convert); a document that the worker died of, or that took the processor until the deadline, is
    /// [`DocumentError::TooComplex`]. Where other work kept the processor from it, the error is [`SandboxError::Worker`].
    pub fn convert(&self, bytes: &[u8], declared: Option<&str>, options: &Options) -> Result<FaxDocument, SandboxError> {
        self.convert_watched(bytes, declared, options, None)
    }

    /// As [`convert`](Self::convert), and tells `watch` of every page that is done.
    ///
    /// # Errors
    /// As [`convert`](Self::convert).
    pub fn convert_watched(
        &self,
        bytes: &[u8],
        declared: Option<&str>,
        options: &Options,
        watch: Option<&(dyn Fn(Progress) + Sync)>,
    ) -> Result<FaxDocument, SandboxError> {
        // What a look at the first bytes can tell needs no worker.
        MediaType::decide(bytes, declared)?;
        let started = Instant::now();
        let time = options.limits.deadline.map(|deadline| deadline.saturating_duration_since(started));
        if time.is_some_and(|time| time.is_zero()) {
            return Err(SandboxError::Worker(io::ErrorKind::TimedOut.into()));
        }
        let request = Request { declared, options, time, watched: watch.is_some() }.head();
        let mut worker = Worker::start(&self.program).map_err(SandboxError::Worker)?;
        let answer = worker.exchange(&request, bytes, options.limits.pdf_bytes.saturating_add(HEAD), time, watch);
        let (waited, worked) = (started.elapsed(), worker.worked);
        drop(worker);
        let verdict = answer.and_then(read_answer).unwrap_or(Err(DocumentError::TooComplex));
        if verdict == Err(DocumentError::TooComplex) && time.is_some_and(|time| was_kept_waiting(time, waited, worked)) {
            return Err(SandboxError::Worker(io::Error::new(io::ErrorKind::TimedOut, "the worker was given too little of the processor")));
        }
        Ok(verdict?)
    }
}

/// Whether a worker that had `time` did not end in it because others had the processor: of `waited` it was given `worked`.
fn was_kept_waiting(time: Duration, waited: Duration, worked: Option<Duration>) -> bool {
    /// Of the time, what a worker gets that nobody disturbs: half a processor, as the functions have it, less what is lost at its start.
    const SHARE: f64 = 0.4;
    // The worker's own deadline ends it a little before ours, and then it answers.
    let is_over = waited + time / 20 >= time;
    is_over && worked.is_some_and(|worked| worked < time.mul_f64(SHARE))
}

/// Processor time that a process has used so far, all its threads together; also of one that has ended and is not reaped yet.
#[cfg(target_os = "linux")]
fn processor_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name that may hold anything; the twelfth after it and the next are user and system time (proc(5)).
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()?.saturating_add(ticks()?);
    // A tick is a hundredth of a second to programs, whatever the kernel counts in (`USER_HZ`).
    Some(Duration::from_millis(ticks.saturating_mul(10)))
}

#[cfg(not(target_os = "linux"))]
fn processor_time(_: u32) -> Option<Duration> {
    None
}

/// A child that is killed and reaped whatever happens to its parent's wishes.
struct Worker {
    child: Child,
    /// Processor time it has used, once it has ended.
    worked: Option<Duration>,
}

impl Worker {
    fn start(program: &PathBuf) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(OsString::from(WORKER)).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own: the priority of all its threads can then be set at once.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(|child| Self { child, worked: None })
    }

    /// Sends the request and reads the answer. None when there is none in time, or more than `most` bytes of it.
    fn exchange(
        &mut self,
        request: &[u8],
        document: &[u8],
        most: usize,
        time: Option<Duration>,
        watch: Option<&(dyn Fn(Progress) + Sync)>,
    ) -> Option<Vec<u8>> {
        let worker = self.child.id();
        let (mut input, output) = (self.child.stdin.take()?, self.child.stdout.take()?);
        thread::scope(|scope| {
            // A child that does not read is killed below, which breaks the pipe that this waits on.
            scope.spawn(move || {
                let _ = input.write_all(request).and_then(|()| input.write_all(document));
            });
            let (sender, receiver) = channel();
            scope.spawn(move || {
                let answer = read_watched(output, most, watch);
                let _ = sender.send(answer.ok().filter(|answer| answer.len() <= most));
            });
            let brief = time.map_or(BRIEF, |time| time.min(BRIEF));
            let mut answer = wait(&receiver, Some(brief), worker);
            if matches!(answer, Err(RecvTimeoutError::Timeout)) && time.is_none_or(|time| time > brief) {
                lower_priority(worker);
                answer = wait(&receiver, time.map(|time| time - brief), worker);
            }
            self.end();
            answer.ok().flatten()
        })
    }

    fn end(&mut self) {
        if self.worked.is_none() {
            self.worked = processor_time(self.child.id());
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads an answer of at most one more than `most` bytes, and the lines before it that tell of pages done.
fn read_watched(output: impl Read, most: usize, watch: Option<&(dyn Fn(Progress) + Sync)>) -> io::Result<Vec<u8>> {
    let mut output = BufReader::new(output);
    let mut answer = Vec::new();
    if let Some(watch) = watch {
        loop {
            answer.clear();
            output.by_ref().take(HEAD as u64).read_until(b'\n', &mut answer)?;
            let Some(progress) = read_progress(&answer) else { break };
            watch(progress);
        }
    }
    output.take((most as u64 + 1).saturating_sub(answer.len() as u64)).read_to_end(&mut answer)?;
    Ok(answer)
}

fn read_progress(line: &[u8]) -> Option<Progress> {
    let (done, of) = std::str::from_utf8(line).ok()?.strip_prefix("page ")?.trim_end().split_once(' ')?;
    Some(Progress { done: done.parse().ok()?, of: Some(of.parse().ok()?).filter(|of| *of > 0) })
}

/// Makes a worker yield the processor to others.
#[cfg(unix)]
fn lower_priority(worker: u32) {
    use rustix::process::{Pid, getpriority_pgrp, setpriority_pgrp};

    let group = i32::try_from(worker).ok().and_then(Pid::from_raw);
    // It may have ended by itself.
    if let Some(Ok(nice)) = group.map(|group| getpriority_pgrp(Some(group))) {
        let _ = setpriority_pgrp(group, nice.saturating_add(YIELDING));
    }
}

#[cfg(not(unix))]
fn lower_priority(_: u32) {}

#[cfg(target_os = "linux")]
fn wait<T>(receiver: &Receiver<T>, time: Option<Duration>, _: u32) -> Result<T, RecvTimeoutError> {
    match time {
        Some(time) => receiver.recv_timeout(time),
        None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// Waits where a process cannot limit its own memory (macOS takes the limit and ignores it): looks at the worker's now and then.
#[cfg(not(target_os = "linux"))]
fn wait<T>(receiver: &Receiver<T>, time: Option<Duration>, worker: u32) -> Result<T, RecvTimeoutError> {
    const LOOK: Duration = Duration::from_millis(100);
    let until = time.and_then(|time| Instant::now().checked_add(time));
    loop {
        let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
        match receiver.recv_timeout(left.min(LOOK)) {
            Err(RecvTimeoutError::Timeout) if left > LOOK => {}
            answer => return answer,
        }
        // In KiB.
        let told = Command::new("ps").args(["-o", "rss=", "-p", &worker.to_string()]).output();
        let used = told.ok().and_then(|told| String::from_utf8(told.stdout).ok()?.trim().parse::<u64>().ok()).unwrap_or(0);
        if used << 10 > MEMORY {
            return Err(RecvTimeoutError::Disconnected);
        }
    }
}

/// What a worker is told before the document: one line.
struct Request<'a> {
    declared: Option<&'a str>,
    options: &'a Options,
    time: Option<Duration>,
    watched: bool,
}

impl Request<'_> {
    fn head(&self) -> Vec<u8> {
        let Options { paper, resolution, header, limits, threads } = self.options;
        let time = self.time.map_or(u64::MAX, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let paper = if *paper == Paper::A4 { "a4" } else { "letter" };
        let resolution = if *resolution == Resolution::Fine { "fine" } else { "standard" };
        let Limits { pages, image_pixels, image_memory, pdf_bytes, .. } = limits;
        let declared = self.declared.map(|declared| declared.replace(['\n', '\r'], " "));
        let declared = declared.map_or("-".to_owned(), |declared| format!("={declared}"));
        let header = header.as_ref().map_or("-".to_owned(), written_header);
        let watched = u8::from(self.watched);
        format!("{paper} {resolution} {header} {watched} {pages} {image_pixels} {image_memory} {pdf_bytes} {threads} {time} {declared}\n")
            .into_bytes()
    }
}

/// Reads back what [`Request::head`] wrote.
fn read_head(line: &str, started: Instant) -> Option<Told> {
    let mut words = line.splitn(11, ' ');
    let mut word = || words.next();
    let paper = if word()? == "a4" { Paper::A4 } else { Paper::Letter };
    let resolution = if word()? == "fine" { Resolution::Fine } else { Resolution::Standard };
    let header = word()?;
    let header = if header == "-" { None } else { Some(read_header(header)?) };
    let watched = word()? == "1";
    let (pages, image_pixels, image_memory) = (word()?.parse().ok()?, word()?.parse().ok()?, word()?.parse().ok()?);
    let (pdf_bytes, threads, time) = (word()?.parse().ok()?, word()?.parse().ok()?, Duration::from_millis(word()?.parse().ok()?));
    let declared = word()?.strip_prefix('=').map(str::to_owned);
    let limits = Limits { pages, image_pixels, image_memory, pdf_bytes, deadline: started.checked_add(time) };
    Some(Told { declared, options: Options { paper, resolution, header, limits, threads }, time, watched })
}

/// What a worker was told.
#[derive(Debug, PartialEq)]
struct Told {
    declared: Option<String>,
    options: Options,
    time: Duration,
    watched: bool,
}

/// A header as one word.
fn written_header(header: &Header) -> String {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (date, csid) = header.parts();
    format!("{},{}", hex(date), hex(csid))
}

fn read_header(word: &str) -> Option<Header> {
    let text = |hex: &str| {
        let bytes = hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        String::from_utf8(bytes.collect::<Option<_>>()?).ok()
    };
    let (date, csid) = word.split_once(',')?;
    Header::new(&text(date)?, &text(csid)?).ok()
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
    let told = read_head(&head, started).ok_or(io::ErrorKind::InvalidData)?;
    limit(told.time)?;
    let mut document = Vec::new();
    input.read_to_end(&mut document)?;
    let watch = |progress: Progress| {
        if told.watched {
            // Whoever no longer reads is about to end us.
            let _ = writeln!(io::stdout(), "page {} {}", progress.done, progress.of.unwrap_or(0));
        }
    };
    let converted = convert_watched(&document, told.declared.as_deref(), &told.options, &watch);
    let mut output = io::stdout().lock();
    match converted {
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
        DocumentError::Encrypted | DocumentError::Blank | DocumentError::TooComplex => String::new(),
    };
    format!("{} {details}", error.code())
}

fn read_answer(mut answer: Vec<u8>) -> Option<Result<FaxDocument, DocumentError>> {
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

#[cfg(test)]
mod tests;

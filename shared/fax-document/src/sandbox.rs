//! Conversion in a process of its own, for documents that nobody trusts.
//!
//! The libraries that parse and draw have no limits on time and memory. So a child process does it: the same program once more, started
//! with [`WORKER`] as its only argument, without environment, with three pipes. It limits itself before it reads the document;
//! the parent waits as long as it said it would, then kills, and always reaps. What the child's death leaves behind is nothing.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::convert::{Assembly, FaxDocument, Part, PartError, Progress};
use crate::cover::Cover;
use crate::error::DocumentError;
use crate::media_type::MediaType;
use crate::options::Options;

mod wire;

use wire::{Note, PartHead, Request, part_head, read_answer, read_head, read_note, written};

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
/// Room for a line of either side.
const HEAD: usize = 4096;

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
    Document(#[from] PartError),
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
    /// [`Limits::deadline`]: crate::Limits::deadline
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
        self.assemble(&[Part::Document { bytes, declared }], options, watch)
    }

    /// As [`convert_parts`](crate::convert_parts), with time and memory limited as by [`convert`](Self::convert). One worker makes them all;
    /// it has one part at a time in memory.
    ///
    /// # Errors
    /// As [`convert_parts`](crate::convert_parts) and [`convert`](Self::convert).
    pub fn convert_parts(&self, parts: &[Part<'_>], options: &Options) -> Result<FaxDocument, SandboxError> {
        self.assemble(parts, options, None)
    }

    fn assemble(
        &self,
        parts: &[Part<'_>],
        options: &Options,
        watch: Option<&(dyn Fn(Progress) + Sync)>,
    ) -> Result<FaxDocument, SandboxError> {
        // What a look at the first bytes can tell needs no worker.
        for (part, content) in parts.iter().enumerate() {
            if let Part::Document { bytes, declared } = content {
                MediaType::decide(bytes, *declared).map_err(|error| PartError { part, error })?;
            }
        }
        let started = Instant::now();
        let time = options.limits.deadline.map(|deadline| deadline.saturating_duration_since(started));
        if time.is_some_and(|time| time.is_zero()) {
            return Err(SandboxError::Worker(io::ErrorKind::TimedOut.into()));
        }
        let request = Request { options, time, watched: watch.is_some() }.head();
        let mut worker = Worker::start(&self.program).map_err(SandboxError::Worker)?;
        let begun = AtomicUsize::new(0);
        let hear = |note: Note| match (note, watch) {
            (Note::Part(part), _) => begun.store(part, Ordering::Relaxed),
            (Note::Page(progress), Some(watch)) => watch(progress),
            (Note::Page(_), None) => {}
        };
        let answer = worker.exchange(&request, parts, options.limits.pdf_bytes.saturating_add(HEAD), time, &hear);
        let (waited, worked) = (started.elapsed(), worker.worked);
        drop(worker);
        let verdict = answer.and_then(read_answer).unwrap_or(Err(DocumentError::TooComplex));
        if verdict == Err(DocumentError::TooComplex) && time.is_some_and(|time| was_kept_waiting(time, waited, worked)) {
            return Err(SandboxError::Worker(io::Error::new(io::ErrorKind::TimedOut, "the worker was given too little of the processor")));
        }
        // The number comes from the worker, which a document may have taken over.
        let part = begun.into_inner().min(parts.len().saturating_sub(1));
        Ok(verdict.map_err(|error| PartError { part, error })?)
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
        parts: &[Part<'_>],
        most: usize,
        time: Option<Duration>,
        hear: &(dyn Fn(Note) + Sync),
    ) -> Option<Vec<u8>> {
        let worker = self.child.id();
        let (mut input, output) = (self.child.stdin.take()?, self.child.stdout.take()?);
        thread::scope(|scope| {
            // A child that does not read is killed below, which breaks the pipe that this waits on.
            scope.spawn(move || {
                let _ = input.write_all(request);
                for part in parts {
                    let (head, bytes) = part_head(part);
                    if input.write_all(head.as_bytes()).and_then(|()| input.write_all(&bytes)).is_err() {
                        break;
                    }
                }
            });
            let (sender, receiver) = channel();
            scope.spawn(move || {
                let answer = read_heard(output, most, hear);
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

/// Reads an answer of at most one more than `most` bytes, and what is told before it.
fn read_heard(output: impl Read, most: usize, hear: &(dyn Fn(Note) + Sync)) -> io::Result<Vec<u8>> {
    let mut output = BufReader::new(output);
    let mut answer = Vec::new();
    loop {
        answer.clear();
        output.by_ref().take(HEAD as u64).read_until(b'\n', &mut answer)?;
        let Some(note) = read_note(&answer) else { break };
        hear(note);
    }
    output.take((most as u64 + 1).saturating_sub(answer.len() as u64)).read_to_end(&mut answer)?;
    Ok(answer)
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

/// The worker's side: reads a request, answers it.
fn serve() -> io::Result<()> {
    let started = Instant::now();
    let mut input = io::stdin().lock();
    let told = read_line(&mut input)?.and_then(|line| read_head(&line, started)).ok_or(io::ErrorKind::InvalidData)?;
    limit(told.time)?;
    let watch = |progress: Progress| {
        if told.watched {
            // Whoever no longer reads is about to end us.
            let _ = writeln!(io::stdout(), "page {} {}", progress.done, progress.of.unwrap_or(0));
        }
    };
    let converted = assemble(&mut input, &told.options, &watch)?;
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

/// Makes a fax of the parts that follow, one in memory at a time.
fn assemble(
    input: &mut impl BufRead,
    options: &Options,
    watch: &(dyn Fn(Progress) + Sync),
) -> io::Result<Result<FaxDocument, DocumentError>> {
    let mut assembly = Assembly::new(options, watch);
    let mut number = 0;
    while let Some(line) = read_line(input)? {
        let (length, head) = PartHead::read(&line).ok_or(io::ErrorKind::InvalidData)?;
        let mut bytes = Vec::with_capacity(length);
        input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if number > 0 {
            writeln!(io::stdout(), "part {number}")?;
        }
        let added = match &head {
            PartHead::Cover => assembly.add(&Part::Cover(&Cover::read(&bytes).ok_or(io::ErrorKind::InvalidData)?)),
            PartHead::Fax => assembly.add(&Part::Fax(&bytes)),
            PartHead::Document { declared } => assembly.add(&Part::Document { bytes: &bytes, declared: declared.as_deref() }),
        };
        if let Err(refused) = added {
            return Ok(Err(refused));
        }
        number += 1;
    }
    Ok(assembly.finish())
}

/// The next line; none at the end.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    input.by_ref().take(HEAD as u64).read_until(b'\n', &mut line)?;
    Ok(if line.is_empty() { None } else { Some(String::from_utf8_lossy(&line).into_owned()) })
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

#[cfg(test)]
mod tests;

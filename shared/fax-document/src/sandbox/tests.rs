use super::wire::{REASON, Told};
use super::*;
use crate::options::{Limits, Paper, Resolution};

#[test]
fn only_a_document_that_had_the_processor_is_too_complex() {
    let seconds = Duration::from_secs;
    let (time, over) = (seconds(12), seconds(12));
    assert!(was_kept_waiting(time, over, Some(seconds(3))), "others had the processor");
    assert!(!was_kept_waiting(time, over, Some(seconds(5))), "it had all of half a processor");
    assert!(!was_kept_waiting(time, over, Some(seconds(20))), "on two threads");
    assert!(!was_kept_waiting(time, seconds(2), Some(seconds(1))), "it died of its memory");
    assert!(!was_kept_waiting(time, over, None), "nothing is known");
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_is_given_no_time_is_no_verdict_on_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let idle = folder.path().join("idle");
    std::fs::write(&idle, "#!/bin/sh\nexec sleep 60\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&idle, mode).unwrap();
    let mut options = Options::default();
    for time in [0, 300] {
        options.limits.deadline = Some(Instant::now() + Duration::from_millis(time));
        let refused = Sandbox::new(idle.clone()).convert(b"text", None, &options).unwrap_err();
        assert!(matches!(refused, SandboxError::Worker(_)), "{refused:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_takes_long_yields_the_processor_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let slow = folder.path().join("slow");
    // Ends when its priority is another, and tells which it was and is.
    let script = "#!/bin/sh\nwas=$(nice)\nwhile [ $(nice) = $was ]; do sleep 0.05; done\necho document_broken $was $(nice)\n";
    std::fs::write(&slow, script).unwrap();
    std::fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut options = Options::default();
    options.limits.deadline = Some(Instant::now() + Duration::from_secs(60));
    let told = Sandbox::new(slow).convert(b"text", None, &options).unwrap_err();
    let SandboxError::Document(PartError { error: DocumentError::Broken { reason }, .. }) = told else { unreachable!("{told:?}") };
    let values: Vec<i32> = reason.split(' ').map(|value| value.parse().unwrap()).collect();
    assert_eq!(values[1], (values[0] + YIELDING).min(19));
}

#[test]
fn every_refusal_comes_back_as_it_was_written() {
    let refusals = [
        DocumentError::broken("a picture is damaged"),
        DocumentError::empty("it has no bytes"),
        DocumentError::too_large("a picture is"),
        DocumentError::unsupported("it is none"),
        DocumentError::TooManyPages { pages: 300, limit: 200 },
        DocumentError::Encrypted,
        DocumentError::Blank,
    ];
    for refusal in refusals {
        assert_eq!(read_answer(format!("{}\n", written(&refusal)).into_bytes()), Some(Err(refusal)));
    }
    assert_eq!(read_answer(b"document_too_complex \n".to_vec()), None, "which is what no answer is");
}

#[test]
fn what_a_worker_that_was_taken_over_may_say_is_bounded() {
    for rubbish in
        [&b""[..], b"ok 1\n", b"ok 0\n%PDF-1.7", b"ok x\n%PDF-1.7", b"\n", b"\xff\xfe\n", b"ok 1", b"document_too_many_pages x\n"]
    {
        assert_eq!(read_answer(rubbish.to_vec()), None, "{rubbish:?}");
    }
    let long = format!("document_broken \u{7}{}\n", "x".repeat(2000));
    assert_eq!(read_answer(long.clone().into_bytes()), Some(Err(DocumentError::broken("x".repeat(REASON - 1) + "x"))));
}

#[test]
fn a_worker_reads_what_it_was_told() {
    let started = Instant::now();
    let limits = Limits { pages: 7, deadline: started.checked_add(Duration::from_millis(1500)), ..Limits::default() };
    let options = Options { paper: Paper::A4, resolution: Resolution::Standard, header: true, limits, threads: 3 };
    for paper in Paper::ALL {
        let options = Options { paper, ..options.clone() };
        let head = Request { options: &options, time: None, watched: false }.head();
        assert_eq!(read_head(&String::from_utf8_lossy(&head), started).map(|told| told.options.paper), Some(paper));
    }
    let time = Duration::from_millis(1500);
    let head = Request { options: &options, time: Some(time), watched: true }.head();
    let read = read_head(&String::from_utf8_lossy(&head), started);
    assert_eq!(read, Some(Told { options: options.clone(), time, watched: true }));
    for declared in [None, Some(""), Some("-"), Some("fax"), Some("text/plain; charset=utf-8")] {
        let (line, bytes) = part_head(&Part::Document { bytes: b"text\n", declared });
        assert_eq!(PartHead::read(&line), Some((5, PartHead::Document { declared: declared.map(str::to_owned) })));
        assert_eq!(&*bytes, b"text\n");
    }
    assert_eq!(PartHead::read(&part_head(&Part::Fax(b"%PDF")).0), Some((4, PartHead::Fax)));
    let cover = Cover::default();
    let (line, bytes) = part_head(&Part::Cover(&cover));
    assert_eq!(PartHead::read(&line), Some((bytes.len(), PartHead::Cover)));
}

#[test]
fn a_long_type_or_one_of_several_lines_stays_one_line_before_the_bytes() {
    let declared = format!("text/plain;\n x={}", "\u{e9}".repeat(9000));
    let (line, _) = part_head(&Part::Document { bytes: b"", declared: Some(&declared) });
    assert!(line.len() < HEAD && line.find('\n') == Some(line.len() - 1), "{line}");
    assert!(PartHead::read(&line).is_some());
}

#[cfg(target_os = "linux")]
#[test]
fn the_part_that_a_worker_died_of_is_the_one_that_it_had_begun() {
    let folder = tempfile::tempdir().unwrap();
    let dies = folder.path().join("dies");
    for (says, part) in [("part 1", 1), ("page 1 2", 0), ("part 999", 2), ("part x", 0)] {
        std::fs::write(&dies, format!("#!/bin/sh\necho {says}\n")).unwrap();
        std::fs::set_permissions(&dies, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let parts = [Part::Document { bytes: b"text", declared: None }; 3];
        let refused = Sandbox::new(dies.clone()).convert_parts(&parts, &Options::default()).unwrap_err();
        let SandboxError::Document(refused) = refused else { unreachable!("{refused:?}") };
        assert_eq!(refused, PartError { part, error: DocumentError::TooComplex });
    }
}

//! Hostile documents: each gets an answer, and nothing of it stays behind.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fax_document::Options;
use fax_document::sandbox::{Sandbox, SandboxError, WORKER};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use sfm_tests::client::fax;
use sfm_tests::documents::{LETTER, LETTER_PAGES};
use sfm_tests::eventually;
use sfm_tests::hostile::{Hostile, Then};
use sfm_tests::service::{Service, sfm_under_test};

fn flate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A PDF of these objects, the first of which is the catalog.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n", i + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let (start, mut table) = (out.len(), format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for offset in offsets {
        writeln!(table, "{offset:010} 00000 n ").unwrap();
    }
    out.extend_from_slice(table.as_bytes());
    out.extend_from_slice(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).as_bytes());
    out
}

fn stream(dict: &str, bytes: &[u8]) -> Vec<u8> {
    [format!("<<{dict}/Length {}>>stream\n", bytes.len()).as_bytes(), bytes, b"\nendstream"].concat()
}

/// A page with this content, and with these further objects, numbered from 5.
fn page(resources: &str, content: Vec<u8>, further: Vec<Vec<u8>>) -> Vec<u8> {
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<<{resources}>>>>").into_bytes(),
        content,
    ];
    objects.extend(further);
    pdf(&objects)
}

fn plain(content: &str) -> Vec<u8> {
    page("", stream("/Filter/FlateDecode", &flate(content.as_bytes())), vec![])
}

/// A picture of 30,000 by 30,000 pixels that is a few kilobytes of file.
fn picture(dict: &str, bytes: &[u8]) -> Vec<u8> {
    let image = stream(&format!("/Type/XObject/Subtype/Image/Width 30000/Height 30000/BitsPerComponent 8{dict}"), bytes);
    page("/XObject<</I 5 0 R>>", stream("", b"600 0 0 780 0 0 cm /I Do"), vec![image])
}

fn bombs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let pdf_type = "application/pdf";
    let nested = {
        let mut forms: Vec<Vec<u8>> = (0..40)
            .map(|i| {
                let resources = format!("/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</F {} 0 R>>>>", i + 6);
                stream(&resources, b"/F Do /F Do")
            })
            .collect();
        forms.push(stream("/Type/XObject/Subtype/Form/BBox[0 0 612 792]", b"0 0 612 792 re f"));
        page("/XObject<</F 5 0 R>>", stream("", b"/F Do"), forms)
    };
    let zeros = flate(&flate(&vec![0; 600_000_000]));
    let deep = format!("<</Type/Catalog/Pages 2 0 R/X {}{}>>", "[".repeat(2_000_000), "]".repeat(2_000_000));
    let cycle = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>".to_vec(),
        b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 2 0 R]/Count 2>>".to_vec(),
    ];
    let fills: String = (0..3_000_000).fold(String::new(), |mut content, i| {
        write!(content, "{} {} 300 300 re f ", i % 300, i % 400).unwrap();
        content
    });
    vec![
        ("tiny dashes on long strokes", plain(&"[0.0001 0.0001] 0 d 0 0 m 600 700 l S ".repeat(200)), pdf_type),
        ("three million fills", plain(&fills), pdf_type),
        ("forms nested forty deep, twice each", nested, pdf_type),
        ("a page tree that goes round", pdf(&cycle), pdf_type),
        ("arrays two million deep", pdf(&[deep.into_bytes(), b"<</Type/Pages/Kids[]/Count 0>>".to_vec()]), pdf_type),
        ("a page of a million inches", plain("0 0 612 792 re f").replace_box(), pdf_type),
        ("Flate in Flate", page("", stream("/Filter[/FlateDecode/FlateDecode]", &zeros), vec![]), pdf_type),
        ("30,000 by 30,000 of RGB", picture("/ColorSpace/DeviceRGB/Filter[/FlateDecode/FlateDecode]", &zeros), pdf_type),
        (
            "30,000 by 30,000 of CCITT",
            picture("/ColorSpace/DeviceGray/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 30000/Rows 30000>>", &[0xFF; 4000]),
            pdf_type,
        ),
        ("a PNG of 30,000 by 30,000", png_header(30_000, 30_000), "image/png"),
        ("a pattern in a pattern in a pattern", patterns(), pdf_type),
    ]
}

/// Patterns that are filled with patterns of tiny steps.
fn patterns() -> Vec<u8> {
    let pattern = |next: Option<usize>| {
        let resources = next.map(|n| format!("/Pattern<</P {n} 0 R>>")).unwrap_or_default();
        let content: &[u8] = if next.is_some() { b"/Pattern cs /P scn 0 0 600 700 re f" } else { b"0 0 0.01 0.01 re f" };
        let dict = format!(
            "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 600 700]/XStep 0.02/YStep 0.02/Resources<<{resources}>>"
        );
        stream(&dict, content)
    };
    let further = vec![pattern(Some(6)), pattern(Some(7)), pattern(None)];
    page("/Pattern<</P 5 0 R>>", stream("", b"/Pattern cs /P scn 0 0 600 700 re f"), further)
}

trait ReplaceBox {
    fn replace_box(self) -> Vec<u8>;
}

impl ReplaceBox for Vec<u8> {
    fn replace_box(self) -> Vec<u8> {
        let text = b"MediaBox[0 0 612 792]";
        let at = self.windows(text.len()).position(|window| window == text).unwrap();
        let mut out = self;
        out[at..at + text.len()].copy_from_slice(b"MediaBox[0 0 7e7 7e7]");
        out
    }
}

/// The first bytes of a PNG of this size, with a sound header and next to no data.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        let crc = flate2::Crc::new();
        let mut crc = crc;
        crc.update(&body);
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc.sum().to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &flate(&[0; 100_000])), chunk(b"IEND", b"")].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_documents_are_refused_and_the_next_request_is_served() {
    let service = Service::start().await;
    let client = service.customer().await.client;
    for (name, bomb, kind) in bombs() {
        let started = Instant::now();
        let size = bomb.len();
        let body = fax("+15005550001", &bomb, kind);
        let answer = client.post("/v1/faxes", &body).await;
        println!("{name} ({size} bytes): {} after {:.1} s {}", answer.status, started.elapsed().as_secs_f32(), answer.text);
        // Some are drawn, blank or not; none is our fault, and none takes the service with it.
        assert!(matches!(answer.status, 201 | 400 | 503), "{name}: {}", answer.text);
        let next = client.send_letter("+15005550001").await;
        assert_eq!(next["pages"], LETTER_PAGES, "after {name}");
    }
    // The other tests' workers end too.
    eventually("all workers to be gone", || async { workers().is_empty().then_some(()) }).await;
}

/// Three of them at once, and what they may have sent: what was read before the fifth, and what lies in the sockets'
/// buffers.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_answers_in_interim_answers_for_ever_is_left_at_the_fifth() {
    let service = Service::start().await;
    let (client, other) = (service.customer().await.client, service.customer().await.client);
    let far_ends = ["100 Continue", "102 Processing", "103 Early Hints"].map(|line| Hostile::start(Then::EndlessInterim(line)));
    let far_ends = futures::future::join_all(far_ends).await;
    let sends = far_ends.iter().map(|far_end| {
        let body = serde_json::json!({"to": "+15005550001", "document_url": format!("{}/letter.pdf", far_end.url)});
        let client = client.clone();
        async move { client.post("/v1/faxes", &body).await }
    });
    let (refused, meanwhile) = tokio::join!(futures::future::join_all(sends), other.send_letter("+15005550001"));
    assert_eq!(meanwhile["pages"], LETTER_PAGES);
    for (answer, far_end) in refused.iter().zip(&far_ends) {
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains("document_unreachable") && answer.text.contains("it broke"), "not at the deadline: {}", answer.text);
        assert!(far_end.sent() < 16 * 1024 * 1024, "{} bytes were taken", far_end.sent());
    }
}

/// The process ids of the workers of this process.
fn workers() -> Vec<u32> {
    let me = std::process::id();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mine = |pid: &u32| {
        let file = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        file("cmdline").contains(WORKER) && file("status").lines().any(|line| line == format!("PPid:\t{me}"))
    };
    processes.filter(mine).collect()
}

fn with_deadline(time: Duration) -> Options {
    let mut options = Options::default();
    options.limits.deadline = Some(Instant::now() + time);
    options
}

#[test]
fn a_worker_has_no_environment_no_files_and_limits_and_ends_at_the_deadline() {
    let sandbox = Sandbox::new(sfm_under_test());
    let (_, endless, _) = bombs().into_iter().find(|(name, ..)| name.starts_with("a pattern")).unwrap();
    let converting = std::thread::spawn(move || sandbox.convert(&endless, None, &with_deadline(Duration::from_secs(5))));
    let started = Instant::now();
    let seen = loop {
        assert!(started.elapsed() < Duration::from_secs(60), "no worker was seen with its limits set");
        let limited = |pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/limits"))
                .is_ok_and(|limits| limits.contains("Max core file size        0                    0 "))
        };
        if let Some(pid) = workers().into_iter().find(limited) {
            break pid;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let limits = std::fs::read_to_string(format!("/proc/{seen}/limits")).unwrap();
    assert!(limits.contains("Max data size             671088640"), "{limits}");
    assert_eq!(std::fs::read(format!("/proc/{seen}/environ")).unwrap(), b"");
    let fds: Vec<String> =
        std::fs::read_dir(format!("/proc/{seen}/fd")).unwrap().map(|fd| fd.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(fds.len(), 3, "{fds:?}");
    assert_eq!(std::fs::read_link(format!("/proc/{seen}/cwd")).unwrap(), PathBuf::from("/"));
    let refused = converting.join().unwrap();
    // Which of the two it is depends on who else had the processor meanwhile.
    let is_too_complex = matches!(&refused, Err(SandboxError::Document(e)) if e.error.code() == "document_too_complex");
    assert!(is_too_complex || matches!(&refused, Err(SandboxError::Worker(_))), "{refused:?}");
    assert!(!PathBuf::from(format!("/proc/{seen}")).exists(), "it was reaped");
}

#[test]
fn a_worker_makes_the_same_fax_as_the_library() {
    let made = Sandbox::new(sfm_under_test()).convert(LETTER, Some("application/pdf"), &with_deadline(Duration::from_secs(60))).unwrap();
    assert_eq!(made, fax_document::convert(LETTER, Some("application/pdf"), &Options::default()).unwrap());
}

#[test]
fn a_program_that_is_no_worker_or_not_there_is_no_verdict_on_the_document() {
    let answer = Sandbox::new("/nonexistent".into()).convert(LETTER, None, &with_deadline(Duration::from_secs(5)));
    assert!(matches!(answer, Err(SandboxError::Worker(_))), "{answer:?}");
}

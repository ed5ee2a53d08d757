//! PDFs with mistakes that other programs read past, and one that nobody can.

#![allow(clippy::unwrap_used)]

mod documents;

use documents::{page, raw_page, raw_pdf, raw_stream, refusal};
use fax_document::{Options, convert};

const LINE: &str = "BT /F 24 Tf 72 700 Td (Take two tablets daily) Tj ET 72 300 200 100 re f";
const FONT: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";
const RESOURCES: &str = "/Resources << /Font << /F 5 0 R >> >>";

fn good() -> Vec<u8> {
    raw_page(RESOURCES, LINE, &[FONT.to_owned()])
}

/// The good file with something in its bytes replaced.
fn with(what: &str, by: &str) -> Vec<u8> {
    let file = String::from_utf8(good()).unwrap();
    assert!(file.contains(what), "{what}");
    file.replace(what, by).into_bytes()
}

#[test]
fn mistakes_that_others_read_past_change_nothing() {
    let wanted = page(&good());
    let length = format!("/Length {}", LINE.len());
    for (mistake, file) in [
        ("offsets that are wrong", with("\n00000000", "\n00000001")),
        ("no table of objects where it should be", with("startxref\n", "startxref\n9")),
        ("a length too short", with(&length, "/Length 20")),
        ("a length too long", with(&length, "/Length 5000")),
        ("no length", with(&length, "")),
        ("no endobj", with("endobj\n", "")),
        ("no endstream", with("\nendstream", "")),
        ("no endstream in lines of Windows", with("\nendstream\nendobj", "\r\nendobj")),
        ("a page of a number that no object has", with("/Kids [3 0 R] /Count 1", "/Kids [3 0 R 88 0 R] /Count 2")),
        ("junk before", [b"junk junk\r\n".repeat(20), good()].concat()),
        ("more junk before than readers must put up with", [b"junk junk\r\n".repeat(400), good()].concat()),
        ("zeros after", [good(), vec![0; 3000]].concat()),
        ("no header", with("%PDF-1.7", "%\u{E9}\u{E8}\u{E7}")),
        ("%EOF", with("%%EOF", "%EOF")),
        ("spaces behind stream", with("stream\nBT", "stream   \nBT")),
        ("a page without type", with("/Type /Page ", "")),
        ("a page without parent", with("/Type /Page /Parent 2 0 R", "/Type /Page")),
        ("a loop in the page tree", with("/Kids [3 0 R]", "/Kids [3 0 R 2 0 R]")),
        ("a missing part of the content", with("/Contents 4 0 R", "/Contents [null 4 0 R 88 0 R]")),
        ("a box that is upside down", with("[0 0 612 792]", "[612 792 0 0]")),
        ("a crop box beyond the page", with("/MediaBox", "/CropBox [-50 -50 700 900] /MediaBox")),
        ("a turn by a part of a quarter", with("/MediaBox", "/Rotate 45 /MediaBox")),
        ("a unit of its own", with("/MediaBox", "/UserUnit 2 /MediaBox")),
    ] {
        assert!(page(&file) == wanted, "{mistake}");
    }
    let turned = page(&with("/MediaBox", "/Rotate 90 /MediaBox"));
    assert!(page(&with("/MediaBox", "/Rotate 180 /MediaBox")) != wanted);
    assert!(page(&with("/MediaBox", "/Rotate 450 /MediaBox")) == turned);
    assert!(page(&with("/MediaBox", "/Rotate -90 /MediaBox")) == page(&with("/MediaBox", "/Rotate 270 /MediaBox")));
}

#[test]
fn a_page_whose_content_cannot_be_read_does_not_go_out_blank() {
    let file = |content: &str| {
        let page = |content: usize| format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {content} 0 R {RESOURCES} >>");
        raw_pdf(&[
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>".to_owned(),
            page(4),
            raw_stream("", LINE),
            FONT.to_owned(),
            page(7),
            content.to_owned(),
        ])
    };
    let empty = convert(&file("null"), None, &Options::default()).unwrap();
    assert_eq!(empty.pages, 2, "a page without content is blank");
    let nothing = convert(&file(&raw_stream("/Filter /FlateDecode", "")), None, &Options::default()).unwrap();
    assert_eq!(nothing.pages, 2, "and so is one whose content is called packed and is nothing");
    for content in [&raw_stream("/Filter /FlateDecode", "this is not deflated")[..], "<< /Length 99 >>\nstream\nBT"] {
        let error = refusal(&file(content));
        assert!(error.to_string().contains("the content of page 2 is damaged"), "{content}: {error}");
    }
}

#[test]
fn a_page_is_not_faxed_without_what_follows_an_error_in_its_content() {
    let shown = |text: &str| format!("BT /F 24 Tf 72 700 Td ({text}) Tj ET");
    let of = |content: &str| {
        let font = "/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>";
        convert(&raw_page(font, content, &[]), None, &Options::default()).map(|fax| fax.pages)
    };
    for error in ["}", ") 12", "[1 2", "] xx", "(open"] {
        let refused = of(&format!("{} {error} {}", shown("Dose"), shown("5 mg"))).unwrap_err().to_string();
        assert!(refused.contains("the content of page 1 has an error past which it cannot be read"), "{error}: {refused}");
    }
    // An operator that is none is passed over, as are brackets within strings, and what follows the last of all.
    for content in ["12 nonsense", "(\\() Tj", "<</A 1>> /X BDC EMC", "%)"] {
        assert_eq!(of(&format!("{} {content}\n{}", shown("Dose"), shown("5 mg \\)"))).unwrap(), 1, "{content}");
    }
    assert_eq!(of(&format!("{} }} 0 g ET", shown("Dose"))).unwrap(), 1);
}

#[test]
fn a_page_that_is_blank_because_its_content_is_cut_short_is_not_called_blank() {
    let of = |shown: &str, length: usize| {
        let mut packed = vec![0x78, 0x01];
        packed.extend(stored(&format!("{shown} {}{LINE}", "0 g ".repeat(20))));
        packed.truncate(length);
        let mut file = raw_page(RESOURCES, "", &[FONT.to_owned()]);
        let mut objects = String::from_utf8(file.clone()).unwrap();
        let stream = raw_stream("/Filter /FlateDecode", &"@".repeat(packed.len()));
        objects = objects.replace(&raw_stream("", ""), &stream);
        file = objects.into_bytes();
        let at = file.windows(packed.len()).position(|window| window.iter().all(|byte| *byte == b'@')).unwrap();
        file[at..at + packed.len()].copy_from_slice(&packed);
        convert(&file, None, &Options::default()).map(|fax| fax.pages).map_err(|error| error.to_string())
    };
    assert_eq!(of("", usize::MAX), Ok(1));
    let refused = of("", 40).unwrap_err();
    assert!(refused.contains("the content of page 1 is cut short"), "{refused}");
    assert_eq!(of("72 300 200 100 re f", 60), Ok(1), "what is there is drawn, as others draw it");
}

/// A deflated stream of one block that is not packed (RFC 1951, 3.2.4), without a checksum.
fn stored(content: &str) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), content.as_bytes()].concat()
}

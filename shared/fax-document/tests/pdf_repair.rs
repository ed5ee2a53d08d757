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
        ("junk before", [b"junk junk\r\n".repeat(20), good()].concat()),
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
    for content in [&raw_stream("/Filter /FlateDecode", "this is not deflated")[..], "<< /Length 99 >>\nstream\nBT"] {
        let error = refusal(&file(content));
        assert!(error.to_string().contains("the content of page 2 is damaged"), "{content}: {error}");
    }
}

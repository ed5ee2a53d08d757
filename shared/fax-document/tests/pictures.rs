//! Pictures inside a PDF that lack something, wherever they are drawn.

#![allow(clippy::unwrap_used)]

mod documents;

use documents::{raw_page, raw_stream, refusal};
use fax_document::{DocumentError, Options, convert};

/// Two pictures of 64 by 64 pixels, by libjpeg-turbo and OpenJPEG.
const JPEG: &[u8] = include_bytes!("strips/squares.jpg");
const JPEG_2000: &[u8] = include_bytes!("strips/squares.j2k");

fn picture(filter: &str, data: &[u8]) -> String {
    let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    let entries = "/Type /XObject /Subtype /Image /Width 64 /Height 64 /BitsPerComponent 8 /ColorSpace /DeviceGray";
    raw_stream(&format!("{entries} /Filter [/ASCIIHexDecode /{filter}]"), &hex)
}

/// A page that shows the picture, object 5, straight.
fn plain(picture: String) -> Vec<u8> {
    raw_page("/Resources << /XObject << /P 5 0 R >> >>", "q 300 0 0 300 100 100 cm /P Do Q", &[picture])
}

fn middle_of_scan() -> usize {
    let data = JPEG.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap() + 10;
    data + (JPEG.len() - data) / 2
}

fn convert_one(document: &[u8]) -> Result<(), DocumentError> {
    convert(document, None, &Options::default()).map(|_| ())
}

fn is_refused(document: &[u8], what: &str) {
    let error = refusal(document);
    let text = error.to_string();
    assert!(error.code() == "document_broken" && text.contains("picture on page 1 is damaged or cut short"), "{what}: {text}");
}

#[test]
fn a_jpeg_is_refused_where_rows_are_missing_and_not_where_only_its_end_marker_is() {
    let end = JPEG.len() - 2;
    for (what, data) in [("whole", JPEG.to_vec()), ("no end marker", JPEG[..end].to_vec()), ("padded", [JPEG, &[0; 40]].concat())] {
        assert_eq!(convert_one(&plain(picture("DCTDecode", &data))), Ok(()), "{what}");
    }
    let middle = middle_of_scan();
    for (what, data) in [
        ("half", JPEG[..middle].to_vec()),
        ("half and an end marker", [&JPEG[..middle], &[0xFF, 0xD9]].concat()),
        ("a hole", [&JPEG[..middle - 10], &JPEG[middle + 10..]].concat()),
        ("a stray marker", [&JPEG[..middle], &[0xFF, 0x01], &JPEG[middle + 2..]].concat()),
    ] {
        is_refused(&plain(picture("DCTDecode", &data)), what);
    }
}

#[test]
fn a_jpeg_2000_or_jbig2_is_refused_where_bytes_are_missing_that_it_promises() {
    assert_eq!(convert_one(&plain(picture("JPXDecode", JPEG_2000))), Ok(()));
    assert_eq!(convert_one(&plain(picture("JPXDecode", &JPEG_2000[..JPEG_2000.len() - 2]))), Ok(()), "no end marker");
    is_refused(&plain(picture("JPXDecode", &JPEG_2000[..JPEG_2000.len() / 2])), "half");
    // A page of 64 by 64 and a region of it that is coded as Group 4 (MMR): all white, as 64 rows of one bit each.
    let page = [&[0, 0, 0, 0, 0x30, 0, 1, 0, 0, 0, 19][..], &[0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let rows = [0xFF_u8; 8];
    let region = |length: u32, data: &[u8]| {
        let head = [&[0, 0, 0, 1, 38, 0, 1][..], &length.to_be_bytes()].concat();
        [&head[..], &[0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], data].concat()
    };
    let whole = [page.clone(), region(18 + 8, &rows)].concat();
    assert!(!matches!(convert_one(&plain(picture("JBIG2Decode", &whole))), Err(DocumentError::Broken { .. })));
    is_refused(&plain(picture("JBIG2Decode", &[page.clone(), region(18 + 80, &rows)].concat())), "a region cut short");
    is_refused(&plain(picture("JBIG2Decode", &page)), "no region");
}

#[test]
fn damage_is_found_wherever_the_picture_is_drawn() {
    let draw = "q 300 0 0 300 0 0 cm /P Do Q";
    let with_picture = "/Resources << /XObject << /P 5 0 R >> >>";
    let places = [
        (
            "a tiling pattern",
            "/Resources << /Pattern << /T 6 0 R >> >>",
            "/Pattern cs /T scn 100 100 400 400 re f",
            vec![raw_stream(
                &format!("/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 300 300] /XStep 300 /YStep 300 {with_picture}"),
                draw,
            )],
        ),
        (
            "a soft mask",
            "/Resources << /ExtGState << /M << /SMask << /S /Luminosity /G 6 0 R >> >> >> >>",
            "/M gs 0 g 0 0 400 400 re f",
            vec![raw_stream(
                &format!("/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Group << /S /Transparency /CS /DeviceGray >> {with_picture}"),
                draw,
            )],
        ),
        (
            "a glyph that is a drawing",
            "/Resources << /Font << /F 6 0 R >> >>",
            "BT /F 1 Tf 100 100 Td (a) Tj ET",
            vec![
                format!(
                    "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 300 300] /FontMatrix [1 0 0 1 0 0] /CharProcs << /a 7 0 R >> \
                     /Encoding << /Differences [97 /a] >> /FirstChar 97 /LastChar 97 /Widths [300] {with_picture} >>"
                ),
                raw_stream("", &format!("300 0 d0 {draw}")),
            ],
        ),
        (
            "such a glyph on a page that takes colour",
            "/Resources << /Font << /F 6 0 R >> /ExtGState << /M << /BM /Difference >> >> >>",
            "/M gs 0.5 g 0 0 50 50 re f BT /F 1 Tf 100 100 Td (a) Tj ET",
            vec![
                format!(
                    "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 300 300] /FontMatrix [1 0 0 1 0 0] /CharProcs << /a 7 0 R >> \
                     /Encoding << /Differences [97 /a] >> /FirstChar 97 /LastChar 97 /Widths [300] {with_picture} >>"
                ),
                raw_stream("", &format!("300 0 d0 {draw}")),
            ],
        ),
        (
            "an appearance",
            "/Annots [<< /Type /Annot /Subtype /Stamp /Rect [100 100 400 400] /F 4 /AP << /N 6 0 R >> >>]",
            "",
            vec![raw_stream(&format!("/Type /XObject /Subtype /Form /BBox [0 0 300 300] {with_picture}"), draw)],
        ),
    ];
    for (place, entries, content, objects) in places {
        let of = |data: &[u8]| raw_page(entries, content, &[vec![picture("DCTDecode", data)], objects.clone()].concat());
        assert_eq!(convert_one(&of(JPEG)), Ok(()), "{place}");
        is_refused(&of(&JPEG[..middle_of_scan()]), place);
    }
}

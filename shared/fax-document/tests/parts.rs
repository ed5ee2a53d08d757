//! Faxes of several documents.

#![allow(clippy::unwrap_used)]

mod documents;

use documents::pdf;
use fax_document::{FaxPage, Limits, Options, Paper, Part, Resolution, convert, convert_parts, read_fax_pdf, write_fax_pdf};

const LETTER: &[u8] = include_bytes!("../samples/letter.pdf");
const FORM: &[u8] = include_bytes!("../samples/form.png");
const TEXT: &[u8] = include_bytes!("../samples/letter.txt");

fn document(bytes: &[u8]) -> Part<'_> {
    Part::Document { bytes, declared: None }
}

fn pages(bytes: &[u8], options: &Options) -> Vec<FaxPage> {
    read_fax_pdf(&convert(bytes, None, options).unwrap().pdf).unwrap()
}

#[test]
fn the_pages_of_the_parts_follow_each_other_as_each_alone_would_make_them() {
    let options = Options::default();
    let fax = convert_parts(&[document(FORM), document(LETTER), document(TEXT)], &options).unwrap();
    let alone: Vec<_> = [FORM, LETTER, TEXT].iter().flat_map(|bytes| pages(bytes, &options)).collect();
    assert_eq!(fax.pages as usize, alone.len());
    assert_eq!(read_fax_pdf(&fax.pdf).unwrap(), alone);
    assert_eq!(convert_parts(&[document(LETTER)], &options).unwrap(), convert(LETTER, None, &options).unwrap());
}

#[test]
fn the_pages_of_an_earlier_fax_stay_bit_for_bit_whatever_their_paper() {
    let other = Options { paper: Paper::A4, resolution: Resolution::Standard, ..Options::default() };
    let earlier = convert(LETTER, None, &other).unwrap().pdf;
    let fax = convert_parts(&[document(FORM), Part::Fax(&earlier)], &Options::default()).unwrap();
    let found = read_fax_pdf(&fax.pdf).unwrap();
    assert_eq!(found[1..], read_fax_pdf(&earlier).unwrap());
    assert_eq!((found[0].height, found[1].height), (2156, 1145));
    // Not even a page that no machine could read is drawn anew, or looked at.
    let g4 = b"no Group 4 at all".to_vec();
    let damaged = write_fax_pdf(&[FaxPage { width: 1728, height: 1145, g4: g4.clone(), header_bits: None }]).unwrap();
    let fax = convert_parts(&[Part::Fax(&damaged)], &Options::default()).unwrap();
    assert_eq!(read_fax_pdf(&fax.pdf).unwrap()[0].g4, g4);
}

#[test]
fn what_another_program_wrote_is_drawn_though_it_is_called_a_fax() {
    let fax = convert_parts(&[Part::Fax(LETTER)], &Options::default()).unwrap();
    assert_eq!(fax, convert(LETTER, None, &Options::default()).unwrap());
}

#[test]
fn a_part_that_is_refused_is_named_with_what_it_alone_would_be_refused_for() {
    let blank = pdf(documents::LETTER, 0, &[|_| {}]);
    for (bad, code) in [
        (&b""[..], "document_empty"),
        (b"%PDF-1.7\n", "document_broken"),
        (b"PK\x03\x04\x14\0\0\0", "document_type_unsupported"),
        (&blank, "document_blank"),
    ] {
        for (parts, part) in [([document(bad), document(TEXT)], 0), ([document(TEXT), document(bad)], 1)] {
            let refused = convert_parts(&parts, &Options::default()).unwrap_err();
            assert_eq!((refused.part, refused.error.code()), (part, code));
        }
    }
    let nothing = convert_parts(&[], &Options::default()).unwrap_err();
    assert_eq!((nothing.part, nothing.error.code()), (0, "document_empty"));
}

#[test]
fn the_limits_hold_for_all_parts_together_and_name_the_one_that_passes_them() {
    let of_pages = |pages| Options { limits: Limits { pages, ..Limits::default() }, ..Options::default() };
    let fax = convert(LETTER, None, &Options::default()).unwrap().pdf;
    for last in [document(LETTER), document(FORM), document(TEXT), Part::Fax(&fax)] {
        let parts = [document(LETTER), document(TEXT), last];
        let together = convert_parts(&parts, &of_pages(200)).unwrap().pages;
        assert_eq!(convert_parts(&parts, &of_pages(together)).unwrap().pages, together);
        let refused = convert_parts(&parts, &of_pages(together - 1)).unwrap_err();
        assert_eq!((refused.part, refused.error.code()), (2, "document_too_many_pages"));
    }
    let bytes = convert(FORM, None, &Options::default()).unwrap().pdf.len() * 5 / 2;
    let limited = Options { limits: Limits { pdf_bytes: bytes, ..Limits::default() }, ..Options::default() };
    assert!(convert_parts(&[document(FORM); 2], &limited).is_ok());
    let refused = convert_parts(&[document(FORM); 3], &limited).unwrap_err();
    assert_eq!((refused.part, refused.error.code()), (2, "document_too_large"));
    let late = Options { limits: Limits { deadline: Some(std::time::Instant::now()), ..Limits::default() }, ..Options::default() };
    assert_eq!(convert_parts(&[Part::Fax(&fax)], &late).unwrap_err().error.code(), "document_too_complex");
}

//! Every kind of document that the other tests make or keep, on every sheet: a fax that decodes and comes back unchanged, or a refusal in words.

#![allow(clippy::unwrap_used)]

mod documents;

use std::fs;
use std::path::Path;

use documents::{jpeg, paint_a_square, pdf, png, type_a_line};
use fax_document::{DocumentError, Options, Paper, Resolution, convert, read_fax_pdf};
use image::GrayImage;

fn documents() -> Vec<(String, Vec<u8>)> {
    let shades = GrayImage::from_fn(300, 200, |x, y| image::Luma([((x * 255 / 300) as u8).wrapping_add((y % 7) as u8)]));
    let made = [
        ("a page of type", pdf((612.0, 792.0), 0, &[type_a_line])),
        ("a landscape page", pdf((842.0, 595.0), 0, &[type_a_line, paint_a_square])),
        ("a turned page", pdf((612.0, 792.0), 90, &[type_a_line])),
        ("a huge sheet", pdf((14_400.0, 14_400.0), 0, &[paint_a_square])),
        ("a strip", pdf((200.0, 3000.0), 0, &[type_a_line])),
        ("a PNG", png(shades.clone())),
        ("a JPEG lying on its side", jpeg(&shades, Some(6))),
        ("a text", "Grüße, Γειά, Привет\n\u{c}second page\n".as_bytes().to_vec()),
        ("nothing", Vec::new()),
        ("half a PDF", pdf((612.0, 792.0), 0, &[type_a_line])[..300].to_vec()),
        ("a spreadsheet", b"PK\x03\x04\x14\0\x06\0".to_vec()),
    ];
    let kept = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.display().to_string(), fs::read(path).unwrap())
    });
    made.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).chain(kept).collect()
}

#[test]
fn every_document_is_a_fax_that_comes_back_unchanged_or_a_refusal_in_words() {
    let (mut faxes, mut refusals) = (0, 0);
    for (name, document) in documents() {
        for (paper, resolution) in [(Paper::Letter, Resolution::Fine), (Paper::A4, Resolution::Fine), (Paper::A4, Resolution::Standard)] {
            let options = Options { paper, resolution, ..Options::default() };
            match convert(&document, None, &options) {
                Ok(fax) => {
                    let pages = read_fax_pdf(&fax.pdf).unwrap();
                    assert_eq!(pages.len(), fax.pages as usize, "{name}");
                    assert!(pages.iter().any(|page| page.decode().unwrap().black_pixels() > 0), "{name}: something is on it");
                    assert_eq!(convert(&fax.pdf, None, &options).as_ref(), Ok(&fax), "{name}");
                    faxes += 1;
                }
                Err(refusal) => {
                    assert!(refusal.to_string().ends_with('.') && refusal != DocumentError::TooComplex, "{name}: {refusal}");
                    refusals += 1;
                }
            }
        }
    }
    assert!(faxes >= 8 * 3 && refusals >= 4 * 3, "{faxes} faxes, {refusals} refusals");
}

//! Our pages as other people's decoders see them: libtiff, Poppler, MuPDF and Ghostscript, pixel for pixel.
//!
//! They are Debian's `libtiff-tools`, `poppler-utils`, `mupdf-tools` and `ghostscript`. Without them these tests pass over what they cannot
//! run, unless `FAX_DECODERS=required`, as CI sets.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod documents;

use std::path::Path;
use std::process::Command;

use documents::{paint_a_square, pdf, png, type_a_line};
use fax_document::{Bitmap, COLUMNS, Coding, Header, Options, Paper, Resolution, convert, read_fax_pdf, stamp, write_tiff};
use image::GrayImage;

/// Runs a decoder in `folder`; false when it is not installed and need not be.
fn decode(folder: &Path, words: &[&str]) -> bool {
    let (program, arguments) = words.split_first().unwrap();
    match Command::new(program).args(arguments).current_dir(folder).output() {
        Ok(done) => {
            assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
            true
        }
        Err(_) if std::env::var("FAX_DECODERS").is_ok_and(|value| value == "required") => panic!("{program} is not installed"),
        Err(_) => {
            eprintln!("{program} is not installed: passed over");
            false
        }
    }
}

/// Reads a binary PBM.
fn read_pbm(path: &Path) -> Bitmap {
    let file = std::fs::read(path).unwrap();
    let mut at = 0;
    let mut word = || {
        while file[at].is_ascii_whitespace() || file[at] == b'#' {
            if file[at] == b'#' {
                at += file[at..].iter().position(|byte| *byte == b'\n').unwrap();
            }
            at += 1;
        }
        let start = at;
        at += file[at..].iter().position(u8::is_ascii_whitespace).unwrap();
        String::from_utf8(file[start..at].to_vec()).unwrap()
    };
    assert_eq!(word(), "P4");
    let (width, height): (u32, u32) = (word().parse().unwrap(), word().parse().unwrap());
    let rows = file[at + 1..].chunks_exact(width.div_ceil(8) as usize);
    let mut bitmap = Bitmap::white(width, height);
    for (y, row) in (0..height).zip(rows) {
        (0..width).filter(|x| row[*x as usize / 8] & (0x80 >> (x % 8)) != 0).for_each(|x| bitmap.blacken(x, y));
    }
    bitmap
}

struct Case {
    pdf: Vec<u8>,
    tiffs: [(Coding, Vec<u8>); 2],
    pages: Vec<Bitmap>,
}

/// Letter and A4, fine and standard: type, a rule, a photograph, a header; each as its PDF, its TIFFs and its pages.
fn cases() -> Vec<Case> {
    let photograph = png(GrayImage::from_fn(600, 700, |x, y| image::Luma([((x * 255 / 600) ^ (y / 3)) as u8])));
    let line = Header::new("2026-11-24 17:05 UTC", "Clinic  +1 202 555 0111");
    let mut cases = Vec::new();
    for (paper, resolution, header) in
        [(Paper::Letter, Resolution::Fine, false), (Paper::A4, Resolution::Standard, true), (Paper::A4, Resolution::Fine, false)]
    {
        for document in [pdf((612.0, 792.0), 0, &[type_a_line, paint_a_square]), photograph.clone()] {
            let options = Options { paper, resolution, header, ..Options::default() };
            let pdf = stamp(&convert(&document, None, &options).unwrap().pdf, Some(&line)).unwrap();
            let pages = read_fax_pdf(&pdf).unwrap();
            let tiffs = [Coding::Group3, Coding::Group4].map(|coding| (coding, write_tiff(&pages, coding).unwrap()));
            cases.push(Case { pdf, tiffs, pages: pages.iter().map(|page| page.decode().unwrap()).collect() });
        }
    }
    cases
}

fn assert_page(found: &Bitmap, wanted: &Bitmap, by: &str) {
    assert_eq!((found.width(), found.height()), (COLUMNS, wanted.height()), "{by}");
    let wrong = (0..wanted.height()).filter(|y| found.row(*y) != wanted.row(*y)).count();
    assert_eq!(wrong, 0, "{by}: rows that differ");
}

#[test]
fn poppler_takes_the_very_pixels_out_of_our_pdf() {
    for Case { pdf, pages, .. } in cases() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("fax.pdf"), pdf).unwrap();
        if !decode(folder.path(), &["pdfimages", "fax.pdf", "page"]) {
            return;
        }
        for (at, page) in pages.iter().enumerate() {
            assert_page(&read_pbm(&folder.path().join(format!("page-{at:03}.pbm"))), page, "Poppler");
        }
    }
}

#[test]
fn mupdf_and_ghostscript_draw_our_pdf_pixel_for_pixel() {
    for Case { pdf, pages, .. } in cases() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("fax.pdf"), pdf).unwrap();
        let (width, height) = (COLUMNS.to_string(), pages[0].height().to_string());
        let size = format!("-g{width}x{height}");
        let down = if pages[0].height() > 2000 { 196 } else { 98 };
        let resolution = format!("-r204x{down}");
        let drawn = [
            (
                decode(
                    folder.path(),
                    &["mutool", "draw", "-q", "-F", "pbm", "-f", "-w", &width, "-h", &height, "-o", "m%d.pbm", "fax.pdf"],
                ),
                "m",
            ),
            (
                decode(
                    folder.path(),
                    &["gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pbmraw", &size, &resolution, "-sOutputFile=g%d.pbm", "fax.pdf"],
                ),
                "g",
            ),
        ];
        for (name, (at, page)) in
            drawn.iter().filter(|(ran, _)| *ran).flat_map(|(_, name)| pages.iter().enumerate().map(move |page| (name, page)))
        {
            assert_page(&read_pbm(&folder.path().join(format!("{name}{}.pbm", at + 1))), page, name);
        }
    }
}

#[test]
fn libtiff_reads_both_codings_of_our_tiff() {
    for Case { tiffs, pages, .. } in cases() {
        for (coding, tiff) in tiffs {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("fax.tif"), tiff).unwrap();
            // Uncompressed by libtiff, so that what it understood is read by others.
            if !decode(folder.path(), &["tiffcp", "-c", "none", "fax.tif", "plain.tif"]) {
                return;
            }
            let plain = std::fs::read(folder.path().join("plain.tif")).unwrap();
            let mut read = tiff::decoder::Decoder::new(std::io::Cursor::new(plain)).unwrap();
            for page in &pages {
                let tiff::decoder::DecodingResult::U8(bytes) = read.read_image().unwrap() else { panic!("not bytes") };
                let rows = || bytes.chunks_exact(COLUMNS as usize / 8).zip((0..page.height()).map(|y| page.row(y)));
                assert_eq!(rows().count(), page.height() as usize);
                // A fax's white is 0; whether the decoder turns that around is its business, as long as it is so everywhere.
                let same = rows().all(|(found, wanted)| found == wanted);
                let turned = rows().all(|(found, wanted)| found.iter().zip(wanted).all(|(found, wanted)| *found == !wanted));
                assert!(same || turned, "{coding:?}");
                if read.more_images() {
                    read.next_image().unwrap();
                }
            }
        }
    }
}

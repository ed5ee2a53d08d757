//! The stages of a conversion, each by itself: `cargo bench -p fax-document`.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/documents/mod.rs"]
mod documents;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use documents::{paint_a_square, pdf, png, type_a_line};
use fax_document::{Coding, Header, Options, convert, read_fax_pdf, stamp, write_tiff};

fn stages(criterion: &mut Criterion) {
    let options = Options::default();
    let text = "The quick brown fox jumps over the lazy dog. 0123456789\n".repeat(50);
    let photograph = png(image::GrayImage::from_fn(1728, 2156, |x, y| image::Luma([((x / 7) ^ (y / 9)) as u8])));
    let page = pdf((612.0, 792.0), 0, &[type_a_line, paint_a_square]);
    let fax = convert(text.as_bytes(), None, &options).unwrap();
    for (name, document) in [("page of a PDF", &page[..]), ("page of text", text.as_bytes()), ("photograph to shades", &photograph)] {
        criterion.bench_function(name, |bench| bench.iter(|| convert(document, None, &options).unwrap()));
    }
    criterion.bench_function("a fax again", |bench| bench.iter(|| convert(&fax.pdf, None, &options).unwrap()));
    let hundred = convert(text.repeat(100).as_bytes(), None, &Options { header: true, ..Options::default() }).unwrap();
    let header = Header::new("2026-11-24 17:05 UTC", "Clinic  +1 202 555 0111");
    criterion.bench_function("header on a hundred pages", |bench| bench.iter(|| stamp(&hundred.pdf, Some(&header)).unwrap()));
    let pages = read_fax_pdf(&fax.pdf).unwrap();
    criterion.bench_function("Group 4 decoded", |bench| bench.iter(|| pages[0].decode().unwrap()));
    criterion.bench_function("Group 3 coded", |bench| {
        bench.iter_batched(|| pages.clone(), |pages| write_tiff(&pages, Coding::Group3).unwrap(), BatchSize::SmallInput);
    });
}

criterion_group!(benches, stages);
criterion_main!(benches);

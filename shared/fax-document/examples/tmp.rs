use std::time::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let bytes = std::fs::read(&a[1]).unwrap();
    let mut o = fax_document::Options::default();
    if a.get(3).is_some_and(|s| s.contains("a4")) {
        o.paper = fax_document::Paper::A4;
    }
    if a.get(3).is_some_and(|s| s.contains("std")) {
        o.resolution = fax_document::Resolution::Standard;
    }
    let t = Instant::now();
    match fax_document::convert(&bytes, None, &o) {
        Ok(d) => {
            eprintln!("{} pages {} bytes {:?}", d.pages, d.pdf.len(), t.elapsed());
            std::fs::write(&a[2], d.pdf).unwrap()
        }
        Err(e) => eprintln!("{}: {e} {:?}", e.code(), t.elapsed()),
    }
}

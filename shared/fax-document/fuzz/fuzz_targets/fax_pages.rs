//! Fax code of any kind of damage: a page or an error; and of any pixels, the same pixels back from both codings.
#![no_main]

use fax_document::{Coding, FaxPage, Options, convert, read_fax_pdf, write_tiff};
use libfuzzer_sys::fuzz_target;

// A parser's panic is caught and becomes a refusal; only what comes out of the target itself is a find.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let page = FaxPage { width: 1728, height: 1078, g4: bytes.to_vec(), header_bits: None };
    let Ok(bitmap) = page.decode() else { return };
    for coding in [Coding::Group3, Coding::Group4] {
        let tiff = write_tiff(std::slice::from_ref(&page), coding).expect("a page that decodes");
        let options = Options { resolution: fax_document::Resolution::Standard, ..Options::default() };
        let fax = convert(&tiff, None, &options).expect("our own TIFF");
        let again = read_fax_pdf(&fax.pdf).expect("our own PDF");
        assert!(again[0].decode().is_ok_and(|again| again == bitmap));
    }
});

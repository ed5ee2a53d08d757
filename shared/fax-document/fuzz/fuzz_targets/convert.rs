//! Whatever the bytes: a fax that can be read back, or a refusal in words.
#![no_main]

use fax_document::{Limits, Options, convert, read_fax_pdf};
use libfuzzer_sys::fuzz_target;

// A parser's panic is caught and becomes a refusal; only what comes out of the target itself is a find.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let limits = Limits { pages: 3, image_pixels: 5_000_000, image_memory: 64 << 20, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    match convert(bytes, None, &options) {
        Ok(fax) => {
            let pages = read_fax_pdf(&fax.pdf).expect("our own PDF");
            assert_eq!(pages.len(), fax.pages as usize);
            assert!(pages.iter().all(|page| page.decode().is_ok()));
            assert_eq!(convert(&fax.pdf, None, &options).as_ref(), Ok(&fax), "a fax again is the same fax");
        }
        Err(error) => assert!(error.to_string().ends_with('.')),
    }
});

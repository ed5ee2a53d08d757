//! Plain text documents.

#![allow(clippy::unwrap_used)]

mod documents;

use documents::{darkness, fax, ink, near, page, refusal};
use fax_document::{Limits, Options, Paper, Resolution, convert, read_fax_pdf};

#[test]
fn eighty_columns_fill_the_line_between_equal_margins() {
    let (left, _, right, _) = ink(&page("█".repeat(80).as_bytes()));
    assert!(near(left, 144.0) && near(right, 1584.0), "{left} {right}");
}

#[test]
fn fifty_four_lines_fit_on_letter_paper_and_fifty_eight_on_a4() {
    let lines = |n: usize| "line\n".repeat(n);
    for resolution in [Resolution::Fine, Resolution::Standard] {
        for (paper, fit) in [(Paper::Letter, 54), (Paper::A4, 58)] {
            let options = Options { paper, resolution, ..Options::default() };
            assert_eq!(fax(lines(fit).as_bytes(), &options).len(), 1);
            assert_eq!(fax(lines(fit + 1).as_bytes(), &options).len(), 2);
        }
    }
}

#[test]
fn a_form_feed_starts_a_new_page() {
    let pages = fax(b"first\x0Csecond page, longer\x0C\n", &Options::default());
    assert_eq!(pages.len(), 2);
    assert!(ink(&pages[1]).2 > ink(&pages[0]).2);
}

#[test]
fn letters_of_three_alphabets_with_accents_in_either_spelling_are_printed() {
    for letter in ["ß", "Ł", "Ω", "ή", "Ж", "ё", "€", "½", "☑"] {
        assert!(page(letter.as_bytes()).black_pixels() > 60, "{letter}");
    }
    let (plain, whole, apart) = (page(b"e"), page("é".as_bytes()), page("e\u{301}".as_bytes()));
    assert!(apart.black_pixels() > plain.black_pixels() + 10);
    assert!(ink(&apart).1 < ink(&plain).1 && ink(&apart).1.abs_diff(ink(&whole).1) <= 3);
    assert!(ink(&apart).2 - ink(&apart).0 <= 18, "the accent stands over its letter");
}

#[test]
fn a_byte_order_mark_and_soft_hyphens_leave_no_trace() {
    assert_eq!(page(b"\xEF\xBB\xBFhos\xC2\xADpital"), page(b"hospital"));
}

#[test]
fn a_tab_reaches_the_next_eighth_column() {
    assert_eq!(page(b"ab\tc"), page(b"ab      c"));
}

#[test]
fn thin_strokes_hold_together() {
    let (left, top, right, bottom) = ink(&page(b"|"));
    assert!(darkness(&page(b"|"), (left, top, right, bottom)) > 0.99 && right - left >= 2);
}

#[test]
fn a_character_that_cannot_be_printed_is_named_with_its_line() {
    for (text, name) in
        [("one\ntwo 漢", "U+6F22 in line 2"), ("😀", "U+1F600 in line 1"), ("\n\nשלום", "U+05E9 in line 3"), ("سلام", "U+0633")]
    {
        let refused = refusal(text.as_bytes());
        assert_eq!(refused.code(), "document_type_unsupported");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn text_in_another_encoding_is_broken_and_says_where() {
    let refused = convert(b"Gr\xFC\xDFe", Some("text/plain; charset=koi8-r"), &Options::default()).unwrap_err();
    assert_eq!(refused.code(), "document_broken");
    assert!(refused.to_string().contains("UTF-8") && refused.to_string().contains("byte 3"), "{refused}");
}

#[test]
fn text_of_other_encodings_is_printed_when_they_are_known() {
    let wanted = page("“Grüße” €".as_bytes());
    let utf16: Vec<u16> = "“Grüße” €".encode_utf16().collect();
    let little: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf16.iter().flat_map(|unit| unit.to_le_bytes())).collect();
    let big: Vec<u8> = [0xFE, 0xFF].into_iter().chain(utf16.iter().flat_map(|unit| unit.to_be_bytes())).collect();
    assert!(page(&little) == wanted && page(&big) == wanted, "UTF-16");
    for charset in ["windows-1252", "\"Windows-1252\"", "ISO-8859-1"] {
        let fax = convert(b"\x93Gr\xFC\xDFe\x94 \x80", Some(&format!("text/plain; charset={charset}")), &Options::default()).unwrap();
        assert!(read_fax_pdf(&fax.pdf).unwrap()[0].decode().unwrap() == wanted, "{charset}");
    }
    let utf8 = convert("“Grüße” €".as_bytes(), Some("text/plain; charset=windows-1252"), &Options::default()).unwrap();
    assert!(read_fax_pdf(&utf8.pdf).unwrap()[0].decode().unwrap() == wanted, "UTF-8 by mistake called something else");
    assert_eq!(convert(&little[..little.len() - 1], Some("text/plain"), &Options::default()).unwrap_err().code(), "document_broken");
    assert_eq!(convert(b"a\x81", Some("text/plain; charset=cp1252"), &Options::default()).unwrap_err().code(), "document_type_unsupported");
}

#[test]
fn western_text_of_which_nobody_says_what_it_is_is_read_where_that_is_plain() {
    let text = "Sehr geehrte Frau M\u{FC}ller, f\u{FC}r die Gr\u{F6}\u{DF}e von 5 \u{B5}g \u{2013} \u{201E}zweimal\u{201C} \u{2013} danke; mit den besten Empfehlungen der Praxis.\r\n";
    let bytes: Vec<u8> = text
        .chars()
        .map(|c| match c {
            '\u{2013}' => 0x96,
            '\u{201E}' => 0x84,
            '\u{201C}' => 0x93,
            c => u8::try_from(u32::from(c)).unwrap(),
        })
        .collect();
    let wanted = page(text.as_bytes());
    for declared in [None, Some("text/plain"), Some("application/octet-stream")] {
        let fax = convert(&bytes, declared, &Options::default()).unwrap();
        assert!(read_fax_pdf(&fax.pdf).unwrap()[0].decode().unwrap() == wanted, "{declared:?}");
    }
    let utf8 = "für die Größe von fünf bis zehn Metern, und so weiter bis ans Ende der Zeile".as_bytes();
    let damaged = [&utf8[..2], b" ", &utf8[2..]].concat();
    let binary: Vec<u8> = (0..200).map(|n: u32| (n * 37 % 96 + 160) as u8).collect();
    for (what, bytes) in [("damaged UTF-8", &*damaged), ("UTF-8 cut short", &utf8[..2]), ("no text", &*binary)] {
        assert!(convert(bytes, Some("text/plain"), &Options::default()).is_err(), "{what}");
    }
    assert!(convert(&bytes, Some("text/plain; charset=utf-8"), &Options::default()).is_err(), "what is said counts");
}

#[test]
fn padding_at_the_end_of_a_text_is_left_out() {
    for padding in ["\x1A", "\0\0\0\0", "\x0B", "\x1B", "\r\n\x1A\0\0"] {
        assert!(page(format!("order{padding}").as_bytes()) == page(b"order"), "{padding:?}");
    }
    assert_eq!(refusal(b"\0\0\x1A").code(), "document_empty");
}

#[test]
fn a_charset_says_what_the_bytes_are() {
    let text = "Grüße, 5 €: Šimon\n";
    let made = |bytes: &[u8], charset: &str| convert(bytes, Some(&format!("text/plain; charset={charset}")), &Options::default());
    let wanted = made(text.as_bytes(), "utf-8").unwrap();
    let units = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let bytes = |euro: u8, s: u8| -> Vec<u8> {
        let latin = |c: char| match c {
            '€' => euro,
            'Š' => s,
            c => u8::try_from(u32::from(c)).unwrap(),
        };
        text.chars().map(latin).collect()
    };
    for (bytes, charsets) in [
        (units(u16::to_le_bytes), &["utf-16le", "UTF-16"][..]),
        (units(u16::to_be_bytes), &["utf-16be", "utf-16"]),
        (bytes(0x80, 0x8A), &["windows-1252", "iso-8859-1"]),
        (bytes(0xA4, 0xA6), &["iso-8859-15", "latin9"]),
    ] {
        charsets.iter().for_each(|charset| assert_eq!(made(&bytes, charset).as_ref(), Ok(&wanted), "{charset}"));
    }
    assert_eq!(made(&units(u16::to_le_bytes)[1..], "utf-16le").unwrap_err().code(), "document_broken");
}

#[test]
fn lines_end_where_other_programs_end_them() {
    let wanted = page(b"one\ntwo\nthree\n");
    for end in ["\r", "\r\n", "\x0B", "\u{85}", "\u{2028}", "\u{2029}"] {
        assert!(page(format!("one{end}two{end}three{end}").as_bytes()) == wanted, "{end:?}");
    }
}

#[test]
fn control_characters_are_no_text() {
    for bytes in [&b"a\0b"[..], b"\x1B[1mbold", b"H\0i\0"] {
        let refused = convert(bytes, Some("text/plain"), &Options::default()).unwrap_err();
        assert_eq!(refused.code(), "document_type_unsupported");
        assert!(refused.to_string().contains("control character"), "{refused}");
        assert_eq!(refusal(bytes).code(), "document_type_unsupported");
    }
}

#[test]
fn nothing_but_white_space_is_empty() {
    for bytes in [&b""[..], b" \n\t\r\n\x0C\x0C ", b"\xEF\xBB\xBF", b"\xE2\x80\x8B \xC2\xA0"] {
        assert_eq!(refusal(bytes).code(), "document_empty", "{bytes:?}");
    }
}

#[test]
fn too_many_pages_of_text_are_counted_not_drawn() {
    let limits = Limits { pages: 3, ..Limits::default() };
    let refused = convert("x\x0C".repeat(100_000).as_bytes(), None, &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(refused, fax_document::DocumentError::TooManyPages { pages: 100_000, limit: 3 });
}

#[test]
fn markup_is_faxed_only_if_it_was_declared_as_text() {
    let source = b"<?xml version='1.0'?><a/>";
    assert_eq!(refusal(source).code(), "document_type_unsupported");
    assert!(convert(source, Some("text/plain"), &Options::default()).is_ok());
}

#[test]
fn the_samples_all_make_a_fax() {
    for (bytes, pages) in [
        (&include_bytes!("../samples/letter.txt")[..], 1),
        (include_bytes!("../samples/letter.pdf"), 2),
        (include_bytes!("../samples/form.png"), 1),
        (include_bytes!("../samples/photo.jpg"), 1),
    ] {
        assert_eq!(convert(bytes, None, &Options::default()).unwrap().pages, pages);
    }
}

//! Letters of simple fonts that are not in the file and that the stand-in faces lack.

#![allow(clippy::unwrap_used, clippy::panic)]

mod documents;

use documents::*;
use fax_document::{Bitmap, Options, convert};

/// A simple font that is not in the file, whose codes from 65 on are these letters with these widths.
fn font(base: &str, letters: &[(&str, u32)]) -> String {
    let names: String = letters.iter().map(|(name, _)| format!("/{name} ")).collect();
    let widths: String = letters.iter().map(|(_, width)| format!("{width} ")).collect();
    format!(
        "<< /Type /Font /Subtype /TrueType /BaseFont /{base} /FirstChar 65 /LastChar {} /Widths [{widths}] \
         /Encoding << /BaseEncoding /WinAnsiEncoding /Differences [65 {names}] >> >>",
        64 + letters.len()
    )
}

/// A page on which `text` is set in 72 points of that font from one inch from the left and ten from the bottom, after these operators.
fn set(font: &str, before: &str, text: &str) -> Vec<u8> {
    let resources = format!("/Resources << /Font << /F {font} >> /ExtGState << /M << /BM /Multiply >> >> >>");
    raw_page(&resources, &format!("{before} BT /F 72 Tf 72 720 Td ({text}) Tj ET"), &[])
}

const CYRILLIC: [(&str, u32); 3] = [("afii10026", 700), ("uni0436", 900), ("afii10074", 500)];
const CZECH: [(&str, u32); 3] = [("ccaron", 500), ("Rcaron", 722), ("ecaron", 556)];
const GREEK: [(&str, u32); 3] = [("Omega", 750), ("alphatonos", 580), ("xi", 450)];

/// Left and right edge of what each of three letters leaves on the page.
fn places(page: &Bitmap, letters: &[(&str, u32); 3]) -> Vec<(f64, f64, usize)> {
    let pixels = |points: f64| points * 204.0 / 72.0;
    let mut left = 72.0;
    letters
        .iter()
        .map(|(_, width)| {
            let right = left + 72.0 * f64::from(*width) / 1000.0;
            let (from, to) = (pixels(left) as u32, pixels(right) as u32);
            left = right;
            let columns: Vec<u32> = (from..to).filter(|x| (0..page.height()).any(|y| page.is_black(*x, y))).collect();
            let black = columns.iter().map(|x| (0..page.height()).filter(|y| page.is_black(*x, *y)).count()).sum();
            let share = |x: Option<&u32>| x.map_or(f64::NAN, |x| f64::from(*x - from) / f64::from(to - from));
            (share(columns.first()), share(columns.last()), black)
        })
        .collect()
}

#[test]
fn letters_beyond_western_europe_are_drawn_as_wide_as_the_file_says() {
    for letters in [CYRILLIC, CZECH, GREEK] {
        for base in ["Arial", "Helvetica", "TimesNewRomanPSMT", "CourierNew", "Verdana"] {
            for before in ["", "/M gs"] {
                let drawn = page(&set(&font(base, &letters), before, "ABC"));
                for (place, (name, _)) in places(&drawn, &letters).iter().zip(letters) {
                    let (left, right, black) = *place;
                    assert!(left < 0.25 && right > 0.7 && black > 500, "{name} of {base} after {before:?}: {place:?}");
                }
            }
        }
    }
}

#[test]
fn letters_are_bold_and_slanted_as_their_font_is() {
    let of = |base: &str| page(&set(&font(base, &CYRILLIC), "", "A"));
    let black = |page: &Bitmap| {
        (0..page.height()).flat_map(|y| (0..page.width()).map(move |x| (x, y))).filter(|(x, y)| page.is_black(*x, *y)).count()
    };
    let (plain, bold, slanted) = (of("Arial"), of("Arial,Bold"), of("Arial,Italic"));
    assert!(black(&bold) as f64 > 1.15 * black(&plain) as f64, "{} {}", black(&bold), black(&plain));
    let width = |page: &Bitmap| ink(page).2 - ink(page).0;
    assert!(f64::from(width(&slanted)) > 1.15 * f64::from(width(&plain)), "{} {}", width(&slanted), width(&plain));
}

#[test]
fn other_letters_and_other_pages_stay_as_they_are() {
    let letters = [("A", 667), ("afii10026", 700), ("B", 667)];
    let plain = page(&set(&font("Arial", &letters), "", "A"));
    let mixed = page(&set(&font("Arial", &letters), "", "ABC"));
    let edge = ((72.0 + 72.0 * 0.667) * 204.0 / 72.0) as u32;
    let same = (0..plain.height()).all(|y| (0..edge).all(|x| plain.is_black(x, y) == mixed.is_black(x, y)));
    assert!(same, "a letter that the stand-in has is drawn by it");

    // Of three pages the second wants letters; all three come, in their order, whatever the number of threads.
    let mut objects =
        vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned(), "<< /Type /Pages /Kids [3 0 R 4 0 R 3 0 R] /Count 3 >>".to_owned()];
    for content in [5, 6] {
        let resources = format!("/Resources << /Font << /F {} >> >>", font("Arial", &letters));
        objects.push(format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {content} 0 R {resources} >>"));
    }
    objects.extend(["(A)", "(ABC)"].map(|text| raw_stream("", &format!("BT /F 72 Tf 72 720 Td {text} Tj ET"))));
    let document = raw_pdf(&objects);
    let pages = fax(&document, &Options::default());
    assert!(pages == [plain.clone(), mixed, plain]);
    assert!(fax(&document, &Options { threads: 3, ..Options::default() }) == pages);
}

#[test]
fn letters_that_no_face_has_and_letters_without_a_width_are_refused() {
    for (base, name, width) in [("Arial", "uni65E5", 1000), ("Arial", "uni0628", 600), ("Arial", "afii10026", 0)] {
        let refused = refusal(&set(&font(base, &[("A", 667), (name, width)]), "", "AB"));
        assert!(refused.to_string().contains("text on page 1 is in a font Arial that the file does not hold"), "{name}: {refused}");
    }
    // A sign that no face has is left out, as before.
    assert!(convert(&set(&font("Arial", &[("A", 667), ("uni2FF0", 1000)]), "", "AB"), None, &Options::default()).is_ok());
}

#[test]
fn the_degree_sign_of_every_standard_face_is_a_ring() {
    for base in
        ["Helvetica", "Helvetica-BoldOblique", "Times-Roman", "Times-Bold", "Times-Italic", "Times-BoldItalic", "Courier-BoldOblique"]
    {
        let degree = page(&set(&format!("<< /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding /WinAnsiEncoding >>"), "", "\\260"));
        let (left, top, right, bottom) = ink(&degree);
        assert!(right - left > 20 && bottom - top > 20, "{base}");
        assert!(!degree.is_black((left + right) / 2, (top + bottom) / 2), "{base}");
    }
}

#[test]
fn a_font_that_does_not_say_where_its_glyphs_are_is_refused_by_name() {
    let of = |format: [u8; 2]| {
        let mut font = include_bytes!("../assets/DejaVuSansMono.ttf").to_vec();
        let record = font.windows(4).position(|tag| tag == b"head").unwrap();
        let head = u32::from_be_bytes(*font[record + 8..].first_chunk().unwrap()) as usize;
        assert_eq!(font[head + 50..head + 52], [0, 1]);
        font[head + 50..head + 52].copy_from_slice(&format);
        let hex: String = font.iter().map(|byte| format!("{byte:02x}")).collect();
        let objects = [
            "<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Own /Encoding /Identity-H /DescendantFonts [6 0 R] >>".to_owned(),
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+Own /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) \
             /Supplement 0 >> /DW 602 /FontDescriptor << /Type /FontDescriptor /FontName /ABCDEF+Own /Flags 4 /FontFile2 7 0 R >> >>"
                .to_owned(),
            raw_stream("/Filter /ASCIIHexDecode", &hex),
        ];
        raw_page("/Resources << /Font << /F 5 0 R >> >>", "BT /F 24 Tf 72 700 Td <00240025> Tj ET", &objects)
    };
    assert_eq!(fax(&of([0, 1]), &Options::default()).len(), 1);
    let refused = refusal(&of([1, 0])).to_string();
    assert!(refused.contains("the font Own on page 1 is damaged"), "{refused}");
}

/// A form with one field, whose font holds the glyph of `shown` as that of the letter `letter`, which is also the field's value.
fn form(letter: char, shown: char, file: &str, flags: u32) -> Vec<u8> {
    const FACE: &[u8] = include_bytes!("../assets/DejaVuSansMono.ttf");
    let glyph = skrifa::MetadataProvider::charmap(&skrifa::FontRef::new(FACE).unwrap()).map(shown).unwrap().to_u32();
    let hex: String = FACE.iter().map(|byte| format!("{byte:02x}")).collect();
    let unicode =
        format!("1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfchar <{glyph:04x}> <{:04x}> endbfchar", letter as u32);
    raw_pdf(&[
        "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] /DR << /Font << /Han 5 0 R >> >> >> >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Annots [4 0 R] >>".to_owned(),
        format!(
            "<< /Type /Annot /Subtype /Widget /F 4 /FT /Tx /T (name) /Ff {flags} /Rect [72 700 272 730] /DA (/Han 20 Tf 0 g) \
             /V <feff{0:04x}{0:04x}> >>",
            letter as u32
        ),
        "<< /Type /Font /Subtype /Type0 /BaseFont /Han /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 8 0 R >>".to_owned(),
        format!(
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Han /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> \
             /CIDToGIDMap /Identity /W [{glyph} [602]] /FontDescriptor << /Type /FontDescriptor /FontName /Han /Flags 4 {file} >> >>"
        ),
        raw_stream("/Filter /ASCIIHexDecode", &format!("{hex}>")),
        raw_stream("", &unicode),
    ])
}

#[test]
fn a_field_whose_letters_no_face_here_has_is_set_in_the_forms_own_font() {
    let file = "/FontFile2 7 0 R";
    let own = page(&form('中', 'H', file, 0));
    // Two letters, each 0.602 of 20 points wide and 0.729 high, two points from the field's edge and in the middle of its height.
    let (left, top, right, bottom) = ink(&own);
    let across = |points: f64| points * 204.0 / 72.0;
    let wide = f64::from(right - left);
    assert!(f64::from(left) > across(74.0) && f64::from(right) < across(99.0) && wide > across(18.0), "{left} to {right}");
    assert!((f64::from(bottom - top) - 14.58 * 2148.5 / 792.0).abs() < 3.0, "{top} to {bottom}");
    assert!(page(&form('中', 'I', file, 0)) != own);
    // Where the font is not in the file, where letters must be put in order, and where the text takes several lines.
    for (letter, file, flags) in [('中', "", 0), ('\u{92C}', file, 0), ('中', file, 1 << 12)] {
        let refused = refusal(&form(letter, 'H', file, flags)).to_string();
        assert!(refused.contains(&format!("(U+{:04X})", letter as u32)), "{refused}");
    }
}

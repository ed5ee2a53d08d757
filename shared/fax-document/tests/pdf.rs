//! PDF documents.

#![allow(clippy::unwrap_used, clippy::panic)]

mod documents;

use std::time::{Duration, Instant};

use documents::{LETTER, darkness, fax, ink, near, page, paint_a_square, pdf, raw_page, raw_pdf, raw_stream, refusal, type_a_line};
use fax_document::{DocumentError, Limits, Options, Paper, Resolution, convert, read_fax_pdf};

const SAMPLE: &[u8] = include_bytes!("../samples/letter.pdf");

#[test]
fn every_page_becomes_one_picture_of_the_page_size_asked_for() {
    let document = pdf(LETTER, 0, &[type_a_line, paint_a_square, |_| ()]);
    for (paper, resolution, height) in [
        (Paper::Letter, Resolution::Fine, 2156),
        (Paper::Letter, Resolution::Standard, 1078),
        (Paper::A4, Resolution::Fine, 2291),
        (Paper::A4, Resolution::Standard, 1145),
    ] {
        let made = convert(&document, Some("application/pdf"), &Options { paper, resolution, ..Options::default() }).unwrap();
        let pages = read_fax_pdf(&made.pdf).unwrap();
        assert_eq!(made.pages, 3);
        assert!(pages.iter().all(|page| (page.width, page.height) == (1728, height)));
        let ink: Vec<bool> = pages.iter().map(|page| page.decode().unwrap().black_pixels() > 0).collect();
        assert_eq!(ink, [true, true, false]);
    }
}

#[test]
fn a_square_inch_is_a_square_inch_on_paper_where_it_was() {
    let document = pdf(LETTER, 0, &[paint_a_square]);
    for (resolution, dpi) in [(Resolution::Fine, 196.0), (Resolution::Standard, 98.0)] {
        let page = fax(&document, &Options { resolution, ..Options::default() }).remove(0);
        let (left, top, right, bottom) = ink(&page);
        // The scan line is 8.47 inches: an 8.5 inch page is drawn at 99.65 %.
        assert!(near(right - left, 204.0) && near(bottom - top, dpi), "{resolution:?}: {:?}", ink(&page));
        assert!(near(left, 203.3) && near(top, 8.0 * dpi * 0.9965 + 0.0193 * dpi), "{resolution:?}: {:?}", ink(&page));
        assert!((darkness(&page, (left + 1, top + 1, right - 1, bottom - 1)) - 1.0).abs() < 1e-9, "it is solid");
    }
}

#[test]
fn a_landscape_page_is_turned_so_that_nothing_is_cut() {
    // A dot of half an inch in every corner, and a bar along the top.
    let document = pdf(
        (792.0, 612.0),
        0,
        &[|content| {
            for (x, y) in [(0.0, 0.0), (756.0, 0.0), (0.0, 576.0), (756.0, 576.0)] {
                content.rect(x, y, 36.0, 36.0).fill_nonzero();
            }
            content.rect(36.0, 594.0, 720.0, 18.0).fill_nonzero();
        }],
    );
    let page = page(&document);
    let (left, top, right, bottom) = ink(&page);
    assert!(left == 0 && right == 1728 && near(top, 3.7) && near(bottom, 2152.3), "{:?}", ink(&page));
    for corner in [(10, 15, 90, 90), (1640, 15, 1720, 90), (10, 2060, 90, 2140), (1640, 2060, 1720, 2140)] {
        assert!((darkness(&page, corner) - 1.0).abs() < 1e-9, "{corner:?}");
    }
    let (along_left, along_right) = (darkness(&page, (0, 200, 45, 1900)), darkness(&page, (1683, 200, 1728, 1900)));
    assert!(along_left > 0.99 && along_right < 0.01, "the top lies on the left: {along_left} {along_right}");
}

#[test]
fn a_page_that_is_turned_by_the_pdf_is_drawn_as_a_reader_shows_it() {
    // Turned a quarter clockwise, a portrait page is landscape, which is turned back.
    let upright = page(&pdf(LETTER, 0, &[paint_a_square]));
    let turned = page(&pdf(LETTER, 90, &[paint_a_square]));
    assert_eq!(ink(&turned), ink(&upright));
    let upside_down = page(&pdf(LETTER, 180, &[paint_a_square]));
    assert!(near(ink(&upside_down).2, 1728.0 - f64::from(ink(&upright).0)));
}

#[test]
fn a_small_page_is_enlarged_to_fill_the_sheet() {
    let (left, _, right, _) = ink(&page(&pdf(
        (306.0, 396.0),
        0,
        &[|content| {
            content.rect(0.0, 100.0, 306.0, 20.0).fill_nonzero();
        }],
    )));
    assert_eq!((left, right), (0, 1728));
}

#[test]
fn a_page_without_size_is_a_letter_page() {
    let of = |entries: &str| {
        raw_pdf(&[
            "<< /Type /Catalog /Pages 2 0 R >>".into(),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".into(),
            format!("<< /Type /Page /Parent 2 0 R /Contents 4 0 R {entries} >>"),
            raw_stream("", "72 144 72 72 re f"),
        ])
    };
    for rotate in [0, 90, 180, 270] {
        let wanted = page(&of(&format!("/MediaBox [0 0 612 792] /Rotate {rotate}")));
        for entries in ["", "/MediaBox [0 0 0 0]", "/MediaBox [10 10 10 700]", "/MediaBox [0 0 612 792] /CropBox [700 0 800 100]"] {
            assert!(page(&of(&format!("{entries} /Rotate {rotate}"))) == wanted, "{entries} {rotate}");
        }
    }
}

#[test]
fn the_black_of_four_colour_printing_is_solid() {
    for paint in ["0 0 0 1 k 72 144 72 72 re f", "0 0 0 1 K 72 w 72 180 m 144 180 l S", "0.75 0.68 0.67 0.9 k 72 144 72 72 re f"] {
        let page = page(&raw_page("", paint, &[]));
        let (left, top, right, bottom) = ink(&page);
        assert!((darkness(&page, (left + 1, top + 1, right - 1, bottom - 1)) - 1.0).abs() < 1e-9, "{paint}");
    }
}

#[test]
fn absurd_page_sizes_are_scaled_not_allocated() {
    for size in [(1e9, 1e9), (3.0e38, 3.0e38), (14400.0, 1.0), (1.0, 14400.0), (0.0, 0.0), (-100.0, 50.0)] {
        // Of the square nothing may be left to see.
        let made = convert(&pdf(size, 0, &[paint_a_square]), None, &Options::default());
        assert!(matches!(made, Ok(_) | Err(DocumentError::Blank)), "{size:?}: {made:?}");
    }
}

#[test]
fn the_thinnest_rule_is_drawn_unbroken_wherever_it_falls() {
    for offset in 0..8 {
        let x = 100.0 + f64::from(offset) * 0.045;
        let page = page(&raw_page("", &format!("0.1 w {x} 100 m {x} 700 l S 0.3 w 200 {x} m 500 {x} l S"), &[]));
        assert!((300..1800).all(|y| (278..292).any(|x| page.is_black(x, y))), "upright at {x}");
        assert!((580..1400).all(|x| (1870..1890).any(|y| page.is_black(x, y))), "level at {x}");
    }
}

#[test]
fn a_grey_field_is_dithered_and_the_type_on_it_stays_readable() {
    let document = pdf(
        LETTER,
        0,
        &[|content| {
            content.set_fill_gray(0.75).rect(36.0, 600.0, 540.0, 150.0).fill_nonzero();
            content.set_fill_gray(0.0);
            type_a_line(content);
            content.rect(300.0, 620.0, 36.0, 36.0).fill_nonzero();
        }],
    );
    let page = page(&document);
    let field = darkness(&page, (150, 400, 800, 500));
    assert!((field - 0.25).abs() < 0.03, "a field of 25 % grey has {field}");
    assert!((darkness(&page, (860, 380, 940, 450)) - 1.0).abs() < 1e-9, "the black square is solid");
    assert!(darkness(&page, (100, 700, 1600, 2100)) < 1e-9, "below the field the page is white");
}

#[test]
fn a_document_made_twice_is_the_same_to_the_byte() {
    let twice = [(); 2].map(|()| convert(SAMPLE, None, &Options::default()).unwrap());
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn a_fax_sent_again_comes_back_unchanged() {
    let first = convert(SAMPLE, None, &Options::default()).unwrap();
    let again = convert(&first.pdf, None, &Options::default()).unwrap();
    assert_eq!(first, again);
}

#[test]
fn a_fax_for_other_paper_is_drawn_anew() {
    let letter = convert(SAMPLE, None, &Options::default()).unwrap();
    let a4 = convert(&letter.pdf, None, &Options { paper: Paper::A4, ..Options::default() }).unwrap();
    let pages = read_fax_pdf(&a4.pdf).unwrap();
    assert!(pages.len() == 2 && pages.iter().all(|page| page.height == 2291 && page.decode().unwrap().black_pixels() > 1000));
}

#[test]
fn a_fax_that_was_tampered_with_is_not_taken_for_ours() {
    let fax = convert(&pdf(LETTER, 0, &[paint_a_square]), None, &Options::default()).unwrap().pdf;
    // Of the same length, so that all offsets stay right.
    let swap = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = fax.windows(from.len()).position(|window| window == from.as_bytes()).unwrap_or_else(|| panic!("no {from}"));
        [&fax[..at], to.as_bytes(), &fax[at + from.len()..]].concat()
    };
    assert!(read_fax_pdf(&fax).is_ok());
    for (from, to) in [
        ("Send FAX Mail", "Some Software"),
        ("/MediaBox", "/CropBox_"),
        ("/Fax Do", "/FaxxDo"),
        ("/Columns 1728", "/Columns 1720"),
        ("/Height 2156", "/Height 2155"),
        ("/BlackIs1 false", "/BlackIs1 true "),
        ("/DeviceGray", "/DeviceGrey"),
        ("609.88", "309.88"),
    ] {
        assert!(read_fax_pdf(&swap(from, to)).is_err(), "{from} to {to}");
    }
}

#[test]
fn damaged_picture_data_in_a_fax_is_found_on_decoding() {
    let fax = convert(&pdf(LETTER, 0, &[type_a_line]), None, &Options::default()).unwrap().pdf;
    let mut page = read_fax_pdf(&fax).unwrap().remove(0);
    page.g4.truncate(page.g4.len() / 2);
    assert!(page.decode().is_err());
    page.height = u32::MAX;
    assert!(page.decode().is_err());
}

#[test]
fn a_password_is_asked_for_only_if_it_takes_one_to_read() {
    for locked in [&include_bytes!("data/encrypted-aes256.pdf")[..], include_bytes!("data/encrypted-rc4.pdf")] {
        assert_eq!(refusal(locked), DocumentError::Encrypted);
    }
    assert!(page(include_bytes!("data/owner-password-only.pdf")).black_pixels() > 10_000);
}

#[test]
fn a_pdf_without_pages_is_empty() {
    let document = raw_pdf(&["<< /Type /Catalog /Pages 2 0 R >>".into(), "<< /Type /Pages /Kids [] /Count 0 >>".into()]);
    assert_eq!(refusal(&document).code(), "document_empty");
}

#[test]
fn a_single_page_with_no_ink_is_blank_but_not_one_of_several() {
    let blank: fn(&mut pdf_writer::Content) = |_| ();
    assert_eq!(refusal(&pdf(LETTER, 0, &[blank])), DocumentError::Blank);
    assert_eq!(refusal(&raw_page("", "1 g 72 144 72 72 re f", &[])).code(), "document_blank", "white on white");
    let white = image::RgbaImage::from_fn(100, 100, |x, _| image::Rgba([255, 255, 255, if x < 50 { 255 } else { 0 }]));
    assert_eq!(refusal(&documents::png(white)), DocumentError::Blank);
    assert_eq!(fax(&pdf(LETTER, 0, &[blank, paint_a_square, blank]), &Options::default()).len(), 3);
    assert_eq!(fax(&pdf(LETTER, 0, &[blank, blank]), &Options::default()).len(), 2);
}

#[test]
fn what_is_too_pale_for_a_fax_is_made_darker_where_there_is_nothing_else() {
    let of =
        |content: &str| raw_page("/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>", content, &[]);
    let pale = page(&of("0.9 g 72 144 72 72 re f"));
    let share = darkness(&pale, ink(&pale));
    assert!((0.15..0.4).contains(&share), "{share}");
    let line = |gray: &str| page(&of(&format!("{gray} g BT /F 12 Tf 72 700 Td (Dose: 5 mg twice daily) Tj ET")));
    let (wanted, pale) = (line("0"), line("0.92"));
    let share = darkness(&pale, ink(&pale)) / darkness(&wanted, ink(&wanted));
    assert!((0.3..1.0).contains(&share), "{share}");
    assert_eq!(refusal(&of("0.9 g 0 0 612 792 re f")), DocumentError::Blank, "paper");
}

#[test]
fn a_pdf_that_lacks_pages_it_should_have_is_broken() {
    let document = raw_pdf(&["<< /Type /Catalog /Pages 2 0 R >>".into(), "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".into()]);
    assert_eq!(refusal(&document).code(), "document_broken");
}

#[test]
fn a_page_count_that_is_off_by_one_leaves_out_no_page() {
    let of_count = |kids: &str, count: u32| {
        raw_pdf(&[
            "<< /Type /Catalog /Pages 2 0 R >>".into(),
            format!("<< /Type /Pages /Kids [{kids}] /Count {count} >>"),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>".into(),
            raw_stream("", "72 144 72 72 re f"),
        ])
    };
    let wanted = page(&of_count("3 0 R", 1));
    for count in [0, 2, 47] {
        assert!(page(&of_count("3 0 R", count)) == wanted, "{count}");
    }
    let named = of_count("3 0 R 9 0 R", 2);
    assert!(page(&named) == wanted, "no object has the number of the second page");
    let lost = String::from_utf8(named).unwrap().replace("/Size 5", "/Size 10");
    assert_eq!(refusal(lost.as_bytes()).code(), "document_broken", "the second page is missing");
}

#[test]
fn a_page_that_the_tree_names_twice_is_sent_twice() {
    let document = |kids: &str, count: u32| {
        raw_pdf(&[
            "<< /Type /Catalog /Pages 2 0 R >>".into(),
            format!("<< /Type /Pages /Kids [{kids}] /Count {count} >>"),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R >>".into(),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 6 0 R >>".into(),
            raw_stream("", "72 144 72 72 re f"),
            raw_stream("", "360 504 72 144 re f"),
        ])
    };
    let once = fax(&document("3 0 R 4 0 R", 2), &Options::default());
    let twice = fax(&document("3 0 R 4 0 R 3 0 R 3 0 R", 4), &Options::default());
    assert!(twice.len() == 4 && twice[0] == once[0] && twice[1] == once[1] && twice[2] == once[0] && twice[3] == once[0]);
    let many = format!("3 0 R {}", "4 0 R ".repeat(200));
    assert_eq!(refusal(&document(&many, 201)).code(), "document_too_many_pages");
}

#[test]
fn too_many_pages_are_refused_with_both_numbers() {
    let limits = Limits { pages: 2, ..Limits::default() };
    let document = pdf(LETTER, 0, &[type_a_line as _; 3]);
    let refused = convert(&document, None, &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(refused, DocumentError::TooManyPages { pages: 3, limit: 2 });
    assert_eq!(refused.code(), "document_too_many_pages");
}

#[test]
fn a_fax_that_grows_past_its_limit_is_too_large() {
    let limits = Limits { pdf_bytes: 20_000, ..Limits::default() };
    let refused = convert(SAMPLE, None, &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(refused.code(), "document_too_large");
}

#[test]
fn the_limit_on_bytes_is_never_passed() {
    let bytes = convert(SAMPLE, None, &Options::default()).unwrap().pdf.len();
    for pdf_bytes in (bytes - 100..bytes + 2000).step_by(50) {
        let limits = Limits { pdf_bytes, ..Limits::default() };
        if let Ok(made) = convert(SAMPLE, None, &Options { limits, ..Options::default() }) {
            assert!(made.pdf.len() <= pdf_bytes);
        }
    }
}

#[test]
fn past_its_deadline_a_document_is_too_complex() {
    let limits = |deadline| Options { limits: Limits { deadline: Some(deadline), ..Limits::default() }, ..Options::default() };
    assert_eq!(convert(SAMPLE, None, &limits(Instant::now())).unwrap_err(), DocumentError::TooComplex);
    let many = pdf(LETTER, 0, &[type_a_line as _; 150]);
    let started = Instant::now();
    let refused = convert(&many, None, &limits(started + Duration::from_millis(30))).unwrap_err();
    assert_eq!(refused.code(), "document_too_complex");
    assert!(started.elapsed() < Duration::from_secs(2), "it stopped between pages");
    assert!(convert(SAMPLE, None, &limits(Instant::now() + Duration::from_secs(600))).is_ok());
}

#[test]
fn a_huge_picture_inside_a_pdf_is_refused_before_it_is_unpacked() {
    let picture = raw_stream("/Type /XObject /Subtype /Image /Width 50000 /Height 50000 /BitsPerComponent 8 /ColorSpace /DeviceGray", "x");
    let document = raw_page("/Resources << /XObject << /P 5 0 R >> >>", "612 0 0 792 0 0 cm /P Do", &[picture]);
    assert_eq!(refusal(&document).code(), "document_too_large");
}

#[test]
fn a_page_is_not_faxed_without_a_picture_that_is_damaged() {
    let entries = "/Type /XObject /Subtype /Image /Width 50 /Height 50 /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /DCTDecode";
    let document = raw_page("/Resources << /XObject << /P 5 0 R >> >>", "612 0 0 792 0 0 cm /P Do", &[raw_stream(entries, "garbage")]);
    let refused = refusal(&document);
    assert!(refused.code() == "document_broken" && refused.to_string().contains("picture on page 1"), "{refused}");
}

#[test]
fn documents_nested_beyond_reason_end_in_a_page_or_an_error() {
    let deep = "[".repeat(50_000) + &"]".repeat(50_000);
    let form = |next: usize| {
        let entries = "/Type /XObject /Subtype /Form /BBox [0 0 600 700] /Group << /S /Transparency >> /Resources";
        raw_stream(&format!("{entries} << /XObject << /P {next} 0 R >> >>"), "/P Do")
    };
    let forms: Vec<String> = (6..400).map(form).collect();
    for document in [
        raw_page(&format!("/X {deep}"), "", &[]),
        raw_page("", &format!("{deep} TJ"), &[]),
        raw_page("", &"q ".repeat(50_000), &[]),
        raw_page("/Resources << /XObject << /P 5 0 R >> >>", "/P Do", &forms),
        raw_page("/Resources << /XObject << /P 5 0 R >> >>", "/P Do", &[form(5)]),
    ] {
        if let Err(error) = convert(&document, None, &Options::default()) {
            assert!(["document_blank", "document_broken", "document_too_complex"].contains(&error.code()), "{error}");
        }
    }
}

#[test]
fn a_pdf_cut_short_anywhere_is_broken() {
    let trailer = SAMPLE.windows(7).rposition(|window| window == b"trailer").unwrap();
    for end in (5..trailer).step_by(97) {
        assert_eq!(
            convert(&SAMPLE[..end], Some("application/pdf"), &Options::default()).unwrap_err().code(),
            "document_broken",
            "at {end}"
        );
    }
    assert!(convert(&SAMPLE[..SAMPLE.len() - 1], None, &Options::default()).is_ok(), "only the last line break is gone");
}

#[test]
fn an_update_that_was_cut_short_is_not_taken_for_the_whole() {
    let update = format!("9 0 obj\n({})\nendobj\n", "later text ".repeat(400));
    assert_eq!(refusal(&[SAMPLE, update.as_bytes()].concat()).code(), "document_broken");
}

#[test]
fn a_pdf_is_whole_without_its_last_word_and_with_padding_after_it() {
    let wanted = fax(SAMPLE, &Options::default());
    let end = SAMPLE.windows(5).rposition(|window| window == b"%%EOF").unwrap();
    let start = SAMPLE.windows(9).rposition(|window| window == b"startxref").unwrap();
    let html = "<html><body>Uploaded by a proxy</body></html>\n".repeat(90);
    for (name, document) in [
        ("no %%EOF", SAMPLE[..end].to_vec()),
        ("no startxref", SAMPLE[..start].to_vec()),
        ("zeros", [SAMPLE, &[0; 8192]].concat()),
        ("a web page", [SAMPLE, html.as_bytes()].concat()),
    ] {
        assert!(fax(&document, &Options::default()) == wanted, "{name}");
    }
}

#[test]
fn what_is_under_a_marker_can_be_read() {
    let text = "BT /F 12 Tf 72 700 Td (Dose: 5 mg twice daily) Tj ET";
    let fonts = "/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>";
    let marker = |group: &str| {
        let entries =
            format!("/Type /XObject /Subtype /Form /BBox [0 0 300 20] {group} /Resources << /ExtGState << /G << /BM /Multiply >> >> >>");
        let annotation = "<< /Type /Annot /Subtype /Highlight /Rect [60 694 360 714] /F 4 /AP << /N 6 0 R >> >>".to_owned();
        let objects = [annotation, raw_stream(&entries, "/G gs 1 1 0 rg 0 0 300 20 re f")];
        page(&raw_page(&format!("{fonts} /Annots [5 0 R]"), text, &objects))
    };
    let (plain, marked) = (page(&raw_page(fonts, text, &[])), marker("/Group << /S /Transparency >>"));
    let (left, top, right, bottom) = ink(&plain);
    let letters: Vec<_> = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y))).filter(|(x, y)| plain.is_black(*x, *y)).collect();
    let kept = letters.iter().filter(|(x, y)| marked.is_black(*x, *y)).count();
    assert!(kept * 20 > letters.len() * 19, "{kept} of {} pixels of the text are left", letters.len());
    assert!(darkness(&marked, (left, top, right, bottom)) < 1.3 * darkness(&plain, (left, top, right, bottom)), "no bar over the text");
    assert!(marker("") == marked, "a marker that is no group looks the same");
}

#[test]
fn what_is_under_a_marker_can_be_read_on_a_page_that_takes_colour() {
    let text = "BT /F 12 Tf 72 700 Td (Dose: 5 mg twice daily) Tj ET";
    // A turned picture and a blend mode, neither of which is drawn in grey.
    let colored = "/D gs 1 0 0 rg 300 100 50 50 re f";
    let entries = "/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> \
                   /ExtGState << /D << /BM /Difference >> >> /XObject << /X 6 0 R >> >>";
    let plain = page(&raw_page(entries, &format!("{colored} 0 g {text}"), &[]));
    for group in ["/S /Transparency", "/S /Transparency /K true", "/S /Transparency /I true", "/S /Transparency /I false /CS /DeviceRGB"] {
        let state = "/Resources << /ExtGState << /G << /BM [/Multiply /Normal] >> >> >>";
        let form = format!("/Type /XObject /Subtype /Form /BBox [0 0 300 20] /Group << {group} >> {state}");
        let annotation = "<< /Type /Annot /Subtype /Highlight /Rect [60 694 360 714] /F 4 /AP << /N 6 0 R >> >>".to_owned();
        let objects = [annotation, raw_stream(&form, "/G gs 1 1 0 rg 0 0 300 20 re f")];
        let marked = page(&raw_page(&format!("{entries} /Annots [5 0 R]"), &format!("{colored} 0 g {text}"), &objects));
        let (left, top, right, bottom) = (203, 240, 700, 275);
        let letters: Vec<_> =
            (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y))).filter(|(x, y)| plain.is_black(*x, *y)).collect();
        let kept = letters.iter().filter(|(x, y)| marked.is_black(*x, *y)).count();
        assert!(letters.len() > 500 && kept * 20 > letters.len() * 19, "{kept} of {} pixels of the text are left: {group}", letters.len());
    }
}

#[test]
fn a_soft_mask_with_blend_modes_inside_still_masks() {
    let group = |entries: &str, content: &str| {
        raw_stream(&format!("/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Group << /S /Transparency {entries} >>"), content)
    };
    let mask = group("/CS /DeviceGray", "/G gs 1 g 72 72 100 100 re f");
    let mask = mask.replace("/BBox", "/Resources << /ExtGState << /G << /BM /Multiply >> >> >> /BBox");
    let marker = group("", "0 g 300 300 72 72 re f").replace("/BBox", "/Resources << /ExtGState << /G << /BM /Multiply >> >> >> /BBox");
    let states = "/Resources << /XObject << /X 6 0 R >> /ExtGState << /S << /SMask << /Type /Mask /S /Luminosity /G 5 0 R >> >> >> >>";
    let page = page(&raw_page(states, "q /S gs 0 g 0 0 612 792 re f Q /X Do", &[mask, marker]));
    assert_eq!(darkness(&page, (1000, 100, 1700, 1000)), 0.0, "outside the mask nothing is painted");
}

#[test]
fn a_page_is_not_faxed_with_part_of_a_picture() {
    let row = "00ff".repeat(25);
    let of = |entries: &str, data: &str| {
        let entries = format!("/Type /XObject /Subtype /Image /Width 50 /Height 50 {entries}");
        raw_page("/Resources << /XObject << /P 5 0 R >> >>", "612 0 0 792 0 0 cm /P Do", &[raw_stream(&entries, data)])
    };
    let gray = "/BitsPerComponent 8 /ColorSpace /DeviceGray";
    let hex = format!("{gray} /Filter /ASCIIHexDecode");
    assert!(convert(&of(&hex, &row.repeat(50)), None, &Options::default()).is_ok());
    assert!(convert(&of(&hex, &row.repeat(49)), None, &Options::default()).is_ok(), "one row less is a common mistake");
    let jpeg = documents::jpeg(&image::GrayImage::from_fn(50, 50, |x, y| image::Luma([(x * y) as u8])), None);
    let jpeg: String = jpeg.iter().map(|byte| format!("{byte:02x}")).collect();
    let dct = format!("{gray} /Filter [/DCTDecode]");
    let bits = "/BitsPerComponent 1 /ColorSpace /DeviceGray /Filter /ASCIIHexDecode";
    let fax = "/BitsPerComponent 1 /ColorSpace /DeviceGray /Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns 50 >>";
    for (what, document) in [
        ("half the rows", of(&hex, &row.repeat(25))),
        ("half the rows of one bit", of(bits, &"f0".repeat(7 * 25))),
        ("a cut JPEG", of(&dct, &jpeg[..jpeg.len() / 2])),
        ("damaged fax data", of(fax, "garbage")),
        ("an unknown filter", of(&format!("{gray} /Filter /SomeDecode"), &row.repeat(50))),
    ] {
        let refused = refusal(&document);
        assert!(refused.code() == "document_broken" && refused.to_string().contains("picture on page 1"), "{what}: {refused}");
    }
    let masked = format!("{hex} /SMask 6 0 R");
    let mask = raw_stream("/Type /XObject /Subtype /Image /Width 50 /Height 50 /BitsPerComponent 8 /ColorSpace /DeviceGray", "short");
    let objects = [raw_stream(&format!("/Type /XObject /Subtype /Image /Width 50 /Height 50 {masked}"), &row.repeat(50)), mask];
    let document = raw_page("/Resources << /XObject << /P 5 0 R >> >>", "612 0 0 792 0 0 cm /P Do", &objects);
    assert!(refusal(&document).to_string().contains("picture on page 1"));
}

#[test]
fn text_in_a_font_that_is_not_had_is_refused_by_name_unless_its_letters_are() {
    let of = |base: &str, encoding: &str, collection: &str, more: &str, text: &str| {
        let font = format!("<< /Type /Font /Subtype /Type0 /BaseFont /{base} /Encoding /{encoding} /DescendantFonts [6 0 R] {more} >>");
        let descendant = format!(
            "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /{base} /CIDSystemInfo << {collection} /Supplement 0 >> \
             /FontDescriptor << /Type /FontDescriptor /FontName /{base} /Flags 4 >> >>"
        );
        let map = "1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0001> <00ff> <0040> endbfrange";
        let objects = [font, descendant, raw_stream("", map)];
        let content = format!("BT /F 24 Tf 72 700 Td <{text}> Tj ET");
        convert(&raw_page("/Resources << /Font << /F 5 0 R >> >>", &content, &objects), None, &Options::default())
    };
    let japan = "/Registry (Adobe) /Ordering (Japan1)";
    let identity = "/Registry (Adobe) /Ordering (Identity)";
    for (base, encoding, collection, more, text) in [
        ("HeiseiMin-W3", "UniJIS-UCS2-H", japan, "", "65e5672c"),
        ("Arial", "Identity-H", identity, "", "00240025"),
        ("SomeFont", "Identity-H", identity, "", "00240025"),
    ] {
        let refused = of(base, encoding, collection, more, text).unwrap_err();
        let words = refused.to_string();
        assert!(refused.code() == "document_broken" && words.contains("page 1") && words.contains(base), "{refused}");
    }
    for (base, encoding, collection, more, text) in
        [("HeiseiMin-W3", "UniJIS-UCS2-H", japan, "", "004100420020"), ("Arial", "Identity-H", identity, "/ToUnicode 7 0 R", "00010002")]
    {
        assert!(of(base, encoding, collection, more, text).is_ok(), "{base}: {:?}", of(base, encoding, collection, more, text).err());
    }
}

/// A letter page with these annotations, objects 5 and on, under a form of these entries, and `more` objects after them.
#[test]
fn letters_that_no_font_has_are_refused_with_the_names_of_the_fonts_they_may_be_in() {
    let font = |name: &str, letters: &str| {
        format!("<< /Type /Font /Subtype /TrueType /BaseFont /{name} /Encoding << /Differences [65 {letters}] >> >>")
    };
    let of = |fonts: &str| raw_page(&format!("/Resources << /Font << {fonts} >> >>"), "BT /F 24 Tf 72 700 Td (AB) Tj ET", &[]);
    let text = refusal(&of(&format!("/F {}", font("ArialCE", "/uni0416 /uni0417")))).to_string();
    assert!(text.contains("text on page 1 is in a font ArialCE that the file does not hold"), "{text}");
    let two = format!("/F {} /G {}", font("ArialCE", "/uni0416 /uni0417"), font("Times-Roman", "/A /B"));
    assert!(refusal(&of(&two)).to_string().contains("in a font ArialCE or Times-Roman that the file does not hold"));
    assert!(convert(&of(&format!("/F {}", font("ArialCE", "/A /adieresis"))), None, &Options::default()).is_ok());
}

fn annotated(form: &str, annotations: &[&str], more: &[String]) -> Vec<u8> {
    let references: String = (0..annotations.len()).map(|index| format!("{} 0 R ", 5 + index)).collect();
    let annotations = annotations.iter().map(|entries| format!("<< /Type /Annot /F 4 {entries} >>"));
    let mut objects = vec![
        format!("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{references}] /DA (/Helv 0 Tf 0 g) {form} >> >>"),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Annots [{references}] >>"),
        raw_stream("", "72 144 72 72 re f"),
    ];
    objects.extend(annotations);
    objects.extend_from_slice(more);
    raw_pdf(&objects)
}

/// Left, top, right and bottom in points of what is black above the square that every page has, from the lower left corner.
fn drawn(document: &[u8]) -> Option<[f64; 4]> {
    let page = page(document);
    let of = |x: u32, y: u32| (f64::from(x) / 1728.0 * 612.0, 792.0 - (f64::from(y) - 3.8) / 2148.5 * 792.0);
    let black: Vec<_> = (0..1500).flat_map(|y| (0..1728).map(move |x| (x, y))).filter(|(x, y)| page.is_black(*x, *y)).collect();
    let sides = |pick: fn(&(u32, u32)) -> u32| Some((*black.iter().map(pick).min().as_ref()?, *black.iter().map(pick).max().as_ref()?));
    let ((left, right), (top, bottom)) = (sides(|p| p.0)?, sides(|p| p.1)?);
    let (from, to) = (of(left, top), of(right + 1, bottom + 1));
    Some([from.0, from.1, to.0, to.1])
}

#[test]
fn a_mark_without_appearance_is_drawn_where_it_belongs() {
    let rect = "/Rect [60 600 260 640] /C [0 0 0]";
    let quad = "/QuadPoints [60 640 260 640 60 600 260 600]";
    let around = "/QuadPoints [60 600 260 600 260 640 60 640]";
    for (entries, wanted) in [
        (format!("/Subtype /StrikeOut {rect} {quad}"), [60.0, 619.5, 260.0, 616.5]),
        (format!("/Subtype /StrikeOut {rect} {around}"), [60.0, 619.5, 260.0, 616.5]),
        (format!("/Subtype /StrikeOut {rect}"), [60.0, 619.5, 260.0, 616.5]),
        (format!("/Subtype /Underline {rect} {quad}"), [60.0, 604.7, 260.0, 601.7]),
        (format!("/Subtype /Squiggly {rect} {quad}"), [60.0, 606.0, 260.0, 600.0]),
        (format!("/Subtype /Highlight {rect} {quad}"), [60.0, 640.0, 260.0, 600.0]),
        (format!("/Subtype /Square {rect} /BS << /W 2 >>"), [60.0, 640.0, 260.0, 600.0]),
        (format!("/Subtype /Circle {rect} /IC [0.5]"), [60.0, 640.0, 260.0, 600.0]),
        (format!("/Subtype /Ink {rect} /InkList [[60 600 160 640 260 600] [300 600 320 600]]"), [60.0, 640.0, 320.0, 600.0]),
        (format!("/Subtype /Line {rect} /L [60 620 300 620]"), [60.0, 620.5, 300.0, 619.5]),
        (format!("/Subtype /Line {rect} /L [60 620 300 620] /LE [/None /ClosedArrow]"), [60.0, 623.5, 300.0, 616.5]),
        (format!("/Subtype /PolyLine {rect} /Vertices [60 600 160 640 260 600]"), [60.0, 640.0, 260.0, 600.0]),
        (format!("/Subtype /Polygon {rect} /Vertices [60 600 160 640 260 600]"), [57.4, 641.0, 262.5, 599.5]),
        (format!("/Subtype /Stamp {rect} /Name /NotApproved"), [60.0, 640.0, 260.0, 600.0]),
        (format!("/Subtype /FreeText {rect} /Contents (APPROVED) /DA (/Helv 12 Tf 0 g)"), [60.0, 640.0, 260.0, 600.0]),
    ] {
        let drawn = drawn(&annotated("", &[&entries], &[])).unwrap_or_else(|| panic!("nothing is drawn of {entries}"));
        assert!(
            drawn.iter().zip(wanted).all(|(side, wanted)| (side - wanted).abs() < 1.8),
            "{drawn:?} instead of {wanted:?} for {entries}"
        );
    }
}

#[test]
fn a_filled_field_without_appearance_shows_its_value() {
    let field = |entries: &str| format!("/Subtype /Widget /Rect [60 600 260 640] {entries}");
    let is_on_left = |[left, top, right, bottom]: [f64; 4]| left > 60.0 && left < 66.0 && right < 180.0 && top < 640.0 && bottom > 600.0;
    let text = field("/FT /Tx /V (JOHN SMITH) /DA (/Helv 12 Tf 0 g)");
    let parent = "<< /FT /Tx /V (JOHN SMITH) /DA (/Helv 12 Tf 0 g) >>".to_owned();
    let empty = raw_stream("/Type /XObject /Subtype /Form /BBox [0 0 200 40]", "/Tx BMC EMC");
    let stale = raw_stream("/Type /XObject /Subtype /Form /BBox [0 0 200 40]", "BT /Helv 30 Tf 2 2 Td (OLD VALUE) Tj ET");
    let wanted = page(&annotated("", &[&text], &[]));
    assert!(is_on_left(drawn(&annotated("", &[&text], &[])).unwrap()));
    for (what, form, entries, more) in [
        ("value above", "", field("/Parent 6 0 R"), vec![parent.clone()]),
        ("UTF-16", "", field("/FT /Tx /V <FEFF004A004F0048004E00200053004D004900540048> /DA (/Helv 12 Tf 0 g)"), vec![]),
        ("empty appearance", "", format!("{text} /AP << /N 6 0 R >>"), vec![empty.clone()]),
        ("old appearance", "/NeedAppearances true", format!("{text} /AP << /N 6 0 R >>"), vec![stale.clone()]),
        ("broken appearance", "", format!("{text} /AP << /N 9 0 R >>"), vec![]),
        ("choice", "", field("/FT /Ch /Ff 131072 /V (a) /Opt [[(a) (JOHN SMITH)] [(b) (B)]] /DA (/Helv 12 Tf 0 g)"), vec![]),
        ("font by name", "/DR << /Font << /X << /BaseFont /Arial >> >> >>", text.replace("/Helv", "/X"), vec![]),
    ] {
        assert!(page(&annotated(form, &[&entries], &more)) == wanted, "{what}");
    }
    let height = |entries: &str| drawn(&annotated("", &[&field(entries)], &[])).map(|[_, top, _, bottom]| top - bottom).unwrap();
    assert!(height("/FT /Tx /V (HI) /DA (/Helv 0 Tf 0 g)") > 18.0, "the size is left to us: as large as the field is high");
    let old = page(&annotated("", &[&format!("{text} /AP << /N 6 0 R >>")], &[stale]));
    assert!(old != wanted, "an appearance that is not called out of date is shown");
    let width = |entries: &str| drawn(&annotated("", &[&field(entries)], &[])).map(|[left, _, right, _]| (left, right)).unwrap();
    let (_, right) = width("/FT /Tx /Q 2 /V (JOHN SMITH) /DA (/Helv 12 Tf 0 g)");
    assert!(right > 254.0 && right < 260.0, "to the right: {right}");
    let (left, right) = width("/FT /Tx /Ff 16777216 /MaxLen 10 /V (0123456789) /DA (/Helv 12 Tf 0 g)");
    assert!(left < 70.0 && right > 250.0, "a cell for each: {left} {right}");
    let (_, right) = width("/FT /Tx /V (A VALUE THAT IS LONGER THAN ITS FIELD IS WIDE BUT CAN STILL BE READ) /DA (/Helv 12 Tf 0 g)");
    assert!(right <= 260.0, "nothing is cut off: {right}");
    let [_, top, _, bottom] = drawn(&annotated("", &[&field("/FT /Tx /Ff 4096 /V (one\\ntwo) /DA (/Helv 12 Tf 0 g)")], &[])).unwrap();
    assert!(top > 630.0 && bottom < 618.0, "two lines from the top: {top} {bottom}");
    let cyrillic = field("/FT /Tx /V <FEFF041F0440043804320435044200200416> /DA (/Helv 12 Tf 0 g)");
    assert!(is_on_left(drawn(&annotated("", &[&cyrillic], &[])).unwrap()), "letters that the standard fonts lack");
    let turned = field("/FT /Tx /V (JOHN SMITH) /DA (/Helv 12 Tf 0 g) /MK << /R 90 >>").replace("260 640", "100 800");
    let [left, top, right, bottom] = drawn(&annotated("", &[&turned], &[])).unwrap();
    assert!(top - bottom > 60.0 && right - left < 20.0, "{left} {top} {right} {bottom}");
}

#[test]
fn buttons_and_lists_show_what_is_chosen() {
    let field = |entries: &str| format!("/Subtype /Widget /Rect [60 600 100 640] {entries}");
    let on = raw_stream("/Type /XObject /Subtype /Form /BBox [0 0 40 40]", "5 5 30 30 re f");
    let looks = |entries: &str| drawn(&annotated("", &[&field(entries)], std::slice::from_ref(&on)));
    for shown in [
        "/FT /Btn /V /Yes",
        "/FT /Btn /AS /Yes",
        "/FT /Btn /Ff 32768 /AS /A /MK << /CA (l) >>",
        "/FT /Btn /V /Yes /AP << /N << /Yes 6 0 R >> >>",
        "/FT /Btn /AS /Yes /AP << /N << /Other 6 0 R >> >>",
        "/FT /Btn /Ff 65536 /MK << /CA (OK) >>",
        "/FT /Btn /Ff 65536 /MK << /BG [0.5] >>",
        "/FT /Ch /V (two) /Opt [(one) (two)]",
        "/FT /Ch /V [(two)]",
    ] {
        assert!(looks(shown).is_some(), "{shown}");
    }
    for nothing in [
        "/FT /Btn /V /Off",
        "/FT /Btn /AS /Off /V /Yes",
        "/FT /Btn /AS /Off /AP << /N << /Yes 6 0 R >> >>",
        "/FT /Btn",
        "/FT /Btn /Ff 65536",
        "/FT /Tx",
        "/FT /Tx /V ()",
        "/FT /Sig /V << /Type /Sig >>",
    ] {
        assert_eq!(looks(nothing), None, "{nothing}");
    }
}

#[test]
fn what_can_neither_be_loaded_nor_drawn_is_refused_by_page() {
    let rect = "/Rect [60 600 260 640]";
    for entries in [
        format!("/Subtype /Watermark {rect} /AP << /N 9 0 R >>"),
        format!("/Subtype /Widget /FT /Tx {rect} /V <FEFF65E5672C>"),
        format!("/Subtype /FreeText {rect} /Contents <FEFF65E5672C>"),
        format!("/Subtype /FreeText {rect} /DA (/Helv 12 Tf) /Contents ({})", "many words ".repeat(400)),
        format!("/Subtype /Widget {rect} /Parent 6 0 R"),
    ] {
        let parent = "<< /FT /Btn /Ff 32768 /V /A /Kids [5 0 R] >>".to_owned();
        let refused = refusal(&annotated("", &[&entries], &[parent]));
        assert!(refused.code() == "document_broken" && refused.to_string().contains("page 1 has"), "{entries}: {refused}");
    }
}

#[test]
fn an_appearance_that_cannot_be_placed_is_refused_or_made_anew() {
    let unplaced = raw_stream("/Type /XObject /Subtype /Form", "0 0 200 40 re f");
    let with = |kind: &str| {
        annotated("", &[&format!("/Subtype /{kind} /Rect [60 600 260 640] /AP << /N 6 0 R >>")], std::slice::from_ref(&unplaced))
    };
    assert!(refusal(&with("Watermark")).to_string().contains("page 1 has an annotation whose appearance cannot be loaded"));
    assert!(drawn(&with("Square")).is_some());
}

#[test]
fn a_mark_for_print_only_is_printed() {
    let entries = "/Subtype /Stamp /Rect [60 600 260 640] /AP << /N 6 0 R >>";
    let shown = |flags: &str| {
        let objects = [
            format!("<< /Type /Annot /F {flags} {entries} >>"),
            raw_stream("/Type /XObject /Subtype /Form /BBox [0 0 200 40]", "0 0 200 40 re f"),
        ];
        drawn(&raw_page("/Annots [5 0 R]", "72 144 72 72 re f", &objects)).is_some()
    };
    assert!(shown("4") && shown("36") && !shown("32") && !shown("2") && !shown("38"));
}

#[test]
fn a_pdf_with_text_before_its_header_is_not_faxed_as_its_source() {
    let document = pdf(LETTER, 0, &[type_a_line]);
    let wanted = page(&document);
    assert!(page(&[b"Note..\n__", &*document].concat()) == wanted);
}

#[test]
fn a_pdf_with_a_damaged_byte_never_panics() {
    let fax = convert(SAMPLE, None, &Options::default()).unwrap().pdf;
    for step in 0..30 {
        for document in [SAMPLE, &fax] {
            let mut damaged = document.to_vec();
            let at = document.len() * step / 30;
            damaged[at] ^= 0x15 + step as u8;
            let _ = convert(&damaged, None, &Options::default());
            let _ = read_fax_pdf(&damaged).map(|pages| pages.iter().map(|page| page.decode().is_ok()).collect::<Vec<_>>());
        }
    }
}

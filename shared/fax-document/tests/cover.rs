//! Covers: what stands on them, in which scripts, on how many pages.

#![allow(clippy::unwrap_used)]

mod documents;

use documents::ink;
use fax_document::{Bitmap, Cover, FaxPage, Limits, Options, Paper, Part, Resolution, convert, convert_parts, read_fax_pdf};

const LETTER: &[u8] = include_bytes!("../samples/letter.pdf");

fn pages_with(cover: &Cover, options: &Options) -> Vec<FaxPage> {
    let parts = [Part::Document { bytes: LETTER, declared: None }, Part::Cover(cover)];
    let fax = convert_parts(&parts, options).unwrap();
    let pages = read_fax_pdf(&fax.pdf).unwrap();
    assert_eq!(pages.len(), fax.pages as usize);
    pages
}

fn cover() -> Cover {
    let some = |text: &str| Some(text.to_owned());
    Cover {
        to_name: some("Dr. Élodie Smith"),
        to_number: "+12125551234".into(),
        from_name: some("Jürgen Doe"),
        from_number: some("+493012345678"),
        company: some("Doe & Partners"),
        date: "November 27, 2026, 12:40 UTC".into(),
        subject: some("Test results"),
        message: some("Dear Dr. Smith,\n\nplease find the results enclosed."),
        confidential: true,
    }
}

fn first(cover: &Cover) -> Bitmap {
    pages_with(cover, &Options::default())[0].decode().unwrap()
}

fn with_subject(subject: &str) -> Bitmap {
    first(&Cover { subject: Some(subject.into()), ..Cover::default() })
}

/// Black shapes that do not touch.
fn shapes(page: &Bitmap) -> usize {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let mut seen = vec![false; width * height];
    let mut count = 0;
    for start in 0..width * height {
        if seen[start] || !page.is_black((start % width) as u32, (start / width) as u32) {
            continue;
        }
        count += 1;
        let mut open = vec![start];
        seen[start] = true;
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            for (x, y) in (y.saturating_sub(1)..=y + 1).flat_map(|y| (x.saturating_sub(1)..=x + 1).map(move |x| (x, y))) {
                if x < width && y < height && !seen[y * width + x] && page.is_black(x as u32, y as u32) {
                    seen[y * width + x] = true;
                    open.push(y * width + x);
                }
            }
        }
    }
    count
}

#[test]
fn the_cover_is_the_first_page_and_the_documents_behind_it_stay_as_they_are() {
    for (paper, resolution) in [(Paper::Letter, Resolution::Fine), (Paper::A4, Resolution::Standard), (Paper::Legal, Resolution::Standard)]
    {
        let options = Options { paper, resolution, ..Options::default() };
        let pages = pages_with(&cover(), &options);
        assert_eq!(pages[1..], read_fax_pdf(&convert(LETTER, None, &options).unwrap().pdf).unwrap());
        assert_eq!(pages[0].height, pages[1].height);
        let page = pages[0].decode().unwrap();
        // Within its margins, from the letterhead to the notice at the foot.
        let (left, top, right, bottom) = ink(&page);
        let down = |points: f64| points / 72.0 * if resolution == Resolution::Fine { 196.0 } else { 98.0 };
        assert!((185..190).contains(&left) && (1538..1543).contains(&right), "{left} {right}");
        assert!(f64::from(top) > down(62.0) && f64::from(bottom) < f64::from(page.height()) - down(50.0), "{top} {bottom}");
        assert!(f64::from(bottom) > f64::from(page.height()) - down(75.0), "{bottom}");
    }
}

#[test]
fn each_field_is_on_the_page_and_what_is_not_given_is_not() {
    let full = first(&cover());
    let without: [fn(&mut Cover); 9] = [
        |c| c.to_name = None,
        |c| c.to_number = String::new(),
        |c| c.from_name = None,
        |c| c.from_number = None,
        |c| c.company = None,
        |c| c.date = String::new(),
        |c| c.subject = None,
        |c| c.message = None,
        |c| c.confidential = false,
    ];
    for remove in without {
        let mut less = cover();
        remove(&mut less);
        let page = first(&less);
        assert!(page.black_pixels() + 100 < full.black_pixels(), "{less:?}");
    }
    let bare = first(&Cover::default());
    assert!(bare.black_pixels() > 1000, "the number of pages at least");
    assert_ne!(with_subject("one"), with_subject("two"));
}

#[test]
fn letters_are_joined_and_ordered_as_their_scripts_want_it() {
    // Three of the letter beh: one stroke with three dots, or three strokes with three dots where joining is forbidden.
    let (joined, apart) = (with_subject("\u{628}\u{628}\u{628}"), with_subject("\u{628}\u{200C}\u{628}\u{200C}\u{628}"));
    assert_eq!(shapes(&apart) - shapes(&joined), 2);
    // What is written from the right is on paper what is written from the left backwards.
    let backwards = |text: &str| format!("\u{202D}{}", text.chars().rev().collect::<String>());
    for text in ["\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "\u{5D0}\u{5D1} \u{5D2}\u{5D3}"] {
        assert_eq!(with_subject(text), with_subject(&backwards(text)));
        assert_ne!(with_subject(text), with_subject(&format!("\u{202D}{text}")));
    }
    // A number within such text keeps the order of its digits.
    assert_eq!(with_subject("\u{5D0} 123"), with_subject("\u{202D}123 \u{5D0}"));
    // Arabic beside Hebrew is joined all the same.
    let mixed = |beh: &str| with_subject(&format!("\u{5D0} {beh}"));
    assert_eq!(shapes(&mixed("\u{628}\u{200C}\u{628}")) - shapes(&mixed("\u{628}\u{628}")), 1);
    // An accent that is spelled apart is where the whole letter has it.
    assert_eq!(with_subject("e\u{301}"), with_subject("\u{E9}"));
    for text in ["Žluťoučký", "Ωμέγα", "Ёлка", "שלום", "مرحبا", "Tiếng Việt"] {
        assert!(with_subject(text).black_pixels() > with_subject("").black_pixels() + 300, "{text}");
    }
}

#[test]
fn a_message_from_the_right_stands_at_the_right() {
    let message = |text: &str| first(&Cover { message: Some(text.into()), ..Cover::default() });
    let bare = first(&Cover::default());
    let added = |page: &Bitmap| {
        let columns = |x: &u32| (0..page.height()).any(|y| page.is_black(*x, y) && !bare.is_black(*x, y));
        (0..page.width()).filter(columns).fold((u32::MAX, 0), |(least, most), x| (least.min(x), most.max(x)))
    };
    let (left, right) = (added(&message("abc")), added(&message("\u{5D0}\u{5D1}\u{5D2}")));
    assert!(left.0 < 200 && left.1 < 300, "{left:?}");
    assert!(right.1 > 1528 && right.0 > 1400, "{right:?}");
}

#[test]
fn a_long_message_goes_on_over_pages_and_loses_nothing() {
    let word = "Lorem ipsum ";
    let long = |count: usize| Cover { message: Some(word.repeat(count)), ..cover() };
    let (short, whole) = (pages_with(&long(50), &Options::default()), pages_with(&long(333), &Options::default()));
    assert_eq!((short.len(), whole.len()), (3, 4));
    // The letter i has a dot: each word of the message has two of them and the letter m one shape, wherever it stands.
    let all = |pages: &[FaxPage]| pages[..pages.len() - 2].iter().map(|page| shapes(&page.decode().unwrap())).sum::<usize>();
    let each = |count: usize| all(&pages_with(&long(count), &Options::default()));
    assert_eq!(each(60) - each(50), 10 * (each(51) - each(50)), "every word takes as many shapes");
    let per_word = each(51) - each(50);
    let continued = all(&whole) - (each(50) + 283 * per_word);
    assert!((15..80).contains(&continued), "the line above the second page, and another number of pages: {continued}");
    // One word of all 4,000 characters is broken, and lines are kept.
    let endless = Cover { message: Some("W".repeat(4000)), ..Cover::default() };
    let (_, _, right, _) = ink(&first(&endless));
    assert!(right <= 1543, "{right}");
    let lines = Cover { message: Some("\n".repeat(120) + "end"), ..Cover::default() };
    assert!(pages_with(&lines, &Options::default()).len() > 4);
}

#[test]
fn a_cover_counts_and_its_limits_are_the_faxs() {
    let of_pages = |pages| Options { limits: Limits { pages, ..Limits::default() }, ..Options::default() };
    let cover = cover();
    let parts = [Part::Cover(&cover), Part::Document { bytes: LETTER, declared: None }];
    assert_eq!(convert_parts(&parts, &of_pages(3)).unwrap().pages, 3);
    assert_eq!(convert_parts(&parts, &of_pages(2)).unwrap_err().error.code(), "document_too_many_pages");
    assert_eq!(convert_parts(&parts, &of_pages(3)), convert_parts(&parts, &of_pages(3)), "the same bytes each time");
}

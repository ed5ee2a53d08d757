//! The line above each page, and what is told of the work on many.

#![allow(clippy::unwrap_used)]

mod documents;

use std::sync::Mutex;

use documents::{fax, ink, paint_a_square, pdf, png, type_a_line};
use fax_document::{
    Bitmap, FaxPage, Header, Options, Paper, Part, Progress, ReadError, Resolution, can_print, convert, convert_parts, convert_watched,
    has_header_room, read_fax_pdf, stamp, write_fax_pdf,
};
use image::GrayImage;

fn with_room(paper: Paper, resolution: Resolution) -> Options {
    Options { paper, resolution, header: true, ..Options::default() }
}

fn header(minute: u32) -> Header {
    Header::new(&format!("2026-11-24 17:{minute:02} CET"), "Clinic  +1 202 555 0111")
}

/// Three pages with room for a header, and the rows of the room.
fn three_pages(paper: Paper, resolution: Resolution) -> Vec<u8> {
    convert(&pdf((612.0, 792.0), 0, &[type_a_line, type_a_line, paint_a_square]), None, &with_room(paper, resolution)).unwrap().pdf
}

fn pixels(pdf: &[u8]) -> Vec<Bitmap> {
    read_fax_pdf(pdf).unwrap().iter().map(|page| page.decode().unwrap()).collect()
}

/// The rows above a fifth of an inch, and those below it.
fn halves(page: &Bitmap) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let room = if page.height() > 1400 { 40 } else { 20 };
    let mut rows = (0..page.height()).map(|y| page.row(y).to_vec());
    (rows.by_ref().take(room).collect(), rows.collect())
}

fn is_white(rows: &[Vec<u8>]) -> bool {
    rows.iter().flatten().all(|byte| *byte == 0)
}

#[test]
fn each_page_has_its_own_number_in_a_line_of_its_own() {
    let pages = pixels(&stamp(&three_pages(Paper::Letter, Resolution::Fine), Some(&header(5))).unwrap());
    let lines: Vec<_> = pages.iter().map(|page| halves(page).0).collect();
    assert!(lines[0] != lines[1] && lines[1] != lines[2], "page 1, 2 and 3");
    for line in &lines {
        // Time, sender and number: something on the left, in the middle and on the right.
        for part in [0..60, 70..140, 160..210] {
            assert!(line.iter().any(|row| row[part.clone()].iter().any(|byte| *byte != 0)), "{part:?}");
        }
        assert!(is_white(&line[line.len() - 1..]));
    }
}

#[test]
fn what_is_below_the_header_stays_bit_for_bit_and_each_line_takes_the_place_of_the_one_before() {
    for (paper, resolution) in [(Paper::Letter, Resolution::Fine), (Paper::A4, Resolution::Standard), (Paper::Legal, Resolution::Fine)] {
        let empty = three_pages(paper, resolution);
        let mut stamped = empty.clone();
        for minute in 0..12 {
            stamped = stamp(&stamped, Some(&header(minute))).unwrap();
            assert_eq!(stamped, stamp(&empty, Some(&header(minute))).unwrap(), "nothing is left of earlier lines");
            for (before, after) in pixels(&empty).iter().zip(pixels(&stamped)) {
                let ((room, before), (line, after)) = (halves(before), halves(&after));
                assert!(is_white(&room) && !is_white(&line));
                assert!(before == after, "{paper:?} {resolution:?} {minute}");
            }
        }
        assert_eq!(stamp(&stamped, None).unwrap(), empty, "byte for byte");
    }
}

#[test]
fn a_sender_of_any_length_and_letters_leaves_time_and_number_legible() {
    let empty = three_pages(Paper::Letter, Resolution::Fine);
    let line = |sender: &str| halves(&pixels(&stamp(&empty, Some(&Header::new("2026-11-24 17:05 UTC", sender))).unwrap())[0]).0;
    let (none, long) = (line(""), line(&"Ärzte Åben Ελλάς Москва ".repeat(20)));
    for (short, long) in none.iter().zip(&long) {
        // 20 characters of time from column 60 on, and 11 of the number up to column 1668.
        assert_eq!((&short[..40], &short[192..]), (&long[..40], &long[192..]));
    }
    assert!(none != long);
    assert_eq!(line("Clinic\n\u{7}\u{4E00}"), line("Clinic"), "what cannot be printed is left out");
    assert!(['A', 'ß', 'Ω', 'Ж', '’'].into_iter().all(can_print) && !['\n', '\u{4E00}', '\u{5D0}'].into_iter().any(can_print));
    assert!(Header::new(&"x".repeat(500), &"y".repeat(500)) == Header::new(&"x".repeat(500), &"y".repeat(500)));
    assert!(stamp(&empty, Some(&Header::new(&"x".repeat(500), ""))).is_ok());
}

#[test]
fn pages_of_an_earlier_fax_stay_as_they_are_where_they_have_room() {
    let options = with_room(Paper::Letter, Resolution::Fine);
    let again = |pdf: &[u8]| convert_parts(&[Part::Fax(pdf)], &options).unwrap().pdf;
    let stamped = stamp(&three_pages(Paper::A4, Resolution::Standard), Some(&header(5))).unwrap();
    assert_eq!(again(&stamped), stamped);
    // Without room on purpose, but white where a header may stand.
    let low = convert(&pdf((612.0, 792.0), 0, &[paint_a_square]), None, &Options::default()).unwrap().pdf;
    assert_eq!(pixels(&again(&low)), pixels(&low));
    let (line, below) = halves(&pixels(&stamp(&again(&low), Some(&header(5))).unwrap())[0]);
    assert!(!is_white(&line) && below == halves(&pixels(&low)[0]).1);
    // With something there.
    let full = convert(&png(GrayImage::from_fn(1728, 2156, |_, y| image::Luma([if y < 30 { 0 } else { 255 }]))), None, &Options::default());
    let full = full.unwrap().pdf;
    assert_eq!(stamp(&full, Some(&header(5))).unwrap(), full, "a page without room is left alone");
    assert_eq!([&stamped, &full].map(|pdf| has_header_room(pdf).unwrap()), [true, false]);
    let drawn = &pixels(&again(&full))[0];
    assert!(is_white(&halves(drawn).0) && drawn.black_pixels() > 0, "it is drawn anew below the room");
}

#[test]
fn what_a_document_says_of_its_header_is_not_believed() {
    let pages = read_fax_pdf(&three_pages(Paper::Letter, Resolution::Fine)).unwrap();
    for bits in [0, 1, 39, 41, 500, u32::MAX / 2] {
        let lying: Vec<_> = pages.iter().map(|page| FaxPage { header_bits: Some(bits), ..page.clone() }).collect();
        let lying = write_fax_pdf(&lying).unwrap();
        let taken = convert(&lying, None, &with_room(Paper::Letter, Resolution::Fine)).unwrap().pdf;
        assert_eq!(read_fax_pdf(&taken).unwrap(), pages, "{bits}");
        // Of one of ours that is damaged nothing is read beyond its end.
        let stamped = stamp(&lying, Some(&header(5)));
        assert_eq!(stamped.err(), (bits as usize / 8 >= pages[0].g4.len()).then_some(ReadError::Damaged), "{bits}");
    }
}

#[test]
fn nothing_of_the_page_is_lost_under_the_header() {
    // A frame along the very edge of a picture as large as the sheet.
    for (paper, resolution, rows, dpi) in [(Paper::Letter, Resolution::Fine, 2156, 196), (Paper::A4, Resolution::Standard, 1145, 98)] {
        let frame =
            GrayImage::from_fn(1728, rows, |x, y| image::Luma([if x < 9 || y < 9 || x >= 1719 || y >= rows - 9 { 0 } else { 255 }]));
        let page = &fax(&png(frame), &with_room(paper, resolution))[0];
        let mut below = Bitmap::white(page.width(), page.height());
        for y in dpi / 5 + 1..page.height() {
            (0..page.width()).filter(|x| page.is_black(*x, y)).for_each(|x| below.blacken(x, y));
        }
        let (left, top, right, bottom) = ink(&below);
        let middle = (left + right) / 2;
        assert!(below.is_black(middle, top) && below.is_black(middle, bottom - 1), "upper and lower edge are there");
        for (x, y) in [(left, top), (right - 1, top), (left, bottom - 1), (right - 1, bottom - 1)] {
            assert!(below.is_black(x, y), "all four corners are there: {x}, {y}");
        }
        assert!(bottom <= page.height() && top > dpi / 5);
    }
}

#[test]
fn every_page_is_told_of_once() {
    let told = Mutex::new(Vec::new());
    let options = Options { threads: 2, ..Options::default() };
    convert_watched(&pdf((612.0, 792.0), 0, &[type_a_line as fn(&mut _); 7]), None, &options, &|progress| {
        told.lock().unwrap().push(progress)
    })
    .unwrap();
    let mut told = told.into_inner().unwrap();
    told.sort_by_key(|progress| progress.done);
    assert_eq!(told, (1..=7).map(|done| Progress { done, of: Some(7) }).collect::<Vec<_>>());
}

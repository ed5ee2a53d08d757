//! The line above each page, and what is told of the work on many.

#![allow(clippy::unwrap_used)]

mod documents;

use std::sync::Mutex;

use documents::{fax, ink, paint_a_square, pdf, png, type_a_line};
use fax_document::{Bitmap, Header, Options, Paper, Progress, Resolution, convert_watched};
use image::GrayImage;

fn with_header(paper: Paper, resolution: Resolution) -> Options {
    let header = Header::new("2026-11-24 17:05 UTC", "+1 202 555 0111").unwrap();
    Options { paper, resolution, header: Some(header), ..Options::default() }
}

/// The rows above a fifth of an inch.
fn band(page: &Bitmap, dpi: u32) -> Vec<Vec<u8>> {
    (0..dpi / 5).map(|y| page.row(y).to_vec()).collect()
}

#[test]
fn each_page_has_its_own_number_in_a_line_of_its_own() {
    let pages = fax(&pdf((612.0, 792.0), 0, &[type_a_line, type_a_line, paint_a_square]), &with_header(Paper::Letter, Resolution::Fine));
    let bands: Vec<_> = pages.iter().map(|page| band(page, 196)).collect();
    assert!(bands.iter().all(|band| band.iter().flatten().any(|byte| *byte != 0)));
    assert!(bands[0] != bands[1] && bands[1] != bands[2], "page 1, 2 and 3");
    // Date, sender and number: something on the left, in the middle and on the right.
    for part in [0..60, 70..140, 160..210] {
        assert!(bands[0].iter().any(|row| row[part.clone()].iter().any(|byte| *byte != 0)), "{part:?}");
    }
}

#[test]
fn nothing_of_the_page_is_lost_under_the_header() {
    // A frame along the very edge of a picture as large as the sheet.
    for (paper, resolution, rows, dpi) in [(Paper::Letter, Resolution::Fine, 2156, 196), (Paper::A4, Resolution::Standard, 1145, 98)] {
        let frame =
            GrayImage::from_fn(1728, rows, |x, y| image::Luma([if x < 9 || y < 9 || x >= 1719 || y >= rows - 9 { 0 } else { 255 }]));
        let page = &fax(&png(frame), &with_header(paper, resolution))[0];
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
fn a_header_is_short_and_ascii() {
    assert!(Header::new("", "").is_ok());
    assert!(Header::new(&"x".repeat(40), &"y".repeat(20)).is_ok());
    for (date, csid) in
        [("x".repeat(41), String::new()), (String::new(), "y".repeat(21)), ("\n".into(), String::new()), ("é".into(), String::new())]
    {
        assert!(Header::new(&date, &csid).is_err(), "{date:?} {csid:?}");
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

//! Paper that is not white: in a shadow, coloured, with a photograph on it; and what only looks like it.

#![allow(clippy::unwrap_used)]

mod documents;

use documents::{darkness, page, png, raw_page, raw_stream};
use fax_document::Bitmap;
use image::{GrayImage, Luma, Rgb, RgbImage};

const SIZE: (u32, u32) = (1728, 2156);
/// Where the photograph lies.
const PHOTOGRAPH: (u32, u32, u32, u32) = (560, 1200, 1200, 1760);

/// A number from 0 to 255 that looks like chance.
fn chance(x: u32, y: u32) -> u32 {
    let mixed = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x27D4_EB2F) >> 24
}

/// Lines of letters of two stems with a bar at a height of chance, in words.
fn is_ink(x: u32, y: u32) -> bool {
    if !(200..1500).contains(&x) || !(200..1960).contains(&y) {
        return false;
    }
    let (line, letter) = (y / 34, x / 14);
    let (down, across) = (y % 34, x % 14);
    let is_space = chance(letter, line) < 40;
    let bar = 8 + chance(letter + 1000, line) % 9;
    !is_space
        && (8..22).contains(&down)
        && ((2..5).contains(&across)
            || ((8..11).contains(&across) && letter % 3 > 0)
            || ((2..11).contains(&across) && (bar..bar + 3).contains(&down)))
}

/// The page as a camera sees it: ink, or paper, in this light, with the grain of the sensor.
fn seen(light: f64, reflects: f64, x: u32, y: u32) -> u8 {
    let grain = f64::from(chance(x, y + 5000)) / 255.0 * 12.0 - 6.0;
    (light * reflects + grain).clamp(0.0, 254.0) as u8
}

fn letter(light: impl Fn(u32, u32) -> f64) -> GrayImage {
    GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([seen(light(x, y), if is_ink(x, y) { 0.15 } else { 1.0 }, x, y)]))
}

fn clean() -> Bitmap {
    page(&png(GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([if is_ink(x, y) { 0 } else { 255 }]))))
}

/// Pixels that differ, as a share of those that are black in the second.
fn differ(one: &Bitmap, two: &Bitmap) -> f64 {
    let pixels = || (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    let differ = pixels().filter(|(x, y)| one.is_black(*x, *y) != two.is_black(*x, *y)).count();
    differ as f64 / pixels().filter(|(x, y)| two.is_black(*x, *y)).count() as f64
}

/// The light of a page of which a soft shadow covers the right part.
fn shadow(x: u32, y: u32) -> f64 {
    let into = (f64::from(x) + f64::from(y) / 3.0 - 1100.0) / 25.0;
    (215.0 - f64::from(y) / 60.0) * (1.0 - 0.45 / (1.0 + (-into).exp()))
}

#[test]
fn paper_in_a_shadow_becomes_white_and_its_writing_black() {
    let clean = clean();
    for (name, light) in [("even", (|_, _| 170.0) as fn(u32, u32) -> f64), ("shadow", shadow), ("dark", |x, _| 120.0 - f64::from(x) / 40.0)]
    {
        let difference = differ(&page(&png(letter(light))), &clean);
        assert!(difference < 0.01, "{name}: {difference}");
    }
}

#[test]
fn coloured_paper_becomes_white() {
    let pink = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let reflects = if is_ink(x, y) { 0.15 } else { 1.0 };
        Rgb([240.0, 170.0, 185.0].map(|light| seen(light, reflects, x, y)))
    });
    let difference = differ(&page(&png(pink)), &clean());
    assert!(difference < 0.01, "{difference}");
}

/// The shades of the photograph: a face's worth of slow changes and some detail.
fn tone(x: u32, y: u32) -> f64 {
    let (left, top, ..) = PHOTOGRAPH;
    let (x, y) = (f64::from(x - left), f64::from(y - top));
    0.12 + 0.5 * (x / 640.0) + 0.08 * (x / 23.0).sin() * (y / 31.0).cos()
}

#[test]
fn a_photograph_in_a_letter_keeps_its_shades() {
    let (left, top, right, bottom) = PHOTOGRAPH;
    let is_photograph = |x: u32, y: u32| (left..right).contains(&x) && (top..bottom).contains(&y);
    let letter = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let reflects = match () {
            () if is_photograph(x, y) => tone(x, y),
            () if is_ink(x, y) => 0.15,
            () => 1.0,
        };
        Luma([seen(190.0 - f64::from(x) / 40.0, reflects, x, y)])
    });
    let page = page(&png(letter));
    assert!(darkness(&page, (20, 2000, 1700, 2140)) < 0.001, "the paper is white");
    for (from, to) in [(left + 40, left + 200), (left + 240, left + 400), (left + 440, left + 600)] {
        let found = darkness(&page, (from, top + 20, to, bottom - 20));
        let wanted = 1.0 - (0.12 + 0.5 * f64::from((from + to) / 2 - left) / 640.0);
        assert!((found - wanted).abs() < 0.1, "{found} where {wanted} is meant");
    }
}

#[test]
fn a_photograph_of_no_paper_is_left_as_it_is() {
    // A sky full of leaves, which are a third darker and larger than writing.
    let tone = |x: u32, y: u32| {
        let (across, down) = (f64::from(x % 60) - 30.0, f64::from(y % 60) - 30.0);
        let is_leaf = chance(x / 60, y / 60) < 128 && across.hypot(down) < 12.0;
        (0.9 - f64::from(y) / 4000.0) * if is_leaf { 0.66 } else { 1.0 }
    };
    let page = page(&png(GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([seen(220.0, tone(x, y), x, y)]))));
    let sky = darkness(&page, (100, 500, 1600, 700));
    let leaves = 0.5 * 0.34 * std::f64::consts::PI * 144.0 / 3600.0;
    let wanted = 1.0 - 220.0 * (0.9 - 0.15) * (1.0 - leaves) / 255.0;
    assert!((sky - wanted).abs() < 0.05, "{sky} where {wanted} is meant");
}

#[test]
fn a_photograph_of_which_a_part_looks_like_paper_is_left_as_it_is() {
    // A bright wall above, something dark, and below a rug with a pattern like lines of writing.
    let picture = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let reflects = match y {
            0..1000 => 0.95 - f64::from(y) / 20000.0,
            1000..1400 => 0.3,
            _ if is_ink(x, y) => 0.3,
            _ => 0.7,
        };
        Luma([seen(240.0, reflects, x, y)])
    });
    let page = page(&png(picture));
    let (wall, rug) = (darkness(&page, (100, 100, 1600, 900)), darkness(&page, (1520, 1500, 1700, 2100)));
    assert!(wall > 0.08, "the wall keeps its grey: {wall}");
    assert!((rug - (1.0 - 240.0 * 0.7 / 255.0)).abs() < 0.1, "the rug keeps its grey: {rug}");
}

/// A page of a PDF with this content, with a picture `P` and a font `F`.
fn with_picture(picture: &GrayImage, content: &str) -> Vec<u8> {
    let hex: String = picture.pixels().map(|pixel| format!("{:02x}", pixel.0[0])).collect();
    let entries = format!(
        "/Type /XObject /Subtype /Image /Width {} /Height {} /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /ASCIIHexDecode",
        picture.width(),
        picture.height()
    );
    raw_page(
        "/Resources << /XObject << /P 5 0 R >> /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
        content,
        &[raw_stream(&entries, &(hex + ">"))],
    )
}

#[test]
fn a_scan_inside_a_pdf_is_levelled_also_in_strips() {
    let scan = image::imageops::thumbnail(&letter(|_, _| 170.0), SIZE.0 / 2, SIZE.1 / 2);
    let whole = page(&with_picture(&scan, "612 0 0 792 0 0 cm /P Do"));
    assert!(darkness(&whole, (20, 2000, 1700, 2130)) < 0.001);
    let strips: String = (0..8).map(|n| format!("q 0 {} 612 99 re W n 612 0 0 792 0 0 cm /P Do Q\n", n * 99)).collect();
    assert!(darkness(&page(&with_picture(&scan, &strips)), (20, 2000, 1700, 2130)) < 0.001);
    // Slanted, it is drawn in colour.
    let slanted = page(&with_picture(&scan, "611 8 -10 791 5 -4 cm /P Do"));
    assert!(darkness(&slanted, (60, 2020, 1660, 2100)) < 0.001);
}

#[test]
fn a_grey_that_was_drawn_stays_grey() {
    let bars: String = (0..60).map(|n| format!("72 {} 300 3 re f ", 60 + 11 * n)).collect();
    let content = format!("0.6 g 0 0 612 792 re f 0 g {bars}");
    let grey = darkness(&page(&raw_page("", &content, &[])), (1200, 300, 1600, 1200));
    assert!((grey - 0.4).abs() < 0.02, "{grey}");
}

#[test]
fn a_grey_that_was_drawn_in_a_picture_stays_grey() {
    let half = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        Luma([match () {
            () if is_ink(x, y) => 0,
            () if x < 900 => 190,
            () => 255,
        }])
    });
    let page = page(&png(half));
    let grey = darkness(&page, (20, 300, 180, 1900));
    assert!((grey - 65.0 / 255.0).abs() < 0.03, "{grey}");
    assert!(darkness(&page, (1510, 300, 1700, 1900)) < 0.001);
}

#[test]
fn a_page_on_which_a_program_has_set_its_text_is_no_scan() {
    let scan = image::imageops::thumbnail(&letter(|_, _| 170.0), SIZE.0 / 2, SIZE.1 / 2);
    let picture = "q 612 0 0 792 0 0 cm /P Do Q";
    let text = |lines: usize, mode: u8| {
        let lines: String = (0..lines).map(|n| format!("1 0 0 1 72 {} Tm (Thirty letters stand in a line.) Tj ", 700 - 14 * n)).collect();
        format!("BT {mode} Tr /F 12 Tf {lines} ET")
    };
    let margin = |content: &str| darkness(&page(&with_picture(&scan, content)), (20, 2000, 1700, 2130));
    assert!(margin(&format!("{picture} {}", text(20, 0))) > 0.2, "text on a picture");
    assert!(margin(&format!("{picture} {}", text(2, 0))) < 0.001, "a stamp on a scan");
    assert!(margin(&format!("{picture} {}", text(20, 3))) < 0.001, "what was read of a scan, invisible");
    assert!(margin(&format!("{} {picture}", text(20, 0))) < 0.001, "what was read of a scan, under it");
}

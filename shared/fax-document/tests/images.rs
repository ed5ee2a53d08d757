//! PNG and JPEG pictures.

#![allow(clippy::unwrap_used)]

mod documents;

use documents::{darkness, ink, jpeg, near, page, png, refusal};
use fax_document::{Limits, Options, convert};
use image::{GrayImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};

/// White with a black top quarter.
fn black_on_top(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |_, y| Luma([if y < height / 4 { 0 } else { 255 }]))
}

/// An eighth of an inch is left free around pictures.
const MARGIN: (f64, f64) = (25.5, 24.5);

#[test]
fn a_picture_of_the_pages_size_passes_pixel_by_pixel() {
    let is_black = |x: u32, y: u32| (x * 31 + y * 17) % 7 < 2;
    let page = page(&png(GrayImage::from_fn(1728, 2156, |x, y| Luma([if is_black(x, y) { 0 } else { 255 }]))));
    assert!((0..2156).all(|y| (0..1728).all(|x| page.is_black(x, y) == is_black(x, y))));
}

#[test]
fn a_picture_keeps_its_proportions_and_fills_the_page_to_its_margins() {
    let (left, _, right, bottom) = ink(&page(&png(GrayImage::from_pixel(850, 1100, Luma([0])))));
    assert!(near(left, MARGIN.0) && near(right, 1728.0 - MARGIN.0), "{left} {right}");
    let ratio = (f64::from(bottom) - (2156.0 - f64::from(bottom))) / 196.0 / (f64::from(right - left) / 204.0);
    assert!((ratio - 1100.0 / 850.0).abs() < 0.005, "{ratio}");
}

#[test]
fn a_wide_picture_is_turned_with_its_top_to_the_left() {
    let page = page(&jpeg(&black_on_top(1600, 900), None));
    let (left, top, right, bottom) = ink(&page);
    assert!(bottom - top > 2000, "{:?}", ink(&page));
    assert!(right < 864 && darkness(&page, (left + 4, top + 4, right - 4, bottom - 4)) > 0.999, "{:?}", ink(&page));
}

#[test]
fn a_small_picture_is_not_blown_up() {
    // 144 pixels at 72 to the inch are two inches.
    let (left, top, right, bottom) = ink(&page(&png(GrayImage::from_pixel(144, 72, Luma([0])))));
    assert!(near(right - left, 408.0) && near(bottom - top, 196.0));
    assert!(near(left, 660.0) && near(top, 980.0));
}

#[test]
fn what_is_transparent_is_white() {
    let rgba = ImageBuffer::from_fn(200, 200, |x, _| Rgba([0_u8, 0, 0, if x < 100 { 255 } else { 0 }]));
    let deep = ImageBuffer::from_fn(200, 200, |x, _| LumaA([0_u16, if x < 100 { u16::MAX } else { 0 }]));
    for picture in [png(rgba), png(image::DynamicImage::ImageLumaA16(deep))] {
        let (left, top, right, bottom) = ink(&page(&picture));
        assert!(near(right, 864.0) && bottom > top && left > 500, "{left} {right}");
    }
}

#[test]
fn sixteen_bits_and_colours_become_grey_by_their_brightness() {
    let deep = ImageBuffer::from_fn(1000, 1000, |_, _| Luma([0x8000_u16]));
    let colour = ImageBuffer::from_fn(1000, 1000, |_, _| Rgb([128_u8, 128, 128]));
    for picture in [png(image::DynamicImage::ImageLuma16(deep)), png(colour)] {
        let share = darkness(&page(&picture), (300, 800, 1400, 1400));
        assert!((share - 0.5).abs() < 0.02, "{share}");
    }
}

#[test]
fn the_orientation_that_a_camera_noted_is_honoured() {
    // A portrait picture, black on top, as a camera lying on its side stores it.
    let upright = black_on_top(900, 1200);
    let stored = image::imageops::rotate270(&upright);
    let wanted = ink(&page(&jpeg(&upright, None)));
    let found = ink(&page(&jpeg(&stored, Some(6))));
    assert!(found.0.abs_diff(wanted.0) < 3 && found.3.abs_diff(wanted.3) < 3, "{found:?} {wanted:?}");
    assert_ne!(ink(&page(&jpeg(&stored, None))), wanted);
}

#[test]
fn a_ramp_gets_darker_from_side_to_side() {
    let page = page(&jpeg(&GrayImage::from_fn(600, 800, |x, _| Luma([(x * 255 / 599) as u8])), None));
    let shares: Vec<f64> = (0..8).map(|n| darkness(&page, (60 + n * 200, 400, 260 + n * 200, 1700))).collect();
    assert!(shares.windows(2).all(|pair| pair[0] > pair[1] + 0.05), "{shares:?}");
}

#[test]
fn a_picture_with_too_many_pixels_is_refused_before_it_is_decoded() {
    // The header alone claims 60000 by 60000; there is no data behind it.
    let mut header = png(GrayImage::new(1, 1));
    header[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let sum = crc32(&header[12..29]);
    header[29..33].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(refusal(&header).code(), "document_too_large");
    let limits = Limits { image_pixels: 9_999, ..Limits::default() };
    let refused = convert(&jpeg(&black_on_top(100, 100), None), None, &Options { limits, ..Options::default() });
    assert_eq!(refused.unwrap_err().code(), "document_too_large");
}

#[test]
fn a_picture_that_takes_too_much_memory_is_refused() {
    let limits = Limits { image_memory: 100_000, ..Limits::default() };
    for picture in [png(black_on_top(1000, 1000)), jpeg(&black_on_top(1000, 1000), None)] {
        let refused = convert(&picture, None, &Options { limits: limits.clone(), ..Options::default() });
        assert_eq!(refused.unwrap_err().code(), "document_too_large");
    }
}

#[test]
fn a_picture_cut_short_anywhere_is_broken() {
    let noise = GrayImage::from_fn(200, 150, |x, y| Luma([(x * 7 + y * y) as u8]));
    let thumbnailed = {
        // A whole JPEG inside an application segment, as cameras put their thumbnails.
        let (inner, outer) = (jpeg(&black_on_top(16, 16), None), jpeg(&noise, None));
        let length = (inner.len() as u16 + 2).to_be_bytes();
        [&outer[..2], &[0xFF, 0xE5], &length, &inner, &outer[2..]].concat()
    };
    assert!(convert(&thumbnailed, None, &Options::default()).is_ok());
    for (picture, tail) in [(png(noise.clone()), 24), (jpeg(&noise, None), 1), (thumbnailed, 1)] {
        for end in (16..=picture.len() - tail).step_by(61) {
            assert_eq!(refusal(&picture[..end]).code(), "document_broken", "{end} of {}", picture.len());
        }
    }
}

#[test]
fn a_picture_with_a_damaged_byte_never_panics() {
    let noise = GrayImage::from_fn(60, 50, |x, y| Luma([(x * 7 + y * y) as u8]));
    for picture in [png(noise.clone()), jpeg(&noise, Some(8))] {
        for at in (0..picture.len()).step_by(picture.len() / 80) {
            let mut damaged = picture.clone();
            damaged[at] ^= 0xA5;
            let _ = convert(&damaged, None, &Options::default());
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

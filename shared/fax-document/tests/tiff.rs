//! TIFF, in and out, and the other kinds of pictures.

#![allow(clippy::unwrap_used)]

mod documents;

use std::io::Cursor;

use documents::{darkness, fax, ink, near, page, paint_a_square, pdf, refusal, type_a_line};
use fax_document::{Bitmap, Coding, Options, Paper, Resolution, convert, read_fax_pdf, write_tiff};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use tiff::encoder::colortype::{Gray8, Gray16, RGB8};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder};
use tiff::tags::Tag;

#[test]
fn our_own_pages_come_back_unchanged_from_a_tiff_of_either_coding() {
    for (paper, resolution) in [(Paper::Letter, Resolution::Fine), (Paper::A4, Resolution::Standard)] {
        let options = Options { paper, resolution, ..Options::default() };
        let made = convert(&pdf((612.0, 792.0), 0, &[type_a_line, paint_a_square]), None, &options).unwrap();
        let pages = read_fax_pdf(&made.pdf).unwrap();
        let before: Vec<Bitmap> = pages.iter().map(|page| page.decode().unwrap()).collect();
        for coding in [Coding::Group3, Coding::Group4] {
            let tiff = write_tiff(&pages, coding).unwrap();
            assert_eq!(fax(&tiff, &options), before, "{coding:?}");
        }
    }
}

/// A TIFF of two pages of 400 by 300 pixels whose left halves are black; the second page's lower half too.
fn two_pages(compression: Compression) -> Vec<u8> {
    let black = |page: u32, x: u32, y: u32| x < 200 || (page == 1 && y >= 150);
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(compression);
    let shades = |page, dark: u16, bright: u16| -> Vec<u16> {
        (0..300).flat_map(|y| (0..400).map(move |x| if black(page, x, y) { dark } else { bright })).collect()
    };
    encoder.write_image::<Gray16>(400, 300, &shades(0, 100, 65_000)).unwrap();
    let bytes: Vec<u8> = shades(1, 0, 255).into_iter().flat_map(|shade| [shade as u8; 3]).collect();
    encoder.write_image::<RGB8>(400, 300, &bytes).unwrap();
    file.into_inner()
}

#[test]
fn each_page_of_a_tiff_is_a_page_however_it_is_packed() {
    let packed = [
        ("not", Compression::Uncompressed),
        ("LZW", Compression::Lzw),
        ("PackBits", Compression::Packbits),
        ("Deflate", Compression::Deflate(DeflateLevel::Fast)),
    ];
    for (name, compression) in packed {
        let pages = fax(&two_pages(compression), &Options::default());
        assert_eq!(pages.len(), 2, "{name} packed");
        for (page, share) in pages.iter().zip([0.5, 0.75]) {
            let (left, top, right, bottom) = picture_of(page);
            assert!((darkness(page, (left, top, right, bottom)) - share).abs() < 0.02, "{name} packed");
        }
    }
}

/// Where the 400 by 300 pixels lie: at 72 to the inch, in the middle.
fn picture_of(page: &Bitmap) -> (u32, u32, u32, u32) {
    let (across, down) = (400.0 / 72.0 * 204.0, 300.0 / 72.0 * 196.0);
    let (left, top) = ((1728.0 - across) / 2.0, (f64::from(page.height()) - down) / 2.0);
    (left as u32 + 2, top as u32 + 2, (left + across) as u32 - 2, (top + down) as u32 - 2)
}

#[test]
fn a_fax_at_standard_resolution_keeps_its_shape_when_made_fine() {
    let options = Options { resolution: Resolution::Standard, ..Options::default() };
    let made = convert(&pdf((612.0, 792.0), 0, &[paint_a_square]), None, &options).unwrap();
    let tiff = write_tiff(&read_fax_pdf(&made.pdf).unwrap(), Coding::Group4).unwrap();
    let (left, top, right, bottom) = ink(&page(&tiff));
    let (across, down) = (f64::from(right - left) / 204.0, f64::from(bottom - top) / 196.0);
    assert!((across / down - 1.0).abs() < 0.03 && across > 0.9, "{across} by {down} inches");
}

#[test]
fn gif_and_webp_are_pages_too() {
    let picture = DynamicImage::ImageLuma8(GrayImage::from_pixel(144, 72, Luma([0])));
    for format in [ImageFormat::Gif, ImageFormat::WebP] {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgba8(picture.to_rgba8()).write_to(&mut bytes, format).unwrap();
        let (left, top, right, bottom) = ink(&page(&bytes.into_inner()));
        assert!(near(right - left, 408.0) && near(bottom - top, 196.0), "{format:?}");
    }
}

#[test]
fn a_tiff_cut_short_or_damaged_is_broken_and_never_a_panic() {
    let whole = two_pages(Compression::Lzw);
    for length in (8..whole.len()).step_by(whole.len() / 60) {
        assert_eq!(refusal(&whole[..length]).code(), "document_broken", "{length} bytes");
    }
    for at in (4..whole.len()).step_by(whole.len() / 200) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5A;
        let _ = convert(&damaged, None, &Options::default());
    }
    let huge = {
        let mut file = Cursor::new(Vec::new());
        TiffEncoder::new(&mut file).unwrap().write_image::<Gray8>(10, 10, &[0; 100]).unwrap();
        let mut bytes = file.into_inner();
        // The width, in the first directory's first entry.
        let width = bytes.windows(4).position(|entry| entry == [0, 1, 4, 0] || entry == [0, 1, 3, 0]).unwrap();
        bytes[width + 8..width + 12].copy_from_slice(&4_000_000_000u32.to_le_bytes());
        bytes
    };
    assert!(["document_broken", "document_too_large"].contains(&refusal(&huge).code()));
}

#[test]
fn the_pages_are_the_same_on_any_number_of_threads() {
    let document = pdf((612.0, 792.0), 0, &[type_a_line, paint_a_square, type_a_line, paint_a_square, type_a_line]);
    let on = |threads| convert(&document, None, &Options { threads, ..Options::default() }).unwrap();
    assert_eq!(on(0), on(1));
    assert_eq!(on(1), on(2));
    assert_eq!(on(2), on(7));
}

#[test]
fn a_palette_s_colours_become_their_greys() {
    // 40 by 30 pixels of four bits: the left half of colour 1, the right of colour 2. Both byte orders.
    for little in [true, false] {
        let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let row = [[0x11; 10], [0x22; 10]].concat();
        let data = row.repeat(30);
        let mut file = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        let directory = 8 + data.len() as u32;
        file.extend(long(directory));
        file.extend(&data);
        let colors = directory + 2 + 9 * 12 + 4;
        file.extend(short(9));
        for (tag, kind, count, value) in [
            (256, 3, 1, 40),
            (257, 3, 1, 30),
            (258, 3, 1, 4),
            (259, 3, 1, 1),
            (262, 3, 1, 3),
            (273, 4, 1, 8),
            (278, 3, 1, 30),
            (279, 4, 1, data.len() as u32),
            (320, 3, 48, colors),
        ] {
            file.extend([short(tag), short(kind)].concat());
            file.extend(long(count));
            if kind == 3 && count == 1 { file.extend([short(value as u16), [0; 2]].concat()) } else { file.extend(long(value)) }
        }
        file.extend(long(0));
        // Colour 1 is black, 2 white, the others grey.
        for _ in 0..3 {
            (0..16).for_each(|place| file.extend(short([0x8000, 0, 0xFFFF].get(place).copied().unwrap_or(0x8000))));
        }
        let page = page(&file);
        let (left, top, right, bottom) = ink(&page);
        assert!(right - left < bottom - top, "half of it is black");
        assert!(darkness(&page, (left, top, right, bottom)) > 0.99);
    }
}

/// A TIFF of one picture for each list of tags, 400 by 300 pixels, whose upper left quarter is black.
fn tagged(pictures: &[&[(Tag, u16)]]) -> Vec<u8> {
    let pixels: Vec<u8> = (0..300).flat_map(|y| (0..400).map(move |x| if x < 200 && y < 150 { 0 } else { 255 })).collect();
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    for tags in pictures {
        let mut picture = encoder.new_image::<Gray8>(400, 300).unwrap();
        for (tag, value) in *tags {
            picture.encoder().write_tag(*tag, *value).unwrap();
        }
        picture.write_data(&pixels).unwrap();
    }
    file.into_inner()
}

#[test]
fn a_tiff_is_turned_and_mirrored_as_it_says() {
    // By the tag's value, whose names are where the first row and the first column lie: which of the corners of the page is black.
    let black = |page: &Bitmap, right: bool, bottom: bool| {
        let (left, top, width, height) = (page.width() / 2, page.height() / 2, 200, 200);
        let (x, y) = (if right { left + 50 } else { left - 50 - width }, if bottom { top + 50 } else { top - 50 - height });
        darkness(page, (x, y, x + width, y + height)) > 0.9
    };
    let wanted = [
        (1, false, false),
        (2, true, false),
        (3, true, true),
        (4, false, true),
        (5, false, false),
        (6, true, false),
        (7, true, true),
        (8, false, true),
    ];
    for (value, right, bottom) in wanted {
        let page = page(&tagged(&[&[(Tag::Orientation, value)]]));
        for corner in [(false, false), (true, false), (false, true), (true, true)] {
            assert_eq!(black(&page, corner.0, corner.1), corner == (right, bottom), "orientation {value} at {corner:?}");
        }
        let (left, top, right, bottom) = ink(&page);
        assert_eq!(right - left > bottom - top, value < 5, "orientation {value}: which side is long");
    }
}

#[test]
fn a_small_copy_of_another_picture_is_no_page() {
    let reduced: &[(Tag, u16)] = &[(Tag::NewSubfileType, 1)];
    for (pictures, pages) in [
        (&[&[][..], reduced][..], 1),
        (&[reduced, &[]], 1),
        (&[&[], reduced, &[], reduced], 2),
        (&[reduced], 1),
        (&[&[(Tag::NewSubfileType, 2)], &[(Tag::NewSubfileType, 2)]], 2),
    ] {
        assert_eq!(fax(&tagged(pictures), &Options::default()).len(), pages, "{pictures:?}");
    }
}

/// A TIFF of one picture whose data begin at byte 8, with these entries of type LONG; several values lie behind the directory.
fn raw_tiff(data: &[u8], entries: &[(u16, &[u32])]) -> Vec<u8> {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|(tag, _)| *tag);
    let at = 8 + data.len().next_multiple_of(2);
    let mut file = [b"II\x2A\0".as_slice(), &(at as u32).to_le_bytes(), data].concat();
    file.resize(at, 0);
    file.extend((entries.len() as u16).to_le_bytes());
    let mut behind: Vec<u8> = Vec::new();
    let start = at + 2 + entries.len() * 12 + 4;
    for (tag, values) in entries {
        file.extend([tag.to_le_bytes(), 4_u16.to_le_bytes()].concat());
        file.extend((values.len() as u32).to_le_bytes());
        match values {
            [value] => file.extend(value.to_le_bytes()),
            values => {
                file.extend(((start + behind.len()) as u32).to_le_bytes());
                behind.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
    file.extend([0; 4]);
    file.extend(behind);
    file
}

#[test]
fn fax_code_in_tiles_or_without_what_has_a_default_is_read() {
    let made = convert(&pdf((612.0, 792.0), 0, &[type_a_line, paint_a_square]), None, &Options::default()).unwrap();
    let pages = read_fax_pdf(&made.pdf).unwrap();
    let data = [pages[0].g4.clone(), pages[1].g4.clone()].concat();
    let (first, second) = (pages[0].g4.len() as u32, pages[1].g4.len() as u32);
    let (offsets, lengths) = ([8, 8 + first], [first, second]);
    let size = |width: u32, height: u32| [width, height];
    let build = |size: &[u32; 2], more: &[(u16, &[u32])]| {
        let [width, height] = size;
        let all = [&[(256, std::slice::from_ref(width)), (257, std::slice::from_ref(height)), (258, &[1][..]), (259, &[4])], more].concat();
        raw_tiff(&data, &all)
    };
    let photometric: (u16, &[u32]) = (262, &[0]);
    let stacked = page(&build(&size(1728, 4312), &[photometric, (273, &offsets), (278, &[2156]), (279, &lengths)]));
    let tiles: [(u16, &[u32]); 4] = [(322, &[1728]), (323, &[2156]), (324, &offsets), (325, &lengths)];
    let tiled = |width, height| page(&build(&size(width, height), &[&[photometric][..], &tiles].concat()));
    assert!(tiled(1728, 4312) == stacked, "tiles one above the other");
    let beside = tiled(3456, 2156);
    let (left, top, right, bottom) = ink(&beside);
    assert!(right - left > 500 && bottom > top && beside.black_pixels() > 1000, "tiles side by side");
    let whole = page(&build(&size(1728, 2156), &[photometric, (273, &[8]), (278, &[2156]), (279, &[first])]));
    for (what, entries) in [
        ("RowsPerStrip", &[photometric, (273, &[8]), (279, &[first])][..]),
        ("PhotometricInterpretation", &[(273, &[8]), (278, &[2156]), (279, &[first])]),
        ("StripByteCounts", &[photometric, (273, &[8]), (278, &[2156])]),
        ("all of them", &[(273, &[8])]),
    ] {
        assert!(page(&build(&size(1728, 2156), entries)) == whole, "without {what}");
    }
    let cut = build(&size(1728, 4312), &[photometric, (322, &[1728]), (323, &[2156]), (324, &offsets), (325, &[first, second / 2])]);
    assert_eq!(refusal(&cut).code(), "document_broken");
}

#[test]
fn samples_of_any_depth_and_order_give_the_same_page() {
    const SIZE: usize = 64;
    let is_white = |x: usize, y: usize| (x / 16 + y / 16).is_multiple_of(2);
    let places = || (0..SIZE).flat_map(|y| (0..SIZE).map(move |x| (x, y)));
    let samples = |black: &[u8], white: &[u8]| -> Vec<u8> {
        places().flat_map(|(x, y)| if is_white(x, y) { white.to_vec() } else { black.to_vec() }).collect()
    };
    let of = |data: &[u8], bits: &[u32], photometric: u32, more: &[(u16, &[u32])]| {
        let (length, count) = (data.len() as u32, bits.len() as u32);
        let all: [(u16, &[u32]); 8] = [
            (256, &[SIZE as u32]),
            (257, &[SIZE as u32]),
            (258, bits),
            (259, &[1]),
            (262, &[photometric]),
            (273, &[8]),
            (277, &[count]),
            (279, &[length]),
        ];
        raw_tiff(
            data,
            &all.into_iter().filter(|(tag, _)| more.iter().all(|(other, _)| other != tag)).chain(more.iter().copied()).collect::<Vec<_>>(),
        )
    };
    let wanted = page(&of(&samples(&[0], &[255]), &[8], 1, &[]));
    let plane = samples(&[0], &[255]);
    let planes = [plane.clone(), plane.clone(), plane].concat();
    let third = (SIZE * SIZE) as u32;
    let (at, long) = ([8, 8 + third, 8 + 2 * third], [third; 3]);
    for (what, file) in [
        ("16 bits", of(&samples(&[0, 0], &[255, 255]), &[16], 1, &[])),
        ("32 bits", of(&samples(&[0; 4], &[255; 4]), &[32], 1, &[])),
        ("floating point", of(&samples(&0_f32.to_le_bytes(), &1_f32.to_le_bytes()), &[32], 1, &[(339, &[3])])),
        ("L*a*b*", of(&samples(&[0, 0, 0], &[255, 0, 0]), &[8, 8, 8], 8, &[])),
        ("colour", of(&samples(&[0; 3], &[255; 3]), &[8, 8, 8], 2, &[])),
        ("planes", of(&planes, &[8, 8, 8], 2, &[(284, &[2]), (273, &at), (279, &long)])),
        ("no StripByteCounts", raw_tiff(&samples(&[0], &[255]), &[(256, &[64]), (257, &[64]), (258, &[8]), (273, &[8]), (277, &[1])])),
    ] {
        let made = convert(&file, None, &Options::default());
        let pages = made.map(|made| read_fax_pdf(&made.pdf).unwrap()[0].decode().unwrap());
        assert!(pages.as_ref().is_ok_and(|page| *page == wanted), "{what}: {:?}", pages.err());
    }
}

/// A TIFF of the 64 by 64 pixels of `tests/strips/squares`, whose one strip is coded as `code`.
fn squares(code: u32, data: &[u8], colors: u32) -> Vec<u8> {
    let bits = vec![8; colors as usize];
    let photometric = if colors == 1 { 1 } else { 2 };
    raw_tiff(
        data,
        &[
            (256, &[64]),
            (257, &[64]),
            (258, &bits),
            (259, &[code]),
            (262, &[photometric]),
            (273, &[8]),
            (277, &[colors]),
            (279, &[data.len() as u32]),
        ],
    )
}

/// Strips by other programs' encoders: zstd 1.5, XZ Utils 5 (a difference filter before LZMA2, as libtiff has it), OpenJPEG 2.5, libwebp,
/// libjpeg-turbo.
const PACKED: [(u32, u32, &[u8]); 6] = [
    (50_000, 1, include_bytes!("strips/squares.zst")),
    (34_925, 1, include_bytes!("strips/squares.xz")),
    (34_712, 1, include_bytes!("strips/squares.j2k")),
    (33_005, 1, include_bytes!("strips/squares.j2k")),
    (50_001, 3, include_bytes!("strips/squares.webp")),
    (7, 1, include_bytes!("strips/squares.jpg")),
];

#[test]
fn newer_codes_are_read_and_those_cut_short_are_broken() {
    let plane: Vec<u8> = (0..64_usize).flat_map(|y| (0..64).map(move |x| if (x / 16 + y / 16) % 2 == 0 { 255 } else { 0 })).collect();
    let wanted = page(&squares(1, &plane, 1));
    for (code, colors, data) in PACKED {
        assert!(page(&squares(code, data, colors)) == wanted, "code {code}");
        let cut = squares(code, &data[..data.len() * 2 / 3], colors);
        assert_eq!(refusal(&cut).code(), "document_broken", "code {code}, cut short");
    }
}

#[test]
fn twelve_bits_make_the_page_that_eight_make() {
    for colors in [1, 3] {
        let sample = |at: usize| at * 37 % 256;
        let count = 64 * 64 * colors;
        let eight: Vec<u8> = (0..count).map(|at| sample(at) as u8).collect();
        // Two samples in three bytes, high bits first.
        let twelve: Vec<u8> = (0..count / 2)
            .flat_map(|pair| {
                let (a, b) = (sample(pair * 2) << 4 | 5, sample(pair * 2 + 1) << 4 | 9);
                [(a >> 4) as u8, (a << 4 | b >> 8) as u8, b as u8]
            })
            .collect();
        let file = squares(1, &twelve, colors as u32);
        let bits = vec![12_u32; colors];
        let at = file.len() - if colors == 1 { 0 } else { 12 };
        let file = if colors == 1 {
            // The one entry 258 holds its value itself.
            let entry = file.windows(8).position(|entry| entry == [2, 1, 4, 0, 1, 0, 0, 0]).unwrap();
            [&file[..entry + 8], &12_u32.to_le_bytes(), &file[entry + 12..]].concat()
        } else {
            [&file[..at], &bits.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<_>>()].concat()
        };
        assert!(page(&file) == page(&squares(1, &eight, colors as u32)), "{colors} samples");
    }
}

#[test]
fn what_is_not_read_is_refused_by_its_name_and_what_asks_for_too_much_by_its_size() {
    for (code, name) in [(34_887, "LERC"), (6, "old-style JPEG"), (50_002, "JPEG XL"), (34_661, "JBIG"), (12_345, "number 12345")] {
        let error = refusal(&squares(code, &[0; 64], 1));
        assert_eq!(error.code(), "document_type_unsupported");
        assert!(error.to_string().contains(&format!("whose pixels are coded as {name}, which is not read")), "{error}");
    }
    // A window of 4 GB: the second filter's property, the checksum of whose header is made to fit.
    let mut bomb = PACKED[1].2.to_vec();
    let header = 12..12 + (usize::from(bomb[12]) + 1) * 4;
    let property = header.clone().rev().skip(4).find(|at| bomb[*at - 2..*at] == [0x21, 1]).unwrap();
    bomb[property] = 40;
    let checksum = crc32(&bomb[header.start..header.end - 4]);
    bomb[header.end - 4..header.end].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(refusal(&squares(34_925, &bomb, 1)).code(), "document_broken");
    // One byte a row where a billion rows are told.
    let mut tall = squares(50_000, PACKED[0].2, 1);
    let height = tall.windows(8).position(|entry| entry == [1, 1, 4, 0, 1, 0, 0, 0]).unwrap();
    tall[height + 8..height + 12].copy_from_slice(&1_000_000_000_u32.to_le_bytes());
    assert_eq!(refusal(&tall).code(), "document_too_large");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg())))
}

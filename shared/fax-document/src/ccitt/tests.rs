#![allow(clippy::unwrap_used)]

use fax::encoder::Encoder;
use fax::{Color, VecWriter};
use proptest::prelude::*;

use super::*;

/// An encoder that shares no code with ours but the tables.
fn encode_otherwise(bitmap: &Bitmap) -> Vec<u8> {
    let mut encoder = Encoder::new(VecWriter::new());
    for y in 0..bitmap.height() {
        let pixels = (0..bitmap.width()).map(|x| if bitmap.is_black(x, y) { Color::Black } else { Color::White });
        let Ok(()) = encoder.encode_line(pixels, bitmap.width());
    }
    let Ok(writer) = encoder.finish();
    writer.finish()
}

fn decode_g3(g3: &[u8], width: u32, height: u32) -> Bitmap {
    let mut bitmap = Bitmap::white(width, height);
    let settings = DecodeSettings {
        columns: width,
        rows: height,
        end_of_block: false,
        end_of_line: true,
        rows_are_byte_aligned: false,
        encoding: EncodingMode::Group3_1D,
        strict: true,
    };
    let mut rows = Rows::new(width, height);
    hayro_ccitt::decode(g3, &mut rows, &mut DecoderContext::new(settings)).unwrap();
    assert_eq!(rows.next, height);
    std::mem::swap(&mut bitmap, &mut rows.bitmap);
    bitmap
}

/// The decoder that comes with the encoder shares no code with the one under `decode`.
fn decode_otherwise(g4: &[u8], width: u32, height: u32) -> Bitmap {
    let mut bitmap = Bitmap::white(width, height);
    let mut y = 0;
    fax::decoder::decode_g4(g4.iter().copied(), width, Some(height), |line| {
        for (x, color) in (0..).zip(fax::decoder::pels(line, width)) {
            if color == Color::Black {
                bitmap.blacken(x, y);
            }
        }
        y += 1;
    })
    .unwrap();
    assert_eq!(y, height);
    bitmap
}

fn from_runs(width: u32, rows: &[Vec<u16>]) -> Bitmap {
    let mut bitmap = Bitmap::white(width, rows.len() as u32);
    for (y, runs) in (0..).zip(rows) {
        let (mut x, mut black) = (0, false);
        for &run in runs {
            let end = x + u32::from(run);
            if black {
                (x..end.min(width)).for_each(|x| bitmap.blacken(x, y));
            }
            (x, black) = (end, !black);
        }
    }
    bitmap
}

fn assert_round_trip(bitmap: &Bitmap) {
    let g4 = encode_g4(bitmap);
    assert_eq!(&decode(&g4, bitmap.width(), bitmap.height()).unwrap(), bitmap);
    assert_eq!(&decode_otherwise(&g4, bitmap.width(), bitmap.height()), bitmap);
    assert_eq!(g4.len(), encode_otherwise(bitmap).len(), "T.6 leaves no choice of code");
    assert_eq!(&decode_g3(&encode_g3(bitmap), bitmap.width(), bitmap.height()), bitmap);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_encoded_is_what_two_decoders_see(
        width in prop_oneof![Just(1728_u32), 1_u32..80, 2500_u32..6000],
        rows in prop::collection::vec(prop::collection::vec(prop_oneof![0_u16..6, 0_u16..70, 0_u16..3000], 0..40), 1..12),
    ) {
        assert_round_trip(&from_runs(width, &rows));
    }

    #[test]
    fn rows_that_nearly_repeat_use_the_vertical_codes_and_survive(
        first in prop::collection::vec(1_u16..40, 1..60),
        steps in prop::collection::vec((0_usize..60, 0_u16..4), 1..20),
    ) {
        let mut rows = vec![first];
        for (at, by) in steps {
            let mut row = rows.last().unwrap().clone();
            let at = at % row.len();
            row[at] += by;
            rows.push(row);
        }
        assert_round_trip(&from_runs(1728, &rows));
    }

    #[test]
    fn damaged_code_is_an_error_or_a_page_but_never_a_panic(code in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(bitmap) = decode(&code, 1728, 20) {
            prop_assert_eq!((bitmap.width(), bitmap.height()), (1728, 20));
        }
    }
}

#[test]
fn an_all_white_page_takes_one_bit_a_row() {
    let g4 = encode_g4(&Bitmap::white(1728, 2156));
    assert_eq!(g4.len(), (2156_usize + 24).div_ceil(8));
}

#[test]
fn code_that_ends_early_is_damaged() {
    let mut bitmap = Bitmap::white(1728, 60);
    (0..60).for_each(|y| bitmap.blacken(y * 20, y));
    let g4 = encode_g4(&bitmap);
    assert_eq!(decode(&g4[..g4.len() / 2], 1728, 60), Err(ReadError::Damaged));
    assert_eq!(decode(&g4, 1728, 61), Err(ReadError::Damaged));
}

#[test]
fn the_beginning_of_a_code_gives_its_rows_as_far_as_they_are_whole() {
    let mut bitmap = Bitmap::white(1728, 60);
    (0..60).for_each(|y| (0..y).for_each(|x| bitmap.blacken(x * 28, y)));
    let g4 = encode_g4(&bitmap);
    let mut most = 0;
    for bytes in 0..g4.len() {
        let beginning = decode_beginning(&g4[..bytes], 1728, 60);
        let same = (0..60).take_while(|y| beginning.row(*y) == bitmap.row(*y)).count() as u32;
        assert!((same..60).all(|y| beginning.row(y).iter().all(|byte| *byte == 0)), "white below row {same}");
        assert!(same >= most, "more code is never less page");
        most = same;
    }
    assert!(most >= 59);
}

#[test]
fn code_with_rows_to_spare_is_damaged() {
    assert!(decode(&encode_g4(&Bitmap::white(1728, 60)), 1728, 59).is_err());
}

//! Group 4 (ITU-T T.6) code of a page.

use fax::{Color, VecWriter, encoder::Encoder};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};

use crate::bitmap::Bitmap;
use crate::error::ReadError;

/// The page's T.6 code, closed by an EOFB.
pub(crate) fn encode(bitmap: &Bitmap) -> Vec<u8> {
    let mut encoder = Encoder::new(VecWriter::new());
    for y in 0..bitmap.height() {
        let bits = bitmap.row(y).iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0));
        let pixels = bits.take(bitmap.width() as usize).map(|black| if black { Color::Black } else { Color::White });
        let Ok(()) = encoder.encode_line(pixels, bitmap.width());
    }
    let Ok(writer) = encoder.finish();
    writer.finish()
}

/// The page behind T.6 code: exactly `height` rows, no more and no fewer.
pub(crate) fn decode(g4: &[u8], width: u32, height: u32) -> Result<Bitmap, ReadError> {
    let settings = DecodeSettings {
        columns: width,
        rows: height,
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned: false,
        encoding: EncodingMode::Group4,
        strict: true,
    };
    let mut rows = Rows { bitmap: Bitmap::white(width, height), next: 0 };
    let used = hayro_ccitt::decode(g4, &mut rows, &mut DecoderContext::new(settings)).map_err(|_| ReadError::Damaged)?;
    if rows.next == height && used == g4.len() { Ok(rows.bitmap) } else { Err(ReadError::Damaged) }
}

struct Rows {
    bitmap: Bitmap,
    next: u32,
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        for run in changes.chunks(2) {
            let start = run.first().copied().unwrap_or(0);
            let end = run.get(1).copied().unwrap_or(self.bitmap.width()).min(self.bitmap.width());
            (start..end).for_each(|x| self.bitmap.blacken(x, self.next));
        }
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

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
        let g4 = encode(bitmap);
        assert_eq!(&decode(&g4, bitmap.width(), bitmap.height()).unwrap(), bitmap);
        assert_eq!(&decode_otherwise(&g4, bitmap.width(), bitmap.height()), bitmap);
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
        let g4 = encode(&Bitmap::white(1728, 2156));
        assert_eq!(g4.len(), (2156_usize + 24).div_ceil(8));
    }

    #[test]
    fn code_that_ends_early_is_damaged() {
        let mut bitmap = Bitmap::white(1728, 60);
        (0..60).for_each(|y| bitmap.blacken(y * 20, y));
        let g4 = encode(&bitmap);
        assert_eq!(decode(&g4[..g4.len() / 2], 1728, 60), Err(ReadError::Damaged));
        assert_eq!(decode(&g4, 1728, 61), Err(ReadError::Damaged));
    }

    #[test]
    fn code_with_rows_to_spare_is_damaged() {
        assert!(decode(&encode(&Bitmap::white(1728, 60)), 1728, 59).is_err());
    }
}

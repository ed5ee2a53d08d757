//! Glyphs added to a font in the Compact Font Format (Adobe Technical Notes 5176, the format, and 5177, the outlines).

use std::ops::Range;

/// A glyph to be added: its name, and its outline as a Type 2 charstring.
pub(super) struct Added {
    pub(super) name: String,
    pub(super) charstring: Vec<u8>,
}

/// Operators of the Top DICT (5176, table 9).
const CHARSET: u8 = 15;
const ENCODING: u8 = 16;
const CHARSTRINGS: u8 = 17;
const PRIVATE: u8 = 18;
/// Strings that every font has (5176, appendix A).
const STANDARD_STRINGS: usize = 391;

/// The font with more glyphs. `None` if it is not one that is drawn by glyph names, or damaged.
///
/// Its own encoding is left out: the stand-in fonts are used by names alone.
pub(super) fn with_glyphs(font: &[u8], added: &[Added]) -> Option<Vec<u8>> {
    let names_at = usize::from(*font.get(2)?);
    let (_, tops_at) = index(font, names_at)?;
    let (tops, strings_at) = index(font, tops_at)?;
    let (strings, subroutines_at) = index(font, strings_at)?;
    let (_, rest_at) = index(font, subroutines_at)?;
    let top = top_dict(font.get(tops.first()?.clone())?)?;
    let number = |operator: u8| top.iter().find(|(at, _)| at == &[operator]).map(|(_, operands)| operands);
    let glyphs_at = usize::try_from(integers(number(CHARSTRINGS)?)?.first().copied()?).ok()?;
    let (glyphs, _) = index(font, glyphs_at)?;
    let charset = match number(CHARSET) {
        Some(at) => usize::try_from(integers(at)?.first().copied()?).ok()?,
        None => 0,
    };
    let mut ids = charset_of(font, charset, glyphs.len())?;
    for place in 0..added.len() {
        ids.push(u16::try_from(STANDARD_STRINGS + strings.len() + place).ok()?);
    }

    let mut all: Vec<&[u8]> = strings.iter().map(|range| font.get(range.clone())).collect::<Option<_>>()?;
    all.extend(added.iter().map(|glyph| glyph.name.as_bytes()));
    let strings = write_index(&all)?;
    let mut all: Vec<&[u8]> = glyphs.iter().map(|range| font.get(range.clone())).collect::<Option<_>>()?;
    all.extend(added.iter().map(|glyph| glyph.charstring.as_slice()));
    let glyphs = write_index(&all)?;

    // Every number that changes takes five bytes whatever its value, so that the length is known before the values are.
    let write_top = |shift: i32, charset: i32, glyphs: i32| {
        let mut dict = Vec::new();
        for (operator, operands) in &top {
            match operator.as_slice() {
                [CHARSET] | [CHARSTRINGS] | [ENCODING] => continue,
                [PRIVATE] => {
                    let [size, offset] = *integers(operands)?.as_slice() else { return None };
                    dict.extend(integer(size).into_iter().chain(integer(offset.checked_add(shift)?)));
                }
                _ => dict.extend_from_slice(operands),
            }
            dict.extend_from_slice(operator);
        }
        dict.extend(integer(charset));
        dict.push(CHARSET);
        dict.extend(integer(glyphs));
        dict.push(CHARSTRINGS);
        write_index(&[&dict])
    };
    let start = tops_at + write_top(0, 0, 0)?.len() + strings.len() + (rest_at - subroutines_at);
    let shift = i32::try_from(start).ok()?.checked_sub(i32::try_from(rest_at).ok()?)?;
    let charset_at = start + (font.len() - rest_at);
    let glyphs_at = charset_at + 1 + 2 * ids.len();
    let top = write_top(shift, i32::try_from(charset_at).ok()?, i32::try_from(glyphs_at).ok()?)?;

    let mut made = font.get(..tops_at)?.to_vec();
    made.extend(top);
    made.extend(strings);
    made.extend_from_slice(font.get(subroutines_at..)?);
    // Format 0: the names one by one, without that of `.notdef`.
    made.push(0);
    made.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
    made.extend(glyphs);
    Some(made)
}

/// The parts of the INDEX at `at`, and where it ends (5176, 5).
fn index(font: &[u8], at: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let count = usize::from(u16::from_be_bytes(*font.get(at..)?.first_chunk()?));
    if count == 0 {
        return Some((Vec::new(), at + 2));
    }
    let size = usize::from(*font.get(at + 2)?);
    let offset = |place: usize| {
        let start = at + 3 + place * size;
        let value = font.get(start..start + size)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        // Offsets count from the byte before the data.
        (at + 2 + (count + 1) * size).checked_add(value)
    };
    let parts: Vec<_> = (0..count).map(|place| Some(offset(place)?..offset(place + 1)?)).collect::<Option<_>>()?;
    Some((parts, offset(count)?))
}

fn write_index(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut made = u16::try_from(parts.len()).ok()?.to_be_bytes().to_vec();
    if parts.is_empty() {
        return Some(made);
    }
    made.push(4);
    let mut offset = 1_u32;
    made.extend(offset.to_be_bytes());
    for part in parts {
        offset = offset.checked_add(u32::try_from(part.len()).ok()?)?;
        made.extend(offset.to_be_bytes());
    }
    parts.iter().for_each(|part| made.extend_from_slice(part));
    Some(made)
}

/// The operators of a DICT, each with the bytes of its operands (5176, 4). `None` for a font whose glyphs have numbers in place of names.
fn top_dict(dict: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    const ESCAPE: u8 = 12;
    const NUMBERED: u8 = 30;
    let (mut operators, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(byte) = dict.get(at) {
        let length = match byte {
            &ESCAPE if dict.get(at + 1)? == &NUMBERED => return None,
            &ESCAPE => 2,
            0..=21 => 1,
            _ => {
                at += operand_length(dict, at)?;
                continue;
            }
        };
        operators.push((dict.get(at..at + length)?.to_vec(), dict.get(start..at)?.to_vec()));
        at += length;
        start = at;
    }
    Some(operators)
}

fn operand_length(dict: &[u8], at: usize) -> Option<usize> {
    match *dict.get(at)? {
        28 => Some(3),
        29 => Some(5),
        // A decimal number ends with a half byte of ones.
        30 => dict.get(at + 1..)?.iter().position(|byte| byte & 0x0F == 0x0F || byte >> 4 == 0x0F).map(|end| end + 2),
        32..=246 => Some(1),
        247..=254 => Some(2),
        _ => None,
    }
}

fn integers(operands: &[u8]) -> Option<Vec<i32>> {
    let (mut numbers, mut at) = (Vec::new(), 0);
    while at < operands.len() {
        let length = operand_length(operands, at)?;
        numbers.push(match *operands.get(at..at + length)? {
            [byte @ 32..=246] => i32::from(byte) - 139,
            [high @ 247..=250, low] => (i32::from(high) - 247) * 256 + i32::from(low) + 108,
            [high @ 251..=254, low] => -(i32::from(high) - 251) * 256 - i32::from(low) - 108,
            [28, high, low] => i32::from(i16::from_be_bytes([high, low])),
            [29, a, b, c, d] => i32::from_be_bytes([a, b, c, d]),
            _ => return None,
        });
        at += length;
    }
    Some(numbers)
}

fn integer(number: i32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [29, a, b, c, d]
}

/// The names' numbers of all glyphs but the first (5176, 13).
fn charset_of(font: &[u8], at: usize, glyphs: usize) -> Option<Vec<u16>> {
    let wanted = glyphs.checked_sub(1)?;
    match at {
        0 => return (1..glyphs).map(|id| u16::try_from(id).ok()).collect(),
        1 | 2 => return None,
        _ => {}
    }
    let short = |at: usize| Some(u16::from_be_bytes(*font.get(at..)?.first_chunk()?));
    let format = *font.get(at)?;
    let mut ids = Vec::with_capacity(wanted);
    let mut at = at + 1;
    while ids.len() < wanted {
        let first = short(at)?;
        let (more, length) = match format {
            0 => (0, 2),
            1 => (u16::from(*font.get(at + 2)?), 3),
            2 => (short(at + 2)?, 4),
            _ => return None,
        };
        for id in (first..=first.checked_add(more)?).take(wanted - ids.len()) {
            ids.push(id);
        }
        at += length;
    }
    Some(ids)
}

//! Plain text, typed as on a line printer: 80 columns, 6 lines to the inch or nearly, all of one size.

use std::borrow::Cow;

use super::Sink;
use super::font::Font;
use crate::COLUMNS;
use crate::error::DocumentError;
use crate::gray::Gray;
use crate::media_type::{is_stray_control, text_of, utf16_order, without_padding};
use crate::options::Limits;
use crate::sheet::{DPI_X, Sheet};

/// Characters in a line; longer lines go on in the next.
const LINE: usize = 80;
/// Width of a character in pixels.
const ADVANCE: u32 = 18;
/// Height of a line in inches, and white above and below the text.
const PITCH: f64 = 34.0 / 196.0;
const MARGIN: f64 = 0.75;
/// From the top of a line to its baseline, in parts of its height.
const ASCENT: f64 = 0.79;
/// Every how many characters there is a tab stop.
const TAB: usize = 8;

/// What ends a line besides line feed and carriage return: VT, NEL, and Unicode's separators of lines and paragraphs.
const BREAKS: [char; 4] = ['\u{B}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Draws text, whose encoding may be named by the type `declared`. A form feed starts a new page.
pub(crate) fn draw(bytes: &[u8], declared: Option<&str>, sheet: &Sheet, limits: &Limits, sink: &mut Sink<'_>) -> Result<(), DocumentError> {
    let text = &*decode(bytes, declared)?;
    let mut font = Font::new(ADVANCE as f32, (sheet.dpi_y / DPI_X) as f32)?;
    check_characters(text, &font)?;
    let lines = ((f64::from(sheet.rows) / sheet.dpi_y - 2.0 * MARGIN) / PITCH) as usize;
    let pages = paginate(text, lines);
    limits.check_pages(pages.len())?;
    for lines in pages {
        limits.check_deadline()?;
        let mut page = Gray::white(COLUMNS, sheet.rows);
        for (number, line) in lines.iter().enumerate() {
            let baseline = (MARGIN + PITCH * (number as f64 + ASCENT)) * sheet.dpi_y;
            type_line(line, &mut font, &mut page, baseline.round() as u32);
        }
        sink(page)?;
    }
    Ok(())
}

fn decode<'a>(bytes: &'a [u8], declared: Option<&str>) -> Result<Cow<'a, str>, DocumentError> {
    let is_utf16 = utf16_order(bytes, declared).is_some();
    let bytes = if is_utf16 { bytes } else { without_padding(bytes) };
    if !is_utf16 && let Some(at) = bytes.iter().position(|byte| is_stray_control(char::from(*byte)) && *byte < 0x80) {
        let byte = bytes.get(at).copied().unwrap_or(0);
        let hint = if byte == 0 { "; UTF-16 must begin with a byte order mark or be named by the charset" } else { "" };
        return Err(DocumentError::unsupported(format!(
            "byte {} is the control character 0x{byte:02X}, which text does not have{hint}",
            at + 1
        )));
    }
    let text = text_of(bytes, declared).ok_or_else(|| match std::str::from_utf8(bytes) {
        Err(error) if !is_utf16 => DocumentError::broken(format!("the text is not UTF-8 from byte {} on", error.valid_up_to() + 1)),
        _ => DocumentError::broken("the text is not the UTF-16 that its first bytes or its type say it is"),
    })?;
    if text.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return Err(DocumentError::empty("the text has nothing but white space"));
    }
    Ok(text)
}

/// Refuses characters that would be lost, or set in the wrong order or shape.
fn check_characters(text: &str, font: &Font) -> Result<(), DocumentError> {
    let mut line = 1_usize;
    for c in text.chars() {
        line += usize::from(c == '\n');
        let fine =
            matches!(c, '\n' | '\r' | '\t' | '\u{C}') || BREAKS.contains(&c) || is_invisible(c) || (font.has(c) && !is_right_to_left(c));
        if !fine {
            let code = u32::from(c);
            return Err(DocumentError::unsupported(format!(
                "the text has the character U+{code:04X} in line {line}, which cannot be printed; send it as a PDF instead"
            )));
        }
    }
    Ok(())
}

/// The lines of each page. Pages without text at either end are left out.
fn paginate(text: &str, lines: usize) -> Vec<Vec<String>> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace(BREAKS, "\n");
    let sections = text.trim_matches(|c: char| c == '\u{C}').split('\u{C}');
    let mut pages = Vec::new();
    for section in sections {
        let mut wrapped: Vec<String> = section.trim_end().split('\n').flat_map(wrap).collect();
        while wrapped.len() > lines.max(1) {
            let rest = wrapped.split_off(lines.max(1));
            pages.push(std::mem::replace(&mut wrapped, rest));
        }
        pages.push(wrapped);
    }
    let is_blank = |page: &Vec<String>| page.iter().all(|line| line.trim().is_empty());
    while pages.last().is_some_and(is_blank) {
        pages.pop();
    }
    let first = pages.iter().position(|page| !is_blank(page)).unwrap_or(0);
    pages.split_off(first)
}

/// Breaks a line at spaces so that no part is longer than [`LINE`], or anywhere if there are none, and sets tabs.
fn wrap(line: &str) -> Vec<String> {
    let (mut done, mut current, mut columns) = (Vec::new(), String::new(), 0);
    let mut last_space = None;
    for c in line.chars().filter(|c| !is_invisible(*c)) {
        if c == '\t' {
            let to = (columns / TAB + 1) * TAB;
            current.extend(std::iter::repeat_n(' ', to.min(LINE) - columns));
            columns = to.min(LINE);
            last_space = Some(current.len());
            continue;
        }
        if is_mark(c) {
            current.push(c);
            continue;
        }
        if columns == LINE {
            let rest = match last_space.filter(|at| c != ' ' && current.get(..*at).is_some_and(|start| !start.trim().is_empty())) {
                Some(at) => current.split_off(at),
                None => String::new(),
            };
            columns = rest.chars().filter(|c| !is_mark(*c)).count();
            done.push(std::mem::replace(&mut current, rest));
            last_space = None;
            if c == ' ' {
                continue;
            }
        }
        current.push(c);
        columns += 1;
        if c == ' ' {
            last_space = Some(current.len());
        }
    }
    done.push(current);
    done
}

fn type_line(line: &str, font: &mut Font, page: &mut Gray, baseline: u32) {
    let left = (COLUMNS - LINE as u32 * ADVANCE) / 2;
    let mut column = 0_u32;
    for c in line.chars() {
        // A mark goes over the character before it.
        let at = if is_mark(c) { column.saturating_sub(1) } else { column };
        font.draw(c, page, left + at * ADVANCE, baseline);
        column += u32::from(!is_mark(c));
    }
}

/// Combining accents, as in text whose accented letters are spelled in two parts.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// Hints to programs that print nothing: soft hyphens, joiners, byte order marks, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Hebrew, Arabic and their kin. The font has some of them, but they would run backwards and unjoined.
pub(crate) fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_breaks_at_a_space() {
        let line = format!("{} {}", "a".repeat(50), "b".repeat(50));
        assert_eq!(wrap(&line), ["a".repeat(50) + " ", "b".repeat(50)]);
    }

    #[test]
    fn a_line_without_spaces_breaks_at_its_eightieth_character() {
        assert_eq!(wrap(&"é".repeat(161)), ["é".repeat(80), "é".repeat(80), "é".into()]);
        assert_eq!(wrap(&"x".repeat(80)).len(), 1);
    }

    #[test]
    fn an_accent_spelled_apart_takes_no_column() {
        assert_eq!(wrap(&"e\u{301}".repeat(80)).len(), 1);
    }

    #[test]
    fn a_break_does_not_lose_or_repeat_a_character() {
        let line = (0..60).map(|i| "word ".repeat(i % 4) + &"y".repeat(i)).collect::<Vec<_>>().join("  ");
        let kept: String = wrap(&line).concat();
        assert_eq!(kept.replace(' ', ""), line.replace(' ', ""));
        assert!(wrap(&line).iter().all(|part| part.chars().count() <= LINE));
    }

    #[test]
    fn tabs_stop_at_every_eighth_column() {
        assert_eq!(wrap("a\tb\t\tc"), ["a       b               c"]);
        assert!(wrap(&"\t".repeat(30)).iter().all(|part| part.len() <= LINE));
    }

    #[test]
    fn a_form_feed_starts_a_page_and_blank_pages_at_the_ends_are_left_out() {
        assert_eq!(paginate("\u{C}a\u{C}\u{C}b\r\n\u{C}", 50), [vec!["a"], vec![""], vec!["b"]]);
    }

    #[test]
    fn text_longer_than_a_page_goes_on_with_the_next_line() {
        let text: String = (1..=125).map(|n| format!("{n}\r\n")).collect();
        let pages = paginate(&text, 50);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 25]);
        assert_eq!(pages.concat(), (1..=125).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

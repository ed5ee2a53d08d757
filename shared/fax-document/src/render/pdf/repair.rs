//! Mistakes of programs that wrote a PDF, mended before it is parsed.

/// How near to its end a PDF without `%%EOF` must say where its table of objects is.
const START_WITHIN: usize = 64;

/// How far before `stream` its dictionary may begin, to be looked at.
const LONGEST_DICTIONARY: usize = 4096;

/// The file with two mistakes mended for which the parser would lose a stream.
pub(super) fn mended(bytes: &[u8]) -> Vec<u8> {
    with_ends(without_spaces(bytes))
}

/// Where the word `stream` begins.
fn streams(file: &[u8]) -> impl Iterator<Item = usize> {
    let is_word = |window: &[u8]| matches!(window, [b'\n' | b'\r' | b'>' | b' ', word @ ..] if word == b"stream");
    file.windows(7).enumerate().filter(move |(_, window)| is_word(window)).map(|(at, _)| at + 1)
}

/// The file with the spaces that some programs write between `stream` and the end of its line moved before the word: the parser takes
/// them for data (ISO 32000-1, 7.3.8.1).
fn without_spaces(bytes: &[u8]) -> Vec<u8> {
    let mut mended = bytes.to_vec();
    for at in streams(bytes) {
        let after = bytes.get(at + 6..).unwrap_or_default();
        let spaces = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if spaces > 0
            && matches!(after.get(spaces), Some(b'\n' | b'\r'))
            && let Some(place) = mended.get_mut(at..at + 6 + spaces)
        {
            place.rotate_right(spaces);
        }
    }
    mended
}

/// The file with `endstream` written where it is missing: where what follows as many bytes of data as the dictionary says is `endobj`
/// (ISO 32000-1, 7.3.8.1). Else the parser takes everything up to the next stream's end for data.
fn with_ends(file: Vec<u8>) -> Vec<u8> {
    let is_missing = |end: &usize| file.get(*end..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"endobj"));
    let ends: Vec<usize> = streams(&file).filter_map(|at| end_of_data(&file, at)).filter(is_missing).collect();
    if ends.is_empty() {
        return file;
    }
    let mut made = Vec::with_capacity(file.len() + 11 * ends.len());
    let mut copied = 0;
    for end in ends {
        // A word within other data may give an end that lies before the last one.
        let Some(part) = file.get(copied..end) else { continue };
        made.extend_from_slice(part);
        made.extend_from_slice(b"\nendstream\n");
        copied = end;
    }
    made.extend_from_slice(file.get(copied..).unwrap_or_default());
    made
}

/// Where the data end of the stream whose word is at `at`, if its dictionary says so itself.
fn end_of_data(file: &[u8], at: usize) -> Option<usize> {
    let before = file.get(at.saturating_sub(LONGEST_DICTIONARY)..at)?;
    let begin = before.windows(4).rposition(|window| window == b" obj")?;
    let dictionary = before.get(begin..)?;
    let length = dictionary.windows(8).position(|window| matches!(window, [b'/', b'L', b'e', b'n', b'g', b't', b'h', b' ']))?;
    let value = dictionary.get(length + 8..)?.trim_ascii_start();
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Another number behind it makes it a reference to an object that holds the length.
    if value.get(digits..)?.trim_ascii_start().first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()?;
    let start = match file.get(at + 6..)? {
        [b'\r', b'\n', ..] => at + 8,
        [b'\r' | b'\n', ..] => at + 7,
        _ => return None,
    };
    start.checked_add(length)
}

/// Whether nothing is missing of the PDF's end. After the last `%%EOF` there may be padding or anything else that is no object, for an
/// object there begins an update that is not all there. Without an `%%EOF`, the trailer must be the last that is there, or the table of
/// objects must lie where the last line says.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    let find_last = |what: &[u8], within: &[u8]| within.windows(what.len()).rposition(|window| window == what);
    let end = find_last(b"%%EOF", bytes);
    let after = bytes.get(end.map_or(0, |at| at + 5)..).unwrap_or_default();
    let is_object = |window: &[u8]| {
        matches!(window, [number, space, b'o', b'b', b'j']
        if number.is_ascii_digit() && space.is_ascii_whitespace())
    };
    if end.is_some() && !after.windows(5).any(is_object) {
        return true;
    }
    let trailer = find_last(b"trailer", after).and_then(|at| after.get(at..)).unwrap_or_default();
    if trailer.windows(2).any(|window| window == b">>") && !trailer.windows(5).any(is_object) {
        return true;
    }
    let tail = bytes.get(bytes.len().saturating_sub(START_WITHIN)..).unwrap_or_default();
    let start = find_last(b"startxref", tail).and_then(|at| tail.get(at + 9..)).map(<[u8]>::trim_ascii);
    // What follows the number may be a misspelt `%%EOF`.
    let start = start.map(|text| text.split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default());
    let start = start.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse::<usize>().ok());
    let table = start.and_then(|at| bytes.get(at..)).unwrap_or_default();
    let table = table.get(..table.len().min(24)).unwrap_or_default();
    table.starts_with(b"xref") || table.windows(5).any(is_object)
}

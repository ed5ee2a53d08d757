//! Whether a page's content is to be had: a page must not go out blank because it cannot be read.

use std::io::{self, Read as _};

use flate2::read::DeflateDecoder;
use hayro::hayro_syntax::object::{Array, MaybeRef, Name, ObjRef, Object, Stream};
use hayro::hayro_syntax::page::Page;

/// Bytes of a page's content that are unpacked at most to be looked at.
const LONGEST: u64 = 128 << 20;

/// Whether all streams of a page's content can be read, a page of `file`. One that is nowhere in the file counts as empty (ISO 32000-1, 7.3.10).
pub(super) fn can_be_read(page: &Page<'_>, file: &[u8]) -> bool {
    all_streams(page, is_sound, |reference| !is_in_file(file, reference))
}

/// Whether some of a page's content is packed and ends before what is packed does.
pub(super) fn is_cut_short(page: &Page<'_>) -> bool {
    !all_streams(page, |stream| !is_deflated(stream) || unpacked(stream).is_ok(), |_| true)
}

/// Whether all streams of a page's content are so, and of those that are not there the references.
fn all_streams(page: &Page<'_>, is: impl Fn(&Stream<'_>) -> bool, may_lack: impl Fn(ObjRef) -> bool) -> bool {
    let Some(contents) = page.raw().get_raw::<Object<'_>>("Contents") else { return true };
    let list = page.raw().get::<Array<'_>>("Contents");
    let parts: Vec<MaybeRef<Object<'_>>> = list.map_or_else(|| vec![contents], |list| list.raw_iter().collect());
    parts.into_iter().all(|part| {
        let (object, reference) = match part {
            MaybeRef::Ref(reference) => (page.xref().get::<Object<'_>>(reference.into()), Some(reference)),
            MaybeRef::NotRef(object) => (Some(object), None),
        };
        match object {
            Some(Object::Stream(stream)) => is(&stream),
            Some(_) => true,
            None => reference.is_none_or(&may_lack),
        }
    })
}

/// Whether the interpreter, which stops at a bracket that belongs to nothing, reads all that a page's content paints.
pub(super) fn is_read_to_its_end(page: &Page<'_>) -> bool {
    let content = page.page_stream().unwrap_or_default();
    if has_pairs(content) {
        return true;
    }
    let mut end = 0;
    let mut operations = page.operations();
    while let Some(operation) = operations.next() {
        let name: &[u8] = operation.operator;
        let at = (name.as_ptr() as usize).checked_sub(content.as_ptr() as usize);
        end = at.filter(|at| *at < content.len()).map_or(end, |at| at + name.len());
    }
    let rest = content.get(end..).unwrap_or_default();
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"()<>[]{}/%".contains(byte);
    !rest.split(is_end).any(|word| PAINTING.contains(&word))
}

/// Operators that leave something on the page (ISO 32000-1, annex A).
const PAINTING: [&[u8]; 17] =
    [b"Tj", b"TJ", b"'", b"\"", b"Do", b"sh", b"f", b"F", b"f*", b"S", b"s", b"B", b"B*", b"b", b"b*", b"BI", b"EI"];

/// Whether there are as many opening brackets of each kind as closing ones, and no braces: then none is likely to stop the interpreter.
fn has_pairs(content: &[u8]) -> bool {
    // In pieces so short that eight bits count them, which is quick.
    let of = |wanted: u8| -> usize {
        content.chunks(255).map(|piece| usize::from(piece.iter().map(|byte| u8::from(*byte == wanted)).sum::<u8>())).sum()
    };
    of(b'(') == of(b')') && of(b'[') == of(b']') && of(b'<') == of(b'>') && of(b'{') + of(b'}') == 0
}

/// Whether a stream can be read to its end. What is packed may lack its checksum or its last mark: programs leave them out.
fn is_sound(stream: &Stream<'_>) -> bool {
    if !is_deflated(stream) {
        return stream.decoded_data().is_ok();
    }
    match unpacked(stream) {
        // An empty one takes eight bytes.
        Ok(0) => stream.raw_data().len() <= 16,
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::UnexpectedEof && !stream.decoded_data().unwrap_or_default().is_empty(),
    }
}

fn is_deflated(stream: &Stream<'_>) -> bool {
    matches!(stream.dict().get::<Name<'_>>("Filter").as_deref(), Some(b"FlateDecode" | b"Fl"))
}

/// How many bytes are packed in a deflated stream.
fn unpacked(stream: &Stream<'_>) -> io::Result<u64> {
    let data = stream.raw_data();
    // Programs call a stream packed that has nothing in it.
    if data.trim_ascii().is_empty() {
        return Ok(0);
    }
    // Behind the two bytes of its head (RFC 1950, 2.2).
    let head = data.iter().take_while(|byte| byte.is_ascii_whitespace()).count() + 2;
    io::copy(&mut DeflateDecoder::new(data.get(head..).unwrap_or_default()).take(LONGEST), &mut io::sink())
}

/// Whether an object of this number begins somewhere in the file, readable or not.
fn is_in_file(file: &[u8], reference: ObjRef) -> bool {
    let head = format!("{} {} obj", reference.obj_number, reference.gen_number).into_bytes();
    let begins = |at: usize| at.checked_sub(1).and_then(|before| file.get(before)).is_none_or(|byte| byte.is_ascii_whitespace());
    file.windows(head.len()).enumerate().any(|(at, window)| window == head && begins(at))
}

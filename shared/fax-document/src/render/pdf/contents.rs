//! Whether a page's content is to be had: a page must not go out blank because it cannot be read.

use std::io::{self, Read as _};

use flate2::read::DeflateDecoder;
use hayro::hayro_syntax::object::{Array, MaybeRef, Name, ObjRef, Object, Stream};
use hayro::hayro_syntax::page::Page;

/// Bytes of a page's content that are unpacked at most to be looked at.
const LONGEST: u64 = 128 << 20;

/// Whether all streams of a page's content can be read, a page of `file`. One that is nowhere in the file counts as empty (ISO 32000-1, 7.3.10).
pub(super) fn can_be_read(page: &Page<'_>, file: &[u8]) -> bool {
    let Some(contents) = page.raw().get_raw::<Object<'_>>("Contents") else { return true };
    let list = page.raw().get::<Array<'_>>("Contents");
    let parts: Vec<MaybeRef<Object<'_>>> = list.map_or_else(|| vec![contents], |list| list.raw_iter().collect());
    parts.into_iter().all(|part| {
        let (object, reference) = match part {
            MaybeRef::Ref(reference) => (page.xref().get::<Object<'_>>(reference.into()), Some(reference)),
            MaybeRef::NotRef(object) => (Some(object), None),
        };
        match object {
            Some(Object::Stream(stream)) => is_sound(&stream),
            Some(_) => true,
            None => reference.is_none_or(|reference| !is_in_file(file, reference)),
        }
    })
}

/// Whether a stream can be read to its end. What is packed may lack its checksum or its last mark: programs leave them out.
fn is_sound(stream: &Stream<'_>) -> bool {
    let data = stream.raw_data();
    let is_deflated = matches!(stream.dict().get::<Name<'_>>("Filter").as_deref(), Some(b"FlateDecode" | b"Fl"));
    if !is_deflated {
        return stream.decoded_data().is_ok();
    }
    // Behind the two bytes of its head (RFC 1950, 2.2). An empty one takes eight bytes.
    let head = data.iter().take_while(|byte| byte.is_ascii_whitespace()).count() + 2;
    let read = io::copy(&mut DeflateDecoder::new(data.get(head..).unwrap_or_default()).take(LONGEST), &mut io::sink());
    match read {
        Ok(0) => data.len() <= 16,
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::UnexpectedEof && !stream.decoded_data().unwrap_or_default().is_empty(),
    }
}

/// Whether an object of this number begins somewhere in the file, readable or not.
fn is_in_file(file: &[u8], reference: ObjRef) -> bool {
    let head = format!("{} {} obj", reference.obj_number, reference.gen_number).into_bytes();
    let begins = |at: usize| at.checked_sub(1).and_then(|before| file.get(before)).is_none_or(|byte| byte.is_ascii_whitespace());
    file.windows(head.len()).enumerate().any(|(at, window)| window == head && begins(at))
}

//! Groups that must see what is under them.
//!
//! `hayro` paints every transparency group on its own and lays the result on the page. A marker that multiplies within such a group has
//! nothing to multiply with and hides the text. Without the entry `Group` a form is painted straight onto the page, as the contents of a
//! non-isolated group are (ISO 32000-1, 11.4.4), so the entry is renamed in our copy of the file.

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, MaybeRef, Name, ObjRef, Object, ObjectIdentifier, Stream};
use rustc_hash::FxHashSet;

/// How deep forms are looked into for blend modes.
const DEEPEST: usize = 8;
/// How deep dictionaries are looked into for soft masks.
const DEEPEST_MASK: usize = 6;

/// The file with those groups opened, if it has any.
pub(super) fn opened(pdf: &Pdf) -> Option<Vec<u8>> {
    let bytes: &[u8] = pdf.data().as_ref();
    let forms: Vec<Stream<'_>> = pdf
        .objects()
        .into_iter()
        .filter_map(Object::into_stream)
        .filter(|stream| stream.dict().get::<Dict<'_>>("Group").is_some_and(|group| needs_backdrop(stream.dict(), &group)))
        .collect();
    if forms.is_empty() {
        return None;
    }
    let mut masks = FxHashSet::default();
    for object in pdf.objects() {
        match object {
            Object::Dict(dict) => find_masks(&dict, 0, &mut masks),
            Object::Stream(stream) => find_masks(stream.dict(), 0, &mut masks),
            _ => {}
        }
    }
    let mut changed = bytes.to_vec();
    for form in forms.iter().filter(|form| !masks.contains(&form.obj_id())) {
        let dict = form.dict().data();
        let Some(start) = (dict.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize) else { continue };
        let Some(dict) = changed.get_mut(start..start + dict.len()) else { continue };
        let keys: Vec<usize> = dict.windows(6).enumerate().filter(|(_, key)| key == b"/Group").map(|(at, _)| at).collect();
        for at in keys {
            let ends = dict.get(at + 6).is_none_or(|next| !next.is_ascii_alphanumeric());
            dict.get_mut(at + 1).into_iter().filter(|_| ends).for_each(|letter| *letter = b'g');
        }
    }
    Some(changed)
}

/// Whether the form paints with a blend mode that has to meet the page. Of isolated groups only those that darken are opened, which hides
/// nothing (ADR 31).
fn needs_backdrop(form: &Dict<'_>, group: &Dict<'_>) -> bool {
    let is_isolated = group.get::<bool>("I").unwrap_or(false);
    blends(form, is_isolated, 0)
}

fn blends(form: &Dict<'_>, only_darkening: bool, depth: usize) -> bool {
    let Some(resources) = form.get::<Dict<'_>>("Resources") else { return depth == 0 && !only_darkening };
    let all = |kind: &str| resources.get::<Dict<'_>>(kind).unwrap_or_default();
    let states = all("ExtGState");
    let here = states.keys().filter_map(|key| states.get::<Dict<'_>>(key)).any(|state| {
        let mode = state.get::<Name<'_>>("BM").or_else(|| state.get::<Array<'_>>("BM")?.iter::<Name<'_>>().next());
        match mode.as_deref() {
            None | Some(b"Normal" | b"Compatible") => false,
            Some(b"Multiply" | b"Darken" | b"ColorBurn") => true,
            Some(_) => !only_darkening,
        }
    });
    let forms = all("XObject");
    here || depth < DEEPEST
        && forms.keys().filter_map(|key| forms.get::<Stream<'_>>(key)).any(|inner| {
            inner.dict().get::<Name<'_>>("Subtype").as_deref() == Some(b"Form") && blends(inner.dict(), only_darkening, depth + 1)
        })
}

/// Groups that are soft masks; what they are made of is no part of the page.
fn find_masks(dict: &Dict<'_>, depth: usize, masks: &mut FxHashSet<ObjectIdentifier>) {
    if let Some(group) = dict.get_ref("G")
        && matches!(dict.get::<Name<'_>>("S").as_deref(), Some(b"Luminosity" | b"Alpha"))
    {
        masks.insert(ObjRef::into(group));
    }
    if depth == DEEPEST_MASK {
        return;
    }
    for (_, entry) in dict.entries() {
        if let MaybeRef::NotRef(Object::Dict(inner)) = entry {
            find_masks(&inner, depth + 1, masks);
        }
    }
}

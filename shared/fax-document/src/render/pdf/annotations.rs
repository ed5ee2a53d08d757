//! Annotations and form fields whose looks the file leaves to the program that shows it.

use hayro::hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};
use hayro::hayro_syntax::page::Page;

use crate::error::DocumentError;

/// `F`: not to be shown or printed (ISO 32000-1, table 165).
const HIDDEN: u32 = 1 << 1;

/// Kinds that say something, or take back what is said under them. A highlight is not among them: without it the words are all there.
const MARKS: [&str; 11] =
    ["FreeText", "StrikeOut", "Underline", "Squiggly", "Ink", "Stamp", "Square", "Circle", "Line", "Polygon", "PolyLine"];

/// How many fields lie above a field at most; more is a loop.
const DEEPEST: usize = 32;

/// Refuses a page with a mark or a filled field that has no appearance, which would be left out: the receiver must not see a form without
/// its answers, or an order that was struck out as if it stood.
pub(super) fn check(page: &Page<'_>, number: usize) -> Result<(), DocumentError> {
    let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else { return Ok(()) };
    for annotation in annotations.iter::<Dict<'_>>() {
        if annotation.get::<u32>("F").unwrap_or(0) & HIDDEN != 0 || has_appearance(&annotation) || has_no_size(&annotation) {
            continue;
        }
        let subtype = annotation.get::<Name<'_>>("Subtype");
        let is = |kind: &str| subtype.as_deref() == Some(kind.as_bytes());
        let what = if is("Widget") && has_value(&annotation) {
            "a form field that is filled in"
        } else if MARKS.into_iter().any(is) {
            "a comment or drawing"
        } else {
            continue;
        };
        return Err(DocumentError::broken(format!(
            "page {number} has {what}, stored without its appearance; print the document to a PDF and send that"
        )));
    }
    Ok(())
}

fn has_appearance(annotation: &Dict<'_>) -> bool {
    let appearances = annotation.get::<Dict<'_>>("AP");
    appearances.is_some_and(|all| all.get::<Stream<'_>>("N").is_some() || all.get::<Dict<'_>>("N").is_some())
}

/// An annotation of no size shows nothing, such as the field of a signature that is not to be seen.
fn has_no_size(annotation: &Dict<'_>) -> bool {
    let Some(sides) = annotation.get::<Array<'_>>("Rect") else { return true };
    let sides: Vec<f64> = sides.iter::<Number>().map(|side| side.as_f64()).collect();
    !matches!(sides.as_slice(), [left, bottom, right, top] if left != right && bottom != top)
}

/// Whether there is something to show: what the field holds, or a field above it.
fn has_value(field: &Dict<'_>) -> bool {
    let mut field = field.clone();
    for _ in 0..DEEPEST {
        if let Some(value) = field.get::<Object<'_>>("V") {
            return match value {
                Object::String(text) => !matches!(text.as_bytes(), b"" | b"\xFE\xFF"),
                Object::Name(state) => &*state != b"Off",
                Object::Array(choices) => choices.raw_iter().next().is_some(),
                Object::Stream(_) => true,
                _ => false,
            };
        }
        let Some(parent) = field.get::<Dict<'_>>("Parent") else { return false };
        field = parent;
    }
    false
}

//! The pages of a document in their order.
//!
//! The parser leaves out pages that it cannot make sense of, and one that the page tree names a second time, which other programs show
//! again. Neither may be missing from a fax unnoticed.

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, MaybeRef, Name, ObjRef};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::DocumentError;
use crate::options::Limits;

/// The pages to send, as places among those that the parser found.
///
/// # Errors
/// There are none, too many, or some that cannot be read.
pub(crate) fn order(pdf: &Pdf, limits: &Limits) -> Result<Vec<usize>, DocumentError> {
    let found = pdf.pages().len();
    let (leaves, count) = leaves(pdf).unwrap_or_default();
    let mut places: FxHashMap<ObjRef, usize> = FxHashMap::default();
    let mut different = 0;
    let mut named = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let place = leaf.map_or(different, |leaf| *places.entry(leaf).or_insert(different));
        different = different.max(place + 1);
        named.push(place);
    }
    // A `Count` above what the tree leads to is a common mistake of programs, and no page is missing then.
    let repeats = named.len() > different && named.len() as u64 <= count;
    let promised = different.min(usize::try_from(count).unwrap_or(usize::MAX));
    if promised > found || repeats && found != different {
        return Err(DocumentError::broken(format!("of the PDF's {promised} pages {found} can be read")));
    }
    if found == 0 {
        return Err(DocumentError::empty("the PDF has no pages"));
    }
    let order = if repeats { named } else { (0..found).collect() };
    limits.check_pages(order.len())?;
    Ok(order)
}

/// What the page tree names as pages, in their order, and how many it says there are. A node of the tree counts once, a page as often as it
/// is named.
fn leaves(pdf: &Pdf) -> Option<(Vec<Option<ObjRef>>, u64)> {
    let tree = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id())?.get::<Dict<'_>>("Pages")?;
    let count = tree.get::<u32>("Count").unwrap_or(0).into();
    let mut seen: FxHashSet<ObjRef> = FxHashSet::default();
    let size = size(pdf.data().as_ref());
    let mut leaves = Vec::new();
    let mut nowhere = 0;
    let mut open = vec![tree.get::<Array<'_>>("Kids").map(|kids| kids.raw_iter())];
    while let Some(kids) = open.last_mut() {
        let Some(kid) = kids.as_mut().and_then(Iterator::next) else {
            open.pop();
            continue;
        };
        let (id, kid) = match kid {
            MaybeRef::Ref(id) => (Some(id), pdf.xref().get::<Dict<'_>>(id.into())),
            MaybeRef::NotRef(object) => (None, object.into_dict()),
        };
        // Of such a number there is no object: the tree names nothing there.
        if kid.is_none() && id.is_some_and(|id| i64::from(id.obj_number) >= size) {
            nowhere += 1;
            continue;
        }
        let node = kid.filter(|kid| kid.get::<Name<'_>>("Type").as_deref() == Some(b"Pages"));
        match node {
            Some(node) if id.is_none_or(|id| seen.insert(id)) => match node.get::<Array<'_>>("Kids") {
                Some(kids) => open.push(Some(kids.raw_iter())),
                None => leaves.push(id),
            },
            Some(_) => {}
            None => leaves.push(id),
        }
    }
    // If all of them are nowhere, the document has not been understood.
    Some((if leaves.is_empty() { vec![None; nowhere] } else { leaves }, count))
}

/// The number from which on there are no objects: the largest `Size` of the file, whose trailers have it (ISO 32000-1, 7.5.5).
fn size(file: &[u8]) -> i64 {
    let sizes = file.windows(5).enumerate().filter(|(_, window)| *window == b"/Size").filter_map(|(at, _)| {
        let value = file.get(at + 5..)?.trim_ascii_start();
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).take(18).count();
        std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
    });
    sizes.max().unwrap_or(i64::MAX)
}

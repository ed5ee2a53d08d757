//! A second document that holds what is laid over the pages of the first: annotations, each with an appearance.
//!
//! The interpreter draws an annotation only as its stored appearance has it. Where one lacks it, or is out of date, we write all the annotations
//! of that page into a small PDF of our own, with appearances that we make as ISO 32000-1, 12.5 and 12.7 has them; the page is then drawn
//! without its annotations, and this over it.

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, MaybeRef, Name, ObjRef, Object, Stream};
use hayro::hayro_syntax::page::Page;
use rustc_hash::FxHashMap;

use super::fields::Form;
use super::marks::{self, decimal};
use super::typeset::FACES;
use crate::error::DocumentError;

/// `F` (ISO 32000-1, table 165).
const HIDDEN: u32 = 1 << 1;
const PRINT: u32 = 1 << 2;
const NO_VIEW: u32 = 1 << 5;

/// How deep objects are copied; what lies deeper is left out.
const DEEPEST: usize = 64;

/// What is laid over a document's pages.
pub(super) struct Overlay {
    pub(super) pdf: Pdf,
    /// For each page of the document, the page here that goes over it.
    pages: Vec<Option<usize>>,
}

impl Overlay {
    /// The page that goes over page `index` of the document in place of its annotations.
    pub(super) fn page(&self, index: usize) -> Option<&Page<'_>> {
        self.pdf.pages().get((*self.pages.get(index)?)?)
    }
}

/// An appearance that we make, in the coordinates of the page.
pub(super) struct Made {
    /// Left, bottom, right, top.
    pub(super) rect: [f64; 4],
    pub(super) content: String,
    /// A font of the document that the content calls `Own`.
    pub(super) font: Option<ObjRef>,
    pub(super) opacity: f64,
    pub(super) multiplies: bool,
}

impl Made {
    pub(super) fn new(rect: [f64; 4]) -> Self {
        Self { rect, content: String::new(), font: None, opacity: 1.0, multiplies: false }
    }

    /// Makes room for what is drawn outside the annotation's own rectangle.
    pub(super) fn include_drawn(&mut self, margin: f64, annotation: &Dict<'_>) {
        let strokes = annotation.get::<Array<'_>>("InkList").into_iter().flat_map(|list| list.iter::<Array<'_>>().collect::<Vec<_>>());
        let arrays = ["QuadPoints", "L", "Vertices", "CL"].into_iter().filter_map(|key| annotation.get::<Array<'_>>(key));
        for (x, y) in arrays.chain(strokes).flat_map(|array| marks::points(&array)).filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let [left, bottom, right, top] = self.rect;
            self.rect = [left.min(x - margin), bottom.min(y - margin), right.max(x + margin), top.max(y + margin)];
        }
    }
}

/// The appearance that the file holds.
pub(super) enum Stored<'a> {
    None,
    /// There should be one, but it cannot be read.
    Broken,
    /// The one of the annotation's state, if it has states.
    Stream(Stream<'a>),
}

impl<'a> Stored<'a> {
    fn of(annotation: &Dict<'a>) -> Self {
        let Some(all) = annotation.get::<Dict<'a>>("AP").filter(|all| all.contains_key("N")) else { return Self::None };
        match all.get::<Object<'a>>("N") {
            Some(Object::Stream(stream)) => Self::checked(stream),
            Some(Object::Dict(states)) => {
                let state = annotation.get::<Name<'a>>("AS");
                match state.as_ref().and_then(|state| states.get::<Stream<'a>>(state)) {
                    Some(stream) => Self::checked(stream),
                    // A state that is shown by nothing at all need not be there.
                    None if state.is_some_and(|state| states.contains_key(state)) => Self::Broken,
                    None => Self::None,
                }
            }
            Some(Object::Null(_)) => Self::None,
            _ => Self::Broken,
        }
    }

    fn checked(stream: Stream<'a>) -> Self {
        let is_sound = stream.decoded_data().is_ok() && stream.dict().get::<[f32; 4]>("BBox").is_some();
        if is_sound { Self::Stream(stream) } else { Self::Broken }
    }
}

/// What an annotation looks like.
pub(super) enum Looks<'a> {
    /// As stored, in this state if one is given.
    Stored(Option<Name<'a>>),
    Made(Made),
    Nothing,
}

/// What goes over the pages of `pdf`, if anything does.
///
/// # Errors
/// Part of what is to be seen can neither be loaded nor drawn.
pub(super) fn overlay(pdf: &Pdf) -> Result<Option<Overlay>, DocumentError> {
    let form = Form::of(pdf);
    let mut copy: Option<Copier<'_>> = None;
    let mut pages = Vec::new();
    for (index, page) in pdf.pages().iter().enumerate() {
        let annotations = page.raw().get::<Array<'_>>("Annots").map(|all| all.iter::<Dict<'_>>().collect::<Vec<_>>()).unwrap_or_default();
        let mut is_special = false;
        let mut looks = Vec::with_capacity(annotations.len());
        for annotation in &annotations {
            let (look, differs) = look(&form, annotation).map_err(|reason| {
                DocumentError::broken(format!("page {} {reason}; print the document to a PDF and send that", index + 1))
            })?;
            is_special |= differs;
            looks.push(look);
        }
        pages.push(is_special.then(|| {
            let copy = copy.get_or_insert_with(|| Copier::new(pdf));
            copy.add_page(page, annotations.iter().zip(looks))
        }));
    }
    let Some(copy) = copy else { return Ok(None) };
    let pdf = Pdf::new(copy.finish()).map_err(|_| DocumentError::broken("its comments and form fields cannot be drawn"))?;
    Ok(Some(Overlay { pdf, pages }))
}

/// What an annotation looks like, and whether the interpreter would show something else.
fn look<'a>(form: &Form<'a>, annotation: &Dict<'a>) -> Result<(Looks<'a>, bool), String> {
    let flags = annotation.get::<u32>("F").unwrap_or(0);
    if flags & HIDDEN != 0 || flags & NO_VIEW != 0 && flags & PRINT == 0 {
        return Ok((Looks::Nothing, false));
    }
    let stored = Stored::of(annotation);
    let kind = annotation.get::<Name<'a>>("Subtype");
    let look = match kind.as_deref() {
        Some(b"Widget") => form.draw(annotation, &stored)?,
        Some(b"Link" | b"Popup") => Looks::Stored(None),
        Some(kind) => match stored {
            Stored::Stream(_) => Looks::Stored(None),
            Stored::None => marks::draw(annotation, kind)?.map_or(Looks::Nothing, Looks::Made),
            Stored::Broken => {
                let drawn = marks::draw(annotation, kind)?.map(Looks::Made);
                drawn.ok_or_else(|| "has an annotation whose appearance cannot be loaded".to_owned())?
            }
        },
        None => Looks::Stored(None),
    };
    // A fax is a print: what is for print only belongs to it.
    let is_only_printed = flags & NO_VIEW != 0;
    let differs = is_only_printed || matches!(look, Looks::Made(_) | Looks::Stored(Some(_)));
    Ok((look, differs))
}

/// Writes a PDF of copies of another's objects.
struct Copier<'a> {
    source: &'a Pdf,
    /// By their numbers, from 1.
    objects: Vec<Vec<u8>>,
    copied: FxHashMap<ObjRef, usize>,
    waiting: Vec<(usize, ObjRef)>,
    pages: Vec<usize>,
}

const CATALOG: usize = 1;
const TREE: usize = 2;
const FONTS: usize = 3;

impl<'a> Copier<'a> {
    fn new(source: &'a Pdf) -> Self {
        let fonts: String = FACES
            .iter()
            .map(|name| {
                let encoding = if *name == "ZapfDingbats" { "" } else { " /Encoding /WinAnsiEncoding" };
                format!("/{name} << /Type /Font /Subtype /Type1 /BaseFont /{name}{encoding} >> ")
            })
            .collect();
        let objects = vec![Vec::new(), Vec::new(), format!("<< {fonts} >>").into_bytes()];
        Self { source, objects, copied: FxHashMap::default(), waiting: Vec::new(), pages: Vec::new() }
    }

    fn add(&mut self, object: Vec<u8>) -> usize {
        self.objects.push(object);
        self.objects.len()
    }

    /// Adds a page that shows the annotations of `page` in these looks, and gives its place among the pages.
    fn add_page<'d>(&mut self, page: &Page<'a>, annotations: impl Iterator<Item = (&'d Dict<'a>, Looks<'a>)>) -> usize
    where
        'a: 'd,
    {
        let mut references = String::new();
        for (annotation, look) in annotations {
            if let Some(body) = self.annotation(annotation, look) {
                references += &format!("{} 0 R ", self.add(body));
            }
        }
        let shown = page.intersected_crop_box();
        let shown = [shown.x0, shown.y0, shown.x1, shown.y1].map(decimal).join(" ");
        let mut body = format!("<< /Type /Page /Parent {TREE} 0 R /MediaBox [{shown}] /Annots [{references}]").into_bytes();
        // Forms without resources of their own use the page's.
        let mut node = Some(page.raw().clone());
        for _ in 0..DEEPEST {
            let Some(here) = node else { break };
            if let Some(resources) = here.get_raw::<Object<'a>>("Resources") {
                body.extend(b" /Resources ");
                self.write_either(&mut body, resources, 0);
                break;
            }
            node = here.get::<Dict<'a>>("Parent");
        }
        body.extend(b" >>");
        let number = self.add(body);
        self.pages.push(number);
        self.pages.len() - 1
    }

    fn annotation(&mut self, annotation: &Dict<'a>, look: Looks<'a>) -> Option<Vec<u8>> {
        let mut body = b"<< /Type /Annot /Subtype /Stamp /Rect ".to_vec();
        match look {
            Looks::Nothing => return None,
            Looks::Stored(state) => {
                self.write_either(&mut body, annotation.get_raw::<Object<'a>>("Rect")?, 0);
                let normal = annotation.get::<Dict<'a>>("AP")?;
                let appearance = match normal.get::<Object<'a>>("N")? {
                    Object::Dict(states) => {
                        let state = state.or_else(|| annotation.get::<Name<'a>>("AS"));
                        let key = state.filter(|state| states.contains_key(state));
                        key.map_or_else(|| states.get_raw::<Object<'a>>("Off"), |key| states.get_raw::<Object<'a>>(key))?
                    }
                    _ => normal.get_raw::<Object<'a>>("N")?,
                };
                body.extend(b" /AP << /N ");
                self.write_either(&mut body, appearance, 0);
            }
            Looks::Made(Made { rect, content, font, opacity, multiplies }) => {
                let fonts = self.fonts(font);
                let corners = rect.map(decimal).join(" ");
                let mode = if multiplies { "/BM /Multiply" } else { "" };
                let opacity = decimal(opacity);
                let form = format!(
                    "<< /Type /XObject /Subtype /Form /BBox [{corners}] /Resources << /Font {fonts} /ExtGState << /G << /ca {opacity} \
                     /CA {opacity} {mode} >> >> >> /Length {} >>\nstream\n/G gs\n{content}\nendstream",
                    content.len() + 7
                );
                let form = self.add(form.into_bytes());
                body.extend(format!("[{corners}] /AP << /N {form} 0 R").into_bytes());
            }
        }
        body.extend(b" >> >>");
        Some(body)
    }

    /// The standard fonts, with one of the document's if one is given.
    fn fonts(&mut self, own: Option<ObjRef>) -> String {
        let Some(own) = own else { return format!("{FONTS} 0 R") };
        let own = self.number(own);
        let standard = self.objects.get(FONTS - 1).map(|fonts| String::from_utf8_lossy(fonts).into_owned()).unwrap_or_default();
        format!("{} /Own {own} 0 R >>", standard.trim_end_matches(">>"))
    }

    /// The number that a referenced object has here.
    fn number(&mut self, reference: ObjRef) -> usize {
        if let Some(number) = self.copied.get(&reference) {
            return *number;
        }
        let number = self.add(b"null".to_vec());
        self.copied.insert(reference, number);
        self.waiting.push((number, reference));
        number
    }

    fn write_either(&mut self, to: &mut Vec<u8>, object: MaybeRef<Object<'a>>, depth: usize) {
        match object {
            MaybeRef::Ref(reference) => to.extend(format!("{} 0 R", self.number(reference)).into_bytes()),
            MaybeRef::NotRef(object) => self.write(to, object, depth),
        }
    }

    fn write(&mut self, to: &mut Vec<u8>, object: Object<'a>, depth: usize) {
        if depth > DEEPEST {
            to.extend(b"null");
            return;
        }
        match object {
            Object::Null(_) => to.extend(b"null"),
            Object::Boolean(is) => to.extend(if is { &b"true"[..] } else { b"false" }),
            Object::Number(number) => {
                let value = number.as_f64();
                let text = if value.fract() == 0.0 { number.as_i64().to_string() } else { format!("{value:.6}") };
                to.extend(text.into_bytes());
            }
            Object::String(text) => {
                to.push(b'<');
                text.as_bytes().iter().for_each(|byte| to.extend(format!("{byte:02x}").into_bytes()));
                to.push(b'>');
            }
            Object::Name(name) => write_name(to, &name),
            Object::Array(array) => {
                to.push(b'[');
                for entry in array.raw_iter() {
                    self.write_either(to, entry, depth + 1);
                    to.push(b' ');
                }
                to.push(b']');
            }
            Object::Dict(dict) => {
                to.extend(b"<<");
                self.write_entries(to, &dict, depth, &[]);
                to.extend(b">>");
            }
            Object::Stream(stream) => {
                let data = stream.raw_data();
                to.extend(b"<<");
                self.write_entries(to, stream.dict(), depth, &[b"Length"]);
                to.extend(format!(" /Length {}>>\nstream\n", data.len()).into_bytes());
                to.extend_from_slice(&data);
                to.extend(b"\nendstream");
            }
        }
    }

    /// Writes what a dictionary holds, but not what leads from a drawing back to its page and all the rest.
    fn write_entries(&mut self, to: &mut Vec<u8>, dict: &Dict<'a>, depth: usize, without: &[&[u8]]) {
        for (key, value) in dict.entries() {
            if without.contains(&&*key) || matches!(&*key, b"Parent" | b"StructParent" | b"StructParents" | b"PieceInfo" | b"Metadata") {
                continue;
            }
            write_name(to, &key);
            to.push(b' ');
            self.write_either(to, value, depth + 1);
            to.push(b' ');
        }
    }

    fn finish(mut self) -> Vec<u8> {
        // Layers keep the state that the document gives them.
        let root = self.source.xref().get::<Dict<'a>>(self.source.xref().root_id()).unwrap_or_default();
        let mut catalog = format!("<< /Type /Catalog /Pages {TREE} 0 R").into_bytes();
        if let Some(layers) = root.get_raw::<Object<'a>>("OCProperties") {
            catalog.extend(b" /OCProperties ");
            self.write_either(&mut catalog, layers, 0);
        }
        catalog.extend(b" >>");
        while let Some((number, reference)) = self.waiting.pop() {
            let mut body = Vec::new();
            match self.source.xref().get::<Object<'a>>(reference.into()) {
                Some(object) => self.write(&mut body, object, 0),
                None => body.extend(b"null"),
            }
            self.put(number, body);
        }
        self.put(CATALOG, catalog);
        let kids: Vec<String> = self.pages.iter().map(|number| format!("{number} 0 R")).collect();
        self.put(TREE, format!("<< /Type /Pages /Count {} /Kids [{}] >>", kids.len(), kids.join(" ")).into_bytes());
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.objects.len() + 1);
        for (index, object) in self.objects.iter().enumerate() {
            table += &format!("{:010} 00000 n \n", file.len());
            file.extend(format!("{} 0 obj\n", index + 1).into_bytes());
            file.extend_from_slice(object);
            file.extend(b"\nendobj\n");
        }
        let start = file.len();
        file.extend(table.into_bytes());
        let size = self.objects.len() + 1;
        file.extend(format!("trailer\n<< /Size {size} /Root {CATALOG} 0 R >>\nstartxref\n{start}\n%%EOF\n").into_bytes());
        file
    }

    fn put(&mut self, number: usize, object: Vec<u8>) {
        self.objects.get_mut(number - 1).into_iter().for_each(|place| *place = object.clone());
    }
}

fn write_name(to: &mut Vec<u8>, name: &[u8]) {
    to.push(b'/');
    for byte in name {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'*') {
            to.push(*byte);
        } else {
            to.extend(format!("#{byte:02x}").into_bytes());
        }
    }
}

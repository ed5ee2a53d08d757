//! What form fields show, where the file leaves it to the program that shows it (ISO 32000-1, 12.7.3.3 and 12.7.4).

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Dict, Name, Object};

use super::marks::{self, SMALLEST, aside, decimal, drawable, rectangle};
use super::overlay::{Looks, Made, Stored};
use super::own_font::{Line, OwnFonts};
use super::typeset::{self, LEADING, Style};

/// How many fields lie above a field at most; more is a loop.
const DEEPEST: usize = 32;

/// `Ff`, from bit 1 (ISO 32000-1, tables 226, 228 and 230).
const MULTI_LINE: u32 = 1 << 12;
const PASSWORD: u32 = 1 << 13;
const RADIO: u32 = 1 << 15;
const PUSH_BUTTON: u32 = 1 << 16;
const COMBO: u32 = 1 << 17;
const COMB: u32 = 1 << 24;

/// Room between a field's border and its text, in points.
const PADDING: f64 = 2.0;

/// The form that a document holds.
pub(super) struct Form<'a> {
    dict: Dict<'a>,
    /// The values are newer than the appearances.
    needs: bool,
    fonts: OwnFonts,
}

impl<'a> Form<'a> {
    pub(super) fn of(pdf: &'a Pdf) -> Self {
        let root = pdf.xref().get::<Dict<'a>>(pdf.xref().root_id()).unwrap_or_default();
        let dict = root.get::<Dict<'a>>("AcroForm").unwrap_or_default();
        let needs = dict.get::<bool>("NeedAppearances").unwrap_or(false);
        Self { dict, needs, fonts: OwnFonts::default() }
    }

    /// What a field's widget looks like.
    ///
    /// # Errors
    /// A clause that says what cannot be drawn.
    pub(super) fn draw(&self, widget: &Dict<'a>, stored: &Stored<'a>) -> Result<Looks<'a>, String> {
        let kind = inherited(widget, "FT").and_then(Object::into_name);
        match kind.as_deref() {
            Some(b"Btn") => self.button(widget, stored),
            Some(b"Tx" | b"Ch") => self.text(widget, stored),
            _ if matches!(stored, Stored::Broken) => Err("has a form field whose appearance cannot be loaded".to_owned()),
            _ => Ok(Looks::Stored(None)),
        }
    }

    fn text(&self, widget: &Dict<'a>, stored: &Stored<'a>) -> Result<Looks<'a>, String> {
        let choice = inherited(widget, "FT").and_then(Object::into_name).as_deref() == Some(b"Ch");
        let flags = flags(widget);
        let values = values(widget);
        let shown = if choice { values.iter().map(|value| displayed(widget, value)).collect() } else { values };
        let text = shown.join("\n");
        let is_current = match stored {
            Stored::Stream(stream) => {
                let content = stream.decoded_data().unwrap_or_default();
                has_text(&content) && !self.needs || contains(&content, &text)
            }
            Stored::None | Stored::Broken => false,
        };
        if is_current || text.trim().is_empty() && !matches!(stored, Stored::Broken) && !self.needs {
            return Ok(Looks::Stored(None));
        }
        let Some(rect) = marks::rect(widget) else { return Ok(Looks::Nothing) };
        let (mut made, size) = framed(widget, rect);
        if text.trim().is_empty() {
            return Ok(Looks::Made(made));
        }
        let appearance = match inherited(widget, "DA").or_else(|| self.dict.get("DA")) {
            Some(Object::String(appearance)) => typeset::text(appearance.as_bytes()),
            _ => String::new(),
        };
        let fonts = self.dict.get::<Dict<'_>>("DR").and_then(|resources| resources.get::<Dict<'_>>("Font"));
        let style = Style::of(&appearance, fonts.as_ref());
        let cells = number(widget, "MaxLen").filter(|cells| *cells > 0 && flags & COMB != 0 && !choice);
        let is_line = cells.is_none() && if choice { flags & COMBO != 0 } else { flags & (MULTI_LINE | PASSWORD) == 0 };
        let own = match drawable(&text) {
            Ok(()) => None,
            Err(lacks) => {
                let own = fonts.filter(|_| is_line).and_then(|fonts| self.fonts.line(&fonts, &style.font, &text));
                Some(own.ok_or(lacks)?)
            }
        };
        let quadding = number(widget, "Q").or_else(|| self.dict.get::<i64>("Q")).unwrap_or(0);
        let quadding = u8::try_from(quadding).unwrap_or(0);
        made.content += &style.color;
        made.content += "\n";
        let (border, _) = marks::border(widget);
        match cells {
            Some(cells) => comb(&mut made, &style, &text, size, cells),
            None if flags & MULTI_LINE != 0 && !choice => {
                let pad = border + PADDING;
                let width = (size.0 - 2.0 * pad).max(1.0);
                marks::lines(&mut made, &style, &text, [pad, border, pad + width, size.1 - border], quadding)?;
            }
            None if choice && flags & COMBO == 0 => {
                made.content.truncate(made.content.len() - style.color.len() - 1);
                self.list(&mut made, widget, &style, size, &shown)?;
            }
            None => {
                let text = if flags & PASSWORD != 0 && !choice { "*".repeat(text.chars().count()) } else { text };
                one_line(&mut made, &style, &text.replace(['\r', '\n'], " "), own.as_ref(), size, border, quadding)?;
            }
        }
        made.content += "Q\n";
        Ok(Looks::Made(made))
    }

    /// A list of choices, of which those that are chosen stand on grey.
    fn list(&self, made: &mut Made, widget: &Dict<'a>, style: &Style, size: (f64, f64), chosen: &[String]) -> Result<(), String> {
        let choices = options(widget).into_iter().map(|(_, shown)| shown).collect::<Vec<_>>();
        let choices = if choices.is_empty() { chosen.to_vec() } else { choices };
        choices.iter().try_for_each(|choice| drawable(choice))?;
        let type_size = if style.size > 0.0 { style.size } else { 10.0 };
        let row = type_size * LEADING;
        let fitting = ((size.1 - 2.0) / row).floor().max(1.0) as usize;
        let first = number(widget, "TI").and_then(|first| usize::try_from(first).ok()).unwrap_or(0);
        let is_seen = |first: usize| chosen.iter().all(|choice| choices.iter().skip(first).take(fitting).any(|shown| shown == choice));
        // From the row that the file says on, if all that is chosen is then seen; else only what is chosen.
        let rows: Vec<&String> = if is_seen(first) { choices.iter().skip(first).take(fitting).collect() } else { chosen.iter().collect() };
        if rows.len() > fitting {
            return Err("has a comment or field whose text does not fit into it".to_owned());
        }
        for (index, choice) in rows.into_iter().enumerate() {
            let top = size.1 - 1.0 - row * index as f64;
            if chosen.contains(choice) {
                made.content += &format!("0.8 g {}f\n", rectangle([1.0, top - row, size.0 - 1.0, top]));
            }
            made.content += &format!("{}\n", style.color);
            style.face.show(&mut made.content, choice, type_size, PADDING, top - type_size * 0.9);
        }
        Ok(())
    }

    fn button(&self, widget: &Dict<'a>, stored: &Stored<'a>) -> Result<Looks<'a>, String> {
        let flags = flags(widget);
        let look = widget.get::<Dict<'_>>("MK").unwrap_or_default();
        let caption = match look.get::<Object<'_>>("CA") {
            Some(Object::String(caption)) => typeset::text(caption.as_bytes()),
            _ => String::new(),
        };
        let Some(rect) = marks::rect(widget) else { return Ok(Looks::Nothing) };
        if flags & PUSH_BUTTON != 0 {
            let is_bare = caption.is_empty() && !look.contains_key("BG") && !look.contains_key("BC");
            if matches!(stored, Stored::Stream(_)) || is_bare {
                return Ok(Looks::Stored(None));
            }
            let (mut made, size) = framed(widget, rect);
            drawable(&caption)?;
            made.content += "0 g\n";
            if !caption.is_empty() {
                one_line(&mut made, &Style::of("/Helv 0 Tf", None), &caption, None, size, 1.0, 1)?;
            }
            made.content += "Q\n";
            return Ok(Looks::Made(made));
        }
        let value = inherited(widget, "V").and_then(|value| match value {
            Object::Name(value) => Some(value),
            _ => None,
        });
        let state = widget.get::<Name<'a>>("AS");
        let states = widget.get::<Dict<'a>>("AP").and_then(|all| all.get::<Dict<'a>>("N")).unwrap_or_default();
        // What the field holds counts where the file says that appearances are out of date, or says no state.
        if let Some(value) = &value
            && (self.needs || state.is_none())
            && states.contains_key(value)
        {
            return Ok(Looks::Stored(Some(value.clone())));
        }
        let has_siblings = !widget.contains_key("FT") && widget.contains_key("Parent");
        let is_on = match (&state, &value) {
            (Some(state), _) => &**state != b"Off",
            (None, Some(value)) => {
                if &**value != b"Off" && has_siblings && states.is_empty() {
                    return Err("has a button of several that does not say whether it is the one that is on".to_owned());
                }
                &**value != b"Off" && !has_siblings
            }
            (None, None) => false,
        };
        if matches!(stored, Stored::Stream(_)) && !matches!(&state, Some(state) if is_on && !states.contains_key(state)) || !is_on {
            return Ok(Looks::Stored(None));
        }
        let (mut made, size) = framed(widget, rect);
        let fallback = if flags & RADIO != 0 { 'l' } else { '4' };
        let sign = caption.chars().next().filter(char::is_ascii_graphic).unwrap_or(fallback);
        let height = size.0.min(size.1) * 0.8;
        // The signs of the font stand about so far from its baseline and are about so wide.
        let (x, y) = ((size.0 - 0.8 * height) / 2.0, size.1 / 2.0 - 0.35 * height);
        made.content +=
            &format!("0 g BT /ZapfDingbats {} Tf {} {} Td <{:02x}> Tj ET\nQ\n", decimal(height), decimal(x), decimal(y), sign as u32);
        Ok(Looks::Made(made))
    }
}

/// An entry of a field, or of a field above it.
fn inherited<'a>(field: &Dict<'a>, key: &str) -> Option<Object<'a>> {
    let mut field = field.clone();
    for _ in 0..DEEPEST {
        if let Some(value) = field.get::<Object<'a>>(key) {
            return Some(value);
        }
        field = field.get::<Dict<'a>>("Parent")?;
    }
    None
}

fn number(field: &Dict<'_>, key: &str) -> Option<i64> {
    Some(inherited(field, key)?.into_number()?.as_i64())
}

fn flags(field: &Dict<'_>) -> u32 {
    number(field, "Ff").and_then(|flags| u32::try_from(flags).ok()).unwrap_or(0)
}

fn string(object: &Object<'_>) -> Option<String> {
    match object {
        Object::String(text) => Some(typeset::text(text.as_bytes())),
        Object::Name(name) => Some(name.as_str().to_owned()),
        Object::Stream(stream) => Some(typeset::text(&stream.decoded_data().ok()?)),
        _ => None,
    }
}

fn values(field: &Dict<'_>) -> Vec<String> {
    match inherited(field, "V") {
        Some(Object::Array(values)) => values.iter::<Object<'_>>().filter_map(|value| string(&value)).collect(),
        Some(value) => string(&value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Of each choice of a field, what is stored and what is shown.
fn options(field: &Dict<'_>) -> Vec<(String, String)> {
    let Some(Object::Array(options)) = inherited(field, "Opt") else { return Vec::new() };
    let option = |option: Object<'_>| match option {
        Object::Array(pair) => {
            let pair: Vec<String> = pair.iter::<Object<'_>>().filter_map(|part| string(&part)).collect();
            Some((pair.first()?.clone(), pair.last()?.clone()))
        }
        option => string(&option).map(|text| (text.clone(), text)),
    };
    options.iter::<Object<'_>>().filter_map(option).collect()
}

fn displayed(field: &Dict<'_>, value: &str) -> String {
    options(field).into_iter().find(|(stored, _)| stored == value).map_or_else(|| value.to_owned(), |(_, shown)| shown)
}

/// Whether a content stream shows text, or something else that may hold text.
fn has_text(content: &[u8]) -> bool {
    let operators: [&[u8]; 6] = [b"Tj", b"TJ", b"'", b"\"", b"Do", b"EI"];
    content.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b')' | b'>' | b']')).any(|token| operators.contains(&token))
}

/// Whether a content stream shows just this text, as a string of plain letters.
fn contains(content: &[u8], text: &str) -> bool {
    let wanted = format!("({text})");
    text.is_ascii() && !text.is_empty() && content.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

/// A widget's background and border, and the size of what is inside in points. The content goes on in a saved state in which the field's
/// lower left corner is the origin, upright as the field is turned.
fn framed(widget: &Dict<'_>, rect: [f64; 4]) -> (Made, (f64, f64)) {
    let mut made = Made::new(rect);
    let look = widget.get::<Dict<'_>>("MK").unwrap_or_default();
    let [left, bottom, right, top] = rect;
    if let Some(fill) = marks::color(&look, "BG", true) {
        made.content += &format!("{fill} {}f\n", rectangle(rect));
    }
    let (width, dashes) = marks::border(widget);
    if let Some(pen) = marks::color(&look, "BC", false)
        && width > 0.0
    {
        let half = width / 2.0;
        let edge = rectangle([left + half, bottom + half, right - half, top - half]);
        made.content += &format!("{pen} {} w {dashes} {edge}S\n", decimal(width));
    }
    let (across, up) = (right - left, top - bottom);
    let turn = look.get::<i32>("R").unwrap_or(0).rem_euclid(360);
    let (matrix, size) = match turn {
        90 => (format!("0 1 -1 0 {} {}", decimal(right), decimal(bottom)), (up, across)),
        180 => (format!("-1 0 0 -1 {} {}", decimal(right), decimal(top)), (across, up)),
        270 => (format!("0 -1 1 0 {} {}", decimal(left), decimal(top)), (up, across)),
        _ => (format!("1 0 0 1 {} {}", decimal(left), decimal(bottom)), (across, up)),
    };
    made.content += &format!("q {matrix} cm\n");
    (made, size)
}

/// One character to the cell.
fn comb(made: &mut Made, style: &Style, text: &str, size: (f64, f64), cells: i64) {
    let cell = size.0 / cells as f64;
    let type_size = if style.size > 0.0 { style.size } else { (size.1 * 0.7).min(cell * 1.3).min(12.0) };
    for (index, c) in text.chars().enumerate() {
        let letter = c.to_string();
        let x = cell * (index as f64 + 0.5) - type_size * style.face.width(&letter) / 2.0;
        style.face.show(&mut made.content, &letter, type_size, x, size.1 / 2.0 - 0.35 * type_size);
    }
}

/// One line in the middle of the field, smaller than asked for if it would be cut off; in the document's own font if `own` is given.
fn one_line(
    made: &mut Made,
    style: &Style,
    text: &str,
    own: Option<&Line>,
    size: (f64, f64),
    border: f64,
    quadding: u8,
) -> Result<(), String> {
    let pad = border + PADDING;
    let room = (size.0 - 2.0 * pad).max(1.0);
    let width = own.map_or_else(|| style.face.width(text), |own| own.width);
    let wanted = if style.size > 0.0 { style.size } else { ((size.1 - 2.0 * border) * 0.75).max(SMALLEST) };
    let type_size = wanted.min(room / width.max(0.01));
    if type_size < SMALLEST.min(wanted) {
        return Err("has a comment or field whose text does not fit into it".to_owned());
    }
    let (x, y) = (pad + aside(quadding, room - type_size * width), size.1 / 2.0 - 0.35 * type_size);
    match own {
        Some(own) => {
            made.font = Some(own.font);
            made.content += &format!("BT /Own {} Tf {} {} Td <{}> Tj ET\n", decimal(type_size), decimal(x), decimal(y), own.codes);
        }
        None => style.face.show(&mut made.content, text, type_size, x, y),
    }
    Ok(())
}

//! Comments and drawings whose appearance the file leaves to the program that shows it (ISO 32000-1, 12.5.6).

use hayro::hayro_syntax::object::{Array, Dict, Name, Number, Object};

use super::overlay::Made;
use super::typeset::{self, ASCENT, Face, LEADING, Style};

/// Smaller type is not drawn: what does not fit at this size is refused.
pub(super) const SMALLEST: f64 = 4.0;

/// Longer texts fit on no page at that size.
const LONGEST: usize = 60_000;

/// What an annotation of this kind looks like: `None` if nothing of it is printed.
///
/// # Errors
/// A clause that says what cannot be drawn.
pub(super) fn draw(annotation: &Dict<'_>, kind: &[u8]) -> Result<Option<Made>, String> {
    let Some(rect) = rect(annotation) else { return Ok(None) };
    let mut made = Made::new(rect);
    made.opacity = annotation.get::<f64>("CA").unwrap_or(1.0).clamp(0.0, 1.0);
    let stroke = color(annotation, "C", false);
    let (width, dashes) = border(annotation);
    let line = format!("{} {} w {dashes} ", stroke.clone().unwrap_or_else(|| "0 G".to_owned()), decimal(width));
    match kind {
        b"Highlight" => {
            made.multiplies = true;
            made.content = color(annotation, "C", true).unwrap_or_else(|| "1 1 0 rg".to_owned()) + "\n";
            for [a, b, c, d] in quads(annotation, rect) {
                made.content += &path(&[a, b, d, c], "f");
            }
        }
        b"Underline" | b"StrikeOut" | b"Squiggly" => {
            for [a, b, c, d] in quads(annotation, rect) {
                let height = (c.0 - a.0).hypot(c.1 - a.1);
                let thick = (height / 14.0).max(0.75);
                made.content += &format!("{} {} w ", stroke.clone().unwrap_or_else(|| "0 G".to_owned()), decimal(thick));
                let up = |share: f64| (between(c, a, share), between(d, b, share));
                made.content += &match kind {
                    b"StrikeOut" => path(&[up(0.45).0, up(0.45).1], "S"),
                    b"Underline" => path(&[up(0.08).0, up(0.08).1], "S"),
                    _ => {
                        let (low, high) = (up(0.03), up(0.12));
                        let steps = ((d.0 - c.0).hypot(d.1 - c.1) / (height / 6.0).max(1.0)).ceil().clamp(1.0, 2000.0) as u32;
                        let points: Vec<Point> = (0..=steps)
                            .map(|step| {
                                let (from, to) = if step % 2 == 0 { low } else { high };
                                between(from, to, f64::from(step) / f64::from(steps))
                            })
                            .collect();
                        path(&points, "S")
                    }
                };
            }
        }
        b"Ink" => {
            made.content = format!("{line}1 J 1 j\n");
            for stroke in annotation.get::<Array<'_>>("InkList").into_iter().flat_map(|list| list.iter::<Array<'_>>().collect::<Vec<_>>()) {
                let mut points = points(&stroke);
                if let [only] = points.as_slice() {
                    points.push(*only);
                }
                made.content += &path(&points, "S");
            }
        }
        b"Square" | b"Circle" => {
            let [l, b, r, t] = differences(annotation).unwrap_or([width / 2.0; 4]);
            let inner = [rect[0] + l, rect[1] + b, rect[2] - r, rect[3] - t];
            let fill = color(annotation, "IC", true);
            let paint = match (&fill, width > 0.0) {
                (Some(_), true) => "B",
                (Some(_), false) => "f",
                (None, true) => "S",
                (None, false) => "n",
            };
            made.content = format!("{line}{} ", fill.unwrap_or_default());
            made.content += &if kind == b"Square" { rectangle(inner) } else { ellipse(inner) };
            made.content += paint;
        }
        b"Line" | b"PolyLine" | b"Polygon" => {
            let key = if kind == b"Line" { "L" } else { "Vertices" };
            let points = annotation.get::<Array<'_>>(key).map(|array| points(&array)).unwrap_or_default();
            let fill = color(annotation, "IC", true);
            made.content = format!("{line}{} ", fill.clone().unwrap_or_default());
            if kind == b"Polygon" {
                made.content += &path(&points, if fill.is_some() { "b" } else { "s" });
            } else {
                made.content += &path(&points, "S");
                let ends: Vec<Name<'_>> = annotation.get::<Array<'_>>("LE").map(|ends| ends.iter().collect()).unwrap_or_default();
                if let ([first, second, ..], [.., before, last]) = (points.as_slice(), points.as_slice()) {
                    let shapes = [(ends.first(), *first, *second), (ends.get(1), *last, *before)];
                    for (shape, tip, from) in shapes {
                        made.content += &ending(shape.map_or(b"None", |shape| &**shape), tip, from, width, fill.is_some());
                    }
                    if annotation.get::<bool>("Cap").unwrap_or(false) {
                        caption(&mut made, annotation, between(*first, *last, 0.5))?;
                    }
                }
            }
        }
        b"FreeText" => free_text(&mut made, annotation, width, &dashes)?,
        b"Stamp" => stamp(&mut made, annotation)?,
        b"Caret" => {
            let middle = f64::midpoint(rect[0], rect[2]);
            made.content = color(annotation, "C", true).unwrap_or_else(|| "0 g".to_owned()) + " ";
            made.content += &path(&[(rect[0], rect[1]), (middle, rect[3]), (rect[2], rect[1]), (middle, rect[1] + 1.0)], "f");
        }
        _ => return Ok(None),
    }
    made.include_drawn(width.max(1.0) * 6.0, annotation);
    Ok(Some(made))
}

type Point = (f64, f64);

fn between(a: Point, b: Point, share: f64) -> Point {
    (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)
}

/// A number as PDF writes it.
pub(super) fn decimal(number: f64) -> String {
    if number.is_finite() { format!("{:.3}", number.clamp(-1e6, 1e6)) } else { "0".to_owned() }
}

/// The corners of `Rect`: left, bottom, right, top; `None` if it has no size.
pub(super) fn rect(annotation: &Dict<'_>) -> Option<[f64; 4]> {
    let sides = numbers(&annotation.get::<Array<'_>>("Rect")?);
    let [a, b, c, d] = *sides.first_chunk::<4>()?;
    let rect = [a.min(c), b.min(d), a.max(c), b.max(d)];
    let has_size = rect.iter().all(|side| side.is_finite()) && rect[0] < rect[2] && rect[1] < rect[3];
    has_size.then_some(rect)
}

pub(super) fn numbers(array: &Array<'_>) -> Vec<f64> {
    array.iter::<Number>().map(|number| number.as_f64()).collect()
}

pub(super) fn points(array: &Array<'_>) -> Vec<Point> {
    numbers(array).as_chunks::<2>().0.iter().map(|[x, y]| (*x, *y)).collect()
}

/// The operator that sets a colour, `None` if the colour is none.
pub(super) fn color(dict: &Dict<'_>, key: &str, fills: bool) -> Option<String> {
    let parts = numbers(&dict.get::<Array<'_>>(key)?);
    let operator = match (parts.len(), fills) {
        (1, true) => "g",
        (1, false) => "G",
        (3, true) => "rg",
        (3, false) => "RG",
        (4, true) => "k",
        (4, false) => "K",
        _ => return None,
    };
    let parts: Vec<String> = parts.into_iter().map(decimal).collect();
    Some(format!("{} {operator}", parts.join(" ")))
}

/// A border's width, and the operator that dashes it.
pub(super) fn border(annotation: &Dict<'_>) -> (f64, String) {
    let style = annotation.get::<Dict<'_>>("BS");
    let old = annotation.get::<Array<'_>>("Border").map(|border| numbers(&border));
    let width = style.as_ref().and_then(|style| style.get::<f64>("W")).or_else(|| old?.get(2).copied()).unwrap_or(1.0).clamp(0.0, 100.0);
    let is_dashed = style.as_ref().is_some_and(|style| style.get::<Name<'_>>("S").as_deref() == Some(b"D"));
    let dashes = style.and_then(|style| style.get::<Array<'_>>("D")).map_or_else(|| vec![3.0], |dashes| numbers(&dashes));
    let dashes = dashes.into_iter().filter(|length| *length > 0.0).map(decimal).collect::<Vec<_>>().join(" ");
    (width, if is_dashed { format!("[{dashes}] 0 d") } else { String::new() })
}

fn differences(annotation: &Dict<'_>) -> Option<[f64; 4]> {
    let sides = numbers(&annotation.get::<Array<'_>>("RD")?);
    sides.first_chunk::<4>().copied()
}

/// The words that are marked: top left, top right, bottom left, bottom right, as all programs write them; those that go by the letter of the
/// specification go around, from the bottom left.
fn quads(annotation: &Dict<'_>, [left, bottom, right, top]: [f64; 4]) -> Vec<[Point; 4]> {
    let corners = annotation.get::<Array<'_>>("QuadPoints").map(|array| points(&array)).unwrap_or_default();
    let quads: Vec<[Point; 4]> = corners
        .as_chunks::<4>()
        .0
        .iter()
        .map(|[a, b, c, d]| {
            let goes_around = (b.0 - a.0) * (d.0 - c.0) + (b.1 - a.1) * (d.1 - c.1) < 0.0;
            if goes_around { [*d, *c, *a, *b] } else { [*a, *b, *c, *d] }
        })
        .collect();
    if quads.is_empty() { vec![[(left, top), (right, top), (left, bottom), (right, bottom)]] } else { quads }
}

fn path(points: &[Point], paint: &str) -> String {
    let [first, rest @ ..] = points else { return String::new() };
    let mut path = format!("{} {} m ", decimal(first.0), decimal(first.1));
    rest.iter().for_each(|(x, y)| path += &format!("{} {} l ", decimal(*x), decimal(*y)));
    path + paint + "\n"
}

pub(super) fn rectangle([left, bottom, right, top]: [f64; 4]) -> String {
    format!("{} {} {} {} re ", decimal(left), decimal(bottom), decimal(right - left), decimal(top - bottom))
}

pub(super) fn ellipse([left, bottom, right, top]: [f64; 4]) -> String {
    // Four curves, each of which is a quarter of a circle to a thousandth.
    const CONTROL: f64 = 0.552_285;
    let (x, y) = (f64::midpoint(left, right), f64::midpoint(bottom, top));
    let (across, up) = ((right - left) / 2.0, (top - bottom) / 2.0);
    let mut path = format!("{} {} m ", decimal(x + across), decimal(y));
    for (a, b) in [((1.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (-1.0, 0.0)), ((-1.0, 0.0), (0.0, -1.0)), ((0.0, -1.0), (1.0, 0.0))] {
        let at = |point: Point| format!("{} {} ", decimal(x + across * point.0), decimal(y + up * point.1));
        path += &at((a.0 + CONTROL * b.0, a.1 + CONTROL * b.1));
        path += &at((b.0 + CONTROL * a.0, b.1 + CONTROL * a.1));
        path += &at(b);
        path += "c ";
    }
    path + "h "
}

/// The end of a line at `tip`, which comes from `from`.
fn ending(shape: &[u8], tip: Point, from: Point, width: f64, fills: bool) -> String {
    let length = (tip.0 - from.0).hypot(tip.1 - from.1);
    if length <= 0.0 {
        return String::new();
    }
    let size = width.max(1.0) * 3.0;
    let along = ((tip.0 - from.0) / length * size, (tip.1 - from.1) / length * size);
    // A point so many sizes back along the line and to its left.
    let at = |back: f64, aside: f64| (tip.0 - along.0 * back - along.1 * aside, tip.1 - along.1 * back + along.0 * aside);
    let close = if fills { "b" } else { "s" };
    match shape {
        b"OpenArrow" => path(&[at(2.0, 1.0), tip, at(2.0, -1.0)], "S"),
        b"ClosedArrow" => path(&[at(2.0, 1.0), tip, at(2.0, -1.0)], close),
        b"ROpenArrow" => path(&[at(-2.0, 1.0), tip, at(-2.0, -1.0)], "S"),
        b"RClosedArrow" => path(&[at(-2.0, 1.0), tip, at(-2.0, -1.0)], close),
        b"Butt" => path(&[at(0.0, 1.0), at(0.0, -1.0)], "S"),
        b"Slash" => path(&[at(-0.5, 1.0), at(0.5, -1.0)], "S"),
        b"Square" => path(&[at(-1.0, -1.0), at(-1.0, 1.0), at(1.0, 1.0), at(1.0, -1.0)], close),
        b"Diamond" => path(&[at(-1.0, 0.0), at(0.0, 1.0), at(1.0, 0.0), at(0.0, -1.0)], close),
        b"Circle" => ellipse([tip.0 - size, tip.1 - size, tip.0 + size, tip.1 + size]) + if fills { "B\n" } else { "S\n" },
        _ => String::new(),
    }
}

/// The text of an annotation; characters that cannot be drawn are an error.
fn contents(annotation: &Dict<'_>) -> Result<String, String> {
    let contents = match annotation.get::<Object<'_>>("Contents") {
        Some(Object::String(contents)) => typeset::text(contents.as_bytes()),
        _ => String::new(),
    };
    drawable(&contents)?;
    Ok(contents)
}

/// # Errors
/// Names a character that cannot be drawn.
pub(super) fn drawable(text: &str) -> Result<(), String> {
    let Some(c) = Face::lacks(text) else { return Ok(()) };
    Err(format!("has the character \u{201C}{c}\u{201D} (U+{:04X}) in a comment or field, for which there is no font here", u32::from(c)))
}

fn caption(made: &mut Made, annotation: &Dict<'_>, (x, y): Point) -> Result<(), String> {
    let text = contents(annotation)?;
    let (face, size) = (Face::named("Helvetica"), 9.0);
    let width = size * face.width(&text);
    made.content += &format!("1 g {}f 0 g\n", rectangle([x - width / 2.0 - 1.0, y - 4.0, x + width / 2.0 + 1.0, y + 6.0]));
    face.show(&mut made.content, &text, size, x - width / 2.0, y - 2.5);
    Ok(())
}

fn free_text(made: &mut Made, annotation: &Dict<'_>, width: f64, dashes: &str) -> Result<(), String> {
    let appearance = match annotation.get::<Object<'_>>("DA") {
        Some(Object::String(appearance)) => typeset::text(appearance.as_bytes()),
        _ => String::new(),
    };
    let style = Style::of(&appearance, None);
    let [l, b, r, t] = differences(annotation).unwrap_or([0.0; 4]);
    let inner = [made.rect[0] + l, made.rect[1] + b, made.rect[2] - r, made.rect[3] - t];
    let pen = style.color.to_ascii_uppercase();
    let callout = annotation.get::<Array<'_>>("CL").map(|line| points(&line)).unwrap_or_default();
    if !callout.is_empty() {
        made.content += &format!("{pen} {} w {}", decimal(width), path(&callout, "S"));
    }
    if let Some(fill) = color(annotation, "C", true) {
        made.content += &format!("{fill} {}f\n", rectangle(inner));
    }
    let is_plain = annotation.get::<Name<'_>>("IT").as_deref() == Some(b"FreeTextTypeWriter");
    if width > 0.0 && !is_plain {
        let half = width / 2.0;
        made.content += &format!(
            "{pen} {} w {dashes} {}S\n",
            decimal(width),
            rectangle([inner[0] + half, inner[1] + half, inner[2] - half, inner[3] - half])
        );
    }
    let text = contents(annotation)?;
    let pad = if is_plain { 0.0 } else { width + 1.0 };
    let quadding = annotation.get::<u8>("Q").unwrap_or(0);
    made.content += &style.color;
    made.content += "\n";
    lines(made, &style, &text, [inner[0] + pad, inner[1] + pad, inner[2] - pad, inner[3] - pad], quadding)
}

/// Sets a text in lines from the top of a box down, as large as asked for or as fits.
///
/// # Errors
/// It does not fit at [`SMALLEST`] either.
pub(super) fn lines(made: &mut Made, style: &Style, text: &str, [left, bottom, right, top]: [f64; 4], quadding: u8) -> Result<(), String> {
    let (width, height) = (right - left, top - bottom);
    if text.len() > LONGEST {
        return Err("has a comment or field whose text does not fit into it".to_owned());
    }
    let mut size = if style.size > 0.0 { style.size } else { 12.0 };
    let fits = |size: f64| {
        let lines = style.face.wrap(text, size, width);
        let room = size * (LEADING * (lines.len().saturating_sub(1)) as f64 + 1.0);
        // Half a point over is what programs leave out of account.
        (room <= height + 0.5).then_some(lines)
    };
    let lines = loop {
        match fits(size) {
            Some(lines) => break lines,
            None if size <= SMALLEST => return Err("has a comment or field whose text does not fit into it".to_owned()),
            None => size = (size - 0.5).max(SMALLEST),
        }
    };
    for (index, line) in lines.iter().enumerate() {
        let y = top - size * (ASCENT + LEADING * index as f64);
        let line = line.trim_end();
        let x = left + aside(quadding, width - size * style.face.width(line));
        style.face.show(&mut made.content, line, size, x, y);
    }
    Ok(())
}

/// How far a line is moved in that has this much room to spare.
pub(super) fn aside(quadding: u8, spare: f64) -> f64 {
    match quadding {
        1 => spare / 2.0,
        2 => spare,
        _ => 0.0,
    }
}

/// The word of a stamp, in a frame; a stamp of a name of its own shows that.
fn stamp(made: &mut Made, annotation: &Dict<'_>) -> Result<(), String> {
    let name = annotation.get::<Name<'_>>("Name");
    let name = name.as_ref().map_or("Draft", |name| name.as_str()).trim_start_matches("SB");
    let mut word = String::new();
    for c in name.chars() {
        if c.is_uppercase() && word.chars().last().is_some_and(char::is_lowercase) {
            word.push(' ');
        }
        word.push(c);
    }
    let word = word.to_uppercase();
    drawable(&word)?;
    let [left, bottom, right, top] = made.rect;
    let (width, height) = (right - left, top - bottom);
    let face = Face::named("Helvetica-Bold");
    let size = (height * 0.6).min((width - 8.0) / face.width(&word).max(0.1)).max(1.0);
    let pen = color(annotation, "C", false).unwrap_or_else(|| "1 0 0 RG".to_owned());
    let ink = color(annotation, "C", true).unwrap_or_else(|| "1 0 0 rg".to_owned());
    made.content = format!("{pen} {ink} 2 w {}S\n", rectangle([left + 1.0, bottom + 1.0, right - 1.0, top - 1.0]));
    let x = left + (width - size * face.width(&word)) / 2.0;
    face.show(&mut made.content, &word, size, x, bottom + height / 2.0 - size * 0.36);
    Ok(())
}

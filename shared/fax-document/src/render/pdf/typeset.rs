//! Lines of text for what the file leaves us to draw, in the standard fonts.

use hayro::hayro_syntax::object::{Dict, Name};

use super::winansi;
use crate::render::font;

/// One of the standard fonts; what they lack is drawn as outlines of the face that plain text is set in.
#[derive(Clone, Copy)]
pub(super) struct Face {
    /// Its name, as the file that we write calls it too.
    pub(super) name: &'static str,
    widths: Option<&'static [u16; 224]>,
}

/// All of them but Symbol.
pub(super) const FACES: [&str; 13] = [
    "Helvetica",
    "Helvetica-Bold",
    "Helvetica-Oblique",
    "Helvetica-BoldOblique",
    "Times-Roman",
    "Times-Bold",
    "Times-Italic",
    "Times-BoldItalic",
    "Courier",
    "Courier-Bold",
    "Courier-Oblique",
    "Courier-BoldOblique",
    "ZapfDingbats",
];

/// From one baseline to the next, in parts of the size.
pub(super) const LEADING: f64 = 1.15;
/// From the top of a line to its baseline, in parts of the size.
pub(super) const ASCENT: f64 = 0.9;

impl Face {
    /// The one that is nearest to a font of this name.
    pub(super) fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        let style = usize::from(has(&["bold", "hebo", "tibo", "cobo"])) + 2 * usize::from(has(&["ital", "obli"]));
        let (family, plain, bold) = match () {
            () if has(&["cour", "cobo", "mono", "consol"]) => (8, None, None),
            () if has(&["time", "tiro", "tibo", "serif", "roman", "georgia", "garamond"]) && !has(&["sans"]) => {
                (4, Some(&TIMES), Some(&TIMES_BOLD))
            }
            () => (0, Some(&HELVETICA), Some(&HELVETICA_BOLD)),
        };
        Self { name: FACES.get(family + style).unwrap_or(&"Helvetica"), widths: if style % 2 == 1 { bold } else { plain } }
    }

    /// How wide a text is, in parts of the size.
    pub(super) fn width(&self, text: &str) -> f64 {
        let one = |c: char| {
            let in_table = winansi::byte(c).and_then(|byte| self.widths?.get(usize::from(byte).checked_sub(32)?));
            in_table.map_or(font::ADVANCE.into(), |width| f64::from(*width) / 1000.0)
        };
        text.chars().map(one).sum()
    }

    /// The first character that no face here has.
    pub(super) fn lacks(text: &str) -> Option<char> {
        text.chars().find(|c| !c.is_whitespace() && !c.is_control() && winansi::byte(*c).is_none() && !font::has(*c))
    }

    /// Appends the operators that show one line, beginning at (`x`, `y`).
    pub(super) fn show(&self, to: &mut String, text: &str, size: f64, x: f64, y: f64) {
        let mut at = x;
        for c in text.chars().filter(|c| !c.is_control()) {
            if let Some(byte) = winansi::byte(c) {
                *to += &format!("BT /{} {size:.3} Tf {at:.3} {y:.3} Td <{byte:02x}> Tj ET\n", self.name);
            } else if let Some((outline, unit)) = font::operators(c) {
                let scale = size / unit;
                *to += &format!("q {scale:.6} 0 0 {scale:.6} {at:.3} {y:.3} cm {outline} f Q\n");
            }
            at += size * self.width(c.encode_utf8(&mut [0; 4]));
        }
    }

    /// The text in lines of at most `width` points; words longer than that are broken.
    pub(super) fn wrap(&self, text: &str, size: f64, width: f64) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.replace("\r\n", "\n").split(['\n', '\r', '\u{2028}', '\u{2029}']) {
            let mut line = String::new();
            for word in paragraph.split_inclusive(' ') {
                if !line.is_empty() && size * self.width(&format!("{line}{}", word.trim_end())) > width {
                    lines.push(std::mem::take(&mut line));
                }
                for c in word.chars() {
                    if !line.is_empty() && c != ' ' && size * self.width(&format!("{line}{c}")) > width {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.push(c);
                }
            }
            lines.push(line);
        }
        lines
    }
}

/// What a default appearance (`DA`) asks for.
pub(super) struct Style {
    pub(super) face: Face,
    /// The name by which the font is asked for.
    pub(super) font: String,
    /// 0 where the size is left to us.
    pub(super) size: f64,
    /// The operator that sets the colour.
    pub(super) color: String,
}

impl Style {
    /// Reads a default appearance; its font is named in `fonts`, or by its own name.
    pub(super) fn of(appearance: &str, fonts: Option<&Dict<'_>>) -> Self {
        let mut style = Self { face: Face::named("Helvetica"), font: String::new(), size: 0.0, color: "0 g".to_owned() };
        let mut operands: Vec<&str> = Vec::new();
        for token in appearance.split_whitespace() {
            let count = match token {
                "Tf" => {
                    if let [.., name, size] = operands.as_slice() {
                        let key = name.trim_start_matches('/');
                        key.clone_into(&mut style.font);
                        let font = fonts.and_then(|fonts| fonts.get::<Dict<'_>>(key));
                        let base = font.and_then(|font| font.get::<Name<'_>>("BaseFont"));
                        style.face = Face::named(base.as_ref().map_or(key, |base| base.as_str()));
                        style.size = size.parse().ok().filter(|size: &f64| size.is_finite()).unwrap_or(0.0).abs();
                    }
                    0
                }
                "g" => 1,
                "rg" => 3,
                "k" => 4,
                _ => {
                    operands.push(token);
                    continue;
                }
            };
            let color = operands.get(operands.len().saturating_sub(count)..).unwrap_or_default();
            if count > 0 && color.len() == count && color.iter().all(|number| number.parse::<f64>().is_ok()) {
                style.color = format!("{} {token}", color.join(" "));
            }
            operands.clear();
        }
        style
    }
}

/// A text string of a PDF: UTF-16 or UTF-8 by its mark, else `PDFDocEncoding` (ISO 32000-1, 7.9.2.2 and annex D).
pub(super) fn text(bytes: &[u8]) -> String {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    }
}

fn pdf_doc(byte: u8) -> char {
    const ACCENTS: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
    const SIGNS: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž',
        'ı', 'ł', 'œ', 'š', 'ž', '\u{FFFD}', '€',
    ];
    let sign = match byte {
        0x18..=0x1F => ACCENTS.get(usize::from(byte - 0x18)),
        0x80..=0xA0 => SIGNS.get(usize::from(byte - 0x80)),
        _ => None,
    };
    sign.copied().unwrap_or(char::from(byte))
}

// Advances of the bytes from 32 on in WinAnsiEncoding, in thousandths of the size, from Adobe's metrics of the fonts.

#[rustfmt::skip]
const HELVETICA: [u16; 224] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556,
    833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500,
    556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500,
    334, 260, 334, 584, 350, 556, 350, 222, 556, 333, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350, 350,
    222, 222, 333, 333, 350, 556, 1000, 333, 1000, 500, 333, 944, 350, 500, 667, 350, 333, 556, 556, 556, 556, 260,
    556, 333, 737, 370, 556, 584, 350, 737, 333, 400, 584, 333, 333, 333, 556, 537, 278, 333, 333, 365, 556, 834, 834,
    834, 611, 667, 667, 667, 667, 667, 667, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778,
    778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 500, 556, 556, 556,
    556, 278, 278, 278, 278, 556, 556, 556, 556, 556, 556, 556, 584, 611, 556, 556, 556, 556, 500, 556, 500,
];

#[rustfmt::skip]
const HELVETICA_BOLD: [u16; 224] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
    556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
    280, 389, 584, 350, 556, 350, 278, 556, 500, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350, 350, 278,
    278, 500, 500, 350, 556, 1000, 333, 1000, 556, 333, 944, 350, 500, 667, 350, 333, 556, 556, 556, 556, 280, 556,
    333, 737, 370, 556, 584, 350, 737, 333, 400, 584, 333, 333, 333, 611, 556, 278, 333, 333, 365, 556, 834, 834, 834,
    611, 722, 722, 722, 722, 722, 722, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778, 778,
    778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 556, 556, 556, 556, 556,
    278, 278, 278, 278, 611, 611, 611, 611, 611, 611, 611, 584, 611, 611, 611, 611, 611, 556, 611, 556,
];

#[rustfmt::skip]
const TIMES: [u16; 224] = [
    250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500, 500, 500, 500, 500,
    500, 500, 500, 278, 278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889,
    722, 722, 556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500,
    444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480,
    200, 480, 541, 350, 500, 350, 333, 500, 444, 1000, 500, 500, 333, 1000, 556, 333, 889, 350, 611, 350, 350, 333,
    333, 444, 444, 350, 500, 1000, 333, 980, 389, 333, 722, 350, 444, 722, 350, 333, 500, 500, 500, 500, 200, 500,
    333, 760, 276, 500, 564, 350, 760, 333, 400, 564, 300, 300, 333, 500, 453, 250, 333, 300, 310, 500, 750, 750, 750,
    444, 722, 722, 722, 722, 722, 722, 889, 667, 611, 611, 611, 611, 333, 333, 333, 333, 722, 722, 722, 722, 722, 722,
    722, 564, 722, 722, 722, 722, 722, 722, 556, 500, 444, 444, 444, 444, 444, 444, 667, 444, 444, 444, 444, 444, 278,
    278, 278, 278, 500, 500, 500, 500, 500, 500, 500, 564, 500, 500, 500, 500, 500, 500, 500, 500,
];

#[rustfmt::skip]
const TIMES_BOLD: [u16; 224] = [
    250, 333, 555, 500, 500, 1000, 833, 278, 333, 333, 500, 570, 250, 333, 250, 278, 500, 500, 500, 500, 500, 500,
    500, 500, 500, 500, 333, 333, 570, 570, 570, 500, 930, 722, 667, 722, 722, 667, 611, 778, 778, 389, 500, 778, 667,
    944, 722, 778, 611, 778, 722, 556, 667, 722, 722, 1000, 722, 722, 667, 333, 278, 333, 581, 500, 333, 500, 556,
    444, 556, 444, 333, 500, 556, 278, 333, 556, 278, 833, 556, 500, 556, 556, 444, 389, 333, 556, 500, 722, 500, 500,
    444, 394, 220, 394, 520, 350, 500, 350, 333, 500, 500, 1000, 500, 500, 333, 1000, 556, 333, 1000, 350, 667, 350,
    350, 333, 333, 500, 500, 350, 500, 1000, 333, 1000, 389, 333, 722, 350, 444, 722, 350, 333, 500, 500, 500, 500,
    220, 500, 333, 747, 300, 500, 570, 350, 747, 333, 400, 570, 300, 300, 333, 556, 540, 250, 333, 300, 330, 500, 750,
    750, 750, 500, 722, 722, 722, 722, 722, 722, 1000, 722, 667, 667, 667, 667, 389, 389, 389, 389, 722, 722, 778,
    778, 778, 778, 778, 570, 778, 722, 722, 722, 722, 722, 611, 556, 500, 500, 500, 500, 500, 500, 722, 444, 444, 444,
    444, 444, 278, 278, 278, 278, 500, 556, 500, 500, 500, 500, 500, 570, 500, 556, 556, 556, 556, 500, 556, 500,
];

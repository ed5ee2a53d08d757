//! Where things stand on a cover, in points from the sheet's upper left corner.

use super::Cover;
use super::shape::{Line, Typesetter, Weight};
use crate::COLUMNS;
use crate::error::DocumentError;
use crate::gray::Gray;
use crate::sheet::{DPI_X, POINTS, Sheet};

/// White at the left and the right, at the top and at the foot.
const SIDE: f64 = 66.0;
const TOP: f64 = 62.0;
const FOOT: f64 = 54.0;
/// Sizes of type.
const LETTERHEAD: f64 = 20.0;
const TITLE: f64 = 30.0;
const BODY: f64 = 11.5;
const LABEL: f64 = 9.5;
const NOTICE: f64 = 9.5;
/// From one baseline to the next, in parts of the size.
const LEADING: f64 = 1.4;
/// From a label's left end to what it labels.
const INDENT: f64 = 52.0;
/// Between the two columns of the table.
const GUTTER: f64 = 20.0;
/// Above and below what stands in a row of the table.
const ROW: f64 = 7.0;
const CONFIDENTIAL: &str = "Confidential";
const NOTICE_TEXT: &str = "This fax is meant only for the person or organization named above. It may have information that is confidential, \
     privileged or protected by law. If you have received it in error, do not read, copy or pass it on: tell the sender at once, and destroy \
     all pages.";

/// A page in the making.
struct Canvas<'a> {
    sheet: &'a Sheet,
    type_: &'a mut Typesetter,
    page: Gray,
}

impl Canvas<'_> {
    fn text(&mut self, line: &Line, size: f64, x: f64, baseline: f64) {
        self.type_.draw(line, size, (x, baseline), &mut self.page, self.sheet);
    }

    /// A line across the text's width, whose upper edge is at `y`.
    fn rule(&mut self, y: f64, thickness: f64) {
        let across = |x: f64| (x * DPI_X / POINTS).round() as usize;
        let top = (y * self.sheet.dpi_y / POINTS).round() as usize;
        let rows = ((thickness * self.sheet.dpi_y / POINTS).round() as usize).max(1);
        for row in top..top + rows {
            (across(SIDE)..across(width() - SIDE)).for_each(|x| self.page.darken(x, row, 0));
        }
    }
}

/// The sheet's width: that of a scan line, whatever the paper.
fn width() -> f64 {
    f64::from(COLUMNS) * POINTS / DPI_X
}

fn height(sheet: &Sheet) -> f64 {
    f64::from(sheet.rows) * POINTS / sheet.dpi_y
}

/// A cell of the table: a label, and the lines beside it.
struct Cell {
    label: Line,
    lines: Vec<Line>,
}

/// What is drawn, in lines.
struct Content {
    letterhead: Vec<Line>,
    title: Line,
    rows: Vec<Vec<Cell>>,
    message: Vec<Line>,
    notice: Option<(Line, Vec<Line>)>,
}

pub(super) fn pages(cover: &Cover, sheet: &Sheet, documents: usize) -> Result<Vec<Gray>, DocumentError> {
    let mut typesetter = Typesetter::new()?;
    let content = |pages: usize| content(cover, &typesetter, pages, documents);
    // The number of pages takes one line whatever it is, so it does not change how many there are.
    let count = divided(&content(1), sheet).len();
    let content = content(count);
    let mut pages = Vec::with_capacity(count);
    for (number, lines) in divided(&content, sheet).into_iter().enumerate() {
        let continued = typesetter.wrap("Cover message, continued", Weight::Regular, f64::INFINITY);
        let mut canvas = Canvas { sheet, type_: &mut typesetter, page: Gray::white(COLUMNS, sheet.rows) };
        let mut y = if number == 0 {
            head(&content, &mut canvas)
        } else {
            let baseline = TOP + LABEL;
            continued.first().into_iter().for_each(|line| canvas.text(line, LABEL, SIDE, baseline));
            canvas.rule(baseline + ROW, 0.5);
            continued_top()
        };
        for line in content.message.get(lines).unwrap_or_default() {
            y += BODY * LEADING;
            let x = if line.is_right_to_left { width() - SIDE - line.width * BODY } else { SIDE };
            canvas.text(line, BODY, x, y);
        }
        if let (0, Some((heading, lines))) = (number, &content.notice) {
            notice(heading, lines, &mut canvas);
        }
        pages.push(canvas.page);
    }
    Ok(pages)
}

fn content(cover: &Cover, type_: &Typesetter, pages: usize, documents: usize) -> Content {
    let whole = width() - 2.0 * SIDE;
    let half = (whole - GUTTER) / 2.0;
    let one = |text: &str, weight| type_.wrap(text, weight, f64::INFINITY).into_iter().next();
    let cell = |label: &str, text: Option<&str>, weight, room: f64| {
        let lines = text.map(|text| type_.wrap(text, weight, (room - INDENT) / BODY)).unwrap_or_default();
        one(label, Weight::Bold).map(|label| Cell { label, lines })
    };
    let pair = |left: (&str, Option<&str>), right: (&str, Option<&str>)| -> Vec<Cell> {
        let cell = |(label, text)| cell(label, text, Weight::Regular, half);
        [cell(left), cell(right)].into_iter().flatten().collect()
    };
    let total = pages + documents;
    let count = if pages == 1 { format!("{total}, including this cover") } else { format!("{total}, including {pages} of cover") };
    let mut rows = Vec::new();
    if cover.to_name.is_some() || cover.from_name.is_some() {
        rows.push(pair(("To", cover.to_name.as_deref()), ("From", cover.from_name.as_deref())));
    }
    let number = |number: &str| printed_number(number);
    rows.push(pair(("Fax", Some(&number(&cover.to_number))), ("Fax", cover.from_number.as_deref().map(number).as_deref())));
    rows.push(pair(("Date", Some(&cover.date)), ("Pages", Some(&count))));
    rows.extend(cover.subject.as_deref().map(|subject| cell("Subject", Some(subject), Weight::Bold, whole).into_iter().collect()));
    let message = cover.message.as_deref().unwrap_or_default().trim_end();
    let message = message.split('\n').filter(|_| !message.is_empty());
    Content {
        letterhead: cover.company.iter().flat_map(|company| type_.wrap(company, Weight::Bold, whole / LETTERHEAD)).collect(),
        title: one("Fax", Weight::Bold).unwrap_or_else(Line::empty),
        rows,
        message: message.flat_map(|paragraph| type_.wrap(paragraph, Weight::Regular, whole / BODY)).collect(),
        notice: one(CONFIDENTIAL, Weight::Bold)
            .filter(|_| cover.confidential)
            .map(|heading| (heading, type_.wrap(NOTICE_TEXT, Weight::Regular, whole / NOTICE))),
    }
}

/// North American numbers in their groups, others as they are.
fn printed_number(number: &str) -> String {
    match (number.strip_prefix("+1"), number.len()) {
        (Some(national), 12) => {
            let group = |range| national.get(range).unwrap_or_default();
            format!("+1 {} {} {}", group(0..3), group(3..6), group(6..10))
        }
        _ => number.to_owned(),
    }
}

/// Draws what stands above the message, and gives where that begins.
fn head(content: &Content, canvas: &mut Canvas<'_>) -> f64 {
    let mut y = TOP;
    for line in &content.letterhead {
        y += LETTERHEAD * LEADING;
        canvas.text(line, LETTERHEAD, (width() - line.width * LETTERHEAD) / 2.0, y);
    }
    if !content.letterhead.is_empty() {
        y += 14.0;
        canvas.rule(y, 1.5);
        y += 10.0;
    }
    y += TITLE * 1.1;
    canvas.text(&content.title, TITLE, SIDE, y);
    y += 16.0;
    canvas.rule(y, 0.5);
    for row in &content.rows {
        let baseline = y + ROW + BODY;
        for (cell, x) in row.iter().zip([SIDE, (width() + GUTTER) / 2.0]) {
            canvas.text(&cell.label, LABEL, x, baseline);
            for (line, number) in cell.lines.iter().zip(0..) {
                canvas.text(line, BODY, x + INDENT, baseline + f64::from(number) * BODY * LEADING);
            }
        }
        y += row_height(row);
        canvas.rule(y, 0.5);
    }
    y + 12.0
}

fn row_height(row: &[Cell]) -> f64 {
    let lines = row.iter().map(|cell| cell.lines.len()).max().unwrap_or(0).max(1);
    2.0 * ROW + BODY * (1.2 + LEADING * (lines - 1) as f64)
}

/// Where the message begins on the first page, as [`head`] has it.
fn head_height(content: &Content) -> f64 {
    let letterhead = if content.letterhead.is_empty() { 0.0 } else { content.letterhead.len() as f64 * LETTERHEAD * LEADING + 24.0 };
    TOP + letterhead + TITLE * 1.1 + 16.0 + content.rows.iter().map(|row| row_height(row)).sum::<f64>() + 12.0
}

fn continued_top() -> f64 {
    TOP + LABEL + ROW + 10.0
}

/// What the notice takes above the foot.
fn notice_height(lines: &[Line]) -> f64 {
    NOTICE * LEADING * (lines.len() + 1) as f64 + 14.0
}

fn notice(heading: &Line, lines: &[Line], canvas: &mut Canvas<'_>) {
    let mut y = height(canvas.sheet) - FOOT - notice_height(lines);
    canvas.rule(y, 0.5);
    y += 4.0;
    for line in std::iter::once(heading).chain(lines) {
        y += NOTICE * LEADING;
        canvas.text(line, NOTICE, SIDE, y);
    }
}

/// The lines of the message on each page; the first has some, if there is room.
fn divided(content: &Content, sheet: &Sheet) -> Vec<std::ops::Range<usize>> {
    let foot = height(sheet) - FOOT;
    let fit = |top: f64, foot: f64| ((foot - top) / (BODY * LEADING)).max(0.0) as usize;
    let notice = content.notice.as_ref().map_or(0.0, |(_, lines)| notice_height(lines) + 6.0);
    let all = content.message.len();
    let first = fit(head_height(content), foot - notice).min(all);
    let each = fit(continued_top(), foot).max(1);
    let others = (first..all).step_by(each).map(|start| start..(start + each).min(all));
    std::iter::once(0..first).chain(others).collect()
}

//! The receipt as a page to be filed, with the signed JSON attached.

use fax_document::{FaxPage, read_fax_pdf};
use jiff::Timestamp;
use pdf_writer::types::AssociationKind;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use serde::Serialize;
use sfm_core::fax::resource::AttemptResource;
use sfm_core::fax::{Direction, FaxStatus};
use sfm_core::settings::Zone;
use sfm_service::receipts::IssuedReceipt;

/// Letter paper, in points.
const WIDTH: f32 = 612.0;
const HEIGHT: f32 = 792.0;
const LEFT: f32 = 54.0;
const RIGHT: f32 = WIDTH - 54.0;
/// Where values begin.
const VALUES: f32 = 168.0;
/// The picture of the first page.
const PICTURE_WIDTH: f32 = 126.0;
/// More attempts than these are in the attached JSON alone.
const ATTEMPTS: usize = 8;
/// Where the columns of the attempts begin.
const COLUMNS: [f32; 6] = [LEFT, 78.0, 218.0, 358.0, 446.0, 504.0];

const REGULAR: Name<'static> = Name(b"R");
const BOLD: Name<'static> = Name(b"B");
const FIXED: Name<'static> = Name(b"F");
const PICTURE: Name<'static> = Name(b"P");
const FONTS: [(Name<'static>, Name<'static>); 3] =
    [(REGULAR, Name(b"Helvetica")), (BOLD, Name(b"Helvetica-Bold")), (FIXED, Name(b"Courier"))];

/// What is drawn, from the top down.
struct Sheet {
    content: Content,
    y: f32,
}

impl Sheet {
    fn text(&mut self, x: f32, (font, size): (Name<'_>, f32), gray: f32, text: &str) {
        // All that a receipt says is ASCII.
        let shown: Vec<u8> = text.bytes().map(|byte| if (0x20..0x7f).contains(&byte) { byte } else { b'?' }).collect();
        self.content.set_fill_gray(gray).begin_text().set_font(font, size).next_line(x, self.y).show(Str(&shown)).end_text();
    }

    fn rule(&mut self, gray: f32) {
        self.content.set_stroke_gray(gray).set_line_width(0.6).move_to(LEFT, self.y).line_to(RIGHT, self.y).stroke();
    }

    fn heading(&mut self, text: &str) {
        self.y -= 14.0;
        self.text(LEFT, (BOLD, 10.5), 0.0, text);
        self.y -= 5.0;
        self.rule(0.6);
        self.y -= 14.0;
    }

    fn row(&mut self, label: &str, value: &str) {
        self.text(LEFT, (REGULAR, 9.0), 0.35, label);
        self.text(VALUES, (REGULAR, 10.0), 0.0, value);
        self.y -= 15.0;
    }

    fn fixed_row(&mut self, label: &str, value: &str) {
        self.text(LEFT, (REGULAR, 9.0), 0.35, label);
        for line in value.as_bytes().chunks(64) {
            self.text(VALUES, (FIXED, 8.0), 0.0, &String::from_utf8_lossy(line));
            self.y -= 11.0;
        }
        self.y -= 4.0;
    }

    fn columns(&mut self, font: (Name<'_>, f32), gray: f32, cells: [&str; 6]) {
        for (x, cell) in COLUMNS.into_iter().zip(cells) {
            self.text(x, font, gray, cell);
        }
        self.y -= 14.0;
    }
}

/// A stored word for people: `no_answer` as "no answer".
fn words(value: &impl Serialize) -> String {
    let text = serde_json::to_value(value).ok().and_then(|value| value.as_str().map(|text| text.replace('_', " ")));
    text.unwrap_or_else(|| "-".into())
}

fn shown(at: Option<Timestamp>, zone: &Zone) -> String {
    at.map_or_else(|| "-".into(), |at| zone.show(at, "%Y-%m-%d %H:%M:%S %Z"))
}

fn result(issued: &IssuedReceipt) -> String {
    let receipt = &issued.receipt;
    let pages = |count: u32| if count == 1 { "1 page".to_owned() } else { format!("{count} pages") };
    match receipt.status {
        FaxStatus::Delivered => format!("Delivered: {} confirmed", pages(receipt.pages_sent)),
        FaxStatus::Received if receipt.partial => format!("Received in part: {}", pages(receipt.pages)),
        FaxStatus::Received => format!("Received: {}", pages(receipt.pages)),
        FaxStatus::Canceled => format!("Canceled: {} of {} confirmed", receipt.pages_sent, pages(receipt.pages)),
        _ => format!("Not delivered: {} of {} confirmed", receipt.pages_sent, pages(receipt.pages)),
    }
}

fn facts(sheet: &mut Sheet, issued: &IssuedReceipt) {
    let (receipt, zone) = (&issued.receipt, &issued.time_zone);
    sheet.heading("Fax");
    sheet.row("Fax", &receipt.fax_id.to_string());
    sheet.row("Account", &receipt.account_id.to_string());
    if let Some(origin) = receipt.resent_from {
        sheet.row("Sent again from", &origin.to_string());
    }
    sheet.row("Direction", if receipt.direction == Direction::Inbound { "received" } else { "sent" });
    sheet.row("From", &receipt.from.as_ref().map_or_else(|| "withheld".to_owned(), ToString::to_string));
    sheet.row("To", &receipt.to.to_string());
    sheet.row("Pages", &receipt.pages.to_string());
    sheet.row("Accepted", &shown(Some(receipt.created_at.timestamp()), zone));
    sheet.row("Ended", &shown(receipt.completed_at.map(|at| at.timestamp()), zone));
    if receipt.failure.is_some() {
        sheet.row("Reason", &words(&receipt.failure));
    }
}

fn attempts(sheet: &mut Sheet, attempts: &[AttemptResource], zone: &Zone) {
    sheet.heading("Attempts");
    if attempts.is_empty() {
        sheet.text(LEFT, (REGULAR, 9.5), 0.0, "None was made by us.");
        sheet.y -= 14.0;
        return;
    }
    sheet.columns((REGULAR, 8.5), 0.35, ["No.", "Started", "Ended", "Outcome", "Pages", "Duration"]);
    for attempt in attempts.iter().take(ATTEMPTS) {
        let duration = attempt.duration_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
        let (started, ended) = (shown(Some(attempt.started_at.timestamp()), zone), shown(attempt.ended_at.map(|at| at.timestamp()), zone));
        let (number, pages, outcome) = (attempt.number.to_string(), attempt.pages_sent.to_string(), words(&attempt.outcome));
        sheet.columns((REGULAR, 9.0), 0.0, [&number, &started, &ended, &outcome, &pages, &duration]);
    }
    if attempts.len() > ATTEMPTS {
        sheet.text(LEFT, (REGULAR, 9.0), 0.35, &format!("{} more are in receipt.json.", attempts.len() - ATTEMPTS));
        sheet.y -= 14.0;
    }
}

fn rest(sheet: &mut Sheet, issued: &IssuedReceipt) {
    sheet.heading("Document");
    match &issued.receipt.document {
        Some(document) => {
            sheet.row("Size", &format!("{} bytes (PDF)", document.bytes));
            sheet.fixed_row("SHA-256", &document.sha256);
        }
        None => sheet.row("Document", "No longer kept when this receipt was issued."),
    }
    sheet.heading("What this proves");
    let (proved, not_proved) = issued.receipt.proof();
    for line in [proved.as_str(), not_proved] {
        sheet.text(LEFT, (REGULAR, 9.5), 0.0, line);
        sheet.y -= 13.0;
    }
    sheet.heading("Signature");
    sheet.row("Algorithm", "Ed25519, over the canonical JSON (RFC 8785) in the attached file receipt.json");
    sheet.fixed_row("Key", &issued.key_id);
    sheet.fixed_row("Signature", &issued.signature);
}

/// Draws the page's content. The picture, of this height, stands beside the facts.
fn draw(issued: &IssuedReceipt, picture: Option<f32>) -> Vec<u8> {
    let zone = &issued.time_zone;
    let mut sheet = Sheet { content: Content::new(), y: HEIGHT - 72.0 };
    sheet.text(LEFT, (BOLD, 20.0), 0.0, "Fax receipt");
    sheet.y -= 24.0;
    sheet.text(LEFT, (BOLD, 12.0), 0.0, &result(issued));
    sheet.y -= 16.0;
    let name = zone.name();
    sheet.text(LEFT, (REGULAR, 9.0), 0.35, &format!("All times are of the zone {name}."));
    sheet.y -= 10.0;
    let top = sheet.y - 27.0;
    facts(&mut sheet, issued);
    if let Some(height) = picture {
        let (x, y) = (RIGHT - PICTURE_WIDTH, top - height);
        sheet.content.save_state().transform([PICTURE_WIDTH, 0.0, 0.0, height, x, y]).x_object(PICTURE).restore_state();
        sheet.content.set_stroke_gray(0.6).set_line_width(0.6).rect(x, y, PICTURE_WIDTH, height).stroke();
        let facts_end = std::mem::replace(&mut sheet.y, y - 10.0);
        sheet.text(x, (REGULAR, 8.0), 0.35, "First page");
        sheet.y = facts_end.min(y - 12.0);
    }
    attempts(&mut sheet, &issued.receipt.attempts, zone);
    rest(&mut sheet, issued);
    sheet.content.finish().into_vec()
}

/// The PDF: one page, with `json` attached as `receipt.json`, uncompressed and on a line of its own, and a picture of the fax's first page, whose
/// code is taken as it is.
pub fn receipt_page(issued: &IssuedReceipt, json: &str) -> Vec<u8> {
    let pages = issued.document.as_ref().and_then(|document| read_fax_pdf(document).ok());
    page_with(issued, json, pages.and_then(|pages| pages.into_iter().next()).as_ref())
}

fn page_with(issued: &IssuedReceipt, json: &str, first: Option<&FaxPage>) -> Vec<u8> {
    let mut ids = (1..).map(Ref::new);
    let mut id = || ids.next().unwrap_or(Ref::new(i32::MAX));
    let (catalog, tree, info, page_id, content_id, picture_id, file_id, spec_id) = (id(), id(), id(), id(), id(), id(), id(), id());
    let mut pdf = Pdf::new();
    let mut root = pdf.catalog(catalog);
    root.pages(tree);
    root.names().embedded_files().names().insert(Str(b"receipt.json"), spec_id);
    root.finish();
    let title = format!("Receipt of {}", issued.receipt.fax_id);
    pdf.document_info(info).producer(TextStr("Send FAX Mail")).title(TextStr(&title));
    pdf.pages(tree).kids([page_id]).count(1);
    let fonts: Vec<(Name<'_>, Name<'_>, Ref)> = FONTS.into_iter().map(|(name, base)| (name, base, id())).collect();
    let mut page = pdf.page(page_id);
    page.parent(tree).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents(content_id);
    let mut resources = page.resources();
    let mut named = resources.fonts();
    for (name, _, font) in &fonts {
        named.pair(*name, *font);
    }
    named.finish();
    if first.is_some() {
        resources.x_objects().pair(PICTURE, picture_id);
    }
    resources.finish();
    page.finish();
    for (_, base, font) in fonts {
        pdf.type1_font(font).base_font(base).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let height = first.map(|first| if first.height < 1500 { first.height * 2 } else { first.height });
    // 204 pixels to the inch across, 196 down.
    let height = height.zip(first).map(|(rows, first)| PICTURE_WIDTH * (rows as f32 / 196.0) / (first.width as f32 / 204.0));
    pdf.stream(content_id, &draw(issued, height));
    if let Some(first) = first {
        let (width, height) = (i32::try_from(first.width).unwrap_or(i32::MAX), i32::try_from(first.height).unwrap_or(i32::MAX));
        let mut picture = pdf.image_xobject(picture_id, &first.g4);
        picture.width(width).height(height).bits_per_component(1).interpolate(true);
        picture.color_space().device_gray();
        picture.filter(Filter::CcittFaxDecode);
        picture.decode_parms().k(-1).columns(width).rows(height).black_is_1(false);
        picture.finish();
    }
    let line = format!("{json}\n");
    pdf.embedded_file(file_id, line.as_bytes()).subtype(Name(b"application/json"));
    let mut spec = pdf.file_spec(spec_id);
    spec.path(Str(b"receipt.json")).unic_file(TextStr("receipt.json")).embedded_file(file_id);
    spec.association_kind(AssociationKind::Data);
    spec.finish();
    pdf.finish()
}

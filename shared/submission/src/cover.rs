//! The cover of a fax, with what the service knows of it.

use fax_document::Cover;
use jiff::Timestamp;
use sfm_core::phone::E164;
use sfm_core::settings::Zone;
use sfm_core::submission::CoverText;
use sfm_service::submission::DocumentRefused;

/// The cover as it is drawn, for a fax that is sent at `at`, which it shows in the account's zone.
///
/// # Errors
/// When it has a character that cannot be printed.
pub(crate) fn cover(text: CoverText, to: &E164, from: Option<&E164>, (at, zone): (Timestamp, &Zone)) -> Result<Cover, DocumentRefused> {
    let CoverText { to_name, from_name, company, subject, message, confidential } = text;
    let cover = Cover {
        to_name,
        to_number: to.to_string(),
        from_name,
        from_number: from.map(ToString::to_string),
        company,
        date: zone.show(at, "%b %-d, %Y, %H:%M %Z"),
        subject,
        message,
        confidential,
    };
    match cover.lacks() {
        None => Ok(cover),
        Some((field, c)) => {
            let field = format!("cover.{field}");
            let shown = if c.is_control() { String::new() } else { format!(" ({c})") };
            let message = format!(
                "{field} has the character U+{:04X}{shown}, which cannot be printed. Leave it out, or send the cover as the first document.",
                u32::from(c)
            );
            Err(DocumentRefused { code: "document_type_unsupported", message, field: field.into() })
        }
    }
}

//! A month's faxes as CSV, for spreadsheets and accounting.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::{ApiTime, Clock};
use sfm_core::fax::{Direction, Fax};
use sfm_core::id::{AccountId, FaxId};
use sfm_core::month::Month;
use sfm_core::principal::Principal;
use sfm_core::secret::Secret;
use sfm_store::StoreError;
use sfm_store::audit::Audit;
use sfm_store::documents::{DocumentStoreError, Documents};
use sfm_store::faxes::Faxes;
use sfm_store::lists::{List, Lists};
use sfm_store::platform::{ConfigError, Platform};

/// Long enough to save the file, too short to be worth passing on.
const LINK_LIFE: Duration = Duration::from_secs(300);
/// Entries that one Query is asked for; it ends at 1 MB in any case.
const READ_AT_ONCE: u32 = 1_000;

const COLUMNS: [&str; 15] = [
    "id",
    "direction",
    "status",
    "to",
    "from",
    "pages",
    "pages_sent",
    "failure",
    "attempts",
    "scheduled_id",
    "resent_from",
    "reference",
    "live",
    "created_at",
    "completed_at",
];

#[derive(Debug, Clone)]
pub struct FaxExport {
    faxes: Faxes,
    lists: Lists,
    documents: Documents,
    audit: Audit,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Documents(#[from] DocumentStoreError),
}

impl FaxExport {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            faxes: Faxes::new(platform)?,
            lists: Lists::new(platform)?,
            documents: Documents::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Writes the account's faxes that were created in a month, oldest first, and gives a link to them that is good for five minutes. Deleted ones are not
    /// among them. The audit log tells of it first. (1 WRU, 1 RRU, 0.5 for each halving of the list and for each 4 KB of faxes; 1 PUT)
    pub async fn month(&self, who: &Principal, month: Month) -> Result<Secret, ExportError> {
        let account = who.account();
        let entry = AuditEntry::new(who, Action::FaxesExported, account, self.clock.now()).detail(month.to_string());
        self.audit.record(&entry).await?;
        let mut top = self.last_before(account, month.end()).await?;
        let mut rows = Vec::new();
        while top > 0 {
            let faxes = self.faxes.list_from(account, top, READ_AT_ONCE).await?;
            let Some(oldest) = faxes.last() else { break };
            top = match oldest.created_at < month.start() {
                true => 0,
                false => oldest.seq.unwrap_or_default().saturating_sub(1),
            };
            rows.extend(faxes.iter().filter(|fax| fax.created_at >= month.start()).map(row));
        }
        let header = COLUMNS.join(",") + "\r\n";
        let csv: String = std::iter::once(header).chain(rows.into_iter().rev()).collect();
        let key = format!("exports/{account}/{}.csv", FaxId::generate(self.clock.now()));
        self.documents.put_file(&key, csv, "text/csv; charset=utf-8", &format!("faxes-{month}.csv")).await?;
        Ok(self.documents.link(&key, LINK_LIFE).await?)
    }

    /// The place of the newest fax that was created before `end`, or one above it that has no fax. The places are in the order of creation.
    async fn last_before(&self, account: AccountId, end: Timestamp) -> Result<u64, StoreError> {
        let (mut least, mut most) = (0, self.lists.head(&List::Faxes, account).await?.last);
        while least < most {
            let middle = (least + most).div_ceil(2);
            let newest: Vec<Fax> = self.faxes.list_from(account, middle, 1).await?;
            match newest.first() {
                Some(fax) if fax.created_at >= end => most = fax.seq.unwrap_or_default().saturating_sub(1).min(middle - 1),
                _ => least = middle,
            }
        }
        Ok(least)
    }
}

fn row(fax: &Fax) -> String {
    let text = |value: Option<String>| value.unwrap_or_default();
    let time = |at: Option<Timestamp>| at.map(|at| ApiTime::from(at).to_string()).unwrap_or_default();
    let direction = match fax.direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    };
    let cells: [String; COLUMNS.len()] = [
        fax.id.to_string(),
        direction.to_owned(),
        fax.status.to_string(),
        fax.to.to_string(),
        text(fax.from.as_ref().map(ToString::to_string)),
        fax.pages.to_string(),
        fax.pages_sent.to_string(),
        text(fax.failure.map(|failure| failure.to_string())),
        fax.attempts.len().to_string(),
        text(fax.scheduled_id.map(|id| id.to_string())),
        text(fax.resent_from.map(|id| id.to_string())),
        text(fax.reference.as_ref().map(|reference| reference.as_str().to_owned())),
        fax.live.to_string(),
        time(Some(fax.created_at)),
        time(fax.completed_at),
    ];
    let mut row = String::new();
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            row.push(',');
        }
        // Writing to a text cannot fail.
        let _ = write!(row, "{}", Cell(cell));
    }
    row + "\r\n"
}

/// A cell as RFC 4180 quotes it. What a spreadsheet would take for a formula begins with an apostrophe, which it hides (OWASP, "CSV Injection").
struct Cell<'a>(&'a str);

impl std::fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let formula = self.0.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let (mark, text) = (if formula { "'" } else { "" }, self.0.replace('"', "\"\""));
        if self.0.contains(['"', ',', '\r', '\n']) { write!(f, "\"{mark}{text}\"") } else { write!(f, "{mark}{text}") }
    }
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (cell, written) in [
            ("", ""),
            ("fax_1", "fax_1"),
            ("+12125551234", "'+12125551234"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("a, b", "\"a, b\""),
            ("two\r\nlines", "\"two\r\nlines\""),
        ] {
            assert_eq!(Cell(cell).to_string(), written, "{cell:?}");
        }
    }
}

//! The filters of the fax list, as a query asks for them.

use std::collections::BTreeMap;

use sfm_core::fax::{Direction, FaxField, FaxStatus};
use sfm_core::metadata::Reference;
use sfm_core::month::Month;
use sfm_core::phone::{BadNumber, E164};
use sfm_store::fax_filters::FaxFilter;

use crate::{ApiError, Request};

/// A plus sign and the fewest digits that a caller's number has abroad.
const SHORTEST: usize = 8;

/// None when the request asks for no filter.
///
/// # Errors
/// When a filter is none of its values, no number or no time.
pub fn fax_filter(request: &Request) -> Result<Option<FaxFilter>, ApiError> {
    let status = request.query_choice("status", &FaxStatus::ALL.map(|status| (status.as_str(), status)))?;
    let direction = request.query_choice("direction", &[("outbound", Direction::Outbound), ("inbound", Direction::Inbound)])?;
    let after = request.query_time("created_after")?;
    let before = request.query_time("created_before")?;
    let mut values = BTreeMap::new();
    for (field, name) in [(FaxField::To, "to"), (FaxField::From, "from")] {
        if let Some(number) = number(request, name)? {
            values.insert(field, number.as_str().to_owned());
        }
    }
    if let Some(text) = request.query_param("reference")? {
        let reference: Reference = text.parse().map_err(|e| ApiError::invalid(format!("reference {e}.")).param("reference"))?;
        values.insert(FaxField::Reference, reference.as_str().to_owned());
    }
    if values.is_empty() && status.is_none() && direction.is_none() && after.is_none() && before.is_none() {
        return Ok(None);
    }
    let lets_through = |s: &FaxStatus| status.is_none_or(|wanted| wanted == *s) && direction.is_none_or(|wanted| wanted == s.direction());
    Ok(Some(FaxFilter { values, statuses: FaxStatus::ALL.into_iter().filter(lets_through).collect(), after, before }))
}

/// A number as a send takes it, or as a carrier told it of a fax that came in.
fn number(request: &Request, name: &'static str) -> Result<Option<E164>, ApiError> {
    let Some(text) = request.query_param(name)? else { return Ok(None) };
    // A plus sign that was not percent-encoded has become a space.
    let text = text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"));
    let told = |_| E164::from_carrier(&text).ok().filter(|number| number.as_str().len() >= SHORTEST);
    let number = text.parse().or_else(|e| told(e).ok_or(e));
    number.map(Some).map_err(|e: BadNumber| ApiError::invalid(format!("{name} {e}.")).param(name))
}

/// The month that the query names.
///
/// # Errors
/// When it names none.
pub fn month(request: &Request) -> Result<Month, ApiError> {
    let text = request.query_param("month")?.unwrap_or_default();
    let month: Option<Month> = text.parse().ok().filter(|month: &Month| month.to_string() == text);
    month.ok_or_else(|| ApiError::invalid("month must be a month of UTC, such as 2026-07.").param("month"))
}

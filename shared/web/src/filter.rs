//! The filters of the fax list, as a query asks for them.

use sfm_core::fax::{Direction, FaxStatus};
use sfm_store::fax_filters::FaxFilter;

use crate::{ApiError, Request};

/// None when the request asks for no filter.
///
/// # Errors
/// When a filter is none of its values, or no time.
pub fn fax_filter(request: &Request) -> Result<Option<FaxFilter>, ApiError> {
    let status = request.query_choice("status", &FaxStatus::ALL.map(|status| (status.as_str(), status)))?;
    let direction = request.query_choice("direction", &[("outbound", Direction::Outbound), ("inbound", Direction::Inbound)])?;
    let after = request.query_time("created_after")?;
    let before = request.query_time("created_before")?;
    if status.is_none() && direction.is_none() && after.is_none() && before.is_none() {
        return Ok(None);
    }
    let lets_through = |s: &FaxStatus| status.is_none_or(|wanted| wanted == *s) && direction.is_none_or(|wanted| wanted == s.direction());
    Ok(Some(FaxFilter { statuses: FaxStatus::ALL.into_iter().filter(lets_through).collect(), after, before }))
}

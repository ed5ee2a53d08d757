//! A contact as a body asks for it.

use sfm_core::contact::{ContactChange, ContactQuery, NewContact};

use crate::{ApiError, Request};

/// What contacts are looked for by, in the query parameter `q`.
///
/// # Errors
/// When it has nothing to look for.
pub fn contact_query(request: &Request) -> Result<Option<ContactQuery>, ApiError> {
    let query = request.query_param("q")?;
    query.map(|text| text.parse().map_err(|e| ApiError::invalid(format!("q {e}.")).param("q"))).transpose()
}

/// What a body asks to be changed of a contact. Only the company may be null, which takes it away.
///
/// # Errors
/// When no field is named, or one is not as the API reference says.
pub fn contact_change(request: &Request) -> Result<ContactChange, ApiError> {
    let body = request.json()?;
    let is_null = |field: &str| body.get(field).is_none() && body.iter().any(|(name, _)| name == field);
    for field in ["name", "fax_number"] {
        if is_null(field) {
            return Err(ApiError::invalid(format!("{field} cannot be taken away. Leave it out, or give another.")).param(field));
        }
    }
    let company = if is_null("company") { Some(None) } else { body.parsed("company", "company")?.map(Some) };
    let change = ContactChange { name: body.parsed("name", "name")?, fax_number: body.parsed("fax_number", "fax_number")?, company };
    if change == ContactChange::default() {
        return Err(ApiError::invalid("Name at least one of name, fax_number and company, which is to be changed."));
    }
    Ok(change)
}

/// # Errors
/// When a field is missing, or not as the API reference says.
pub fn new_contact(request: &Request) -> Result<NewContact, ApiError> {
    let body = request.json()?;
    Ok(NewContact {
        name: body.required("name", "name")?,
        fax_number: body.required("fax_number", "fax_number")?,
        company: body.parsed("company", "company")?,
    })
}

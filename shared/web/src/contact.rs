//! A contact as a body asks for it.

use sfm_core::contact::NewContact;

use crate::{ApiError, Request};

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

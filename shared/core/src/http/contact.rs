//! A contact as a body asks for it.

use super::{Problem, Request};
use crate::contact::NewContact;

impl NewContact {
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let body = request.json()?;
        Ok(Self {
            name: body.required("name", "name")?,
            fax_number: body.required("fax_number", "fax_number")?,
            company: body.parsed("company", "company")?,
        })
    }
}

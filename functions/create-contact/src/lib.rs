//! `POST /v1/contacts`, scope `contacts:write`: adds a contact. A number is in an address book once.

use http::StatusCode;
use sfm_core::clock::Clock;
use sfm_core::contact::{Contact, Name};
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, Problem, Request, Response};
use sfm_core::id::ContactId;
use sfm_core::list::Head;
use sfm_core::phone::E164;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::contacts::Contacts;

#[derive(Debug)]
pub struct CreateContact {
    auth: Authenticator,
    contacts: Contacts,
    clock: Clock,
}

impl Endpoint for CreateContact {
    const ROUTE: &'static str = "POST /v1/contacts";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, contacts: Contacts::new(platform)?, clock: platform.clock() })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::ContactsWrite).await?;
        let body = request.json()?;
        let name: Name = body.required("name", "name")?;
        let fax_number: E164 = body.required("fax_number", "fax_number")?;
        let company: Option<Name> = body.parsed("company", "company")?;

        let now = self.clock.now();
        let id = ContactId::generate(now);
        let draft = |place: Head| Contact {
            account_id: caller.account,
            id,
            seq: place.last,
            name: name.clone(),
            fax_number: fax_number.clone(),
            company: company.clone(),
            created_at: place.last_at,
        };
        let contact = self.contacts.create(caller.account, now, draft, None).await?;
        Response::json(StatusCode::CREATED, &contact.resource())
    }
}

//! `/dashboard/api/…`: what the dashboard's pages ask for. One file per group of routes; the gateway's authorizer has checked the
//! token, and who may see which account is asked of table `members` for every request.

mod account;
mod faxes;
mod keys;

use http::Method;
use sfm_core::http::membership::Doorkeeper;
use sfm_core::http::{Endpoint, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::store::accounts::Accounts;
use sfm_core::store::audit::Audit;
use sfm_core::store::faxes::Faxes;
use sfm_core::store::keyring::Keyring;
use sfm_core::store::lists::Lists;

#[derive(Debug)]
pub struct DashboardApi {
    door: Doorkeeper,
    accounts: Accounts,
    audit: Audit,
    keyring: Keyring,
    lists: Lists,
    faxes: Faxes,
}

impl Endpoint for DashboardApi {
    const ROUTE: &'static str = "/dashboard/api";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            door: Doorkeeper::new(platform)?,
            accounts: Accounts::new(platform)?,
            audit: Audit::new(platform)?,
            keyring: Keyring::new(platform)?,
            lists: Lists::new(platform)?,
            faxes: Faxes::new(platform)?,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let path = request.path.strip_prefix("/dashboard/api/").ok_or_else(Problem::no_route)?;
        let segments: Vec<&str> = path.split('/').collect();
        let (account, rest) = match segments.as_slice() {
            ["session"] => return self.session(request).await,
            ["accounts", account, rest @ ..] => (*account, rest),
            _ => return Err(Problem::no_route()),
        };
        let visitor = self.door.admit(request, account).await?;
        match (&request.method, rest) {
            (&Method::GET, []) => self.account(&visitor, request).await,
            (&Method::GET, ["audit"]) => self.audit(&visitor, request).await,
            (&Method::GET, ["keys"]) => self.list_keys(&visitor, request).await,
            (&Method::POST, ["keys"]) => self.create_key(&visitor, request).await,
            (&Method::DELETE, ["keys", id]) => self.revoke_key(&visitor, id).await,
            (&Method::GET, ["faxes"]) => self.list_faxes(&visitor, request).await,
            (&Method::GET, ["faxes", id]) => self.fax(&visitor, id).await,
            _ => Err(Problem::no_route()),
        }
    }
}

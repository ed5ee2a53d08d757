//! Who is signed in to the dashboard, and of which accounts they are members.

use super::{ApiError, Request};
use sfm_core::member::{Email, Member, Role};
use sfm_core::principal::Principal;
use sfm_store::members::Members;
use sfm_store::platform::{ConfigError, Platform};

/// Refuses members who are not owners.
///
/// # Errors
/// 403.
pub fn owners_only(who: &Principal) -> Result<(), ApiError> {
    if who.role() == Some(Role::Owner) { Ok(()) } else { Err(ApiError::owners_only()) }
}

#[derive(Debug, Clone)]
pub struct MemberAuth {
    members: Members,
}

impl MemberAuth {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { members: Members::new(platform)? })
    }

    /// The memberships of who signed in; none of somebody whose address the issuer has not verified.
    pub async fn memberships(&self, request: &Request) -> Result<Vec<Member>, ApiError> {
        match verified_email(request) {
            Some(email) => Ok(self.members.of(&email).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Lets a member of the account in. To everybody else there is no such account: 404.
    ///
    /// # Errors
    /// 404 for everybody else: to them there is no such account.
    pub async fn admit(&self, request: &Request, account: &str) -> Result<Principal, ApiError> {
        let email = verified_email(request).ok_or_else(ApiError::not_found)?;
        let account = account.parse().map_err(|_| ApiError::not_found())?;
        let member = self.members.get(&email, account).await?.ok_or_else(ApiError::not_found)?;
        Ok(Principal::Member { account, email, role: member.role })
    }
}

/// The address of the token, if the issuer says that it is its user's.
fn verified_email(request: &Request) -> Option<Email> {
    let verified = request.claims.get("email_verified").is_some_and(|verified| verified == "true");
    request.claims.get("email").filter(|_| verified)?.parse().ok()
}

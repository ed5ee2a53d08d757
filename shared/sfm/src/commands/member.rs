//! `sfm member …`

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::ApiTime;
use sfm_core::id::AccountId;
use sfm_core::member::{Email, Member, Role};
use sfm_core::principal::Principal;
use sfm_store::accounts::Accounts;
use sfm_store::members::MembersAdmin;
use sfm_store::platform::Platform;
use sfm_store::users::{Invitation, Users};

use super::{CommandError, id};

/// Who may use the dashboard of an account
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Adds a member, or gives one another role
    #[command(after_help = "Example:\n  sfm member add acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C ada@example.com --role owner")]
    Add {
        /// The account, acct_…
        account: String,
        /// The address that they sign in with
        email: String,
        /// owner, or member: who may not manage keys, webhooks and settings, nor delete faxes
        #[arg(long)]
        role: Role,
    },
    /// Adds a member and, where the stack has a user pool of its own, invites them to it by e-mail. It may be repeated.
    #[command(after_help = "Example:\n  sfm member invite acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C ada@example.com --role owner")]
    Invite {
        /// The account, acct_…
        account: String,
        /// The address that they sign in with
        email: String,
        /// owner, or member: who may not manage keys, webhooks and settings, nor delete faxes
        #[arg(long)]
        role: Role,
        /// Sends the invitation once more to somebody who has not signed in yet
        #[arg(long)]
        again: bool,
    },
    /// Lists who may use the dashboard of an account
    #[command(after_help = "Example:\n  sfm member list acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    List {
        /// The account, acct_…
        account: String,
    },
    /// Removes a member, at once; the user pool keeps them
    #[command(after_help = "Example:\n  sfm member remove acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C ada@example.com")]
    Remove {
        /// The account, acct_…
        account: String,
        /// Their address
        email: String,
    },
}

impl MemberCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        match self {
            Self::Add { account, email, role } => Ok(json!(add(platform, id(&account, "account")?, &email, role).await?)),
            Self::Invite { account, email, role, again } => invite(platform, id(&account, "account")?, &email, role, again).await,
            Self::List { account } => list(platform, id(&account, "account")?).await,
            Self::Remove { account, email } => remove(platform, id(&account, "account")?, &email).await,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct MemberView {
    account_id: AccountId,
    email: Email,
    role: Role,
    created_at: ApiTime,
}

impl From<Member> for MemberView {
    fn from(Member { email, account_id, role, created_at }: Member) -> Self {
        Self { account_id, email, role, created_at: created_at.into() }
    }
}

fn address(text: &str) -> Result<Email, CommandError> {
    text.parse().map_err(|e| CommandError::invalid(format!("The address {e}.")))
}

/// Adds a member, or gives one another role.
pub async fn add(platform: &Platform, account: AccountId, email: &str, role: Role) -> Result<MemberView, CommandError> {
    let email = address(email)?;
    Accounts::new(platform)?.get(account).await?.ok_or_else(|| CommandError::not_found("account"))?;
    let now = platform.clock().now();
    let entry = AuditEntry::new(&Principal::Operator { account }, Action::MemberAdded, &email, now).detail(role.as_str());
    let member = Member { email, account_id: account, role, created_at: now };
    MembersAdmin::new(platform)?.put(&member, &entry).await?;
    Ok(member.into())
}

/// Adds a member, and lets them sign in. The member comes first: who cannot sign in yet sees nothing, and a second run goes on.
pub async fn invite(platform: &Platform, account: AccountId, email: &str, role: Role, again: bool) -> Result<Value, CommandError> {
    let users = Users::new(platform)?;
    let member = add(platform, account, email, role).await?;
    let invitation = match users {
        None => "none: the users of this stack are not its own",
        Some(users) => match users.invite(&member.email, again).await? {
            Invitation::Sent => "sent",
            Invitation::Known => "none: they can sign in already, or were invited before (--again)",
        },
    };
    let mut invited = json!(member);
    invited["invitation"] = invitation.into();
    Ok(invited)
}

pub async fn list(platform: &Platform, account: AccountId) -> Result<Value, CommandError> {
    let members = MembersAdmin::new(platform)?.of_account(account).await?;
    Ok(json!({"members": members.into_iter().map(MemberView::from).collect::<Vec<_>>()}))
}

pub async fn remove(platform: &Platform, account: AccountId, email: &str) -> Result<Value, CommandError> {
    let email = address(email)?;
    let entry = AuditEntry::new(&Principal::Operator { account }, Action::MemberRemoved, &email, platform.clock().now());
    match MembersAdmin::new(platform)?.remove(&email, account, &entry).await? {
        true => Ok(json!({"email": email, "removed": true})),
        false => Err(CommandError::not_found("member")),
    }
}

//! Who asks for something, and for which account. Whoever lets a request in makes one; the services trust it.

use std::fmt;

use crate::id::{AccountId, KeyId};
use crate::member::{Email, Role};
use crate::scope::Scope;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The holder of an API key whose plan and scope allow the request.
    ApiKey {
        account: AccountId,
        key: KeyId,
        scopes: Vec<Scope>,
        /// False for a test key.
        live: bool,
    },
    /// A member of the account, signed in to the dashboard.
    Member { account: AccountId, email: Email, role: Role },
    /// Whoever runs the service, by its command line.
    Operator { account: AccountId },
}

impl Principal {
    /// The account that everything is read from and written to.
    pub fn account(&self) -> AccountId {
        match self {
            Self::ApiKey { account, .. } | Self::Member { account, .. } | Self::Operator { account } => *account,
        }
    }

    /// Whether they may do what `scope` allows: members and operators may do all of it.
    pub fn has_scope(&self, scope: Scope) -> bool {
        match self {
            Self::ApiKey { scopes, .. } => scopes.contains(&scope),
            Self::Member { .. } | Self::Operator { .. } => true,
        }
    }

    /// Whether what is sent reaches a carrier and counts.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::ApiKey { live: false, .. })
    }

    /// Whether they may change what was made live, or by a test key: a test changes nothing real, and what is real no test.
    pub fn may_change(&self, is_live: bool) -> bool {
        match self {
            Self::ApiKey { live, .. } => *live == is_live,
            Self::Member { .. } | Self::Operator { .. } => true,
        }
    }

    /// Whether the audit log tells of all that they change. Of a key it tells of looks, exports and deletions alone.
    pub fn is_audited(&self) -> bool {
        !matches!(self, Self::ApiKey { .. })
    }

    /// A member's role; none for a key or an operator.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Member { role, .. } => Some(*role),
            Self::ApiKey { .. } | Self::Operator { .. } => None,
        }
    }
}

/// As the audit log names them.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey { key, .. } => key.fmt(f),
            Self::Member { email, .. } => email.fmt(f),
            Self::Operator { .. } => f.write_str("operator"),
        }
    }
}

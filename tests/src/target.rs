//! The stack under test: one in this process, or the deployed one that the environment names.

use jiff::SignedDuration;
use sfm::commands::{key, member};
use sfm_core::id::AccountId;
use sfm_core::member::Role;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_simulator::Incoming;
use sfm_store::platform::Platform;

use crate::client::Client;
use crate::deployed::Deployed;
use crate::eventually;
use crate::member::sign_in;
use crate::recorder;
use crate::service::{Customer, Service, customer_at, used_pages_of};

#[derive(Debug)]
pub enum Target {
    Local(Box<Service>),
    Deployed(&'static Deployed),
}

async fn start() -> Service {
    Service::start_intercepted(recorder::from_env()).await
}

impl Target {
    pub async fn start() -> Self {
        match Deployed::get() {
            Some(deployed) => Self::Deployed(deployed),
            None => Self::Local(Box::new(start().await)),
        }
    }

    /// A local stack, for a test that needs what no deployed one has; None where a deployed one is under test.
    pub async fn local(why: &str) -> Option<Service> {
        match Deployed::get() {
            Some(deployed) => {
                deployed.note_skipped(why);
                None
            }
            None => Some(start().await),
        }
    }

    pub fn base_url(&self) -> String {
        match self {
            Self::Local(service) => service.stack.base_url().to_owned(),
            Self::Deployed(deployed) => deployed.base_url(),
        }
    }

    pub fn operator_platform(&self) -> Platform {
        match self {
            Self::Local(service) => service.stack.operator_platform(),
            Self::Deployed(deployed) => deployed.operator_platform(),
        }
    }

    /// The bucket of the documents.
    pub fn documents(&self) -> &str {
        match self {
            Self::Local(_) => "documents",
            Self::Deployed(deployed) => deployed.variable("DOCUMENTS_BUCKET"),
        }
    }

    /// Whether to leave something out that the deployed stack under test cannot do.
    pub fn leaves_out(&self, why: &str) -> bool {
        if let Self::Deployed(deployed) = self {
            deployed.note_skipped(why);
        }
        matches!(self, Self::Deployed(_))
    }

    /// Lets a fax come in at the carrier.
    pub fn send_in(&self, incoming: Incoming) {
        let taken = match self {
            Self::Local(service) => service.stack.carrier().send_in(incoming),
            Self::Deployed(deployed) => deployed.send_in(incoming),
        };
        taken.unwrap();
    }

    /// Waits until `probe` gives something, and lets time pass meanwhile.
    pub async fn until<T, F: Future<Output = Option<T>>>(&self, what: &str, mut probe: impl FnMut() -> F) -> T {
        eventually(what, || {
            let found = probe();
            async {
                let found = found.await;
                if found.is_none() {
                    self.pass(1).await;
                }
                found
            }
        })
        .await
    }

    /// Lets some seconds pass.
    pub async fn pass(&self, seconds: u32) {
        match self {
            Self::Local(service) => service.advance(SignedDuration::from_secs(seconds.into())),
            Self::Deployed(_) => tokio::time::sleep(std::time::Duration::from_secs(seconds.into())).await,
        }
    }

    pub async fn customer(&self) -> Customer {
        self.customer_with(Plan::Business, None).await
    }

    pub async fn customer_with(&self, plan: Plan, monthly_pages: Option<u32>) -> Customer {
        customer_at(&self.operator_platform(), &self.base_url(), plan, monthly_pages).await
    }

    pub async fn key(&self, account: AccountId, scopes: Vec<Scope>, test: bool) -> String {
        key::create(&self.operator_platform(), account, scopes, test).await.unwrap().key
    }

    /// A member of an account, signed in to the dashboard: locally by the whole of the issuer's flow.
    pub async fn member(&self, account: AccountId, role: Role) -> Client {
        let email = match self {
            Self::Local(_) => "ann@example.com",
            Self::Deployed(deployed) => &deployed.member().email,
        };
        member::add(&self.operator_platform(), account, email, role).await.unwrap();
        match self {
            Self::Local(service) => sign_in(service.stack.base_url(), email).await,
            Self::Deployed(deployed) => self.client(&deployed.member().id_token),
        }
    }

    pub fn anonymous(&self) -> Client {
        Client::anonymous(&self.base_url())
    }

    pub fn client(&self, key: &str) -> Client {
        Client::new(&self.base_url(), key)
    }

    pub async fn used_pages(&self, account: AccountId) -> u64 {
        used_pages_of(&self.operator_platform(), account).await
    }
}

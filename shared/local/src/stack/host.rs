//! The Lambda host: every function of the template runs in this process, fed with the JSON that Lambda would feed it, or in processes
//! of its own ([`super::bootstrap`]).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use lambda_http::lambda_runtime::{Context, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service as _, service_fn};
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::Endpoint;
use sfm_web::runtime::respond;
use sfm_web::runtime::{Error, Worker};

use super::bootstrap::Bootstrap;
use super::handler::Handler;

/// Makes a function's handler on its own platform.
type Make = fn(&Platform) -> Result<Handler, ConfigError>;

/// The functions that exist in code, by the name of their resource. One that the template does not name is never made.
const FUNCTIONS: &[(&str, Make)] = &[
    ("SendFax", http::<send_fax::SendFax>),
    ("CreateUpload", http::<create_upload::CreateUpload>),
    ("ListFaxes", http::<list_faxes::ListFaxes>),
    ("GetFax", http::<get_fax::GetFax>),
    ("GetFaxDocument", http::<get_fax_document::GetFaxDocument>),
    ("ExportFaxes", http::<export_faxes::ExportFaxes>),
    ("GetFaxReceipt", http::<get_fax_receipt::GetFaxReceipt>),
    ("GetReceiptKey", http::<get_receipt_key::GetReceiptKey>),
    ("ResendFax", http::<resend_fax::ResendFax>),
    ("CancelFax", http::<cancel_fax::CancelFax>),
    ("DeleteFax", http::<delete_fax::DeleteFax>),
    ("ListNumbers", http::<list_numbers::ListNumbers>),
    ("ListContacts", http::<list_contacts::ListContacts>),
    ("CreateContact", http::<create_contact::CreateContact>),
    ("GetContact", http::<get_contact::GetContact>),
    ("UpdateContact", http::<update_contact::UpdateContact>),
    ("DeleteContact", http::<delete_contact::DeleteContact>),
    ("ListScheduledFaxes", http::<list_scheduled_faxes::ListScheduledFaxes>),
    ("ScheduleFax", http::<schedule_fax::ScheduleFax>),
    ("GetScheduledFax", http::<get_scheduled_fax::GetScheduledFax>),
    ("CancelScheduledFax", http::<cancel_scheduled_fax::CancelScheduledFax>),
    ("GetOpenapi", http::<get_openapi::GetOpenapi>),
    ("ServeDashboard", http::<serve_dashboard::ServeDashboard>),
    ("DashboardDocuments", http::<dashboard_documents::DashboardDocuments>),
    ("DashboardApi", http::<dashboard_api::DashboardApi>),
    ("RejectRoute", http::<reject_route::RejectRoute>),
    ("RelayEvents", events::<relay_events::RelayEvents>),
    ("TransmitFax", events::<transmit_fax::TransmitFax>),
    ("ReceiveCarrierEvent", http::<receive_carrier_event::ReceiveCarrierEvent>),
    ("SendScheduledFax", events::<send_scheduled_fax::SendScheduledFax>),
    ("ReceiveFax", events::<receive_fax::ReceiveFax>),
    ("FanOutEvent", events::<fan_out_event::FanOutEvent>),
    ("DeliverWebhook", events::<deliver_webhook::DeliverWebhook>),
    ("PollCarrier", events::<poll_carrier::PollCarrier>),
    ("DispatchDue", events::<dispatch_due::DispatchDue>),
];

/// The handlers of a stack.
#[derive(Clone, Default)]
pub struct Host {
    handlers: HashMap<String, Handler>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("the template names a function {0} that no code is linked for")]
    Unknown(String),
    #[error("there is no binary of {0} in {dir}", dir = .1.display())]
    NoBinary(String, PathBuf),
    #[error("function {name}: {source}")]
    Config { name: String, source: ConfigError },
}

impl Host {
    /// Makes the function of a resource's name, in this process.
    ///
    /// # Errors
    /// When there is no such function, or a variable that it reads is missing or makes no sense.
    pub fn add(&mut self, name: &str, platform: &Platform) -> Result<(), HostError> {
        let make = FUNCTIONS.iter().find(|(known, _)| *known == name).ok_or_else(|| HostError::Unknown(name.to_owned()))?.1;
        let handler = make(platform).map_err(|source| HostError::Config { name: name.to_owned(), source })?;
        self.handlers.insert(name.to_owned(), handler);
        Ok(())
    }

    /// A function that runs in processes of its own.
    pub fn add_process(&mut self, function: Bootstrap) {
        self.handlers.insert(function.name().to_owned(), function.handler());
    }

    pub fn handler(&self, name: &str) -> Option<Handler> {
        self.handlers.get(name).cloned()
    }
}

/// An endpoint behind `lambda_http`'s own conversion of requests and answers.
fn http<E: Endpoint>(platform: &Platform) -> Result<Handler, ConfigError> {
    let endpoint = Arc::new(E::new(platform)?);
    let clock = platform.clock();
    Ok(Arc::new(move |event| {
        let (endpoint, clock) = (endpoint.clone(), clock.clone());
        Box::pin(async move {
            let request: LambdaRequest = serde_json::from_str(&event.to_string())?;
            let service = service_fn(move |request| {
                let (endpoint, clock) = (endpoint.clone(), clock.clone());
                async move { Ok::<_, Error>(respond(endpoint, clock, request).await) }
            });
            let answer = Adapter::from(service).call(LambdaEvent::new(request, Context::default())).await?;
            Ok(serde_json::to_value(answer)?)
        })
    }))
}

fn events<W: Worker>(platform: &Platform) -> Result<Handler, ConfigError> {
    let worker = Arc::new(W::new(platform)?);
    Ok(Arc::new(move |event| {
        let worker = worker.clone();
        Box::pin(async move { Ok(serde_json::to_value(worker.handle(serde_json::from_value(event)?).await?)?) })
    }))
}

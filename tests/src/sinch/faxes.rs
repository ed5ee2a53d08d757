//! Faxes and what becomes of them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Callback, Ending, Script, State};

#[derive(Debug, Clone)]
pub struct Fax {
    /// As the API shows it.
    pub fields: Value,
    pub file: Option<Vec<u8>>,
}

impl Fax {
    pub fn outbound(count: usize, request: &Value, to: &str, now: Timestamp) -> Self {
        let mut fields = json!({
            "id": id(count), "direction": "OUTBOUND", "to": to, "status": "QUEUED", "retryCount": 0, "hasFile": false,
            "projectId": super::PROJECT, "serviceId": "01GVRB50KEQFFE1SGMPFRNBG6J", "createTime": now.to_string(),
        });
        for (name, value) in request.as_object().unwrap() {
            if !matches!(name.as_str(), "to" | "files") {
                fields[name] = value.clone();
            }
        }
        Self { fields, file: None }
    }

    pub fn inbound(count: usize, from: &str, to: &str, pdf: Option<&[u8]>, now: Timestamp) -> Self {
        let fields = json!({
            "id": id(count), "direction": "INBOUND", "from": from, "to": to, "numberOfPages": 1, "status": "COMPLETED",
            "price": {"amount": "0.07", "currencyCode": "USD"}, "createTime": now.to_string(), "completedTime": now.to_string(),
            "hasFile": pdf.is_some().to_string(), "projectId": super::PROJECT, "serviceId": "01GVRB50KEQFFE1SGMPFRNBG6J",
        });
        Self { fields, file: pdf.map(<[u8]>::to_vec) }
    }

    pub fn base64(&self) -> Option<String> {
        self.file.as_ref().map(|file| STANDARD.encode(file))
    }
}

fn id(count: usize) -> String {
    format!("01HDF5S9P29WC29J5{count:09}")
}

/// Fetches the document, plays the call, tells how it ended.
pub(super) async fn play(state: Arc<State>, id: String, request: Value, script: Script) {
    let document = document(&state, &request).await;
    let pages = document.as_deref().map(|pdf| sfm_simulator::fax_pages(pdf).map_or(1, |pages| pages.len()));
    let callback_url = {
        let mut inner = state.inner();
        let now = state.clock.now().to_string();
        let fax = inner.fax_mut(&id).unwrap();
        fax.fields["completedTime"] = now.into();
        let ending = if document.is_some() { script.ending } else { Ending::Failure("DOCUMENT_CONVERSION_ERROR", 54, 0) };
        fax.fields["numberOfPages"] = json!(pages);
        match ending {
            Ending::Completed => {
                fax.fields["status"] = "COMPLETED".into();
                fax.fields["pagesSentSuccessfully"] = json!(pages);
            }
            Ending::Failure(kind, code, sent) => {
                fax.fields["status"] = "FAILURE".into();
                fax.fields["pagesSentSuccessfully"] = sent.into();
                fax.fields["errorType"] = kind.into();
                fax.fields["errorCode"] = code.into();
                fax.fields["errorMessage"] = "It failed.".into();
            }
        }
        fax.fields["hasFile"] = document.is_some().into();
        fax.file = document;
        fax.fields["callbackUrl"].as_str().map(str::to_owned)
    };
    let times = match script.callback {
        Callback::Lost => 0,
        Callback::Once => 1,
        Callback::Twice => 2,
    };
    if let Some(url) = callback_url {
        for _ in 0..times {
            state.call_back(&url, "FAX_COMPLETED", &id).await;
        }
    }
}

async fn document(state: &State, request: &Value) -> Option<Vec<u8>> {
    if let Some(file) = request["files"][0]["file"].as_str() {
        return STANDARD.decode(file).ok();
    }
    let answer = state.http.get(request["contentUrl"].as_str()?).send().await.ok()?;
    if answer.status() != 200 {
        return None;
    }
    Some(answer.bytes().await.ok()?.to_vec())
}

//! What the interceptor does to requests.

use super::support::{KEY, Performed, Stage, until};
use crate::interceptor::Verdict;

fn put(stage: &Stage, verdict: Verdict) {
    stage.interceptor.next.lock().unwrap().push_back(verdict);
}

#[tokio::test]
async fn a_refused_request_is_a_closed_connection_and_nothing_is_done() {
    let stage = Stage::new(1000.0).await;
    put(&stage, Verdict::Refuse);
    let error = stage.request("POST", "/v2/faxes").body(stage.fax("+15005550001").to_string()).send().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert!(stage.carrier.log().is_empty());
    assert!(stage.interceptor.performed.lock().unwrap().is_empty());
    stage.send(&stage.fax("+15005550001")).await;
}

#[tokio::test]
async fn a_lost_request_is_done_and_the_connection_closed() {
    let stage = Stage::new(1000.0).await;
    put(&stage, Verdict::DropResponse);
    let error = stage.request("POST", "/v2/faxes").body(stage.fax("+15005550001").to_string()).send().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!(stage.carrier.log().len(), 1);
    let performed = stage.interceptor.performed.lock().unwrap().clone();
    assert_eq!((performed.len(), performed[0].status), (1, 202));
}

#[tokio::test]
async fn a_hanging_request_is_done_and_never_answered() {
    let stage = Stage::new(1000.0).await;
    put(&stage, Verdict::NeverRespond);
    let request = stage.request("POST", "/v2/faxes").body(stage.fax("+15005550001").to_string()).send();
    let hanging = tokio::spawn(request);
    until("it is done", async || (!stage.interceptor.performed.lock().unwrap().is_empty()).then_some(())).await;
    let log = stage.carrier.log();
    assert_eq!(log.len(), 1);
    // Others are answered meanwhile.
    until("the fax is delivered", async || stage.carrier.log()[0].outcome.clone()).await;
    stage.call("GET", "/v2/faxes", None).await;
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn the_tap_sees_operation_caller_and_both_bodies() {
    let stage = Stage::new(1000.0).await;
    let fax = stage.fax("+15005550008").to_string();
    let url = format!("{}/v2/faxes", stage.carrier.url());
    stage.http.post(&url).bearer_auth(KEY).header("user-agent", "transmit-fax").body(fax.clone()).send().await.unwrap();
    let id = stage.send(&stage.fax("+15005550008")).await;
    stage.view(&id).await;
    stage.call("GET", "/v2/faxes?page[size]=1", None).await;
    stage.call("POST", &format!("/v2/faxes/{id}/actions/cancel"), None).await;
    stage.call("DELETE", &format!("/v2/faxes/{id}"), None).await;

    let performed = stage.interceptor.performed.lock().unwrap().clone();
    let operations: Vec<_> = performed.iter().map(|performed| performed.call.operation.as_str()).collect();
    let (send, view) = ("POST /v2/faxes", "GET /v2/faxes/{id}");
    let rest = ["GET /v2/faxes", "POST /v2/faxes/{id}/actions/cancel", "DELETE /v2/faxes/{id}"];
    assert_eq!(operations, [&[send, send, view], &rest[..]].concat());
    let Performed { call, request, status, response } = &performed[0];
    assert_eq!((call.service, call.caller.as_str(), *status), ("carrier", "transmit-fax", 202));
    assert_eq!(request, fax.as_bytes());
    assert!(response.starts_with(b"{\"data\":"));
    let mut ids: Vec<_> = performed.iter().map(|performed| &performed.call.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), performed.len());
}

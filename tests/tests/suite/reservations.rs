//! Places and pages that are reserved for a fax that never came to be: what is seen of them, and that they come back.

use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_core::id::AccountId;
use sfm_core::plan::Plan;
use sfm_local::interceptor::{Call, CallInterceptor, Verdict};
use sfm_tests::client::{Client, fax};
use sfm_tests::documents::FORM;
use sfm_tests::eventually;
use sfm_tests::service::{Service, reservations};

/// Lets no transaction of one function through while it is closed for it, as if the process died before it.
#[derive(Debug, Default)]
struct Gate(Mutex<Option<&'static str>>);

impl Gate {
    fn close(&self, function: &'static str) {
        *self.0.lock().unwrap() = Some(function);
    }

    fn open(&self) {
        *self.0.lock().unwrap() = None;
    }
}

impl CallInterceptor for Gate {
    fn verdict(&self, call: &Call) -> Verdict {
        let closed = *self.0.lock().unwrap();
        let stopped = call.operation == "TransactWriteItems" && closed == Some(call.caller.as_str());
        if stopped { Verdict::Refuse } else { Verdict::Perform }
    }
}

async fn list(client: &Client, page: u32) -> Value {
    client.get(&format!("/v1/faxes?limit=2&page={page}")).await.json()
}

async fn noted(service: &Service, account: AccountId) -> usize {
    reservations(&service.stack, account).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reserved_for_no_fax_is_not_seen_and_the_next_send_gives_it_back() {
    let gate = Arc::new(Gate::default());
    let service = Service::start_intercepted(gate.clone()).await;
    let customer = service.customer_with(Plan::Business, Some(4)).await;
    let body = fax("+15005550001", FORM, "image/png");
    let first = customer.client.post("/v1/faxes", &body).await.json();
    assert_eq!(noted(&service, customer.account).await, 0, "nothing is left of a send that went well");

    gate.close("SendFax");
    for _ in 0..2 {
        assert_eq!(customer.client.post("/v1/faxes", &body).await.status, 503);
    }
    gate.open();
    assert_eq!(noted(&service, customer.account).await, 2);
    assert_eq!(service.used_pages(customer.account).await, 1, "what no fax stands behind is not used");
    let page = list(&customer.client, 1).await;
    assert_eq!((&page["total"], page["data"].as_array().unwrap().len(), &page["has_more"]), (&json!(1), 1, &json!(false)));

    // Two of the four pages are still reserved, one is used: one is free, and a fax of it goes.
    let second = customer.client.post("/v1/faxes", &body).await;
    assert_eq!(second.status, 201, "{}", second.text);
    assert_eq!(noted(&service, customer.account).await, 2, "their requests might still be under way");

    service.advance(SignedDuration::from_secs(31));
    let third = customer.client.post("/v1/faxes", &body).await;
    assert_eq!(third.status, 201, "what was left behind does not stand in the way: {}", third.text);
    assert_eq!(noted(&service, customer.account).await, 0);
    let fourth = customer.client.post("/v1/faxes", &body).await;
    assert_eq!(fourth.status, 201, "{}", fourth.text);
    assert_eq!(customer.client.post("/v1/faxes", &body).await.json()["error"]["code"], "quota_exceeded");
    assert_eq!(service.used_pages(customer.account).await, 4);

    let ids = |page: &Value| page["data"].as_array().unwrap().iter().map(|fax| fax["id"].clone()).collect::<Vec<_>>();
    let (newest, oldest) = (list(&customer.client, 1).await, list(&customer.client, 2).await);
    assert_eq!(ids(&newest), [fourth.json()["id"].clone(), third.json()["id"].clone()]);
    assert_eq!(ids(&oldest), [second.json()["id"].clone(), first["id"].clone()]);
    assert_eq!((&newest["total"], &newest["has_more"], &oldest["has_more"]), (&json!(4), &json!(true), &json!(false)));
}

/// A scheduled fax has one id, whichever worker makes it: what keeps a dead worker's transaction out must not keep out the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_fax_whose_reservation_was_given_back_is_sent_all_the_same() {
    let gate = Arc::new(Gate::default());
    let service = Service::start_intercepted(gate.clone()).await;
    let customer = service.customer().await;
    let body = fax("+15005550001", FORM, "image/png");
    let mut later = body.clone();
    later["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_secs(70)).to_string());
    let scheduled = customer.client.post("/v1/scheduled", &later).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/scheduled/{scheduled}");

    gate.close("SendScheduledFax");
    let operator = service.stack.operator_platform();
    eventually("a reservation of the scheduled fax to be settled", || async {
        service.advance(SignedDuration::from_secs(31));
        assert_eq!(customer.client.post("/v1/faxes", &body).await.status, 201);
        let fences = operator.dynamodb().scan().table_name(operator.var("FAXES_TABLE").unwrap());
        let fences = fences.filter_expression("attribute_exists(fence)").send().await.unwrap().count;
        (fences > 0).then_some(())
    })
    .await;
    assert_eq!(customer.client.get(&path).await.json()["status"], "pending");
    gate.open();
    let sent = eventually("the scheduled fax to be sent", || async {
        service.advance(SignedDuration::from_secs(61));
        Some(customer.client.get(&path).await.json()).filter(|scheduled| scheduled["status"] == "sent")
    })
    .await;
    customer.client.completed(sent["fax_id"].as_str().unwrap()).await;
    let total = customer.client.get("/v1/faxes?limit=1").await.json()["total"].as_u64().unwrap();
    assert_eq!(service.used_pages(customer.account).await, total, "one page each, and no page for what was given back");
}

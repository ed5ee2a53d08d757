//! The whole service with Sinch as its carrier.

use std::io;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_local::interceptor::NoInterceptor;
use sfm_tests::client::Client;
use sfm_tests::documents;
use sfm_tests::eventually;
use sfm_tests::service::{Customer, Service};
use sfm_tests::sinch::{CALLBACK_SECRET, Callback, Ending, KEY_ID, KEY_SECRET, PROJECT, Script, Sinch};

const TO: &str = "+12125551234";

struct Stack {
    service: Service,
    sinch: Sinch,
    customer: Customer,
}

impl Stack {
    async fn start() -> Self {
        let sinch = Sinch::start().await;
        let parameters = [("Carrier", "sinch"), ("SinchApiUrl", sinch.url.as_str()), ("SinchProjectId", PROJECT)];
        let credentials = [("sinch_key_id", KEY_ID), ("sinch_key_secret", KEY_SECRET), ("callback_secret", CALLBACK_SECRET)];
        let service = Service::start_with_carrier(Arc::new(NoInterceptor), &parameters, &credentials).await;
        let customer = service.customer().await;
        Self { service, sinch, customer }
    }

    fn advance(&self, by: SignedDuration) {
        self.sinch.clock.advance(by);
        self.service.advance(by);
    }

    async fn send(&self) -> String {
        self.customer.client.send_letter(TO).await["id"].as_str().unwrap().to_owned()
    }

    /// Lets a minute pass at a time until the fax is final.
    async fn end_of(&self, id: &str) -> Value {
        eventually("the fax to be delivered or failed", || async {
            let fax = self.customer.client.fax(id).await;
            if fax["status"] == "delivered" || fax["status"] == "failed" {
                return Some(fax);
            }
            self.advance(SignedDuration::from_mins(1));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            None
        })
        .await
    }
}

fn outcomes(fax: &Value) -> Vec<&str> {
    fax["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_is_delivered_over_a_callback_that_may_come_twice() {
    let stack = Stack::start().await;
    stack.sinch.script(TO, [Script { callback: Callback::Twice, ..Script::default() }]);
    let id = stack.send().await;
    // No time passes: only the callback can tell.
    let fax = stack.customer.client.completed(&id).await;
    assert_eq!((&fax["status"], &fax["pages_sent"], outcomes(&fax).len()), (&json!("delivered"), &json!(2), 1), "{fax}");
    eventually("both callbacks", || async { (stack.sinch.callbacks() == [200, 200]).then_some(()) }).await;
    let sends = stack.sinch.sends();
    assert_eq!(sends.len(), 1);
    assert_eq!(sends[0]["labels"]["fax"], id.as_str());
    // Sinch writes the line above each page: none of ours is there.
    let number = fax["from"].as_str().unwrap();
    assert_eq!((&sends[0]["headerText"], &sends[0]["headerTimeZone"]), (&json!(format!("Test  {number}")), &json!("UTC")));
    let document = stack.service.document(stack.customer.account, &id).await;
    assert_eq!(document, fax_document::stamp(&document, None).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_callback_is_made_up_for_by_a_look_up() {
    let stack = Stack::start().await;
    stack.sinch.script(TO, [Script { callback: Callback::Lost, ..Script::default() }]);
    let fax = stack.end_of(&stack.send().await).await;
    assert_eq!((&fax["status"], outcomes(&fax)), (&json!("delivered"), vec!["delivered"]), "{fax}");
    assert_eq!(stack.sinch.callbacks(), Vec::<u16>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_is_tried_again_and_a_refusal_is_final() {
    let stack = Stack::start().await;
    stack.sinch.script(TO, [Script::ends(Ending::Failure("CALL_ERROR", 17, 0)), Script::default()]);
    let fax = stack.end_of(&stack.send().await).await;
    assert_eq!((&fax["status"], outcomes(&fax)), (&json!("delivered"), vec!["busy", "delivered"]), "{fax}");

    let violations = json!({"code": "422", "error": "Invalid parameters", "details": {"fieldViolations": [{"field": "to"}]}});
    for (script, code) in [
        (Script::answers(422, violations), "number_invalid"),
        (Script::ends(Ending::Failure("FAX_ERROR", 133, 0)), "rejected"),
        (Script::ends(Ending::Failure("DOCUMENT_CONVERSION_ERROR", 133, 0)), "document_unreadable"),
        (Script::ends(Ending::Failure("CALL_ERROR", 34, 0)), "number_invalid"),
    ] {
        stack.sinch.script(TO, [script]);
        let fax = stack.customer.client.completed(&stack.send().await).await;
        assert_eq!((&fax["failure"]["code"], outcomes(&fax)), (&json!(code), vec![code]), "{fax}");
    }
    assert_eq!(stack.service.used_pages(stack.customer.account).await, 2, "only what was delivered is charged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_was_taken_under_an_error_is_adopted_and_sent_once() {
    let stack = Stack::start().await;
    for callback in [Callback::Lost, Callback::Once] {
        let taken = Script { taken: true, callback, ..Script::answers(500, json!({"code": "500"})) };
        stack.sinch.script(TO, [taken]);
        let id = stack.send().await;
        let fax = stack.end_of(&id).await;
        assert_eq!((&fax["status"], outcomes(&fax)), (&json!("delivered"), vec!["delivered"]), "{fax}");
        let sent = stack.sinch.taken(TO).iter().filter(|fax| fax["labels"]["fax"] == id.as_str()).count();
        assert_eq!(sent, 1);
    }
    // The same error, and nothing was taken: it is handed over again as the same attempt, after two look-ups.
    stack.sinch.script(TO, [Script::answers(500, json!({"code": "500"})), Script::default()]);
    let id = stack.send().await;
    let fax = stack.end_of(&id).await;
    assert_eq!((&fax["status"], outcomes(&fax)), (&json!("delivered"), vec!["delivered"]), "{fax}");
    let sends: Vec<Value> = stack.sinch.sends().into_iter().filter(|send| send["labels"]["fax"] == id.as_str()).collect();
    assert_eq!(sends.len(), 2);
    assert_eq!(sends[0]["labels"], sends[1]["labels"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_asks_for_a_pause_gets_it_and_it_costs_no_attempt() {
    let stack = Stack::start().await;
    let full = Script { headers: vec![("retry-after", "1800".to_owned())], ..Script::answers(429, json!({"code": "429"})) };
    stack.sinch.script(TO, [full, Script::default()]);
    let id = stack.send().await;
    eventually("the first send", || async { (stack.sinch.sends().len() == 1).then_some(()) }).await;
    let before = stack.sinch.clock.now();
    let fax = stack.end_of(&id).await;
    assert_eq!((&fax["status"], outcomes(&fax)), (&json!("delivered"), vec!["delivered"]), "{fax}");
    assert!(stack.sinch.clock.now().duration_since(before) >= SignedDuration::from_mins(29), "the pause was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_path_with_the_secret_is_a_callback_and_the_other_carriers_route_is_none() {
    let stack = Stack::start().await;
    let client: Client = stack.service.anonymous();
    let body = json!({"event": "FAX_COMPLETED", "fax": {"id": "f"}});
    let status = async |path: &str| client.post(path, &body).await.status;
    assert_eq!(status("/carrier/sinch/wrong").await, 401);
    assert_eq!(status("/carrier/sinch/s3cret%20of%20ours").await, 401);
    assert_eq!(status("/carrier/sinch/s3cret%20of%20ours%3F").await, 503, "the API does not know that fax");
    assert_eq!(status("/carrier/telnyx").await, 404);
    assert_eq!(status("/carrier/sinch").await, 404);
    // A fax that came in is taken note of.
    stack.sinch.incoming_to(&format!("{}/carrier/sinch/s3cret%20of%20ours%3F", stack.service.stack.base_url()));
    stack.sinch.receive("+12125551234", "+12025550100", Some(documents::LETTER)).await;
    assert_eq!(stack.sinch.callbacks(), [200]);

    let telnyx = Service::start().await;
    assert_eq!(telnyx.anonymous().post("/carrier/sinch/s3cret", &body).await.status, 404);
    assert_eq!(telnyx.anonymous().post("/carrier/telnyx", &body).await.status, 401);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_secret_of_the_path_nor_a_key_nor_a_number_is_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    // What the other tests of this process log is looked at too.
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(move || writer.clone()).init();
    let stack = Stack::start().await;
    let taken = Script { taken: true, ..Script::answers(500, json!({"code": "500"})) };
    stack.sinch.script(TO, [taken]);
    stack.end_of(&stack.send().await).await;
    let client: Client = stack.service.anonymous();
    for path in
        ["/carrier/sinch/s3cret%20of%20ours%3F", "/carrier/sinch/s3cret%20of%20ours%3F%3F", "/carrier/sinch/s3cret%20of%20ours%3F/x"]
    {
        for body in [json!({"event": "FAX_COMPLETED", "fax": {"id": "f"}}), json!([]), json!({"event": "FAX_COMPLETED"})] {
            client.post(path, &body).await;
        }
    }
    stack.sinch.incoming_to(&format!("{}/carrier/sinch/s3cret%20of%20ours%3F", stack.service.stack.base_url()));
    stack.sinch.receive(TO, "sip:us@example.com", Some(documents::LETTER)).await;
    stack.sinch.receive(TO, "+12025550100", Some(documents::LETTER)).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for seen in ["POST /carrier/{carrier}", "no clear answer", "has come in", "no telephone number", "API does not say"] {
        assert!(log.contains(seen), "{seen} is not in the log:\n{log}");
    }
    for secret in ["s3cret", KEY_SECRET, KEY_ID, "Basic ", TO, "12025550100", "X-Amz-Signature"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

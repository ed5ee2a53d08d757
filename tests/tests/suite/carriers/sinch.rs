//! Sinch, against a server that keeps faxes.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sfm_carriers::sinch::{Callbacks, Sinch};
use sfm_carriers::{
    AttemptRef, AttemptUpdate, Callback, Carrier as _, CarrierEvent, CarrierFax, CarrierFaxId, HeaderText, MediaError, Received, SendError,
    Submission,
};
use sfm_core::failure::FailureCode;
use sfm_core::fax::progress::CallReport;
use sfm_core::settings::Zone;
use sfm_tests::adapters::{platform, platform_with, submission};
use sfm_tests::sinch::{CALLBACK_SECRET, Ending, KEY_ID, Script, Sinch as Server};
use sfm_tests::{adapters, documents, eventually};

const TO: &str = "+12125551234";

async fn start() -> (Server, Sinch) {
    let server = Server::start().await;
    let sinch = Sinch::new(&platform(&server.url, server.clock.clone()).await).unwrap();
    (server, sinch)
}

/// A document as the carrier fetches it.
async fn link() -> String {
    adapters::serve(axum::Router::new().fallback(|| async { documents::LETTER })).await
}

async fn ended(sinch: &Sinch, id: &CarrierFaxId) -> CallReport {
    eventually("the call to end", || async { sinch.get(id).await.unwrap().unwrap().report }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_says_what_the_facts_say_and_nothing_else() {
    let (server, sinch) = start().await;
    let submission = submission(TO, &link().await);
    let id = sinch.send(&submission).await.unwrap();
    let expected = json!({
        "to": TO,
        "from": "+12025550100",
        "contentUrl": submission.media_url.expose(),
        "maxRetries": 0,
        "imageConversionMethod": "MONOCHROME",
        "resolution": "FINE",
        "headerText": "Clinic  +12025550100",
        "headerPageNumbers": true,
        "headerTimeZone": "America/New_York",
        "labels": {
            "account": submission.reference.account_id.to_string(), "fax": submission.reference.fax_id.to_string(), "attempt": "1",
        },
        "callbackUrl": "https://api.example.com/carrier/sinch/s3cret%20of%20ours%3F",
        "callbackUrlContentType": "application/json",
    });
    assert_eq!(server.sends(), [expected]);
    // Fifty characters are taken, and without a header the page's number goes, too.
    let header = HeaderText { sender: "é".repeat(60), time_zone: Zone::default() };
    for (header, text, numbers) in [(None, Value::Null, false), (Some(header), "é".repeat(50).into(), true)] {
        sinch.send(&Submission { header, ..adapters::submission(TO, &link().await) }).await.unwrap();
        let sent = server.sends().pop().unwrap();
        assert_eq!((&sent["headerText"], &sent["headerPageNumbers"]), (&text, &json!(numbers)));
    }
    // The server counts what is not fax-ready as one page.
    assert_eq!(ended(&sinch, &id).await, CallReport { result: Ok(()), pages_sent: Some(1), duration_seconds: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_be_a_list_and_a_failure_has_its_code_and_pages() {
    let (server, sinch) = start().await;
    let failing = |kind, code, pages| Script { as_list: true, ..Script::ends(Ending::Failure(kind, code, pages)) };
    server.script(TO, [failing("CALL_ERROR", 17, 0), failing("FAX_ERROR", 21, 1), failing("FAX_ERROR", 9999, 0)]);
    let link = link().await;
    for (code, pages) in [(FailureCode::Busy, 0), (FailureCode::LineDropped, 1), (FailureCode::CarrierError, 0)] {
        let id = sinch.send(&submission(TO, &link)).await.unwrap();
        let expected = CallReport { pages_sent: Some(pages), ..CallReport::failed(code) };
        assert_eq!(ended(&sinch, &id).await, expected);
    }
    // A document that cannot be fetched is tried once more, with a new link.
    let id = sinch.send(&submission(TO, &server.url)).await.unwrap();
    let failure = ended(&sinch, &id).await.result.unwrap_err();
    assert_eq!((failure.code, failure.retry.attempts), (FailureCode::DocumentUnreadable, 2));
    assert_eq!(sinch.get(&CarrierFaxId("unknown".into())).await.unwrap(), None);
    assert_eq!(sinch.get(&CarrierFaxId("../../projects".into())).await.unwrap(), None, "an id stays below the faxes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_found_by_its_labels_on_whichever_page_it_is() {
    let (server, sinch) = start().await;
    server.page_by(2);
    let link = link().await;
    let submissions: Vec<_> = (0..7).map(|_| submission(TO, &link)).collect();
    let mut ids = Vec::new();
    for submission in &submissions {
        ids.push(sinch.send(submission).await.unwrap());
    }
    // A number that begins the same, and faxes that are none of ours.
    sinch.send(&submission("+12125551235", &link)).await.unwrap();
    server.put(json!({"id": "foreign", "direction": "OUTBOUND", "to": TO, "createTime": server.clock.now().to_string(), "labels": null}));
    let since = server.clock.now() - SignedDuration::from_mins(1);
    let find = async |reference: &AttemptRef, since| {
        let (to, from) = (TO.parse().unwrap(), "+12025550100".parse().unwrap());
        sinch.find(reference, &to, &from, since).await.unwrap().map(|found: CarrierFax| found.id)
    };
    for (submission, id) in submissions.iter().zip(&ids) {
        assert_eq!(find(&submission.reference, since).await.as_ref(), Some(id));
        assert_eq!(find(&AttemptRef { attempt: 2, ..submission.reference }, since).await, None);
    }
    assert_eq!(find(&submissions[0].reference, since + SignedDuration::from_hours(1)).await, None, "what was sent before");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_may_not_do_is_told_apart() {
    let (server, sinch) = start().await;
    let missing = platform_with(&server.url, server.clock.clone(), json!({"sinch_key_id": KEY_ID, "sinch_key_secret": ""})).await;
    let wrong = json!({"sinch_key_id": KEY_ID, "sinch_key_secret": "old", "callback_secret": "s"});
    let wrong = platform_with(&server.url, server.clock.clone(), wrong).await;
    for platform in [missing, wrong] {
        let sent = Sinch::new(&platform).unwrap().send(&submission(TO, "https://documents.example.com/1")).await;
        assert!(matches!(sent, Err(SendError::NotTaken { retry_after: None, .. })), "{sent:?}");
    }
    assert_eq!(server.sends(), Vec::<Value>::new());
    // Our numbers are stricter than the carrier's, or it than ours: it names the field.
    let violations = json!({"code": "422", "details": {"fieldViolations": [{"field": "to", "description": "…"}]}});
    server.script(TO, [Script::answers(422, violations), Script::answers(402, json!({"code": "402"}))]);
    let Err(SendError::Refused(report)) = sinch.send(&submission(TO, "https://documents.example.com/1")).await else { panic!() };
    assert_eq!(report, CallReport::failed(FailureCode::NumberInvalid));
    let sent = sinch.send(&submission(TO, "https://documents.example.com/1")).await;
    assert!(matches!(sent, Err(SendError::NotTaken { retry_after: Some(_), .. })), "{sent:?}");
    assert_eq!(server.taken(TO), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn faxes_that_came_in_are_listed_with_their_documents() {
    let (server, sinch) = start().await;
    server.page_by(2);
    let ours = "+12025550100";
    let first = server.receive("+12125551234", ours, Some(documents::LETTER)).await;
    let withheld = server.receive("anonymous", ours, None).await;
    server.receive("+12125551234", "sip:us@example.com", Some(documents::LETTER)).await;
    let early = server.receive("+12125551234", ours, None).await;
    server.set(&early, "status", "IN_PROGRESS".into());
    let received = {
        let now = server.clock.now();
        let all = |from| sinch.received(from, now + SignedDuration::from_mins(1), 10);
        // The list has two pages: one is not enough.
        let minute = SignedDuration::from_mins(1);
        assert_eq!(sinch.received(now - minute, now + minute, 1).await.unwrap(), None);
        assert_eq!(all(now + minute).await.unwrap(), Some(vec![]));
        assert_eq!(sinch.received(now - minute * 2, now - minute, 10).await.unwrap(), Some(vec![]));
        all(now - minute).await.unwrap().unwrap()
    };
    let told: Vec<(&str, bool, Option<u32>)> = received.iter().map(|r| (r.id.0.as_str(), r.from.is_some(), r.pages)).collect();
    assert_eq!(told, [(withheld.as_str(), false, Some(1)), (first.as_str(), true, Some(1))]);

    let [without, with] = &received[..] else { panic!() };
    assert_eq!(sinch.document(with).await.unwrap(), documents::LETTER);
    assert!(matches!(sinch.document(without).await, Err(MediaError::Gone(_))));
    server.set(&withheld, "hasFile", true.into());
    assert!(matches!(sinch.document(without).await, Err(MediaError::NotYet(_))), "it says that it has it");
    let unknown = Received { id: CarrierFaxId("unknown".into()), ..with.clone() };
    assert!(matches!(sinch.document(&unknown).await, Err(MediaError::Gone(_))));
}

/// A callback as it comes, with a document in it.
fn callback(event: &str, fax: &Value) -> Vec<u8> {
    json!({
        "event": event, "eventTime": "2026-07-01T17:00:00Z", "fax": fax, "file": "JVBERi0".repeat(1_000_000), "fileType": "PDF",
        "files": [{"file": "JVBERi0", "fileType": "PDF"}], "new_field": {},
    })
    .to_string()
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_says_what_the_api_says_whatever_stands_in_it() {
    let (server, sinch) = start().await;
    let callbacks = Callbacks::new(&platform(&server.url, server.clock.clone()).await).unwrap();
    server.script(TO, [Script::ends(Ending::Failure("CALL_ERROR", 11, 1))]);
    let submission = submission(TO, &link().await);
    let id = sinch.send(&submission).await.unwrap();
    let report = ended(&sinch, &id).await;
    let lie = json!({"id": id, "direction": "OUTBOUND", "status": "COMPLETED", "labels": {}, "numberOfPages": 99});
    let expected =
        Callback::Attempt(CarrierEvent { reference: submission.reference, id: id.clone(), update: AttemptUpdate::Ended(report) });
    assert_eq!(report.result.unwrap_err().code, FailureCode::LineDropped);
    for _ in 0..2 {
        assert_eq!(callbacks.read(CALLBACK_SECRET, &callback("FAX_COMPLETED", &lie)).await, Ok(expected.clone()));
    }
    assert_eq!(callbacks.read(CALLBACK_SECRET, &callback("FAX_TELEPATHY", &lie)).await, Ok(Callback::Other));

    let came = server.receive("Restricted", "+12025550100", Some(documents::LETTER)).await;
    server.set(&came, "createTime", "2026-07-01T17:00:00".into());
    let read = callbacks.read(CALLBACK_SECRET, &callback("INCOMING_FAX", &json!({"id": came, "to": "+19998887777"}))).await;
    let expected = Received {
        id: CarrierFaxId(came),
        to: "+12025550100".parse().unwrap(),
        from: None,
        pages: Some(1),
        received_at: "2026-07-01T17:00:00Z".parse::<Timestamp>().unwrap(),
        media_url: None,
        partial: false,
    };
    assert_eq!(read, Ok(Callback::Received(expected)));
    // Somebody else's fax of the same project.
    server.put(json!({"id": "foreign", "direction": "OUTBOUND", "status": "COMPLETED"}));
    assert_eq!(callbacks.read(CALLBACK_SECRET, &callback("FAX_COMPLETED", &json!({"id": "foreign"}))).await, Ok(Callback::Other));
}

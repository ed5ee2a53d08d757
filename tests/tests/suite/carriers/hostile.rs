//! What both adapters make of answers that are broken, late, endless or from nowhere.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sfm_carriers::sinch::{Callbacks, Sinch};
use sfm_carriers::telnyx::Telnyx;
use sfm_carriers::{CallbackError, Carrier, CarrierFaxId, Deadlines, LARGEST_MEDIA, MediaError, Received, SendError, Submission};
use sfm_core::clock::Clock;
use sfm_core::failure::FailureCode;
use sfm_core::secret::Secret;
use sfm_tests::adapters::{platform, submission};
use sfm_tests::hostile::{Hostile, Then};
use sfm_tests::sinch::CALLBACK_SECRET;

/// Ends a run in which an adapter would wait for ever; it measures nothing.
const FOR_EVER: Duration = Duration::from_secs(120);

const SHORT: Deadlines = Deadlines { call: Duration::from_millis(400), media: Duration::from_millis(800) };

#[derive(Debug, PartialEq)]
enum Came {
    Taken,
    NotTaken(Option<i64>),
    Refused(FailureCode),
    Ambiguous,
}

async fn sent(carrier: &impl Carrier) -> Came {
    let submission = submission("+12125551234", "https://documents.example.com/1");
    match tokio::time::timeout(FOR_EVER, carrier.send(&submission)).await.expect("the deadline holds") {
        Ok(_) => Came::Taken,
        Err(SendError::NotTaken { retry_after, .. }) => Came::NotTaken(retry_after.map(|pause| pause.as_secs())),
        Err(SendError::Refused(report)) => Came::Refused(report.result.unwrap_err().code),
        Err(SendError::Ambiguous(_)) => Came::Ambiguous,
    }
}

async fn adapters(url: &str, deadlines: Deadlines) -> (Telnyx, Sinch) {
    let platform = platform(url, Clock::default()).await;
    (Telnyx::new(&platform).unwrap().within(deadlines), Sinch::new(&platform).unwrap().within(deadlines))
}

async fn both(url: &str, deadlines: Deadlines) -> [Came; 2] {
    let (telnyx, sinch) = adapters(url, deadlines).await;
    [sent(&telnyx).await, sent(&sinch).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_leaves_open_whether_the_fax_was_taken() {
    for (status, body) in [
        ("200 OK", ""),
        ("202 Accepted", "<html>accepted</html>"),
        ("202 Accepted", "{\"data\": {\"id\": "),
        ("200 OK", "{}"),
        ("200 OK", "[]"),
        ("200 OK", "{\"data\": {\"id\": null}, \"id\": 7}"),
        ("200 OK", "{\"data\": [], \"faxes\": []}"),
        ("500 Internal Server Error", ""),
        ("502 Bad Gateway", "<html>"),
        ("503 Service Unavailable", ""),
        ("504 Gateway Timeout", ""),
        ("408 Request Timeout", ""),
        ("599 Unheard Of", "\u{0}"),
    ] {
        let hostile = Hostile::start(Then::answer(status, "", body)).await;
        assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::Ambiguous, Came::Ambiguous], "{status} {body}");
        assert_eq!(hostile.connections(), 2, "{status}: a send is one request");
    }
    for broken in ["HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"id\"", "garbage\r\n\r\n", ""] {
        let hostile = Hostile::start(Then::Answer(broken.to_owned())).await;
        assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::Ambiguous, Came::Ambiguous], "{broken}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_ambiguous_and_one_that_never_was_is_not() {
    for then in [Then::Reset, Then::ReadAndReset] {
        let hostile = Hostile::start(then.clone()).await;
        assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::Ambiguous, Came::Ambiguous], "{then:?}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    assert_eq!(both(&url, Deadlines::default()).await, [Came::NotTaken(None), Came::NotTaken(None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_is_slow_for_ever_is_left_at_the_deadline() {
    for then in [Then::Silence, Then::SlowHead, Then::SlowBody] {
        let hostile = Hostile::start(then.clone()).await;
        assert_eq!(both(&hostile.url, SHORT).await, [Came::Ambiguous, Came::Ambiguous], "{then:?}");
        let (telnyx, sinch) = adapters(&hostile.url, SHORT).await;
        let id = CarrierFaxId("f".into());
        let asked = async {
            (
                telnyx.get(&id).await.is_err(),
                sinch.get(&id).await.is_err(),
                sinch.received(Timestamp::now(), Timestamp::now(), 9).await.is_err(),
            )
        };
        assert_eq!(tokio::time::timeout(FOR_EVER, asked).await.expect("the deadline holds"), (true, true, true), "{then:?}");
        let link = format!("{}/document", hostile.url);
        let fetched = async { (telnyx.document(&received(&link)).await, sinch.document(&received(&link)).await) };
        let fetched = tokio::time::timeout(FOR_EVER, fetched).await.expect("the deadline holds");
        assert!(matches!(fetched, (Err(MediaError::NotYet(_)), Err(MediaError::NotYet(_)))), "{then:?}: {fetched:?}");
    }
}

fn received(link: &str) -> Received {
    Received {
        id: CarrierFaxId("f".into()),
        to: "+12125551234".parse().unwrap(),
        from: None,
        pages: None,
        received_at: Timestamp::now(),
        media_url: Some(Secret::new(link)),
        partial: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_read_no_further_than_its_limit() {
    let hostile = Hostile::start(Then::EndlessBody).await;
    assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::Ambiguous, Came::Ambiguous]);
    let (telnyx, sinch) = adapters(&hostile.url, Deadlines::default()).await;
    let id = CarrierFaxId("f".into());
    for error in [
        telnyx.get(&id).await.unwrap_err(),
        sinch.get(&id).await.unwrap_err(),
        telnyx.received(Timestamp::now(), Timestamp::now(), 9).await.unwrap_err(),
    ] {
        assert!(error.0.contains("more than 2097152 bytes"), "{error}");
    }
    // Five answers, and what lies in the buffers of the sockets.
    assert!(hostile.sent() < 5 * 16 * 1024 * 1024, "{}", hostile.sent());

    for line in ["100 Continue", "102 Processing", "103 Early Hints"] {
        let hostile = Hostile::start(Then::EndlessInterim(line)).await;
        assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::Ambiguous, Came::Ambiguous], "{line}");
        let (telnyx, _) = adapters(&hostile.url, Deadlines::default()).await;
        let error = telnyx.get(&id).await.unwrap_err();
        assert!(error.0.contains("more than 4 interim answers"), "{line}: {error}");
        assert!(hostile.sent() < 3 * 16 * 1024 * 1024, "{line}: {}", hostile.sent());
    }

    let documents = Hostile::start(Then::EndlessBody).await;
    let (telnyx, _) = adapters(&documents.url, Deadlines { media: FOR_EVER, ..Deadlines::default() }).await;
    let error = telnyx.document(&received(&format!("{}/document", documents.url))).await.unwrap_err();
    assert!(error.to_string().contains(&format!("more than {LARGEST_MEDIA} bytes")), "{error}");
    assert!(documents.sent() < 2 * LARGEST_MEDIA as u64, "{}", documents.sent());
    // One that says how much it has is not read at all.
    let honest = Hostile::start(Then::Answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n%PDF-", LARGEST_MEDIA + 1))).await;
    let error = telnyx.document(&received(&format!("{}/document", honest.url))).await.unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_credentials_go_nowhere_else() {
    let elsewhere = Hostile::start(Then::answer("200 OK", "", "{\"id\": \"stolen\", \"data\": {\"id\": \"stolen\"}}")).await;
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let hostile = Hostile::start(Then::answer(status, &format!("location: {}/\r\n", elsewhere.url), "")).await;
        assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::Ambiguous, Came::Ambiguous], "{status}");
        let (telnyx, sinch) = adapters(&hostile.url, Deadlines::default()).await;
        let id = CarrierFaxId("f".into());
        assert!(telnyx.get(&id).await.is_err() && sinch.get(&id).await.is_err(), "{status}");
        let link = format!("{}/document", hostile.url);
        assert!(telnyx.document(&received(&link)).await.is_err() && sinch.document(&received(&link)).await.is_err(), "{status}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_certainly_not_taken_is_tried_later_when_the_carrier_asked_for_it() {
    let in_ten_minutes = Timestamp::now() + SignedDuration::from_mins(10);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&in_ten_minutes).unwrap();
    for (status, headers, pauses) in [
        ("429 Too Many Requests", "retry-after: 120\r\n".to_owned(), 120..=120),
        ("429 Too Many Requests", format!("retry-after: {date}\r\n"), 400..=600),
        ("403 Forbidden", "retry-after: 5\r\n".to_owned(), 5..=5),
    ] {
        let hostile = Hostile::start(Then::answer(status, &headers, "")).await;
        for came in both(&hostile.url, Deadlines::default()).await {
            let Came::NotTaken(Some(pause)) = came else { panic!("{status}: {came:?}") };
            assert!(pauses.contains(&pause), "{headers} {pause}");
        }
    }
    for status in ["401 Unauthorized", "403 Forbidden", "429 Too Many Requests"] {
        let hostile = Hostile::start(Then::answer(status, "retry-after: soon\r\n", "")).await;
        assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::NotTaken(None), Came::NotTaken(None)], "{status}");
    }
    let unpaid = Hostile::start(Then::answer("402 Payment Required", "", "{\"code\": \"402\"}")).await;
    assert_eq!(both(&unpaid.url, Deadlines::default()).await, [Came::NotTaken(None), Came::NotTaken(Some(600))]);
}

/// Whether the whole account is refused, so that an operator has to mend something; None where something else came of it.
async fn needs_operator(carrier: &impl Carrier) -> Option<bool> {
    match carrier.send(&submission("+12125551234", "https://documents.example.com/1")).await {
        Err(SendError::NotTaken { needs_operator, .. }) => Some(needs_operator),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_account_needs_an_operator_and_one_of_a_single_fax_rests_no_other() {
    let telnyx_from = r#"{"errors":[{"code":"10015","source":{"pointer":"/from"}}]}"#;
    let sinch_from = r#"{"code":"403","details":{"fieldViolations":[{"field":"from"}]}}"#;
    for (status, body, telnyx, sinch) in [
        ("401 Unauthorized", "", Some(true), Some(true)),
        ("402 Payment Required", "", Some(true), Some(true)),
        ("403 Forbidden", "", Some(true), Some(true)),
        ("403 Forbidden", telnyx_from, None, Some(true)),
        ("403 Forbidden", sinch_from, Some(true), None),
        ("429 Too Many Requests", "", Some(false), Some(false)),
    ] {
        let hostile = Hostile::start(Then::answer(status, "", body)).await;
        let (of_telnyx, of_sinch) = adapters(&hostile.url, Deadlines::default()).await;
        let came = (needs_operator(&of_telnyx).await, needs_operator(&of_sinch).await);
        assert_eq!(came, (telnyx, sinch), "{status} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_carrier_refuses_for_good_has_the_code_of_its_fault() {
    let telnyx_to = r#"{"errors":[{"code":"10016","title":"Phone number must be in +E.164 format","source":{"pointer":"/to"}}]}"#;
    let sinch_to = r#"{"code":"422","details":{"fieldViolations":[{"field":"to","description":"…"}]}}"#;
    let sinch_url = r#"{"code":"422","details":{"fieldViolations":[{"field":"contentUrl","description":"…"}]}}"#;
    use FailureCode::{DocumentUnreadable, NumberInvalid, Rejected};
    for (status, body, telnyx, sinch) in [
        ("422 Unprocessable Content", telnyx_to, NumberInvalid, Rejected),
        ("422 Unprocessable Content", sinch_to, Rejected, NumberInvalid),
        ("422 Unprocessable Content", sinch_url, Rejected, DocumentUnreadable),
        ("400 Bad Request", "<html>", Rejected, Rejected),
        ("413 Content Too Large", "", Rejected, Rejected),
        // Words about `/to` elsewhere in an answer are about nothing.
        ("400 Bad Request", r#"{"errors":[{"detail":"see https://example.com/tools/to"}]}"#, Rejected, Rejected),
    ] {
        let hostile = Hostile::start(Then::answer(status, "", body)).await;
        assert_eq!(both(&hostile.url, Deadlines::default()).await, [Came::Refused(telnyx), Came::Refused(sinch)], "{status} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_cannot_be_read_is_an_error_and_never_an_empty_list() {
    let (now, reference) = (Timestamp::now(), submission("+12125551234", "https://documents.example.com/1").reference);
    let (to, from) = ("+12125551234".parse().unwrap(), "+12025550100".parse().unwrap());
    for (status, body) in [
        ("200 OK", ""),
        ("200 OK", "{}"),
        ("200 OK", "{\"data\": {}, \"faxes\": {}}"),
        ("200 OK", "null"),
        ("404 Not Found", ""),
        ("401 Unauthorized", ""),
        ("429 Too Many Requests", ""),
        ("500 Internal Server Error", ""),
        ("302 Found", ""),
    ] {
        let hostile = Hostile::start(Then::answer(status, "", body)).await;
        let (telnyx, sinch) = adapters(&hostile.url, Deadlines::default()).await;
        assert!(
            telnyx.find(&reference, &to, &from, now).await.is_err() && sinch.find(&reference, &to, &from, now).await.is_err(),
            "{status} {body}"
        );
        assert!(telnyx.received(now, now, 9).await.is_err() && sinch.received(now, now, 9).await.is_err(), "{status} {body}");
        let id = CarrierFaxId("f".into());
        let got = (telnyx.get(&id).await, sinch.get(&id).await);
        match status {
            "404 Not Found" => assert!(matches!(got, (Ok(None), Ok(None))), "{got:?}"),
            _ => assert!(matches!(got, (Err(_), Err(_))), "{status} {body}: {got:?}"),
        }
    }
    // A list that says that there is always more.
    let endless =
        Hostile::start(Then::answer("200 OK", "", r#"{"data":[],"meta":{"total_pages":1000000},"faxes":[],"totalPages":1000000}"#)).await;
    let (telnyx, sinch) = adapters(&endless.url, Deadlines::default()).await;
    assert_eq!((telnyx.received(now, now, 9).await.unwrap(), sinch.received(now, now, 9).await.unwrap()), (None, None));
    assert!(telnyx.find(&reference, &to, &from, now).await.is_err() && sinch.find(&reference, &to, &from, now).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_of_sinchs_is_not_believed_while_the_api_does_not_confirm_it() {
    let body = br#"{"event":"FAX_COMPLETED","fax":{"id":"f","status":"COMPLETED","direction":"OUTBOUND"}}"#;
    let other = r#"{"id":"g","status":"COMPLETED","direction":"OUTBOUND"}"#;
    let early = r#"{"id":"f","status":"IN_PROGRESS","direction":"OUTBOUND"}"#;
    for then in [
        Then::answer("500 Internal Server Error", "", ""),
        Then::answer("404 Not Found", "", ""),
        Then::answer("401 Unauthorized", "", ""),
        Then::answer("200 OK", "", "<html>"),
        Then::answer("200 OK", "", other),
        Then::answer("200 OK", "", early),
        Then::ReadAndReset,
        Then::Silence,
    ] {
        let hostile = Hostile::start(then.clone()).await;
        let callbacks = Callbacks::new(&platform(&hostile.url, Clock::default()).await).unwrap().within(SHORT);
        let read = callbacks.read(CALLBACK_SECRET, body).await;
        assert!(matches!(read, Err(CallbackError::Unavailable(_))), "{then:?}: {read:?}");
    }
    let untouched = Hostile::start(Then::Silence).await;
    let callbacks = Callbacks::new(&platform(&untouched.url, Clock::default()).await).unwrap();
    for secret in ["", "s3cret", "s3cret of ours", "S3cret of ours?", "s3cret of ours?x"] {
        assert_eq!(callbacks.read(secret, body).await, Err(CallbackError::Forged), "{secret}");
    }
    assert_eq!(callbacks.read(CALLBACK_SECRET, b"{").await, Err(CallbackError::Unreadable));
    assert_eq!(callbacks.read(CALLBACK_SECRET, br#"{"event":"FAX_COMPLETED"}"#).await, Err(CallbackError::Unreadable));
    assert_eq!(untouched.connections(), 0, "what shows no secret costs no call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_is_not_handed_over_once_another_worker_may_do_so() {
    let hostile = Hostile::start(Then::answer("202 Accepted", "", "{}")).await;
    let clock = Clock::default();
    let late = Submission { not_after: clock.now(), ..submission("+12125551234", "https://documents.example.com/1") };
    let platform = platform(&hostile.url, clock).await;
    let not_taken = |sent: Result<CarrierFaxId, SendError>| matches!(sent, Err(SendError::NotTaken { needs_operator: false, .. }));
    assert!(not_taken(Telnyx::new(&platform).unwrap().send(&late).await));
    assert!(not_taken(Sinch::new(&platform).unwrap().send(&late).await));
    assert_eq!(hostile.connections(), 0);
}

//! Documents that cannot be sent.

use super::support::Stage;

async fn assert_fails(document: &str, reason: &str) {
    let stage = Stage::new(1000.0).await;
    let id = stage.send(&stage.fax_of("+15005550001", document)).await;
    let hooks = stage.hooks(&id, 2).await;
    assert_eq!(hooks.iter().map(|hook| hook.event()).collect::<Vec<_>>(), ["fax.queued", "fax.failed"]);
    let last = hooks[1].payload();
    assert_eq!(last["failure_reason"], reason);
    assert_eq!((last.get("page_count"), last.get("call_duration_secs")), (None, None));
    let seen = stage.view(&id).await;
    assert_eq!((&seen["failure_reason"], seen["page_count"].as_u64()), (&reason.into(), Some(0)));
}

#[tokio::test]
async fn a_media_link_that_redirects_fails() {
    assert_fails("/moved", "file_download_failed").await;
}

#[tokio::test]
async fn a_media_link_that_leads_nowhere_fails() {
    assert_fails("/gone", "file_download_failed").await;
}

#[tokio::test]
async fn a_document_that_cannot_be_decoded_fails() {
    assert_fails("/broken", "file_format_invalid").await;
    assert_fails("/empty", "file_format_invalid").await;
}

#[tokio::test]
async fn a_document_of_more_than_350_pages_fails() {
    assert_fails("/many", "page_count_limit_exceeded").await;
}

#[tokio::test]
async fn a_document_of_more_than_50_mb_fails() {
    assert_fails("/huge", "file_size_limit_exceeded").await;
}

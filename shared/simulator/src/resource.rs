//! A fax as the wire shows it: the resource of the API, and the events of the callbacks.

use jiff::Timestamp;
use serde::Serialize;

use super::event::Event;
use super::id::Id;
use super::links;
use super::outcome::{self, FailureReason};
use super::projection::Entry;
use super::settings::Settings;
use super::types::{CallStatus, Direction, Quality};

/// The account's user: the carrier has one.
const USER_ID: &str = "7b6c2f1e-3d0a-4c58-9e47-51f0a6d2c983";

#[derive(Debug, Serialize)]
pub(crate) struct FaxResource<'a> {
    record_type: &'static str,
    id: &'a Id,
    direction: Direction,
    connection_id: &'a str,
    from: &'a str,
    to: &'a str,
    from_display_name: Option<&'a str>,
    /// Of a received fax only once it is there, and only for a while.
    media_url: Option<String>,
    quality: Quality,
    store_media: bool,
    status: CallStatus,
    /// "Null when the fax has not failed" (Telnyx's SDK).
    failure_reason: Option<FailureReason>,
    /// "More granular" (Telnyx's SDK), with values that are nowhere published: here the same.
    internal_failure_reason: Option<FailureReason>,
    /// Pages that went over the line; null until the fax has ended. By Telnyx's release note of 17 February 2021, "Page Count Webhook
    /// Updates", fax resources have it; the SDK's type does not.
    page_count: Option<usize>,
    client_state: Option<&'a str>,
    webhook_url: &'a str,
    webhook_failover_url: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub(crate) fn fax<'a>(entry: &'a Entry, settings: &'a Settings) -> FaxResource<'a> {
    let fax = &entry.fax;
    let ending = entry.ended.as_ref().map(|ended| &ended.ending);
    FaxResource {
        record_type: "fax",
        id: &fax.id,
        direction: fax.direction,
        connection_id: &fax.connection_id,
        from: outcome::shown_from(fax),
        to: fax.to.as_str(),
        from_display_name: fax.from_display_name.as_deref(),
        media_url: media_url(entry, settings, entry.linked_at()),
        quality: fax.quality,
        store_media: fax.store_media,
        status: entry.status(),
        failure_reason: ending.and_then(|ending| ending.failure),
        internal_failure_reason: ending.and_then(|ending| ending.failure),
        page_count: ending.map(|ending| ending.page_count),
        client_state: fax.client_state.as_deref(),
        webhook_url: fax.webhook_url.as_ref().map_or(&*settings.default_webhook_url, |link| link.as_str()),
        webhook_failover_url: "",
        created_at: fax.created_at,
        updated_at: entry.updated_at(),
    }
}

/// Where the document of a fax is: where the product said, or for a received one at the carrier's own link that holds from `since` on.
fn media_url(entry: &Entry, settings: &Settings, since: Option<Timestamp>) -> Option<String> {
    match &entry.fax.media_url {
        Some(link) => Some(link.as_str().to_owned()),
        None => since.map(|since| format!("{}{}", settings.base_url, links::path(&settings.signing_key, &entry.fax.id, since))),
    }
}

#[derive(Debug, Serialize)]
struct Envelope<'a> {
    data: Data<'a>,
    meta: Meta<'a>,
}

#[derive(Debug, Serialize)]
struct Data<'a> {
    event_type: Event,
    id: Id,
    occurred_at: Timestamp,
    record_type: &'static str,
    payload: Payload<'a>,
}

#[derive(Debug, Serialize)]
struct Meta<'a> {
    attempt: u32,
    delivered_to: &'a str,
}

#[derive(Debug, Serialize)]
struct Payload<'a> {
    fax_id: &'a Id,
    connection_id: &'a str,
    direction: Direction,
    from: &'a str,
    to: &'a str,
    status: CallStatus,
    /// Pages and duration are told of what arrived, not of what failed (Telnyx's SDK).
    #[serde(skip_serializing_if = "Option::is_none")]
    page_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_duration_secs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<FailureReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal_failure_reason: Option<FailureReason>,
    /// Of a fax that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    original_media_url: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    received: Option<Received<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_state: Option<&'a str>,
    user_id: &'static str,
}

/// What is told of a fax once it was received.
#[derive(Debug, Serialize)]
struct Received<'a> {
    media_url: Option<String>,
    /// Whether the call broke off before its last page.
    partial_content: bool,
    caller_id: &'a str,
}

/// The body of a callback. It tells the same, under the same id, whenever it is sent; only `meta` counts the tries.
pub(crate) fn event(entry: &Entry, settings: &Settings, event: Event, occurred_at: Timestamp, attempt: u32, delivered_to: &str) -> Vec<u8> {
    let fax = &entry.fax;
    let (name, status) = match event {
        Event::Queued => ("fax.queued", CallStatus::Queued),
        Event::MediaProcessed => ("fax.media.processed", CallStatus::MediaProcessed),
        Event::SendingStarted => ("fax.sending.started", CallStatus::Sending),
        Event::Delivered => ("fax.delivered", CallStatus::Delivered),
        Event::Failed => ("fax.failed", CallStatus::Failed),
        Event::ReceivingStarted => ("fax.receiving.started", CallStatus::Receiving),
        Event::MediaProcessingStarted => ("fax.media.processing.started", CallStatus::MediaProcessing),
        Event::Received => ("fax.received", CallStatus::Received),
    };
    let ending = match event {
        Event::Delivered | Event::Failed | Event::Received => entry.ended.as_ref().map(|ended| &ended.ending),
        _ => None,
    };
    let arrived = ending.filter(|ending| ending.failure.is_none());
    let from = outcome::shown_from(fax);
    let received = ending.filter(|_| !entry.is_outbound()).map(|_| Received {
        media_url: media_url(entry, settings, Some(occurred_at)),
        partial_content: fax.partial,
        caller_id: from,
    });
    let payload = Payload {
        fax_id: &fax.id,
        connection_id: &fax.connection_id,
        direction: fax.direction,
        from: outcome::shown_from(fax),
        to: fax.to.as_str(),
        status,
        page_count: arrived.map(|ending| ending.page_count),
        call_duration_secs: arrived.map(|ending| ending.call_duration_secs),
        failure_reason: ending.and_then(|ending| ending.failure),
        internal_failure_reason: ending.and_then(|ending| ending.failure),
        original_media_url: fax.media_url.as_ref().map(|link| link.as_str().to_owned()),
        received,
        client_state: fax.client_state.as_deref(),
        user_id: USER_ID,
    };
    let data = Data { event_type: event, id: fax.id.derived(name), occurred_at, record_type: "event", payload };
    // Strings, numbers and dates: there is nothing in it that JSON cannot hold.
    serde_json::to_vec(&Envelope { data, meta: Meta { attempt, delivered_to } }).unwrap_or_default()
}

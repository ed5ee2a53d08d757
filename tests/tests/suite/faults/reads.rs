//! What only reads: under every fault it is told whole, or not at all.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_core::plan::Plan;
use sfm_tests::client::Client;
use sfm_tests::documents::FORM;
use sfm_tests::draw::Draw;
use sfm_tests::eventually_blocking;
use sfm_tests::injector::{Fault, Injector, Point};
use sfm_tests::process::Process;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, customer};

use super::dashboard::{OWNER, base, created, data};
use super::requests::{member, post, tomorrow};

/// What is read by key and by a member, each with the functions that answer it.
fn paths(customer: &Customer, fax: &str, scheduled: &str, contact: &str, webhook: &str, event: &str) -> Vec<(bool, String)> {
    let by_key = [
        "faxes".to_owned(),
        "faxes?limit=1&page=2".to_owned(),
        "faxes?status=delivered".to_owned(),
        "faxes?to=%2B15005550001".to_owned(),
        format!("faxes/{fax}"),
        format!("faxes/{fax}/receipt"),
        "contacts".to_owned(),
        "contacts?q=smith".to_owned(),
        "contacts?limit=1&page=2".to_owned(),
        format!("contacts/{contact}"),
        "numbers".to_owned(),
        "scheduled".to_owned(),
        format!("scheduled/{scheduled}"),
    ];
    let by_member = [
        String::new(),
        "/audit".to_owned(),
        "/keys".to_owned(),
        "/webhooks".to_owned(),
        format!("/webhooks/{webhook}"),
        format!("/webhooks/{webhook}/deliveries"),
        "/events".to_owned(),
        format!("/events/{event}/deliveries"),
        "/faxes".to_owned(),
        "/faxes?status=delivered".to_owned(),
        format!("/faxes/{fax}"),
        format!("/faxes/{fax}/receipt"),
        "/contacts".to_owned(),
        "/contacts?q=smith".to_owned(),
        "/numbers".to_owned(),
        "/scheduled".to_owned(),
        format!("/scheduled/{scheduled}"),
    ];
    let by_key = by_key.map(|path| (false, format!("/v1/{path}")));
    let by_member = by_member.map(|path| (true, format!("{}{path}", base(customer))));
    [by_key.to_vec(), by_member.to_vec(), vec![(true, "/dashboard/api/session".to_owned())]].concat()
}

const READERS: &[&str] = &[
    "ListFaxes",
    "GetFax",
    "GetFaxReceipt",
    "ListContacts",
    "GetContact",
    "ListNumbers",
    "ListScheduledFaxes",
    "GetScheduledFax",
    "DashboardApi",
    "DashboardDocuments",
];

/// An index that has not caught up shows less than there is; everything else is told whole.
fn judge(path: &str, target: &(Point, Fault), told: &Value, whole: &Value) {
    if target.1 != Fault::Stale {
        assert_eq!(told, whole, "{path}: {target:?}");
        return;
    }
    let entries = |list: &Value| list["data"].as_array().unwrap_or_else(|| panic!("{path}: {target:?}: {list}")).clone();
    let whole = entries(whole);
    assert!(entries(told).iter().all(|entry| whole.contains(entry)), "{path}: {target:?}: {told}");
}

#[test]
fn what_only_reads_is_told_whole_or_not_at_all_under_every_fault_of_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let interceptor = Arc::new(Injector::default());
    let process = Process::start(folder.path(), interceptor.clone());
    let (runtime, stack) = (&process.runtime, &process.stack);
    let receiver = runtime.block_on(Receiver::start(|_| Reply::status(200)));
    let customer = runtime.block_on(customer(stack, Plan::Business, None));
    let client = member(&process, &customer);
    let webhook = created(runtime, &client, &format!("{}/webhooks", base(&customer)), &json!({"url": receiver.url("/")}));
    let mut faxes = Vec::new();
    for _ in 0..3 {
        let sent = runtime.block_on(customer.client.send_letter("+15005550001"));
        faxes.push(runtime.block_on(customer.client.completed(sent["id"].as_str().unwrap())));
    }
    // Gaps, which the later pages of a list depend on.
    let gone = faxes.pop().unwrap();
    assert_eq!(runtime.block_on(client.delete(&format!("{}/faxes/{}", base(&customer), gone["id"].as_str().unwrap()))).status, 200);
    let contacts = ["+12125551234", "+12125551235", "+12125551236"].map(|number| {
        let contact = json!({"name": "Dr. Smith", "fax_number": number});
        runtime.block_on(customer.client.post("/v1/contacts", &contact)).json()["id"].as_str().unwrap().to_owned()
    });
    let [contact, _, last] = contacts;
    assert_eq!(runtime.block_on(customer.client.delete(&format!("/v1/contacts/{last}"))).status, 200);
    let scheduled = post(runtime, &customer.client, "/v1/scheduled", &tomorrow(FORM)).json();
    let deliveries = format!("{}/webhooks/{webhook}/deliveries", base(&customer));
    let deliveries = eventually_blocking("all to be told", || {
        stack.advance(SignedDuration::from_secs(10)).unwrap();
        let told = data(runtime, &client, &deliveries);
        (told.len() == 3 && told.iter().all(|delivery| delivery["status"] == "succeeded")).then_some(told)
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (fax, scheduled) = (text(&faxes[0]["id"]), text(&scheduled["id"]));
    let paths = paths(&customer, &fax, &scheduled, &contact, &webhook, &text(&deliveries[0]["event_id"]));

    let mut draw = Draw::new(OWNER);
    let (mut tried, mut partial, mut stale) = (0, 0, 0);
    for (by_member, path) in paths {
        let client: &Client = if by_member { &client } else { &customer.client };
        // The first call of a function notes that the key is used; those that come soon after do not.
        let get = || client.try_call(reqwest::Method::GET, &path, &[("accept", "application/json")], None);
        let first = runtime.block_on(get()).unwrap();
        assert_eq!(first.status, 200, "{path}: {}", first.text);
        interceptor.arm(READERS, None);
        let whole = runtime.block_on(get()).unwrap();
        assert_eq!(whole.text, first.text, "{path}");
        let points = interceptor.seen();
        assert!(!points.is_empty(), "{path}");
        // Who dies over a read leaves nothing behind that could be looked at.
        let mut targets = draw.singles(&points);
        targets.retain(|(_, fault)| !matches!(fault, Fault::GoneBefore | Fault::ProcessGone));
        for target in targets {
            interceptor.arm(READERS, [target.clone()]);
            let told = eventually_blocking("an answer", || {
                let told = runtime.block_on(get());
                let told = told.ok().filter(|told| told.status < 500)?;
                assert_eq!(told.status, 200, "{path}: {target:?}: {}", told.text);
                Some(told.json())
            });
            assert!(interceptor.was_hit(), "{path}: never struck: {target:?}");
            judge(&path, &target, &told, &whole.json());
            interceptor.assert_no_errors(&(&path, &target));
            (tried, partial, stale) =
                (tried + 1, partial + usize::from(target.1 == Fault::Partial), stale + usize::from(target.1 == Fault::Stale));
        }
        interceptor.disarm();
    }
    println!("  {tried} faults, all of which struck; {partial} batches in part, {stale} indexes that had not caught up");
    assert!(partial >= 6 && stale >= 6, "{partial} {stale}");
    process.crash();
}

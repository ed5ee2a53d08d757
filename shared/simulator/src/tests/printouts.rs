//! What is kept of a call: the pages that came out of the machine, and the story.

use std::fs;
use std::path::Path;

use fax_document::{FaxPage, read_fax_pdf};
use serde_json::json;

use super::support::{LETTER, Stage, client_state, letter, until};

fn files(dir: &Path, folder: &str) -> Vec<String> {
    let names = fs::read_dir(dir.join(folder)).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Sends the letter and returns its id once the call is over, and all of it is put away.
async fn call(stage: &Stage, number: &str, attempt: u32) -> String {
    let mut fax = stage.fax_of(number, LETTER);
    fax["client_state"] = json!(client_state("fax_1", attempt));
    let id = stage.send(&fax).await;
    until("the call is over", async || stage.carrier.log()[0].outcome.clone()).await;
    put_away(stage, &id).await;
    id
}

async fn put_away(stage: &Stage, id: &str) {
    let fetched = format!("{id}.pdf");
    until("it is put away", async || (!files(stage.dir.path(), "fetched").contains(&fetched)).then_some(())).await;
}

fn printed(stage: &Stage, id: &str) -> Vec<FaxPage> {
    read_fax_pdf(&fs::read(stage.dir.path().join(format!("received/{id}.pdf"))).unwrap()).unwrap()
}

fn story(stage: &Stage, id: &str) -> String {
    fs::read_to_string(stage.dir.path().join(format!("received/{id}.txt"))).unwrap()
}

#[tokio::test]
async fn a_delivered_fax_comes_out_page_for_page() {
    let stage = Stage::new(1000.0).await;
    let id = call(&stage, "+15005550001", 1).await;
    let sent = read_fax_pdf(&letter()).unwrap();
    assert_eq!(printed(&stage, &id), sent);
    let tiff = fs::read(stage.dir.path().join(format!("received/{id}.tif"))).unwrap();
    assert_eq!(tiff, fax_document::write_tiff(&sent, fax_document::Coding::Group4).unwrap());
    let story = story(&stage, &id);
    assert!(story.contains("page 2 is confirmed") && story.contains("delivered, 2 pages"), "{story}");
}

#[tokio::test]
async fn of_a_page_that_broke_off_the_upper_part_comes_out() {
    let stage = Stage::new(1000.0).await;
    let id = call(&stage, "+15005550004", 1).await;
    let (sent, printed) = (read_fax_pdf(&letter()).unwrap(), printed(&stage, &id));
    assert_eq!(printed.len(), 2);
    assert_eq!(printed[0], sent[0]);
    let (whole, part) = (sent[1].decode().unwrap(), printed[1].decode().unwrap());
    let rows = (0..whole.height()).take_while(|y| whole.row(*y) == part.row(*y)).count() as u32;
    assert!(rows > whole.height() / 10 && rows < whole.height() * 9 / 10, "{rows} rows");
    assert!((rows..whole.height()).all(|y| part.row(y).iter().all(|byte| *byte == 0)), "white below");
    assert!(part.black_pixels() > whole.black_pixels() / 4);
    assert!(story(&stage, &id).contains("the line dropped"));
}

#[tokio::test]
async fn a_line_that_drops_after_a_page_leaves_that_page() {
    let stage = Stage::new(1000.0).await;
    let id = call(&stage, "+15005550005", 3).await;
    assert_eq!(printed(&stage, &id), read_fax_pdf(&letter()).unwrap()[..1]);
}

#[tokio::test]
async fn a_page_that_was_never_confirmed_has_come_out() {
    let stage = Stage::new(1000.0).await;
    let id = call(&stage, "+15005550021", 1).await;
    assert_eq!(stage.view(&id).await["page_count"], 1);
    assert_eq!(printed(&stage, &id).len(), 2);
}

#[tokio::test]
async fn nothing_comes_out_of_a_call_without_pages() {
    for number in ["+15005550002", "+15005550003", "+15005550006", "+15005550007", "+15005550020"] {
        let stage = Stage::new(1000.0).await;
        let id = call(&stage, number, 1).await;
        assert_eq!(files(stage.dir.path(), "received"), [format!("{id}.txt")], "{number}: the story alone");
    }
}

#[tokio::test]
async fn what_came_before_a_cancellation_comes_out() {
    let stage = Stage::new(0.001).await;
    let id = stage.send(&stage.fax_of("+15005550001", LETTER)).await;
    stage.view_when(&id, "originated").await;
    // 1,000 s of the stack are one of this telephone, and no page of the letter is through in less than two.
    let half_second = jiff::SignedDuration::from_secs(500);
    until("the first page is on the line", async || {
        let sending = stage.view(&id).await["status"] == "sending";
        stage.advance(half_second);
        sending.then_some(())
    })
    .await;
    assert_eq!(stage.call("POST", &format!("/v2/faxes/{id}/actions/cancel"), None).await.0, 202);
    put_away(&stage, &id).await;
    assert!(story(&stage, &id).contains("canceled by the sender"));
    let (sent, printed) = (read_fax_pdf(&letter()).unwrap()[0].decode().unwrap(), printed(&stage, &id));
    assert_eq!(printed.len(), 1);
    let ink = printed[0].decode().unwrap().black_pixels();
    assert!(ink < sent.black_pixels(), "a part of the first page");
}

#[tokio::test]
async fn a_crash_before_the_printout_loses_neither_document_nor_printout() {
    let stage = Stage::new(1.0).await;
    let id = stage.send(&stage.fax_of("+15005550004", LETTER)).await;
    stage.hooks(&id, 2).await;
    let stage = stage.crash(1.0).await;
    assert!(files(stage.dir.path(), "received").is_empty());
    assert_eq!(files(stage.dir.path(), "fetched"), [format!("{id}.pdf")]);
    stage.advance(jiff::SignedDuration::from_mins(10));
    stage.view_when(&id, "failed").await;
    put_away(&stage, &id).await;
    let (once, story_once) = (printed(&stage, &id), story(&stage, &id));

    // As if it had died between the end of the call and the printout.
    fs::write(stage.dir.path().join(format!("fetched/{id}.pdf")), letter()).unwrap();
    for kind in ["pdf", "tif", "txt"] {
        fs::remove_file(stage.dir.path().join(format!("received/{id}.{kind}"))).unwrap();
    }
    stage.log_tells("called_back", 4).await;
    let stage = stage.crash(1.0).await;
    put_away(&stage, &id).await;
    assert_eq!((printed(&stage, &id), story(&stage, &id)), (once, story_once));
}

//! The real binary: killed at any moment, asked over its command line, and its log read.

mod tls;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sfm_tests::client::{Client, fax};
use sfm_tests::{documents, eventually};
use tokio::sync::Mutex;

const ROUNDS: usize = 5;
const SENDS: usize = 50;

/// The binary, running. Dropping it is `kill -9`.
struct Running {
    process: Child,
    ready: Value,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(dir: &Path) -> Running {
    start_logging(dir, Stdio::null())
}

fn start_logging(dir: &Path, log: Stdio) -> Running {
    start_with(dir, |command| {
        command.stderr(log);
    })
}

fn start_with(dir: &Path, otherwise: impl FnOnce(&mut Command)) -> Running {
    use std::io::{BufRead as _, BufReader};
    let mut command = Command::new(env!("CARGO_BIN_EXE_sfm-under-test"));
    command.args(["local", "--json", "--port", "0", "--allow-loopback", "--carrier-speed", "1000", "--data"]).arg(dir);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    otherwise(&mut command);
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Running { process, ready: serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}")) }
}

fn operator(env: &str, args: &[&str]) -> Output {
    let lines = std::fs::read_to_string(env).unwrap();
    let vars: BTreeMap<&str, &str> = lines.lines().filter_map(|line| line.split_once('=')).collect();
    Command::new(env!("CARGO_BIN_EXE_sfm-under-test")).args(args).envs(vars).output().unwrap()
}

fn operator_json(env: &str, args: &[&str]) -> Value {
    let output = operator(env, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_fax_is_lost_or_doubled_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut running = start(folder.path());
    let env = running.ready["operator_env"].as_str().unwrap().to_owned();
    let account = running.ready["demo_account"].as_str().unwrap().to_owned();
    let key = running.ready["demo_key"].as_str().unwrap().to_owned();

    for round in 0..ROUNDS {
        // A key of its own, because a key may send 60 times a minute.
        let of_round = operator_json(&env, &["key", "create", &account, "--scope", "faxes:send"]);
        let client = Client::new(running.ready["base_url"].as_str().unwrap(), of_round["key"].as_str().unwrap());
        let sends: Vec<_> = (0..SENDS)
            .map(|i| {
                let (client, acknowledged) = (client.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    let to = if i % 5 == 0 { "+15005550007" } else { "+12125551234" };
                    let body = fax(to, documents::FORM, "image/png").to_string().into_bytes();
                    if let Ok(answer) = client.try_call(Method::POST, "/v1/faxes", &[], Some(body)).await {
                        assert_eq!(answer.status, 201, "{}", answer.text);
                        acknowledged.lock().await.push(answer.json()["id"].as_str().unwrap().to_owned());
                    }
                })
            })
            .collect();
        // The moment is chosen by progress, so that it differs from round to round and not from machine to machine.
        let before = 4 + round * 8;
        let target = acknowledged.lock().await.len() + 1 + before;
        eventually("some sends to be acknowledged", || async { (acknowledged.lock().await.len() >= target).then_some(()) }).await;
        running.process.kill().unwrap();
        running.process.wait().unwrap();
        for send in sends {
            send.await.unwrap();
        }
        running = start(folder.path());
        assert_eq!(running.ready["demo_key"], key.as_str(), "the demo key stays the same");
    }

    let acknowledged = acknowledged.lock().await.clone();
    assert!(!acknowledged.is_empty());
    let client = Client::new(running.ready["base_url"].as_str().unwrap(), &key);
    let listed = settle(&client, &env).await;
    for id in &acknowledged {
        let fax = listed.get(id).unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        let end = if fax["to"] == "+15005550007" { "failed" } else { "delivered" };
        assert_eq!(fax["status"], end, "{fax}");
    }

    let mut seen = HashSet::new();
    let log = operator(&env, &["carrier", "log"]);
    for line in String::from_utf8(log.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let attempt = (line["fax_id"].to_string(), line["attempt"].to_string());
        assert!(seen.insert(attempt), "the carrier has an attempt twice: {line}");
    }
    let kept: u64 = listed.values().map(|fax| fax["pages_sent"].as_u64().unwrap()).sum();
    assert_eq!(operator_json(&env, &["account", "show", &account])["used_pages"], kept, "usage is the pages that were not given back");
    println!("{} faxes acknowledged over {ROUNDS} kills, {} accepted by the carrier", acknowledged.len(), seen.len());
}

/// Moves the clock on until every fax of the account is final, and returns them by id.
async fn settle(client: &Client, env: &str) -> BTreeMap<String, Value> {
    eventually("all faxes to be final", || async {
        let mut faxes = BTreeMap::new();
        for page in 1.. {
            let list = client.get(&format!("/v1/faxes?limit=100&page={page}")).await.json();
            for fax in list["data"].as_array().unwrap() {
                faxes.insert(fax["id"].as_str().unwrap().to_owned(), fax.clone());
            }
            if list["has_more"] == false {
                break;
            }
        }
        let open = faxes.values().filter(|fax| fax["status"] != "delivered" && fax["status"] != "failed").count();
        if open == 0 {
            return Some(faxes);
        }
        operator_json(env, &["clock", "advance", "1m"]);
        tokio::time::sleep(Duration::from_millis(300)).await;
        None
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_is_refused_and_sigterm_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = start(folder.path());
    let second =
        Command::new(env!("CARGO_BIN_EXE_sfm-under-test")).args(["--json", "--port", "0", "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stdout.is_empty());
    let terminated = Command::new("kill").arg("-TERM").arg(running.process.id().to_string()).status().unwrap();
    assert!(terminated.success());
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_commands_print_one_object_and_fail_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path());
    let env = running.ready["operator_env"].as_str().unwrap();
    let account = operator_json(env, &["account", "create", "--name", "Clinic", "--plan", "enterprise", "--requires-baa"]);
    let id = account["id"].as_str().unwrap();
    assert_eq!(account["monthly_pages"], 20_000);
    assert_eq!(account["baa_signed_at"], Value::Null);
    assert!(operator_json(env, &["account", "sign-baa", id])["baa_signed_at"].is_string());
    let number = operator_json(env, &["number", "add", id, "+1 202 555 0199", "--label", "Front desk"]);
    assert_eq!((&number["number"], &number["account_id"]), (&"+12025550199".into(), &account["id"]));
    let key = operator_json(env, &["key", "create", id, "--scope", "faxes:read", "--scope", "faxes:send"]);
    let client = Client::new(running.ready["base_url"].as_str().unwrap(), key["key"].as_str().unwrap());
    assert_eq!(client.get("/v1/faxes").await.status, 200);
    let listed = operator_json(env, &["key", "list", id]);
    assert_eq!((&listed["data"][0]["id"], listed["data"].as_array().unwrap().len()), (&key["id"], 1));
    assert!(!listed.to_string().contains(key["key"].as_str().unwrap()), "a key is shown once");
    assert_eq!(operator_json(env, &["account", "list"])["data"].as_array().unwrap().last().unwrap()["id"], account["id"]);
    assert_eq!(operator_json(env, &["scheduled", "list", id])["total"], 0);
    let sent = client.send_letter("+15005550002").await["id"].as_str().unwrap().to_owned();
    eventually("the line to be busy", || async { Some(client.fax(&sent).await).filter(|fax| fax["attempts"][0]["ended_at"].is_string()) })
        .await;
    client.post(&format!("/v1/faxes/{sent}/cancel"), &json!({})).await;
    assert_eq!(operator_json(env, &["fax", "list", id])["data"][0]["id"], *sent);
    let traced = operator_json(env, &["fax", "trace", &sent]);
    let steps: Vec<_> = traced["steps"].as_array().unwrap().iter().map(|step| step["what"].as_str().unwrap()).collect();
    for step in ["accepted", "attempt_began", "attempt_ended", "event", "ended"] {
        assert!(steps.contains(&step), "{step}: {traced}");
    }
    // The local stack keeps no lines: the deployed one's are read in the end-to-end suite.
    assert!(steps[0] == "accepted" && traced["trace_id"].is_string() && traced["logs"].is_null(), "{traced}");
    operator_json(env, &["key", "revoke", key["id"].as_str().unwrap()]);
    assert_eq!(client.get("/v1/faxes").await.status, 401, "a revoked key stops at once");
    operator_json(env, &["number", "release", number["id"].as_str().unwrap()]);

    let absent = operator(env, &["account", "show", "acct_01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    assert_eq!((absent.status.code(), absent.stdout.len()), (Some(1), 0));
    let error: Value = serde_json::from_slice(&absent.stderr).unwrap();
    assert_eq!(error["error"]["type"], "not_found");
    assert_eq!(operator(env, &["account", "shew"]).status.code(), Some(2));
}

/// A user's command, with what it printed on stdout and on stderr.
fn user(running: &Running, key: &str, args: &[&str]) -> (Value, String) {
    let url = running.ready["base_url"].as_str().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_sfm-under-test")).args(args).env("SFM_URL", url).env("SFM_KEY", key).output().unwrap();
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert_eq!(done.status.success(), !out.is_empty(), "{out}{err}");
    let last = if done.status.success() { out.trim() } else { err.trim().lines().last().unwrap() };
    (serde_json::from_str(last).unwrap(), err)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_sends_watches_and_keeps_the_receipt_by_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder.path().join("data"));
    let key = running.ready["demo_key"].as_str().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (letter, form) = (path("letter.pdf", documents::LETTER), path("form.png", documents::FORM));
    let send = ["send", &letter, &form, "+15005550001", "--cover-to", "Ann", "--reference", "Case 7", "--watch"];
    let (fax, told) = user(&running, key, &send);
    assert_eq!((&fax["status"], &fax["pages"], &fax["reference"]), (&json!("delivered"), &json!(4), &json!("Case 7")));
    assert!(told.contains("--resume ") && told.contains("delivered, attempt 1, 4 of 4 pages"), "{told}");
    // Interrupted after it was sent, and repeated: it is the same fax.
    let resume = told.lines().next().unwrap().rsplit_once(' ').unwrap().1;
    assert_eq!(user(&running, key, &[&send[..8], &["--resume", resume]].concat()).0["id"], fax["id"]);
    let id = fax["id"].as_str().unwrap();
    assert_eq!(user(&running, key, &["status", id]).0, fax);
    let receipt = folder.path().join("receipt.json");
    user(&running, key, &["receipt", id, "--output", receipt.to_str().unwrap()]);
    let receipt: Value = serde_json::from_slice(&std::fs::read(receipt).unwrap()).unwrap();
    assert_eq!(receipt["receipt"]["fax_id"], *id, "{receipt}");
    // More than a request carries is uploaded; a repetition with other uploads sends nothing.
    let mut long = documents::LETTER.to_vec();
    long.resize(4_500_000, b'\n');
    let long = path("long.pdf", &long);
    let (sent, told) = user(&running, key, &["send", &long, "+15005550001"]);
    assert!(told.contains("Uploading") && sent["pages"] == 2, "{told}{sent}");
    let resume = told.lines().next().unwrap().rsplit_once(' ').unwrap().1;
    assert_eq!(user(&running, key, &["send", &long, "+15005550001", "--resume", resume]).0["error"]["type"], "conflict");
    // The API's own errors, and what keeps the command from asking.
    for (args, kind, code) in [
        (vec!["send", &letter, "+1"], "invalid_request", None),
        (vec!["send", "absent.pdf", "+15005550001"], "unavailable", None),
        (vec!["status", "fax_01ARZ3NDEKTSV4RRFFQ69G5FAV"], "not_found", None),
        (vec!["status", "../numbers"], "not_found", None),
    ] {
        let error = &user(&running, key, &args).0["error"];
        assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some(kind), code), "{args:?}: {error}");
    }
    assert_eq!(user(&running, "sfm_live_wrong", &["status", id]).0["error"]["type"], "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_the_command_let_in_is_received_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (data, mut taken) = (folder.path().join("data"), Vec::new());
    let running = start(&data);
    let env = running.ready["operator_env"].as_str().unwrap().to_owned();
    for (name, bytes, pages) in
        [("a.pdf", documents::LETTER, 2), ("a.png", documents::FORM, 1), ("a.jpg", documents::PHOTO, 1), ("a.txt", documents::TEXT, 1)]
    {
        let call =
            operator_json(&env, &["carrier", "send-in", "--to", "+12025550199", "--from", "+15005550012", "--file", &file(name, bytes)]);
        assert_eq!((&call["to"], &call["from"], &call["pages"]), (&"+12025550199".into(), &"+15005550012".into(), &pages.into()), "{name}");
        taken.push(call["carrier_fax_id"].as_str().unwrap().to_owned());
    }
    let (broken, absent) = (file("b.pdf", b"%PDF-1.7\nnothing"), folder.path().join("absent.pdf"));
    for (to, document, kind) in [
        ("555", file("b.txt", b"Hello"), "invalid_request"),
        ("+12025550199", broken, "invalid_request"),
        ("+12025550199", absent.to_str().unwrap().to_owned(), "unavailable"),
    ] {
        let refused = operator(&env, &["carrier", "send-in", "--to", to, "--file", &document]);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
        let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
        assert_eq!(error["error"]["type"], kind, "{error}");
    }
    drop(running);

    let running = start(&data);
    let stack: Value = serde_json::from_slice(&std::fs::read(data.join("stack.json")).unwrap()).unwrap();
    let carrier = Client::new(&format!("http://127.0.0.1:{}", stack["ports"]["carrier"]), stack["carrier_api_key"].as_str().unwrap());
    for id in &taken {
        eventually("it is received", || async {
            let fax = carrier.get(&format!("/v2/faxes/{id}")).await.json();
            (fax["data"]["status"] == "received").then_some(())
        })
        .await;
    }
    let inbound = carrier.get("/v2/faxes?filter[direction][eq]=inbound").await.json();
    assert_eq!(inbound["meta"]["total_results"], taken.len(), "nothing of what was refused");
    assert!(operator(running.ready["operator_env"].as_str().unwrap(), &["carrier", "log"]).stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_one_line_per_request_and_nothing_that_is_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let data = folder.path().join("data");
    let running = start_logging(&data, std::fs::File::create(&log).unwrap().into());
    let (url, key) = (running.ready["base_url"].as_str().unwrap(), running.ready["demo_key"].as_str().unwrap());
    let env = running.ready["operator_env"].as_str().unwrap();
    let client = Client::new(url, key);

    let mut requests = Vec::new();
    for to in ["+12125551234", "+15005550002", "+15005550005", "+15005550007", "+15005550009"] {
        let sent = client.post("/v1/faxes", &fax(to, documents::LETTER, "application/pdf")).await;
        requests.push(sent);
    }
    let broken = fax("+12125551234", b"%PDF-1.7 broken", "application/pdf");
    requests.push(client.post("/v1/faxes", &broken).await);
    requests.push(client.post("/v1/faxes", &fax("not a number: +12125551234", documents::FORM, "image/png")).await);
    requests.push(client.get("/v1/faxes").await);
    requests.push(client.get("/v1/faxes/fax_nonsense").await);
    requests.push(Client::new(url, "sfm_live_0000").get("/v1/faxes").await);
    let first = requests[0].json()["id"].as_str().unwrap().to_owned();
    requests.push(client.get(&format!("/v1/faxes/{first}/document")).await);
    let link = requests.last().unwrap().header("location").unwrap().to_owned();
    settle(&client, env).await;

    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
    for request in &requests {
        let id = request.header("x-request-id").unwrap();
        let of_request: Vec<_> = lines.iter().filter(|line| line["request_id"] == id).collect();
        assert_eq!(of_request.len(), 1, "{id}: {of_request:?}");
        assert_eq!(of_request[0]["status"], request.status);
        assert!(of_request[0]["route"].as_str().is_some_and(|route| route.contains(" /v1/faxes")), "{of_request:?}");
        assert!(of_request[0]["duration_ms"].is_u64(), "{of_request:?}");
    }

    let state: Value = serde_json::from_slice(&std::fs::read(data.join("stack.json")).unwrap()).unwrap();
    let signature = link.split("X-Amz-Signature=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let mut secrets =
        vec![key.to_owned(), "sfm_live_".into(), signature, "X-Amz-Signature".into(), "JVBER".into(), "%PDF".into(), "iVBOR".into()];
    for secret in ["aws_secret", "control_token", "carrier_api_key", "carrier_signing_key"] {
        secrets.push(state[secret].as_str().unwrap().to_owned());
    }
    for number in ["2125551234", "5005550002", "5005550005", "5005550007", "5005550009", "2025550100"] {
        secrets.push(number.to_owned());
    }
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "the log has {secret}");
    }
}

//! Customers' servers that speak TLS badly. The stack is a process of its own, which takes the authority that it trusts from its
//! environment.

use jiff::Timestamp;
use serde_json::{Value, json};
use sfm_tests::client::Client;
use sfm_tests::eventually;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::tls::{Speaks, TlsServer, file};

use super::{operator_json, start_with};

/// A `ServerHello` of TLS 1.1 that chooses `TLS_RSA_WITH_AES_128_CBC_SHA` (RFC 4346, 7.4.1.3).
const TLS_1_1: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
    \x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\
    \x00\x00\x2f\x00";
/// The alert of a server that speaks no version that was offered: `protocol_version`, fatal (RFC 8446, 6).
const NO_VERSION: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";

/// What an endpoint's server does, and the reason that the delivery's log tells; none for one that is good.
const CASES: [(&str, Speaks, Option<&str>); 12] = [
    ("a good server", Speaks::Well("good"), None),
    ("a certificate of another name", Speaks::Well("another-name"), Some("tls")),
    ("a certificate that has ended", Speaks::Well("expired"), Some("tls")),
    ("a certificate that nobody signed", Speaks::Well("self-signed"), Some("tls")),
    ("no TLS", Speaks::Bytes(b"SSH-2.0-OpenSSH_9.6\r\n"), Some("tls")),
    ("TLS 1.1", Speaks::Bytes(TLS_1_1), Some("tls")),
    ("an alert", Speaks::Bytes(NO_VERSION), Some("tls")),
    ("an end in the middle of the handshake", Speaks::Bytes(b"\x16\x03\x03\x00\x7a\x02\x00"), Some("tls")),
    ("silence", Speaks::Nothing, Some("timeout")),
    ("a handshake that drips", Speaks::Dripping, Some("timeout")),
    ("a handshake without end", Speaks::Flood, Some("tls")),
    ("interim answers without end", Speaks::EndlessInterim, Some("protocol")),
];

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_speak_tls_badly_fail_alone_within_the_limit_and_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(folder.path(), |command| {
        command.env("SSL_CERT_FILE", file("authority.pem")).env_remove("SSL_CERT_DIR");
    });
    let env = running.ready["operator_env"].as_str().unwrap();
    let customer = |name: &str| {
        let account = operator_json(env, &["account", "create", "--name", name, "--plan", "business"])["id"].as_str().unwrap().to_owned();
        let key = operator_json(env, &["key", "create", &account, "--scope", "faxes:send", "--scope", "faxes:read"]);
        (Client::new(running.ready["base_url"].as_str().unwrap(), key["key"].as_str().unwrap()), account)
    };
    let ((client, account), (other, others)) = (customer("Hostile"), customer("Other"));
    operator_json(env, &["number", "add", &account, "+12025550111"]);
    operator_json(env, &["number", "add", &others, "+12025550112"]);
    let mut servers = Vec::new();
    for (name, speaks, reason) in CASES {
        let server = TlsServer::start(speaks).await;
        let made = operator_json(env, &["webhook", "add", &account, &server.url]);
        servers.push((name, reason, made["id"].as_str().unwrap().to_owned(), server));
    }
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    operator_json(env, &["webhook", "add", &others, &receiver.url("/")]);

    client.send_letter("+15005550007").await;
    eventually("all servers to be asked", || async { servers.iter().all(|(.., server)| server.connections() > 0).then_some(()) }).await;
    other.send_letter("+15005550007").await;
    eventually("the other account to be told", || async { (receiver.requests().len() == 1).then_some(()) }).await;

    for (name, reason, id, server) in &servers {
        let attempt = eventually(&format!("an attempt: {name}"), || async {
            let log = operator_json(env, &["webhook", "deliveries", id]);
            Some(log["data"][0]["attempts"][0].clone()).filter(Value::is_object)
        })
        .await;
        println!("  {name}: {attempt}");
        assert_eq!(attempt["error"], json!(reason), "{name}: {attempt}");
        assert_eq!(attempt["status_code"], reason.map_or(json!(200), |_| Value::Null), "{name}: {attempt}");
        assert!(attempt["at"].as_str().unwrap().parse::<Timestamp>().is_ok());
        // Only those that are told so used up the ten seconds.
        assert_eq!(attempt["duration_ms"].as_u64().unwrap() >= 10_000, *reason == Some("timeout"), "{name}: {attempt}");
        let connections = u64::try_from(server.connections()).unwrap();
        assert!(server.sent() < connections * 16 * 1024 * 1024, "{name}: {} bytes were taken", server.sent());
    }
}

//! Routes that do not exist, methods that a route does not take, and keys.

use reqwest::Method;
use sfm::commands::key;
use sfm_core::scope::Scope;
use sfm_tests::client::Client;
use sfm_tests::target::Target;

use crate::assert_problem;

async fn call(client: &Client, method: &str, path: &str) -> sfm_tests::client::Answer {
    client.try_call(Method::from_bytes(method.as_bytes()).unwrap(), path, &[], None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_are_404_and_other_methods_405_without_asking_for_a_key() {
    let service = Target::start().await;
    let anonymous = service.anonymous();
    for path in ["/", "/v1", "/v1/", "/v2/faxes", "/v1/faxes/", "/v1/faxes/a/b/c", "/v1/numbers/num_1", "/v1/FAXES", "/v1//faxes", "/%00"] {
        for method in ["GET", "POST", "DELETE"] {
            assert_problem(&call(&anonymous, method, path).await, 404, "not_found");
        }
    }
    let routes = [
        ("/v1/faxes", "GET, POST"),
        ("/v1/faxes/fax_1", "DELETE, GET"),
        ("/v1/faxes/fax_1/document", "GET"),
        ("/v1/faxes/fax_1/receipt", "GET"),
        ("/v1/receipts/key", "GET"),
        ("/v1/faxes/fax_1/cancel", "POST"),
        ("/v1/faxes/fax_1/resend", "POST"),
        ("/v1/uploads", "POST"),
        ("/v1/numbers", "GET"),
        ("/v1/contacts", "GET, POST"),
        ("/v1/contacts/ct_1", "DELETE, GET, PATCH"),
        ("/v1/scheduled", "GET, POST"),
        ("/v1/scheduled/sched_1", "DELETE, GET"),
        ("/v1/openapi.json", "GET"),
    ];
    let no_options = service.leaves_out("the emulator answers OPTIONS itself");
    for (path, allow) in routes {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
            if no_options && method == "OPTIONS" {
                continue;
            }
            let answer = call(&anonymous, method, path).await;
            if !allow.contains(method) {
                assert_problem(&answer, 405, "method_not_allowed");
                assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
            } else if !["/v1/openapi.json", "/v1/receipts/key"].contains(&path) {
                assert_problem(&answer, 401, "unauthorized");
            }
        }
    }
    // Its other methods may be those of a fax.
    let export = call(&anonymous, "POST", "/v1/faxes/export").await;
    assert_eq!((export.status, export.header("allow")), (405, Some("GET")));
    let head = call(&anonymous, "HEAD", "/v1/faxes").await;
    assert_eq!((head.status, head.header("allow")), (405, Some("GET, POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_at_once_on_every_route() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let operator = service.operator_platform();
    let made = key::create(&operator, customer.account, Scope::ALL.to_vec(), false).await.unwrap();
    let client = service.client(&made.key);
    assert_eq!(client.get("/v1/faxes").await.status, 200);
    key::revoke(&operator, made.id).await.unwrap();
    for (method, path) in [
        ("GET", "/v1/faxes"),
        ("POST", "/v1/faxes"),
        ("GET", "/v1/faxes/fax_1"),
        ("GET", "/v1/faxes/export"),
        ("DELETE", "/v1/faxes/fax_1"),
        ("GET", "/v1/faxes/fax_1/document"),
        ("GET", "/v1/faxes/fax_1/receipt"),
        ("POST", "/v1/faxes/fax_1/cancel"),
        ("POST", "/v1/faxes/fax_1/resend"),
        ("POST", "/v1/uploads"),
        ("GET", "/v1/numbers"),
        ("GET", "/v1/contacts"),
        ("POST", "/v1/contacts"),
        ("GET", "/v1/contacts/ct_1"),
        ("PATCH", "/v1/contacts/ct_1"),
        ("DELETE", "/v1/contacts/ct_1"),
        ("GET", "/v1/scheduled"),
        ("POST", "/v1/scheduled"),
        ("GET", "/v1/scheduled/sched_1"),
        ("DELETE", "/v1/scheduled/sched_1"),
    ] {
        assert_problem(&call(&client, method, path).await, 401, "unauthorized");
    }
    assert_eq!(customer.client.get("/v1/faxes").await.status, 200, "other keys of the account go on");
}

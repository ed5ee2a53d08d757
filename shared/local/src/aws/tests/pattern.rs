use serde_json::{Value, json};

use crate::aws::pattern::Pattern;

fn matches(pattern: Value, event: &Value) -> bool {
    Pattern::compile(&pattern).unwrap().matches(event)
}

fn event() -> Value {
    json!({
        "source": "sfm.outbound",
        "detail": {
            "pages": 3,
            "to": "+4930123456",
            "reason": null,
            "tags": ["urgent", "legal"],
            "attempts": [{ "status": "busy" }, { "status": "ok" }]
        }
    })
}

#[test]
fn patterns_match_what_they_describe() {
    for pattern in [
        json!({ "source": ["other", "sfm.outbound"] }),
        json!({ "source": [{ "prefix": "sfm." }] }),
        json!({ "source": [{ "suffix": "bound" }], "detail": { "pages": [3.0] } }),
        json!({ "source": [{ "anything-but": "other" }] }),
        json!({ "source": [{ "anything-but": { "prefix": "aws." } }] }),
        json!({ "source": [{ "anything-but": { "suffix": ["x", "y"] } }] }),
        json!({ "detail": { "reason": [null] } }),
        json!({ "detail": { "reason": [{ "exists": true }], "error": [{ "exists": false }] } }),
        json!({ "account": { "id": [{ "exists": false }] } }),
        json!({ "detail": { "tags": ["legal"] } }),
        json!({ "detail": { "attempts": { "status": ["ok"] } } }),
        json!({ "detail": { "pages": [{ "numeric": [">", 2, "<=", 3] }] } }),
        json!({ "detail": { "pages": [{ "numeric": ["=", 4] }, { "numeric": ["<", 4] }] } }),
    ] {
        assert!(matches(pattern.clone(), &event()), "{pattern}");
    }
}

#[test]
fn patterns_do_not_match_anything_else() {
    for pattern in [
        json!({ "source": ["sfm"] }),
        json!({ "source": [{ "prefix": "outbound" }] }),
        json!({ "source": [{ "suffix": "sfm." }] }),
        json!({ "source": [{ "anything-but": ["other", "sfm.outbound"] }] }),
        json!({ "detail": { "error": [{ "anything-but": "other" }] } }),
        json!({ "detail": { "pages": ["3"] } }),
        json!({ "detail": { "pages": [{ "numeric": [">", 3] }] } }),
        json!({ "detail": { "to": [{ "numeric": [">", 3] }] } }),
        json!({ "detail": [{ "exists": true }] }),
        json!({ "detail": { "reason": [{ "exists": false }] } }),
        json!({ "detail": { "attempts": { "status": ["ok"], "code": [1] } } }),
        json!({ "source": ["sfm.outbound"], "detail": { "pages": [4] } }),
    ] {
        assert!(!matches(pattern.clone(), &event()), "{pattern}");
    }
}

#[test]
fn patterns_that_are_not_understood_are_refused_with_their_place() {
    for (pattern, at) in [
        (json!({}), "/"),
        (json!("sfm"), "/"),
        (json!({ "source": "sfm" }), "/source"),
        (json!({ "source": [] }), "/source"),
        (json!({ "source": [["sfm"]] }), "/source"),
        (json!({ "$or": [{ "source": ["sfm"] }] }), "/$or"),
        (json!({ "detail": { "to": [{ "cidr": "10.0.0.0/8" }] } }), "/detail/to/cidr"),
        (json!({ "source": [{ "prefix": { "equals-ignore-case": "sfm" } }] }), "/source/prefix"),
        (json!({ "source": [{ "anything-but": { "wildcard": "s*" } }] }), "/source/anything-but/wildcard"),
        (json!({ "source": [{ "prefix": "a", "suffix": "b" }] }), "/source"),
        (json!({ "detail": { "pages": [{ "numeric": ["~", 1] }] } }), "/detail/pages/numeric"),
    ] {
        assert_eq!(Pattern::compile(&pattern).unwrap_err().at, at, "{pattern}");
    }
}

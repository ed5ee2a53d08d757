//! The environment of the operator commands against a stack.

use std::collections::BTreeMap;

use super::REGION;
use super::error::StackError;
use super::listeners::url;
use super::state::State;
use super::template::Template;

/// How to reach the services, what the resources are called, and the control port.
pub(super) fn variables(template: &Template, state: &State, aws_url: &str) -> Result<BTreeMap<String, String>, StackError> {
    let mut vars = template.operator_environment()?;
    vars.retain(|name, _| !name.starts_with("TELNYX") && !name.starts_with("CARRIER"));
    // The functions' lines go to the terminal, and nobody keeps them.
    vars.remove("LOG_GROUP");
    let fixed = [
        ("AWS_ENDPOINT_URL", aws_url),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "operator"),
        ("AWS_SECRET_ACCESS_KEY", &state.aws_secret),
        ("SFM_CONTROL_URL", &url(state.ports.control)),
        ("SFM_CONTROL_TOKEN", &state.control_token),
    ];
    vars.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(vars)
}

//! The transform `AWS::LanguageExtensions`, as far as the template uses it: a loop becomes what it repeats.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>

use serde_json::{Map, Value};

use super::{TemplateError, shape};

const LOOP: &str = "Fn::ForEach::";

/// A section of the template without its loops. A loop is a list: an identifier, the texts that it stands for, and the members to repeat.
///
/// # Errors
/// When a loop has another shape, or makes a member that the section has already.
pub(super) fn expand(section: &Value) -> Result<Value, TemplateError> {
    let mut expanded = Map::new();
    let mut add = |name: String, member: Value| match expanded.insert(name.clone(), member) {
        None => Ok(()),
        Some(_) => Err(shape(format!("has {name} twice"))),
    };
    for (name, member) in section.as_object().into_iter().flatten() {
        if !name.starts_with(LOOP) {
            add(name.clone(), member.clone())?;
            continue;
        }
        let Some([Value::String(identifier), Value::Array(texts), Value::Object(members)]) = member.as_array().map(Vec::as_slice) else {
            return Err(shape(format!("{name} is not an identifier, a list and members")));
        };
        for text in texts {
            let text = text.as_str().ok_or_else(|| shape(format!("{name} has a list of what is no text")))?;
            let placeholder = format!("${{{identifier}}}");
            for (name, member) in members {
                add(name.replace(&placeholder, text), repeat(member, identifier, &placeholder, text))?;
            }
        }
    }
    Ok(Value::Object(expanded))
}

/// The member for one text. As on AWS, the identifier is seen by `Ref` and in the text of `Fn::Sub`, and by nothing else.
fn repeat(value: &Value, identifier: &str, placeholder: &str, text: &str) -> Value {
    match value {
        Value::Object(fields) => match super::single(fields) {
            Some(("Ref", Value::String(name))) if name == identifier => text.into(),
            Some(("Fn::Sub", Value::String(pattern))) => serde_json::json!({"Fn::Sub": pattern.replace(placeholder, text)}),
            _ => fields.iter().map(|(name, value)| (name.clone(), repeat(value, identifier, placeholder, text))).collect(),
        },
        Value::Array(items) => items.iter().map(|item| repeat(item, identifier, placeholder, text)).collect(),
        other => other.clone(),
    }
}

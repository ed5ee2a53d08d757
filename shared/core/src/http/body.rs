//! JSON bodies, field by field, so that every complaint names the field.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::{Problem, Request};

/// A JSON object of a request's body. Unknown fields are ignored.
#[derive(Debug)]
pub struct Object<'a> {
    fields: &'a Map<String, Value>,
}

/// Parses a body as a JSON object, whatever its `Content-Type` says.
pub fn parse(request: &Request) -> Result<Map<String, Value>, Problem> {
    if request.body.is_empty() {
        return Err(Problem::invalid("The request needs a JSON body."));
    }
    let text = std::str::from_utf8(&request.body).map_err(|_| Problem::invalid("The body is not UTF-8."))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Problem::invalid("The body must be a JSON object.")),
        Err(e) => Err(Problem::invalid(format!("The body is not valid JSON (line {}, column {}).", e.line(), e.column()))),
    }
}

impl<'a> Object<'a> {
    pub fn new(fields: &'a Map<String, Value>) -> Self {
        Self { fields }
    }

    /// A field that is there and not null.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A text field; `param` is its full name in errors.
    pub fn text(&self, name: &str, param: &'static str) -> Result<Option<&'a str>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::invalid(format!("{param} must be a string.")).param(param)),
        }
    }

    pub fn required_text(&self, name: &str, param: &'static str) -> Result<&'a str, Problem> {
        self.text(name, param)?.ok_or_else(|| missing(param))
    }

    /// A field that is parsed from text.
    pub fn parsed<T>(&self, name: &str, param: &'static str) -> Result<Option<T>, Problem>
    where
        T: FromStr<Err: Display>,
    {
        let parse = |text: &str| text.parse().map_err(|e| Problem::invalid(format!("{param} {e}.")).param(param));
        self.text(name, param)?.map(parse).transpose()
    }

    pub fn required<T>(&self, name: &str, param: &'static str) -> Result<T, Problem>
    where
        T: FromStr<Err: Display>,
    {
        self.parsed(name, param)?.ok_or_else(|| missing(param))
    }

    pub fn object(&self, name: &str, param: &'static str) -> Result<Option<Object<'a>>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Object { fields })),
            Some(_) => Err(Problem::invalid(format!("{param} must be an object.")).param(param)),
        }
    }
}

fn missing(param: &'static str) -> Problem {
    Problem::invalid(format!("{param} is required.")).param(param)
}

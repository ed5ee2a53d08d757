//! JSON bodies, field by field, so that every complaint names the field.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Display};
use std::str::FromStr;

use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::ApiError;

/// Characters of a name that an error repeats.
const LONGEST_NAME: usize = 40;

/// A JSON object of a request's body. Unknown fields are ignored.
#[derive(Debug)]
pub struct Object<'a> {
    fields: &'a Map<String, Value>,
}

/// Parses a body as a JSON object, whatever its `Content-Type` says. A byte order mark before it is skipped.
///
/// # Errors
/// 415 for a body in a content coding; 400 for what is not one JSON object in UTF-8, and for a name that stands twice in one object: which
/// of the two was meant nobody can know.
pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let codings = headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    if codings.map(<[u8]>::trim_ascii).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")) {
        return Err(ApiError::content_coding());
    }
    if body.is_empty() {
        return Err(ApiError::invalid("The request needs a JSON body."));
    }
    let not_utf_8 = || {
        let is_utf_16 = body.starts_with(&[0xFF, 0xFE]) || body.starts_with(&[0xFE, 0xFF]);
        ApiError::invalid(if is_utf_16 { "The body is UTF-16. Send it as UTF-8." } else { "The body is not UTF-8." })
    };
    let text = std::str::from_utf8(body).map_err(|_| not_utf_8())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let twice = RefCell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Unique { path: "", twice: &twice }.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match value {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::invalid("The body must be a JSON object.")),
        Err(e) => Err(match twice.take() {
            Some(name) => ApiError::invalid(format!("{name} stands twice in the body ({}). Give it once.", place(&e))).param(name),
            None => ApiError::invalid(unreadable(&e)),
        }),
    }
}

fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

/// What is wrong with a body, where it is.
fn unreadable(error: &serde_json::Error) -> String {
    let (at, what) = (place(error), error.to_string());
    // These are JSON all the same: RFC 8259, sections 6, 8.2 and 9, leaves their limits to who reads it.
    for (limit, words) in [
        ("recursion limit exceeded", "is nested more than 127 levels deep"),
        ("number out of range", "has a number that is too large"),
        ("surrogate", "has half of a surrogate pair in a \\u escape"),
        ("unexpected end of hex escape", "has half of a surrogate pair in a \\u escape"),
    ] {
        if what.contains(limit) {
            return format!("The body {words} ({at}).");
        }
    }
    format!("The body is not valid JSON ({at}).")
}

/// Reads a JSON value in which each object has each name once; where one has not, says which.
#[derive(Clone, Copy)]
struct Unique<'a> {
    /// The full name of what is read: `document.type`.
    path: &'a str,
    twice: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let short: String = name.chars().take(LONGEST_NAME).collect();
            let path = if self.path.is_empty() { short } else { format!("{}.{short}", self.path) };
            if fields.contains_key(&name) {
                self.twice.replace(Some(path));
                return Err(A::Error::custom("a name twice"));
            }
            let value = members.next_value_seed(Unique { path: &path, twice: self.twice })?;
            fields.insert(name, value);
        }
        Ok(fields.into())
    }
}

impl<'a> Object<'a> {
    pub(super) fn new(fields: &'a Map<String, Value>) -> Self {
        Self { fields }
    }

    /// A field that is there and not null.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Every field, null or not.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A text field; `param` is its full name in errors.
    ///
    /// # Errors
    /// 400 when it is no text.
    pub fn text(&self, name: &str, param: impl Into<Cow<'static, str>>) -> Result<Option<&'a str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => {
                let param = param.into();
                Err(ApiError::invalid(format!("{param} must be a string.")).param(param))
            }
        }
    }

    /// A text field that must be there.
    ///
    /// # Errors
    /// 400 when it is missing or no text.
    pub fn required_text(&self, name: &str, param: impl Into<Cow<'static, str>>) -> Result<&'a str, ApiError> {
        let param = param.into();
        self.text(name, param.clone())?.ok_or_else(|| missing(param))
    }

    /// A field that is parsed from text.
    ///
    /// # Errors
    /// 400 when it is no text, or not of its kind.
    pub fn parsed<T>(&self, name: &str, param: impl Into<Cow<'static, str>>) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err: Display>,
    {
        let param = param.into();
        let parse = |text: &str| text.parse().map_err(|e| ApiError::invalid(format!("{param} {e}.")).param(param.clone()));
        self.text(name, param.clone())?.map(parse).transpose()
    }

    /// A field that must be there and is parsed from text.
    ///
    /// # Errors
    /// 400 when it is missing, no text, or not of its kind.
    pub fn required<T>(&self, name: &str, param: impl Into<Cow<'static, str>>) -> Result<T, ApiError>
    where
        T: FromStr<Err: Display>,
    {
        let param = param.into();
        self.parsed(name, param.clone())?.ok_or_else(|| missing(param))
    }

    /// A field that is an object.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn object(&self, name: &str, param: impl Into<Cow<'static, str>>) -> Result<Option<Object<'a>>, ApiError> {
        self.get(name).map(|value| Object::of(value, param)).transpose()
    }

    /// A value that is an object; `param` is its full name in errors.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn of(value: &'a Value, param: impl Into<Cow<'static, str>>) -> Result<Self, ApiError> {
        let wrong = |param: Cow<'static, str>| ApiError::invalid(format!("{param} must be an object.")).param(param);
        value.as_object().map(Self::new).ok_or_else(|| wrong(param.into()))
    }
}

fn missing(param: Cow<'static, str>) -> ApiError {
    ApiError::invalid(format!("{param} is required.")).param(param)
}

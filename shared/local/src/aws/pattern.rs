//! EventBridge event patterns, as far as the product's rules use them. What is not understood is refused at the start.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event pattern, at {at}: {what}")]
pub struct PatternError {
    pub at: String,
    pub what: String,
}

/// Every field named must match.
#[derive(Debug)]
pub(super) struct Pattern(Vec<(String, Field)>);

#[derive(Debug)]
enum Field {
    Object(Pattern),
    AnyOf(Vec<Matcher>),
}

#[derive(Debug)]
enum Matcher {
    Exactly(Value),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Matcher>),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Pattern {
    pub(super) fn compile(pattern: &Value) -> Result<Self, PatternError> {
        Self::compile_at("", pattern)
    }

    pub(super) fn matches(&self, event: &Value) -> bool {
        self.matches_field(Some(event))
    }

    fn compile_at(at: &str, pattern: &Value) -> Result<Self, PatternError> {
        let fields = pattern.as_object().filter(|fields| !fields.is_empty());
        let fields = fields.ok_or_else(|| refuse(at, "must be an object with at least one field"))?;
        let fields = fields.iter().map(|(name, value)| {
            let at = format!("{at}/{name}");
            if name.starts_with('$') {
                return Err(refuse(&at, "unsupported"));
            }
            let field = match value {
                Value::Object(_) => Field::Object(Self::compile_at(&at, value)?),
                Value::Array(_) => Field::AnyOf(list(&at, value, Matcher::compile)?),
                _ => return Err(refuse(&at, "must be an object or an array")),
            };
            Ok((name.clone(), field))
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    fn matches_field(&self, value: Option<&Value>) -> bool {
        self.0.iter().all(|(name, field)| {
            let value = value.and_then(|value| value.get(name));
            match (field, value) {
                (Field::Object(pattern), Some(Value::Array(items))) => items.iter().any(|item| pattern.matches_field(Some(item))),
                (Field::Object(pattern), value) => pattern.matches_field(value),
                (Field::AnyOf(matchers), value) => matchers.iter().any(|matcher| matcher.matches(value)),
            }
        })
    }
}

impl Matcher {
    fn compile(at: &str, matcher: &Value) -> Result<Self, PatternError> {
        let Value::Object(operator) = matcher else { return scalar(at, matcher) };
        let (name, operand) = only(at, operator)?;
        let at = format!("{at}/{name}");
        match name {
            "anything-but" => {
                let refused = match operand {
                    Value::Array(_) => list(&at, operand, scalar)?,
                    Value::Object(operator) => {
                        let (name, operand) = only(&at, operator)?;
                        let at = format!("{at}/{name}");
                        match operand {
                            Value::Array(_) => list(&at, operand, |at, operand| affix(at, name, operand))?,
                            operand => vec![affix(&at, name, operand)?],
                        }
                    }
                    operand => vec![scalar(&at, operand)?],
                };
                Ok(Self::AnythingBut(refused))
            }
            "exists" => operand.as_bool().map(Self::Exists).ok_or_else(|| refuse(&at, "must be true or false")),
            "numeric" => numeric(&at, operand),
            _ => affix(&at, name, operand),
        }
    }

    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            // Only a leaf exists.
            (Self::Exists(wanted), value) => value.is_some_and(|value| !value.is_object()) == *wanted,
            (_, Some(Value::Array(items))) => items.iter().any(|item| self.accepts(item)),
            (_, value) => value.is_some_and(|value| self.accepts(value)),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Exactly(wanted) => match (wanted.as_f64(), value.as_f64()) {
                (Some(wanted), Some(value)) => wanted == value,
                _ => wanted == value,
            },
            Self::Prefix(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => value.as_str().is_some_and(|text| text.ends_with(suffix)),
            Self::AnythingBut(refused) => !value.is_object() && !refused.iter().any(|matcher| matcher.accepts(value)),
            Self::Exists(wanted) => *wanted,
            Self::Numeric(bounds) => value.as_f64().is_some_and(|number| {
                bounds.iter().all(|(comparison, bound)| match comparison {
                    Comparison::Less => number < *bound,
                    Comparison::AtMost => number <= *bound,
                    Comparison::Equal => number == *bound,
                    Comparison::AtLeast => number >= *bound,
                    Comparison::More => number > *bound,
                })
            }),
        }
    }
}

fn scalar(at: &str, value: &Value) -> Result<Matcher, PatternError> {
    match value {
        Value::Object(_) | Value::Array(_) => Err(refuse(at, "must be a string, a number, true, false or null")),
        value => Ok(Matcher::Exactly(value.clone())),
    }
}

fn affix(at: &str, name: &str, operand: &Value) -> Result<Matcher, PatternError> {
    let matcher = match name {
        "prefix" => Matcher::Prefix,
        "suffix" => Matcher::Suffix,
        _ => return Err(refuse(at, "unsupported")),
    };
    operand.as_str().map(|text| matcher(text.to_owned())).ok_or_else(|| refuse(at, "must be a string"))
}

fn numeric(at: &str, operand: &Value) -> Result<Matcher, PatternError> {
    let bounds = operand.as_array().filter(|bounds| matches!(bounds.len(), 2 | 4));
    let bounds = bounds.ok_or_else(|| refuse(at, "must be one or two comparisons"))?;
    let bounds = bounds.chunks_exact(2).map(|bound| {
        let comparison = match bound[0].as_str() {
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::AtMost,
            Some("=") => Comparison::Equal,
            Some(">=") => Comparison::AtLeast,
            Some(">") => Comparison::More,
            _ => return Err(refuse(at, "must compare with <, <=, =, >= or >")),
        };
        bound[1].as_f64().map(|bound| (comparison, bound)).ok_or_else(|| refuse(at, "must compare with a number"))
    });
    bounds.collect::<Result<_, _>>().map(Matcher::Numeric)
}

fn list<T>(at: &str, value: &Value, item: impl Fn(&str, &Value) -> Result<T, PatternError>) -> Result<Vec<T>, PatternError> {
    let items = value.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| refuse(at, "must not be empty"))?;
    items.iter().map(|value| item(at, value)).collect()
}

/// The one operator of a matcher.
fn only<'v>(at: &str, operator: &'v Map<String, Value>) -> Result<(&'v str, &'v Value), PatternError> {
    match (operator.len(), operator.iter().next()) {
        (1, Some((name, operand))) => Ok((name, operand)),
        _ => Err(refuse(at, "must have one operator")),
    }
}

fn refuse(at: &str, what: &str) -> PatternError {
    let at = if at.is_empty() { "/" } else { at };
    PatternError { at: at.to_owned(), what: what.to_owned() }
}

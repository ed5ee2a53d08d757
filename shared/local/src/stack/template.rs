//! What the local stack reads of `template.yaml`: the resources with their intrinsic functions resolved for this stack.

mod language;

use std::collections::BTreeMap;
use std::time::Duration;

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("template.yaml: {0}")]
    Yaml(String),
    #[error("template.yaml: {0}")]
    Shape(String),
}

fn shape(message: impl Into<String>) -> TemplateError {
    TemplateError::Shape(message.into())
}

/// A template whose parameters and pseudo parameters have values.
#[derive(Debug)]
pub struct Template {
    root: Value,
    parameters: BTreeMap<String, String>,
    /// What `!GetAtt` of a resource gives, under `Name.Attribute`, where this stack decides it.
    attributes: BTreeMap<String, String>,
    /// Where the emulated services listen: queues are named by their URLs.
    aws_url: String,
}

/// A resource's properties, resolved.
#[derive(Debug, Clone)]
pub struct Resource {
    pub name: String,
    pub properties: Value,
}

impl Template {
    pub fn parse(
        text: &str,
        parameters: BTreeMap<String, String>,
        attributes: BTreeMap<String, String>,
        aws_url: &str,
    ) -> Result<Self, TemplateError> {
        let documents = Yaml::load_from_str(text).map_err(|e| TemplateError::Yaml(e.to_string()))?;
        let mut root = to_json(documents.first().ok_or_else(|| shape("is empty"))?)?;
        root["Resources"] = language::expand(&root["Resources"])?;
        Ok(Self { root, parameters, attributes, aws_url: aws_url.to_owned() })
    }

    /// The resources of a type, in the order of their names.
    pub fn resources(&self, kind: &str) -> Result<Vec<Resource>, TemplateError> {
        let resources = self.root["Resources"].as_object().ok_or_else(|| shape("has no Resources"))?;
        let of_kind = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
        let mut found = of_kind
            .map(|(name, resource)| {
                let properties = self.resolve(&resource["Properties"])?;
                Ok(Resource { name: name.clone(), properties })
            })
            .collect::<Result<Vec<_>, TemplateError>>()?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The environment variables that the template gives a function.
    pub fn environment(&self, function: &Resource) -> Result<BTreeMap<String, String>, TemplateError> {
        let globals = self.resolve(&self.root["Globals"]["Function"]["Environment"]["Variables"])?;
        let own = &function.properties["Environment"]["Variables"];
        let mut variables = BTreeMap::new();
        for (name, value) in [&globals, own].into_iter().filter_map(Value::as_object).flatten() {
            let text = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
            variables.insert(name.clone(), text);
        }
        Ok(variables)
    }

    /// The environment variables of the operator's commands: the output of that name has one a line.
    pub fn operator_environment(&self) -> Result<BTreeMap<String, String>, TemplateError> {
        let output = self.resolve(&self.root["Outputs"]["OperatorEnvironment"]["Value"])?;
        let lines = output.as_str().ok_or_else(|| shape("has no output OperatorEnvironment"))?.lines();
        Ok(lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// How long a function may take.
    pub fn timeout(&self, function: &Resource) -> Duration {
        let own = function.properties["Timeout"].as_u64();
        Duration::from_secs(own.or_else(|| self.root["Globals"]["Function"]["Timeout"].as_u64()).unwrap_or(3))
    }

    fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::Object(fields) => match single(fields) {
                Some(("Ref", Value::String(name))) => self.lookup(name).map(Value::from),
                Some(("Fn::GetAtt", Value::String(path))) => self.lookup(path).map(Value::from),
                Some(("Fn::GetAtt", Value::Array(path))) => self.lookup(&self.texts(path)?.join(".")).map(Value::from),
                Some(("Fn::FindInMap", Value::Array(path))) => self.find_in_map(path),
                Some(("Fn::If", Value::Array(branches))) => self.branch(branches),
                Some(("Fn::Sub", Value::String(text))) => self.substitute(text, &Value::Null).map(Value::from),
                Some(("Fn::Sub", Value::Array(parts))) => match &parts[..] {
                    [Value::String(text), names] => self.substitute(text, &self.resolve(names)?).map(Value::from),
                    _ => Err(shape("a !Sub needs a text, or a text and what its names mean")),
                },
                _ => fields.iter().map(|(k, v)| Ok((k.clone(), self.resolve(v)?))).collect::<Result<Map<_, _>, _>>().map(Value::Object),
            },
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect::<Result<Vec<_>, _>>().map(Value::Array),
            other => Ok(other.clone()),
        }
    }

    fn texts(&self, values: &[Value]) -> Result<Vec<String>, TemplateError> {
        let text = |value: &Value| self.resolve(value)?.as_str().map(str::to_owned).ok_or_else(|| shape(format!("{value} is no text")));
        values.iter().map(text).collect()
    }

    fn find_in_map(&self, path: &[Value]) -> Result<Value, TemplateError> {
        let path = self.texts(path)?;
        let found = path.iter().try_fold(&self.root["Mappings"], |map, key| map.get(key));
        found.cloned().ok_or_else(|| shape(format!("Mappings has no {}", path.join("."))))
    }

    /// The branch of a condition; the other one may name what this stack does not have.
    fn branch(&self, branches: &[Value]) -> Result<Value, TemplateError> {
        let [Value::String(condition), yes, no] = branches else { return Err(shape("an !If needs a condition and two values")) };
        let holds = self.holds(&self.root["Conditions"][condition]).map_err(|_| shape(format!("condition {condition} cannot be read")))?;
        self.resolve(if holds { yes } else { no })
    }

    /// Of the functions of conditions, those that the template's are made of.
    fn holds(&self, condition: &Value) -> Result<bool, TemplateError> {
        if let Some(Value::Array(negated)) = condition.get("Fn::Not") {
            return Ok(!self.holds(negated.first().unwrap_or(&Value::Null))?);
        }
        if let Some(Value::Array(several)) = condition.get("Fn::Or") {
            return several.iter().try_fold(false, |held, one| Ok(held || self.holds(one)?));
        }
        let Some(Value::Array(sides)) = condition.get("Fn::Equals") else {
            return Err(shape(format!("{condition} is none of !Equals, !Not and !Or")));
        };
        let sides = sides.iter().map(|side| self.resolve(side)).collect::<Result<Vec<_>, _>>()?;
        Ok(sides.windows(2).all(|pair| pair[0] == pair[1]))
    }

    fn lookup(&self, path: &str) -> Result<String, TemplateError> {
        if let Some(value) = self.parameters.get(path).or_else(|| self.attributes.get(path)) {
            return Ok(value.clone());
        }
        let default = &self.root["Parameters"][path]["Default"];
        match default {
            Value::String(text) => return Ok(text.clone()),
            Value::Number(number) => return Ok(number.to_string()),
            _ => {}
        }
        // Resources are named as the template calls them; what else is asked of one names the attribute.
        let (name, attribute) = path.split_once('.').map_or((path, None), |(name, attribute)| (name, Some(attribute)));
        let kind = self.root["Resources"][name]["Type"].as_str().ok_or_else(|| shape(format!("{path} refers to nothing")))?;
        Ok(match (kind, attribute) {
            ("AWS::SQS::Queue", None) => format!("{}/{}/{name}", self.aws_url, super::AWS_ACCOUNT),
            ("AWS::S3::Bucket", None) => bucket_name(name),
            (_, None) => name.to_owned(),
            ("AWS::SQS::Queue", Some("QueueName")) => name.to_owned(),
            (kind, Some("Arn")) => arn(kind, name),
            (kind @ "AWS::SecretsManager::Secret", Some("Id")) => arn(kind, name),
            ("AWS::DynamoDB::Table", Some("StreamArn")) => format!("{}/stream", arn(kind, name)),
            (_, Some(attribute)) => return Err(shape(format!("{name} has no attribute {attribute} on the local stack"))),
        })
    }

    /// `names` has what the text calls otherwise than the template does.
    fn substitute(&self, text: &str, names: &Value) -> Result<String, TemplateError> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (path, tail) = after.split_once('}').ok_or_else(|| shape(format!("unclosed ${{ in {text}")))?;
            out.push_str(before);
            match names[path].as_str() {
                Some(value) => out.push_str(value),
                None => out.push_str(&self.lookup(path)?),
            }
            rest = tail;
        }
        Ok(out + rest)
    }
}

/// The local name of a bucket: the template's names have capitals, which a bucket's may not.
pub fn bucket_name(resource: &str) -> String {
    resource.to_lowercase()
}

/// The resource that an ARN of this stack names.
pub fn name_of_arn(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.split('/').nth(1).unwrap_or(resource)
}

fn arn(kind: &str, name: &str) -> String {
    let (service, resource) = match kind {
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
        "AWS::SQS::Queue" => ("sqs", name.to_owned()),
        "AWS::Events::EventBus" => ("events", format!("event-bus/{name}")),
        "AWS::Events::Rule" => ("events", format!("rule/{name}")),
        "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{name}")),
        "AWS::S3::Bucket" => return format!("arn:aws:s3:::{}", bucket_name(name)),
        _ => ("lambda", format!("function/{name}")),
    };
    format!("arn:aws:{service}:{}:{}:{resource}", super::REGION, super::AWS_ACCOUNT)
}

fn single(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut all = fields.iter();
    let (name, value) = all.next()?;
    all.next().is_none().then_some((name.as_str(), value))
}

fn to_json(yaml: &Yaml<'_>) -> Result<Value, TemplateError> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Representation(text, _, _) => json!(text),
        Yaml::Sequence(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Yaml::Mapping(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                let key = key.as_str().ok_or_else(|| shape("a key is not a string"))?;
                Ok((key.to_owned(), to_json(value)?))
            });
            Value::Object(fields.collect::<Result<_, TemplateError>>()?)
        }
        Yaml::Tagged(tag, inner) => {
            let name = match tag.suffix.as_str() {
                "Ref" => "Ref".to_owned(),
                other => format!("Fn::{other}"),
            };
            json!({name: to_json(inner)?})
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err(shape("has a value that cannot be read")),
    })
}

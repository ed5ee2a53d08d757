//! What the local stack reads of the template, and the template's variables held against the code.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sfm_core::clock::Clock;
use sfm_local::stack::template::Template;
use sfm_local::stack::{Host, HostError, TEMPLATE};
use sfm_store::platform::Platform;

/// Variables that a function can do without, and why the template gives them nevertheless.
const OPTIONAL: &[(&str, &str)] = &[
    // Empty where the issuer is not our own user pool, whose sign-in pages have an origin of their own.
    ("ServeDashboard", "OIDC_ORIGINS"),
    // Asking the carrier needs none, sending does.
    ("TransmitFax", "CARRIER_CALLBACK_URL"),
];

fn template(carrier: &str) -> Template {
    let parameters = [
        ("AWS::StackName", "local"),
        ("AWS::Region", "us-east-1"),
        ("Carrier", carrier),
        ("TelnyxConnectionId", "1"),
        ("TelnyxPublicKey", "/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg="),
        ("SinchProjectId", "project"),
        ("OidcIssuer", "https://issuer.example.com"),
        ("OidcClientId", "dashboard"),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let attributes = BTreeMap::from([owned(("Api.ApiEndpoint", "https://api.example.com"))]);
    Template::parse(TEMPLATE, parameters.map(owned).into(), attributes, "http://127.0.0.1:1").unwrap()
}

fn made(function: &str, variables: &BTreeMap<String, String>) -> Result<(), HostError> {
    let variables: HashMap<_, _> = variables.clone().into_iter().collect();
    let platform = Platform::local(function, "http://127.0.0.1:1", "secret", "us-east-1", variables, Clock::default());
    Host::default().add(function, &platform)
}

#[tokio::test]
async fn a_function_gets_the_variables_that_it_reads_and_no_others() {
    let templates = ["telnyx", "sinch"].map(template);
    for function in templates[0].resources("AWS::Serverless::Function").unwrap() {
        let name = function.name.as_str();
        let mut unread = Vec::new();
        for template in &templates {
            let functions = template.resources("AWS::Serverless::Function").unwrap();
            let given = template.environment(functions.iter().find(|other| other.name == name).unwrap()).unwrap();
            if let Err(e) = made(name, &given) {
                panic!("{name} with what the template gives it: {e}");
            }
            let works_without = |variable: &&String| {
                let rest = given.clone().into_iter().filter(|(other, _)| other != *variable).collect();
                match made(name, &rest) {
                    Ok(()) => true,
                    Err(HostError::Config { source, .. }) => {
                        assert_eq!(source.name, **variable, "{name}");
                        false
                    }
                    Err(e) => panic!("{name}: {e}"),
                }
            };
            let without: BTreeSet<String> = given.keys().filter(works_without).cloned().collect();
            unread.push(without);
        }
        let unread: BTreeSet<&str> = unread[0].intersection(&unread[1]).map(String::as_str).collect();
        let optional = OPTIONAL.iter().filter(|(of, _)| *of == name).map(|(_, variable)| *variable).collect();
        assert_eq!(unread, optional, "{name} is given these, and works without");
    }
}

/// The queues of a template.
fn queues(resources: &str) -> Result<Vec<(String, String)>, String> {
    let text = format!("Mappings: {{Queues: {{Fast: {{Seconds: 3}}, Slow: {{Seconds: 50}}}}}}\nResources:\n{resources}");
    let template = Template::parse(&text, BTreeMap::new(), BTreeMap::new(), "http://127.0.0.1:1").map_err(|e| e.to_string())?;
    let queues = template.resources("AWS::SQS::Queue").map_err(|e| e.to_string())?;
    Ok(queues.into_iter().map(|queue| (queue.name, queue.properties.to_string())).collect())
}

#[test]
fn a_loop_of_the_template_becomes_what_it_repeats() {
    let looped = r#"
  Fn::ForEach::Queues:
    - Of
    - [Fast, Slow]
    - ${Of}Queue:
        Type: AWS::SQS::Queue
        Properties:
          VisibilityTimeout: !FindInMap [Queues, !Ref Of, Seconds]
          RedrivePolicy: !GetAtt [!Sub "${Of}Queue", QueueName]
          Plain: ${Of}
"#;
    let queue = |name: &str, seconds| {
        (format!("{name}Queue"), format!(r#"{{"VisibilityTimeout":{seconds},"RedrivePolicy":"{name}Queue","Plain":"${{Of}}"}}"#))
    };
    let sorted = |(name, properties): (String, String)| (name, serde_json::from_str::<serde_json::Value>(&properties).unwrap());
    let seen: Vec<_> = queues(looped).unwrap().into_iter().map(sorted).collect();
    assert_eq!(seen, [queue("Fast", 3), queue("Slow", 50)].map(sorted));
}

#[test]
fn a_loop_that_is_none_is_refused() {
    for (looped, why) in [
        ("  Fn::ForEach::Queues: [Of, [A]]", "not an identifier"),
        ("  Fn::ForEach::Queues: [Of, [[A]], {}]", "no text"),
        ("  Fn::ForEach::Queues: [Of, [A, A], {'${Of}Queue': {Type: 'AWS::SQS::Queue'}}]", "AQueue twice"),
        (
            "  Fn::ForEach::Queues: [Of, [A], {'${Of}Queue': {Type: 'AWS::SQS::Queue', Properties: {X: !FindInMap [Queues, !Ref Of, Y]}}}]",
            "Queues.A.Y",
        ),
    ] {
        let refused = queues(looped).unwrap_err();
        assert!(refused.contains(why), "{looped}: {refused}");
    }
}

#[test]
fn the_operator_is_told_of_the_user_pool_where_there_is_one() {
    let theirs = template("telnyx").operator_environment().unwrap();
    assert_eq!(theirs["USER_POOL_ID"], "");
    let none = BTreeMap::from([("OidcIssuer", ""), ("AWS::Region", "us-east-1"), ("TelnyxConnectionId", "1"), ("TelnyxPublicKey", "key")]);
    let none = none.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let ours = Template::parse(TEMPLATE, none, BTreeMap::new(), "http://127.0.0.1:1").unwrap().operator_environment().unwrap();
    assert_eq!(ours["USER_POOL_ID"], "UserPool");
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
}

//! What the local stack reads of the template.

use std::collections::BTreeMap;

use sfm::stack::template::Template;

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

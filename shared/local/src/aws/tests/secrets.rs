use super::{Stack, client};

#[tokio::test]
async fn a_secret_is_made_once_and_read_by_its_name_or_its_arn() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_secretsmanager, stack);
    let made = client.create_secret().name("carrier").secret_string("{}").send().await.unwrap();
    for id in ["carrier", made.arn().unwrap()] {
        let read = client.get_secret_value().secret_id(id).send().await.unwrap();
        assert_eq!((read.name(), read.secret_string()), (Some("carrier"), Some("{}")), "{id}");
    }
    let again = client.create_secret().name("carrier").secret_string("[]").send().await.unwrap_err().into_service_error();
    assert!(again.is_resource_exists_exception(), "{again:?}");
    let missing = client.get_secret_value().secret_id("other").send().await.unwrap_err().into_service_error();
    assert!(missing.is_resource_not_found_exception(), "{missing:?}");
}

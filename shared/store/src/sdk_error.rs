//! What an AWS call's failure may say in a log: never the answer itself, which can hold a customer's data.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// The service's code and message, or what kept the call from an answer.
pub(crate) fn summary<E: ProvideErrorMetadata + Error + 'static, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(failed) => {
            let meta = failed.err().meta();
            format!("{}: {}", meta.code().unwrap_or("no code"), meta.message().unwrap_or("no message"))
        }
        SdkError::DispatchFailure(failed) => {
            format!("no answer: {}", chain(failed.as_connector_error().map(|e| e as &(dyn Error + 'static))))
        }
        SdkError::TimeoutError(_) => "no answer in time".into(),
        SdkError::ResponseError(_) => "an answer that cannot be read".into(),
        _ => "the request could not be made".into(),
    }
}

fn chain(error: Option<&(dyn Error + 'static)>) -> String {
    std::iter::successors(error, |e: &&(dyn Error + 'static)| (*e).source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

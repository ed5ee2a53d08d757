//! A function as Lambda sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use sfm_simulator::interceptor::CallInterceptor;
use sfm_web::runtime::Error;

type Answer = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

/// An event in, an answer out, both JSON.
pub type Handler = Arc<dyn Fn(Value) -> Answer + Send + Sync>;

/// A worker that is fed through the interceptor.
pub fn intercepted(handler: Handler, function: &str, interceptor: Arc<dyn CallInterceptor>) -> Handler {
    let function = function.to_owned();
    Arc::new(move |event| {
        let fed: Vec<_> = interceptor.feed(&function, event).into_iter().map(&*handler).collect();
        Box::pin(async move {
            let mut answers = futures::future::join_all(fed).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            let Some(mut answer) = answers.pop() else { return Ok(Value::Null) };
            for other in answers {
                if let (Some(all), Value::Array(more)) = (answer["batchItemFailures"].as_array_mut(), &other["batchItemFailures"]) {
                    all.extend(more.iter().cloned());
                }
            }
            Ok(answer)
        })
    })
}

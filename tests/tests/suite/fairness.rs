//! A slow endpoint of one account beside a healthy one of another. `EVENTS=10000` makes it the measured run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sfm::commands::webhook;
use sfm_tests::eventually;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::seed::{delivered_events, first_attempts};
use sfm_tests::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_does_not_keep_another_accounts_events_waiting() {
    let count: usize = std::env::var("EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let service = Service::start().await;
    let operator = service.stack.operator_platform();
    let database = operator.dynamodb();
    for beside_a_hanging_one in [false, true] {
        let healthy = service.customer().await;
        let told = Arc::new(AtomicUsize::new(0));
        let receiver = Receiver::start({
            let told = told.clone();
            move |_| {
                told.fetch_add(1, Ordering::SeqCst);
                Reply::status(200)
            }
        })
        .await;
        webhook::add(&operator, healthy.account, &receiver.url("/"), vec![], None).await.unwrap();
        let hanging = Receiver::start(|_| Reply::Hang).await;
        if beside_a_hanging_one {
            let slow = service.customer().await;
            webhook::add(&operator, slow.account, &hanging.url("/"), vec![], None).await.unwrap();
            delivered_events(&database, slow.account, count, service.stack.clock().now()).await;
        }
        let ids = delivered_events(&database, healthy.account, count, service.stack.clock().now()).await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3600);
        while told.load(Ordering::SeqCst) < count {
            assert!(std::time::Instant::now() < deadline, "{} of {count} were told", told.load(Ordering::SeqCst));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        // Each was told at its first attempt: none had to wait for the slow one's.
        let waited = eventually("the log", || async {
            let log = webhook::deliveries(&operator, ids.last().unwrap(), Some(healthy.account), None).await.unwrap();
            (log["data"][0]["status"] == "succeeded").then_some(())
        });
        waited.await;
        let waited = first_attempts(&operator, &ids, healthy.account).await;
        let at = |part: f64| waited[((waited.len() - 1) as f64 * part) as usize];
        println!(
            "{count} events, beside a hanging endpoint: {beside_a_hanging_one}: first attempt after {} ms (p50), {} ms (p99)",
            at(0.5),
            at(0.99)
        );
        assert_eq!(told.load(Ordering::SeqCst), count, "once each");
        // The count that shows it: of the slow one's events only so many are under way at a time.
        assert!(hanging.most_at_a_time() <= 10, "{} at a time", hanging.most_at_a_time());
        assert_eq!(hanging.most_at_a_time() > 0, beside_a_hanging_one);
    }
}

#[tokio::main]
async fn main() -> Result<(), sfm_core::runtime::Error> {
    sfm_core::runtime::serve_events::<dispatch_scheduled::DispatchScheduled>().await
}

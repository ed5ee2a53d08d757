#[tokio::main]
async fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_events::<send_scheduled_fax::SendScheduledFax>().await
}

#[tokio::main]
async fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_events::<fan_out_event::FanOutEvent>().await
}

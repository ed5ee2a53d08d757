#[tokio::main]
async fn main() -> Result<(), sfm_core::runtime::Error> {
    sfm_core::runtime::serve_http::<list_scheduled_faxes::ListScheduledFaxes>().await
}

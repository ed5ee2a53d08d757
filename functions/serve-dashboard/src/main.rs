#[tokio::main]
async fn main() -> Result<(), sfm_core::runtime::Error> {
    sfm_core::runtime::serve_http::<serve_dashboard::ServeDashboard>().await
}

fn main() -> Result<(), sfm_core::runtime::Error> {
    sfm_submission::serve_if_worker();
    run()
}

#[tokio::main]
async fn run() -> Result<(), sfm_core::runtime::Error> {
    sfm_core::runtime::serve_http::<dashboard_documents::DashboardDocuments>().await
}

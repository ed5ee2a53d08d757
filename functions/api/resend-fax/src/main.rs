fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_submission::serve_if_worker();
    run()
}

#[tokio::main]
async fn run() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_http::<resend_fax::ResendFax>().await
}

#[tokio::main]
async fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_http::<delete_fax::DeleteFax>().await
}

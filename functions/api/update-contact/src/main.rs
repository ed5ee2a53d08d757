#[tokio::main]
async fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_http::<update_contact::UpdateContact>().await
}

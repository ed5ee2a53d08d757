#[tokio::main]
async fn main() -> Result<(), sfm_core::runtime::Error> {
    sfm_core::runtime::serve_http::<delete_contact::DeleteContact>().await
}

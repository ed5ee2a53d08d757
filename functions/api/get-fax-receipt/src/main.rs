#[tokio::main]
async fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_http::<get_fax_receipt::GetFaxReceipt>().await
}

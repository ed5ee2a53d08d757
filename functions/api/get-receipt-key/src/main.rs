#[tokio::main]
async fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_http::<get_receipt_key::GetReceiptKey>().await
}

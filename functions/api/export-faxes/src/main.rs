#[tokio::main]
async fn main() -> Result<(), sfm_web::runtime::Error> {
    sfm_web::runtime::serve_http::<export_faxes::ExportFaxes>().await
}

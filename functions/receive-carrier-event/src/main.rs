#[tokio::main]
async fn main() -> Result<(), sfm_core::runtime::Error> {
    sfm_core::runtime::serve_http::<receive_carrier_event::ReceiveCarrierEvent>().await
}

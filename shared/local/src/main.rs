//! The `sfm` binary.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    sfm::run::run().await
}

//! The `sfm` binary, built beside the tests that start and kill it.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    sfm::run::run().await
}

//! The `sfm` binary, built beside the tests that start and kill it.

fn main() -> std::process::ExitCode {
    sfm::run::main()
}

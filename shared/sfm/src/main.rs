//! The `sfm` binary.

fn main() -> std::process::ExitCode {
    sfm::run::main()
}

# The commands of everyday work. `just` alone lists them.

default:
    @just --list

# The whole service on http://127.0.0.1:3000
run *ARGS:
    cargo run -- {{ARGS}}

# The rules, without a running service: seconds
unit:
    cargo test -p sfm-core

# The documents, against other people's decoders where they are installed
documents:
    cargo test -p fax-document

# One suite of end-to-end tests, for instance `just e2e api contacts`
e2e SUITE *FILTER:
    cargo test -p sfm-tests --test {{SUITE}} {{FILTER}}

# Every test
test:
    cargo test --workspace

# How fast and how dear it is: starts, the whole stack under load, documents, costs. With the `sfm` of another release, both beside each other
bench *OTHER:
    cargo build --release --locked
    cargo build --release --locked --manifest-path tests/hello-function/Cargo.toml --target-dir target/hello
    cargo build --workspace --locked --bins --tests
    target/debug/cold-start target/release target/hello/release
    target/debug/bench target/release/sfm {{OTHER}}
    target/debug/cost
    cargo bench -p fax-document

# The functions' zips and a template for `sam deploy`, in target/package: `just package x86_64`. Where SAM looks: `just package arm64 --output .aws-sam/build`
package ARCH="arm64" *ARGS:
    deploy/package {{ARCH}} {{ARGS}}

# What is attached to a release, in target/releases: `just release v0.1.0`
release VERSION:
    rm -rf target/releases
    deploy/package arm64 --output target/releases/send-fax-mail-{{VERSION}}-arm64
    deploy/package x86_64 --output target/releases/send-fax-mail-{{VERSION}}-x86_64
    cd target/releases && for name in *; do tar -cf $name.tar $name; done && sha256sum *.tar > SHA256SUMS

# What a reviewer looks at first
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Everything that a change must pass
ci:
    .ci/run

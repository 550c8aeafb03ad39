# The commands of CONTRIBUTING.md. Each of them also works without just.

# List the recipes
default:
    @just --list

# Format and lint
check:
    cargo fmt --all --check
    cargo clippy --quiet --workspace --all-targets -- -D warnings

# Build the code's documentation and check its links
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items

# All tests except the end-to-end tests
test:
    tests/run --quick

# Run all tests, including the end-to-end tests (Debian, as root)
e2e:
    tests/run

# Generate docs/values.md and the tables in docs/failures.md and docs/architecture.md
docs:
    UPDATE_DOCS=1 cargo test --quiet --test docs --test structure

# Accept changed snapshots; read the diff before you commit
bless:
    INSTA_UPDATE=always cargo test --quiet --workspace --no-fail-fast

# Measure the time to render all manifests
bench:
    cargo bench --bench render

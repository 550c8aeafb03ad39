//! Whether what is generated is fresh.

use std::path::Path;

use clearml_local::{files, values};

#[test]
fn the_reference_of_values_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/values.md");
    let text = values::reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        files::write(&path, &text).unwrap();
    }
    let there = files::read(&path).unwrap().unwrap_or_default();
    assert!(
        there == text,
        "docs/values.md is not what the keys say: UPDATE_DOCS=1 cargo test --test docs"
    );
}

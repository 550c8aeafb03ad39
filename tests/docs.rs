//! Whether what is generated is fresh.

use std::path::Path;

use clearml_local::{docker, files, values};

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

#[test]
fn the_table_of_refusals_is_fresh() {
    const BEGIN: &str = "cargo test --test docs -->\n";
    const END: &str = "<!-- end of refusals -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/failures.md");
    let there = files::read(&path).unwrap().unwrap_or_default();
    let (before, rest) = there.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let text = format!("{before}{BEGIN}{}{END}{after}", docker::refusals());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        files::write(&path, &text).unwrap();
        return;
    }
    assert!(
        there == text,
        "docs/failures.md is not what the table says: UPDATE_DOCS=1 cargo test --test docs"
    );
}

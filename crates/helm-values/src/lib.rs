//! Helm's language for values: YAML files, merge, and `--set` with its variants.
//!
//! Files and arguments have exactly the meaning that they have in Helm 4. The
//! exceptions are deliberate and listed in [`Difference`]. In addition to Helm's
//! result, this crate reports all errors with their positions, and the line that
//! determines each value.
//!
//! ```
//! use helm_values::{Argument, SetKind, Source, coalesce_values, merge_values};
//! use serde_json::json;
//!
//! let file = "
//! image:
//!   tag: 1.10.2
//! replicas: 2
//! probes: null
//! ";
//! let arguments = [
//!     Argument::new(SetKind::String, "image.tag=1.11"),
//!     Argument::new(SetKind::Set, "env[0].name=A,env[0].value=1"),
//! ];
//! let merged = merge_values(&[file], &arguments);
//!
//! // All errors are reported at once. Here there are none.
//! assert!(merged.rejected.is_empty());
//!
//! // The strongest layer that determines a value, and its line in the file.
//! let path = ["replicas"];
//! let mut layers = merged.layers.iter().rev();
//! let layer = layers.find(|layer| layer.determines(&path)).unwrap();
//! assert_eq!(layer.source, Source::File(0));
//! assert_eq!(layer.line_of(&path), Some(4));
//!
//! // The user's values merged over the chart's defaults.
//! let mut values = json!({"image": {"tag": "1.9", "pullPolicy": "Always"}, "probes": {}});
//! coalesce_values(&mut values, &merged.tree);
//! assert_eq!(
//!     values,
//!     json!({
//!         "image": {"tag": "1.11", "pullPolicy": "Always"},
//!         "replicas": 2,
//!         "env": [{"name": "A", "value": 1}],
//!     })
//! );
//!
//! // An error has a kind and a position.
//! let merged = merge_values(&["a: 1\na: 2\n"], &[]);
//! let (_, error) = merged.into_result().unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "line 2, column 1: duplicate key `a`, first used in line 1"
//! );
//! ```
//!
//! The crate does not read files: [`file_names`] returns the files that a `--set-file`
//! argument needs.

mod argument;
mod difference;
mod document;
mod error;
mod grammar;
mod json;
mod layers;
mod merge;
mod reader;
mod scalar;
mod syntax;

pub use self::argument::{Argument, SetKind, file_names};
pub use self::difference::Difference;
pub use self::document::Document;
pub use self::error::{Error, ErrorKind, JsonType, Position};
pub use self::layers::{Layer, Merged, Source, has_value, merge_values};
pub use self::merge::{coalesce_values, merge_maps};

/// The maximum size of a file or an argument in bytes. The Kubernetes object that
/// stores the values of a Helm release has the same limit.
pub const MAX_BYTES: usize = 1 << 20;

/// The maximum length of a key in bytes.
const MAX_KEY_BYTES: usize = 1024;

fn check_size(text: &str) -> Result<(), Error> {
    match text.len() <= MAX_BYTES {
        true => Ok(()),
        false => Err(ErrorKind::InputTooLarge.into()),
    }
}

//! Files and arguments, merged in Helm's order, and the layer that determines each value.

use serde_json::{Map, Value};

use crate::document::{Lines, index};
use crate::grammar::Budget;
use crate::merge::merge_maps;
use crate::{Argument, Document, Error, ErrorKind, check_size};

/// An input of [`merge_values`], by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    File(usize),
    Argument(usize),
}

/// The values of one YAML document or one argument.
#[derive(Debug, Clone)]
pub struct Layer {
    pub source: Source,
    /// The values that the layer sets.
    pub tree: Value,
    lines: Option<Lines>,
}

impl Layer {
    /// Returns the line (counted from 1) of the key or item at a path, or of its nearest
    /// ancestor. None for arguments.
    pub fn line_of(&self, path: &[&str]) -> Option<usize> {
        self.lines.as_ref()?.line_of(path)
    }

    /// See [`Document::spelling`].
    pub fn spelling(&self, path: &[&str]) -> Option<&str> {
        self.lines.as_ref()?.spelling(path)
    }

    /// See [`Document::is_anchored`].
    pub fn is_anchored(&self, key: &str) -> bool {
        let lines = self.lines.as_ref();
        lines.is_some_and(|lines| lines.is_anchored(key))
    }

    /// Returns whether the layer determines the value at a path, because it sets the
    /// value, or something else than a map at a parent. Items of lists are written
    /// `[0]` or `0`.
    pub fn determines(&self, path: &[&str]) -> bool {
        // An argument sets single items of a list, a file replaces the list.
        determines(&self.tree, path, matches!(self.source, Source::Argument(_)))
    }
}

/// Returns whether a tree determines the value at a path, because it has the value, or
/// something else than a map at a parent. Items of lists are written `[0]` or `0`.
pub fn has_value(tree: &Value, path: &[&str]) -> bool {
    determines(tree, path, false)
}

/// With `keeps_items`, weaker layers determine the items that the tree lacks.
fn determines(tree: &Value, path: &[&str], keeps_items: bool) -> bool {
    let mut node = tree;
    for step in path {
        let child = match node {
            Value::Object(map) => match map.get(*step) {
                Some(child) => child,
                None => return false,
            },
            Value::Array(items) => {
                match index(step).and_then(|index| items.get(index)) {
                    // The items before the one that was set are filled with null.
                    Some(Value::Null) | None if keeps_items => return false,
                    Some(child) => child,
                    None => return true,
                }
            }
            _ => return true,
        };
        node = child;
    }
    true
}

/// The result of [`merge_values`].
#[derive(Debug, Clone)]
pub struct Merged {
    /// The values. Nulls are kept, because they remove defaults in
    /// [`coalesce_values`](crate::coalesce_values).
    pub tree: Value,
    /// One layer per document and per argument, weakest first.
    pub layers: Vec<Layer>,
    /// The files and arguments that were rejected. They are not part of the tree.
    pub rejected: Vec<(Source, Error)>,
}

impl Merged {
    /// Returns the values if every file and argument is valid, as Helm does.
    ///
    /// # Errors
    /// The first file or argument that was rejected.
    pub fn into_result(self) -> Result<Value, (Source, Error)> {
        match self.rejected.into_iter().next() {
            Some(first) => Err(first),
            None => Ok(self.tree),
        }
    }
}

/// Merges the texts of values files and arguments, as Helm's `values.Options.MergeValues`
/// does: files in their order, then the arguments of each flag in the order of
/// [`SetKind`](crate::SetKind).
///
/// Invalid files and arguments are skipped, and all of them are reported in
/// [`Merged::rejected`].
pub fn merge_values(files: &[&str], arguments: &[Argument<'_>]) -> Merged {
    let mut rejected = Vec::new();
    let mut layers = Vec::new();
    let mut tree = Map::new();
    for (number, text) in files.iter().enumerate() {
        let source = Source::File(number);
        match documents(text) {
            Ok(documents) => {
                merge_maps(&mut tree, merge_documents(&documents));
                layers.extend(documents.into_iter().map(|document| Layer {
                    source,
                    tree: document.value,
                    lines: Some(document.lines),
                }));
            }
            Err(error) => rejected.push((source, error)),
        }
    }
    let files_only = tree.clone();
    let mut accepted: Vec<&Argument<'_>> = Vec::new();
    let (mut budget, mut separate_budget) = (Budget::default(), Budget::default());
    for (number, argument) in sorted_by_flag(arguments) {
        let source = Source::Argument(number);
        if let Err(error) = argument.apply(&mut tree, &mut budget) {
            rejected.push((source, error));
            // Part of the argument may have been applied.
            tree.clone_from(&files_only);
            budget = Budget::default();
            for argument in &accepted {
                let _ = argument.apply(&mut tree, &mut budget);
            }
            continue;
        }
        accepted.push(argument);
        let mut separate = Map::new();
        // An argument that is valid for the whole tree is valid for an empty one.
        let _ = argument.apply(&mut separate, &mut separate_budget);
        layers.push(Layer {
            source,
            tree: Value::Object(separate),
            lines: None,
        });
    }
    Merged {
        tree: Value::Object(tree),
        layers,
        rejected,
    }
}

/// Sorts arguments by flag, with their index.
fn sorted_by_flag<'a, 'b>(arguments: &'a [Argument<'b>]) -> Vec<(usize, &'a Argument<'b>)> {
    let mut arguments: Vec<_> = arguments.iter().enumerate().collect();
    arguments.sort_by_key(|(_, argument)| argument.kind);
    arguments
}

/// Reads the documents of a file, without empty ones.
fn documents(text: &str) -> Result<Vec<Document>, Error> {
    check_size(text)?;
    let mut documents = Document::read_all(text)?;
    documents.retain(|document| !document.value.is_null());
    match documents.iter().find(|one| !one.value.is_object()) {
        Some(other) => Err(ErrorKind::NotAMapping((&other.value).into()).into()),
        None => Ok(documents),
    }
}

/// Merges the documents of a file with each other, which Helm does before it merges the file
/// with others: a string that replaces a map of one document, and is replaced by a map of the
/// next, does not replace the maps of other files.
fn merge_documents(documents: &[Document]) -> Map<String, Value> {
    let mut tree = Map::new();
    for map in documents.iter().filter_map(|one| one.value.as_object()) {
        merge_maps(&mut tree, map.clone());
    }
    tree
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{MAX_BYTES, SetKind};

    fn merge(files: &[&str], sets: &[(SetKind, &str)]) -> Merged {
        let arguments: Vec<Argument<'_>> = sets
            .iter()
            .map(|(kind, text)| Argument::new(*kind, text))
            .collect();
        merge_values(files, &arguments)
    }

    #[test]
    fn flags_are_applied_in_helms_order() {
        let merged = merge(
            &["a: 1\nlist: [{x: 1}, {w: 2}]\n", "a: 2\n---\nb: null\n"],
            &[
                (SetKind::String, "a=4"),
                (SetKind::Set, "a=3,list[0].z=3"),
                (SetKind::Json, r#"{"a": 5, "c": {}}"#),
            ],
        );
        assert_eq!(merged.rejected, []);
        let list = json!([{"x": 1, "z": 3}, {"w": 2}]);
        assert_eq!(
            merged.tree,
            json!({"a": "4", "list": list, "b": null, "c": {}})
        );
    }

    #[test]
    fn the_strongest_layer_determines_a_value() {
        let merged = merge(
            &[
                "a:\n  b: 1\n  c: 2\nlist:\n- x: 1\n- w: 2\n",
                "a:\n  b: 3\nd: null\n",
            ],
            &[
                (SetKind::Set, "list[1].z=1"),
                (SetKind::Json, r#"e={"f":1}"#),
            ],
        );
        for (path, source) in [
            (&["a", "b"][..], Some((Source::File(1), Some(2)))),
            (&["a", "c"], Some((Source::File(0), Some(3)))),
            (&["d", "below"], Some((Source::File(1), Some(3)))),
            (&["list", "[0]", "x"], Some((Source::File(0), Some(5)))),
            (&["list", "[1]", "z"], Some((Source::Argument(0), None))),
            (&["e", "f"], Some((Source::Argument(1), None))),
            (&["nothing"], None),
        ] {
            let mut layers = merged.layers.iter().rev();
            let layer = layers.find(|layer| layer.determines(path));
            let found = layer.map(|layer| (layer.source, layer.line_of(path)));
            assert_eq!(found, source, "{path:?}");
        }
    }

    #[test]
    fn all_errors_are_reported() {
        let merged = merge(
            &["a: 1\nb: 2\na: 3\n", "- a\n"],
            &[(SetKind::Set, "a"), (SetKind::String, "c=1")],
        );
        let errors = merged.rejected.iter();
        let errors: Vec<_> = errors.map(|(source, e)| (*source, e.to_string())).collect();
        let expected = [
            (
                Source::File(0),
                "line 3, column 1: duplicate key `a`, first used in line 1",
            ),
            (
                Source::File(1),
                "expected a mapping of keys to values, got a list",
            ),
            (
                Source::Argument(0),
                "line 1, column 2: missing value for `a`: write KEY=VALUE",
            ),
        ];
        assert_eq!(errors, expected.map(|(source, text)| (source, text.into())));
        assert_eq!(merged.tree, json!({"c": "1"}));
    }

    #[test]
    fn a_rejected_argument_has_no_effect() {
        let sets = [(SetKind::Set, "a=1"), (SetKind::Set, "b=2,c={x")];
        let merged = merge(&["d: 4\n"], &sets);
        assert_eq!(merged.rejected.len(), 1);
        assert_eq!(merged.tree, json!({"d": 4, "a": 1}));
    }

    #[test]
    fn large_files_are_rejected() {
        let large = format!("a: {}", "x".repeat(MAX_BYTES));
        let (source, error) = merge(&[&large], &[]).into_result().unwrap_err();
        assert_eq!(source, Source::File(0));
        assert_eq!(error.kind, ErrorKind::InputTooLarge);
    }
}

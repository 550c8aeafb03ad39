//! Arguments of `--set` and its variants.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::grammar::{Budget, Parser};
use crate::{Error, ErrorKind, check_size, json, merge};

/// A flag of Helm that sets values. Variants are in order of precedence, weakest first: Helm
/// applies all arguments of one flag before those of the next, regardless of their order on
/// the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SetKind {
    /// `--set-json`: values are JSON, or the whole argument is an object.
    Json,
    /// `--set`: the types of values are guessed.
    Set,
    /// `--set-string`: every value is a string.
    String,
    /// `--set-file`: values are the contents of files.
    File,
}

impl SetKind {
    /// All flags, weakest first.
    pub const ALL: [SetKind; 4] = [SetKind::Json, SetKind::Set, SetKind::String, SetKind::File];

    /// The name of the flag, such as `--set-json`.
    pub fn flag(self) -> &'static str {
        match self {
            SetKind::Json => "--set-json",
            SetKind::Set => "--set",
            SetKind::String => "--set-string",
            SetKind::File => "--set-file",
        }
    }
}

/// An argument of one of the flags, such as `image.tag=1.2,replicas=2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument<'a> {
    pub kind: SetKind,
    pub text: &'a str,
    /// Path and contents of the files that a `--set-file` argument names, in the order of
    /// [`file_names`].
    pub files: Vec<(&'a str, &'a str)>,
}

impl<'a> Argument<'a> {
    /// Creates an argument without files.
    pub fn new(kind: SetKind, text: &'a str) -> Argument<'a> {
        Argument {
            kind,
            text,
            files: Vec::new(),
        }
    }

    /// Applies the argument to a tree. On error, part of it may have been applied.
    pub(crate) fn apply(
        &self,
        tree: &mut Map<String, Value>,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        for text in self.files.iter().map(|(_, contents)| *contents) {
            check_size(text)?;
        }
        check_size(self.text)?;
        if self.kind == SetKind::Json && self.text.trim().starts_with('{') {
            let object = json::object(self.text.trim())?;
            merge::merge_maps(tree, object);
            return Ok(());
        }
        let mut files = self.files.iter();
        let mut file = |path: &str| match files.next() {
            Some((name, contents)) if *name == path => Ok((*contents).to_owned()),
            _ => Err(ErrorKind::MissingFile(path.to_owned())),
        };
        Parser::new(self.kind, self.text, &mut file, budget).apply(tree)
    }
}

/// Returns the names of the files that a `--set-file` argument needs, in order. An invalid
/// argument is read up to the error, which [`merge_values`](crate::merge_values) reports.
pub fn file_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut file = |path: &str| {
        names.push(path.to_owned());
        Ok(String::new())
    };
    let mut budget = Budget::default();
    let _ = Parser::new(SetKind::File, text, &mut file, &mut budget).apply(&mut Map::new());
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Difference;

    fn apply(kind: SetKind, text: &str, base: Value) -> Result<Value, Error> {
        let Value::Object(mut tree) = base else {
            panic!("the base must be a map");
        };
        Argument::new(kind, text).apply(&mut tree, &mut Budget::default())?;
        Ok(tree.into())
    }

    #[test]
    fn grammar() {
        for (argument, tree) in [
            ("", json!({})),
            ("a=1", json!({"a": 1})),
            ("a.b=c", json!({"a": {"b": "c"}})),
            ("a=b,c=d", json!({"a": "b", "c": "d"})),
            ("a={x,1,true}", json!({"a": ["x", 1, true]})),
            ("a={}", json!({"a": [""]})),
            ("a[0].b=c,a[0].d=e", json!({"a": [{"b": "c", "d": "e"}]})),
            ("a[1][0]=b", json!({"a": [null, ["b"]]})),
            (r"a\.b=c\,d", json!({"a.b": "c,d"})),
            ("a=null", json!({"a": null})),
            ("a=TRUE", json!({"a": true})),
            ("a=007", json!({"a": "007"})),
            ("a=9223372036854775808", json!({"a": "9223372036854775808"})),
            ("a=", json!({"a": ""})),
            ("a=b=c", json!({"a": "b=c"})),
        ] {
            let applied = apply(SetKind::Set, argument, json!({}));
            assert_eq!(applied.unwrap(), tree, "{argument}");
        }
    }

    #[test]
    fn the_flag_determines_the_types_of_values() {
        let applied = |kind, text| apply(kind, text, json!({})).unwrap();
        assert_eq!(applied(SetKind::String, "a=1"), json!({"a": "1"}));
        assert_eq!(
            applied(SetKind::Json, r#"a={"b":[1]} ,c=null,d="x,y""#),
            json!({"a": {"b": [1]}, "c": null, "d": "x,y"})
        );
        assert_eq!(applied(SetKind::Json, r#"{"a":1}"#), json!({"a": 1}));
    }

    #[test]
    fn an_argument_extends_existing_values() {
        let base = json!({"a": [{"b": 1}, {"c": 2}]});
        assert_eq!(
            apply(SetKind::Set, "a[0].x=1", base).unwrap(),
            json!({"a": [{"b": 1, "x": 1}, {"c": 2}]})
        );
    }

    #[test]
    fn errors_name_the_reason() {
        for (argument, reason) in [
            ("a", "missing value for `a`: write KEY=VALUE"),
            ("=a", "missing key"),
            ("a.=1", "missing key"),
            ("a={b", "missing `}` at the end of the list"),
            ("a[x]=1", "invalid index `[x]`"),
            ("a[-1]=1", "invalid index `[-1]`"),
            ("a[0", "missing `]` after `[0`"),
            ("a[0]", "missing value for `[0]`"),
            (
                "a[0].b=",
                "an empty string cannot be the first value of `[0]`; use --set-json",
            ),
            (
                "a[99999]=1",
                "index `[99999]` is too large: the maximum is 65536",
            ),
            ("a=1,a.b=2", "cannot set a key of `a`: it is a number"),
            ("a=null,a[0]=2", "cannot set an item of `a`: it is null"),
            (
                "a,b=1",
                "missing value for `a` before the comma; write `\\,` for a comma in a value",
            ),
        ] {
            let error = apply(SetKind::Set, argument, json!({})).unwrap_err();
            assert_eq!(error.kind.to_string(), reason, "{argument}");
        }
    }

    #[test]
    fn errors_name_the_column() {
        for (kind, argument, column) in [
            (SetKind::Set, "é=1,a[x]=2", 9),
            (SetKind::Json, "a=1,é={\"b\":}", 12),
        ] {
            let error = apply(kind, argument, json!({})).unwrap_err();
            assert_eq!(error.position.unwrap().column, column, "{argument}");
        }
    }

    #[test]
    fn the_number_of_list_items_is_limited() {
        let line: Vec<String> = (0..5).map(|i| format!("a{i}[65536]=x")).collect();
        let error = apply(SetKind::Set, &line.join(","), json!({})).unwrap_err();
        assert_eq!(error.difference(), Some(Difference::TooManyItems));
    }

    #[test]
    fn file_names_are_the_values() {
        assert_eq!(file_names("a=x,b={y,z},c"), ["x", "y", "z"]);
    }
}

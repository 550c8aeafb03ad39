//! `--set KEY=VALUE` and its kin, laid onto what is there.

use serde_json::{Map, Value};

use super::difference::Refused;
use super::grammar::Parser;
pub(super) use super::grammar::Room;
use super::{json, merge};
use crate::settings::{SetArgument, SetKind};

/// Lays an argument onto a tree. What is wrong can leave a part of it there.
///
/// # Errors
/// Why it cannot be read, or does not fit what is there.
pub(super) fn onto(
    argument: &SetArgument,
    tree: &mut Map<String, Value>,
    room: &mut Room,
) -> Result<(), Refused> {
    let text = &argument.text;
    if argument.kind == SetKind::Json && text.trim().starts_with('{') {
        let object = json::object(text.trim())?;
        merge::maps(tree, object);
        return Ok(());
    }
    let mut files = argument.files.iter();
    let mut file = |path: &str| {
        let file = files.next().filter(|file| file.path == path);
        let file = file.ok_or_else(|| Refused::new(format!("`{path}` was not read")))?;
        Ok(file.text.clone())
    };
    Parser::new(argument.kind, text, &mut file, room).all(tree)
}

/// The files that a `--set-file` argument names, in order, up to where it cannot be
/// read.
pub fn named_files(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    let mut file = |path: &str| {
        named.push(path.to_owned());
        Ok(String::new())
    };
    let mut room = Room::default();
    // What is wrong is told when it is laid onto what is there.
    let _ = Parser::new(SetKind::File, text, &mut file, &mut room).all(&mut Map::new());
    named
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::Difference;

    fn parse(kind: SetKind, text: &str, base: Value) -> Result<Value, Refused> {
        let Value::Object(mut tree) = base else {
            panic!("a base is a map");
        };
        onto(
            &SetArgument::new(kind, text),
            &mut tree,
            &mut Room::default(),
        )?;
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
            let parsed = parse(SetKind::Set, argument, json!({}));
            assert_eq!(parsed.unwrap(), tree, "{argument}");
        }
    }

    #[test]
    fn kinds_differ_in_what_a_word_is() {
        let parsed = |kind, text| parse(kind, text, json!({})).unwrap();
        assert_eq!(parsed(SetKind::String, "a=1"), json!({"a": "1"}));
        assert_eq!(
            parsed(SetKind::Json, r#"a={"b":[1]} ,c=null,d="x,y""#),
            json!({"a": {"b": [1]}, "c": null, "d": "x,y"})
        );
        assert_eq!(parsed(SetKind::Json, r#"{"a":1}"#), json!({"a": 1}));
    }

    #[test]
    fn an_argument_builds_on_what_is_there() {
        let base = json!({"a": [{"b": 1}, {"c": 2}]});
        assert_eq!(
            parse(SetKind::Set, "a[0].x=1", base).unwrap(),
            json!({"a": [{"b": 1, "x": 1}, {"c": 2}]})
        );
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (argument, reason) in [
            ("a", "`a` has no value: write KEY=VALUE"),
            ("=a", "a key is missing"),
            ("a.=1", "a key is missing"),
            ("a={b", "the list has no end: `}` is missing"),
            ("a[x]=1", "`[x]` is no place in a list"),
            ("a[-1]=1", "`[-1]` is no place in a list"),
            ("a[0", "`]` is missing behind `[0`"),
            ("a[0]", "`[0]` has no value"),
            (
                "a[0].b=",
                "an empty text cannot be the first that is said of `[0]`; --set-json can say it",
            ),
            (
                "a[99999]=1",
                "`[99999]` is beyond the last place of a list, 65536",
            ),
            ("a=1,a.b=2", "`a` is a number, so nothing can be below it"),
            ("a=null,a[0]=2", "`a` is null, so it has no places"),
            (
                "a,b=1",
                "`a` has no value before the comma; a comma of a value is written `\\,`",
            ),
        ] {
            let refused = parse(SetKind::Set, argument, json!({})).unwrap_err();
            assert_eq!(refused.what, reason, "{argument}");
        }
    }

    #[test]
    fn lists_have_a_bound_together() {
        let line: Vec<String> = (0..5).map(|i| format!("a{i}[65536]=x")).collect();
        let refused = parse(SetKind::Set, &line.join(","), json!({})).unwrap_err();
        assert_eq!(refused.difference, Some(Difference::TooManyPlaces));
    }

    #[test]
    fn files_are_named_by_their_values() {
        assert_eq!(named_files("a=x,b={y,z},c"), ["x", "y", "z"]);
    }
}

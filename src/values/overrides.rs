//! The user's values: files and `--set` arguments, merged as Helm does, and the place that
//! determines each value.

use helm_values::{Argument, Source, has_value, merge_values};
use serde_json::Value;

use super::foreign::umbrella::Lifted;
use super::{Inputs, Problem};
use crate::inputs::{KeptFile, SetArgument};

/// All values of the user.
pub(super) struct Overrides {
    /// As one tree. Nulls are kept, because they remove defaults.
    pub(super) tree: Value,
    /// One for each document of the files, then one for each argument; lowest precedence first.
    pub(super) layers: Vec<UserLayer>,
}

/// The values of one document or one argument.
pub(super) struct UserLayer {
    pub(super) values: helm_values::Layer,
    origin: Origin,
    /// The keys that were lifted to the top of the tree, if the origin has them elsewhere.
    lifted: Option<Lifted>,
}

/// A file or an argument.
enum Origin {
    /// The path of a file.
    File(String),
    Argument(SetArgument),
}

impl Origin {
    fn new(source: Source, inputs: &Inputs<'_>) -> Origin {
        match source {
            Source::File(number) => Origin::File(inputs.files[number].path.clone()),
            Source::Argument(number) => Origin::Argument(inputs.sets[number].clone()),
        }
    }

    /// The file or the argument, for messages.
    fn name(&self) -> String {
        match self {
            Origin::File(path) => path.clone(),
            Origin::Argument(argument) => argument.to_string(),
        }
    }

    /// The place in the file, such as `values.yaml:12`, or the argument.
    fn place(&self, line: Option<usize>) -> String {
        match (self, line) {
            (Origin::File(path), Some(line)) => format!("{path}:{line}"),
            _ => self.name(),
        }
    }
}

impl UserLayer {
    /// The file or the argument, for messages.
    pub(super) fn name(&self) -> String {
        self.origin.name()
    }

    /// The place of a key, for messages: `values.yaml:12` or `--set a=b`.
    pub(super) fn place(&self, path: &[&str]) -> String {
        self.origin.place(self.values.line_of(path))
    }

    /// The place of a key that may have been lifted to the top.
    fn place_of_lifted(&self, path: &[&str]) -> String {
        match &self.lifted {
            Some(lifted) => self.place(&lifted.original(path)),
            None => self.place(path),
        }
    }
}

impl Overrides {
    /// Reports whether the user sets the value at a path. Items of lists are `[0]` or `0`.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        has_value(&self.tree, path)
    }

    /// Returns the place that determines the value at a path; `None` if the user does not set
    /// it. Items of lists are `[0]` or `0`.
    pub(super) fn place(&self, path: &[&str]) -> Option<String> {
        Some(self.determining(path)?.place_of_lifted(path))
    }

    /// Like [`Overrides::place`], but only the flag of an argument, which may contain secrets.
    pub(super) fn source(&self, path: &[&str]) -> Option<String> {
        let layer = self.determining(path)?;
        Some(match &layer.origin {
            Origin::Argument(argument) => argument.kind.flag().to_owned(),
            Origin::File(_) => layer.place_of_lifted(path),
        })
    }

    /// Moves the values in the section of an umbrella chart to the top, so that their problems
    /// are reported with the others.
    pub(super) fn lift_umbrella_sections(&mut self) {
        let mut lifted: Vec<Lifted> = Vec::new();
        for layer in &mut self.layers {
            if let Some(moved) = Lifted::find(&mut layer.values.tree) {
                layer.lifted = Some(moved.clone());
                lifted.push(moved);
            }
        }
        for moved in lifted {
            moved.lift(&mut self.tree);
        }
    }

    /// Removes a key that is not a value, unless a place of higher precedence changes it.
    pub(super) fn remove(&mut self, path: &[String], value: &Value) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let parent = parents
            .iter()
            .try_fold(&mut self.tree, |tree, step| tree.get_mut(step));
        if let Some(Value::Object(parent)) = parent
            && parent.get(last) == Some(value)
        {
            parent.shift_remove(last);
        }
    }

    fn determining(&self, path: &[&str]) -> Option<&UserLayer> {
        let mut layers = self.layers.iter().rev();
        layers.find(|layer| layer.values.determines(path))
    }
}

/// Returns the message of an error in an argument, without words that may be a secret.
fn message_without_secrets(argument: &SetArgument, error: &helm_values::Error) -> String {
    let message = error.kind.to_string();
    let Some(before) = argument.before_secret() else {
        return message;
    };
    let hidden = &argument.text[before.len()..];
    let parts = message.split('`').enumerate();
    let parts = parts.map(|(index, part)| {
        let word = part.trim_end_matches(']').trim_start_matches('[');
        // Every second part is in backticks.
        match index % 2 == 1 && !word.is_empty() && hidden.contains(word) {
            true => "…",
            false => part,
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Merges the user's values. Files and arguments that cannot be read are reported and left
/// out.
pub(super) fn read(inputs: &Inputs<'_>) -> (Overrides, Vec<Problem>) {
    let merged = merge(inputs.files, inputs.sets);
    let problems = merged.rejected.into_iter().map(|(source, error)| {
        let message = match source {
            Source::File(_) => error.kind.to_string(),
            Source::Argument(number) => message_without_secrets(&inputs.sets[number], &error),
        };
        Problem::new(Origin::new(source, inputs).place(error.line()), message)
    });
    let problems = problems.collect();
    let layers = merged.layers.into_iter().map(|values| UserLayer {
        origin: Origin::new(values.source, inputs),
        values,
        lifted: None,
    });
    let overrides = Overrides {
        tree: merged.tree,
        layers: layers.collect(),
    };
    (overrides, problems)
}

pub(super) fn merge(files: &[KeptFile], sets: &[SetArgument]) -> helm_values::Merged {
    let files: Vec<&str> = files.iter().map(|file| file.text.as_str()).collect();
    let arguments: Vec<Argument<'_>> = sets.iter().map(SetArgument::as_helm).collect();
    merge_values(&files, &arguments)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inputs::SetKind;
    use crate::profile::Profile;
    use crate::release::{Catalogue, DEFAULT};
    use crate::values::Target;

    fn read_texts(files: &[&str], sets: &[(SetKind, &str)]) -> (Overrides, Vec<Problem>) {
        let files: Vec<KeptFile> = files
            .iter()
            .zip(["a.yaml", "b.yaml"])
            .map(|(text, path)| KeptFile {
                path: path.into(),
                text: (*text).into(),
            })
            .collect();
        let sets: Vec<SetArgument> = sets
            .iter()
            .map(|(kind, text)| SetArgument::new(*kind, *text))
            .collect();
        read(&Inputs {
            release: &Catalogue::builtin().find(DEFAULT).unwrap(),
            target: Target::Node {
                profile: &Profile::for_memory(4_000_000_000),
                controller: None,
            },
            files: &files,
            sets: &sets,
        })
    }

    #[test]
    fn the_place_of_highest_precedence_determines_a_value() {
        let (overrides, _) = read_texts(
            &[
                "a:\n  b: 1\n  c: 2\nlist:\n- x: 1\n- w: 2\n",
                "a:\n  b: 3\nd: null\n",
            ],
            &[
                (SetKind::Set, "list[1].z=1"),
                (SetKind::Json, r#"e={"f":1}"#),
            ],
        );
        for (path, place) in [
            (&["a", "b"][..], Some("b.yaml:2")),
            (&["a", "c"], Some("a.yaml:3")),
            (&["d", "below"], Some("b.yaml:3")),
            (&["list", "[0]", "x"], Some("a.yaml:5")),
            (&["list", "[1]", "z"], Some("--set list[1].z=1")),
            (&["e", "f"], Some(r#"--set-json e={"f":1}"#)),
            (&["nothing"], None),
        ] {
            assert_eq!(overrides.place(path).as_deref(), place, "{path:?}");
        }
    }

    #[test]
    fn all_problems_are_reported_with_their_place() {
        let (overrides, problems) = read_texts(
            &["a: 1\nb: 2\na: 3\n", "- a\n"],
            &[(SetKind::Set, "a"), (SetKind::String, "c=1")],
        );
        let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            problems,
            [
                "a.yaml:3: duplicate key `a`, first used in line 1",
                "b.yaml: expected a mapping of keys to values, got a list",
                "--set a: missing value for `a`: write KEY=VALUE",
            ]
        );
        assert_eq!(overrides.tree, json!({"c": "1"}));
    }

    #[test]
    fn errors_do_not_show_secrets() {
        let (_, problems) = read_texts(&[], &[(SetKind::Set, "secret.authToken=hunter2,pass2")]);
        assert_eq!(
            problems[0].to_string(),
            "--set secret.authToken=…: missing value for `…`: write KEY=VALUE"
        );
    }
}

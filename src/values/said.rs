//! What the user said: files and `--set…` arguments, laid over one another as Helm
//! does it, and where each thing was said.

use serde_json::{Map, Value};

use super::difference::{Difference, Refused};
use super::newer::wrapper::Lifted;
use super::{Inputs, Problem, merge, set};
use crate::settings::{KeptFile, SetArgument};
use crate::yaml::{self, Kind, Located};

/// The largest values file and the largest argument, in bytes; so large is also a
/// whole object of Kubernetes.
pub const LARGEST_FILE: usize = 1 << 20;

/// All that the user said.
pub(super) struct Said {
    /// As one tree, as Helm merges it. Null stays, so that it can take a default
    /// away.
    pub(super) tree: Value,
    /// One for each document of the files, then one for each argument; weakest
    /// first.
    pub(super) layers: Vec<Layer>,
}

/// What a user said at one place, as a tree of its own.
pub(super) struct Layer {
    pub(super) place: Place,
    pub(super) tree: Value,
    /// What was lifted to the top of the tree, where the place has it elsewhere.
    lifted: Option<Lifted>,
}

impl Layer {
    fn new(place: Place, tree: Value) -> Layer {
        Layer {
            place,
            tree,
            lifted: None,
        }
    }

    /// Where the key is that the tree has at that path.
    fn of(&self, path: &[&str]) -> String {
        match &self.lifted {
            Some(lifted) => self.place.of(&lifted.written(path)),
            None => self.place.of(path),
        }
    }
}

/// Where a user said it.
pub(super) enum Place {
    /// In a file.
    File {
        /// Its path.
        path: String,
        /// One of its documents.
        document: Located,
    },
    /// In an argument.
    Set(SetArgument),
}

impl Place {
    /// Where the key is, for messages: `values.yaml:12` or `--set a=b`.
    pub(super) fn of(&self, path: &[&str]) -> String {
        match self {
            Place::File {
                path: file,
                document,
            } => at(file, document.line_of(path)),
            Place::Set(argument) => argument.to_string(),
        }
    }
}

impl Place {
    /// The file or the argument, for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Place::File { path, .. } => path.clone(),
            Place::Set(argument) => argument.to_string(),
        }
    }

    /// The line of a key in a file.
    pub(super) fn line(&self, path: &[&str]) -> Option<usize> {
        self.document()?.line_of(path)
    }

    /// See [`Located::spelling`].
    pub(super) fn spelling(&self, path: &[&str]) -> Option<&str> {
        self.document()?.spelling(path)
    }

    /// See [`Located::is_anchored`].
    pub(super) fn is_anchored(&self, key: &str) -> bool {
        self.document()
            .is_some_and(|document| document.is_anchored(key))
    }

    fn document(&self) -> Option<&Located> {
        match self {
            Place::File { document, .. } => Some(document),
            Place::Set(_) => None,
        }
    }
}

fn at(file: &str, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

impl Said {
    /// The strongest place that says something at that path, or that decides it by
    /// what it says above; `None` where the user says nothing. Items of lists are
    /// `[0]` or `0`.
    pub(super) fn place(&self, path: &[&str]) -> Option<String> {
        Some(self.decides(path)?.of(path))
    }

    /// The same, with the flag alone for what was said by one: there may be secrets
    /// behind it.
    pub(super) fn source(&self, path: &[&str]) -> Option<String> {
        let layer = self.decides(path)?;
        Some(match &layer.place {
            Place::Set(argument) => argument.kind.flag().to_owned(),
            Place::File { .. } => layer.of(path),
        })
    }

    /// Reads the values below the section of an umbrella chart as if they stood at the
    /// top, so that what is wrong with them is told with the rest.
    pub(super) fn lift_wrapped(&mut self) {
        let mut lifted: Vec<Lifted> = Vec::new();
        for layer in &mut self.layers {
            if let Some(moved) = Lifted::find(&mut layer.tree) {
                layer.lifted = Some(moved.clone());
                lifted.push(moved);
            }
        }
        for moved in lifted {
            moved.lift(&mut self.tree);
        }
    }

    /// Forgets what is no value, where no stronger place says something else.
    pub(super) fn forget(&mut self, path: &[String], value: &Value) {
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

    fn decides(&self, path: &[&str]) -> Option<&Layer> {
        let decides = |layer: &&Layer| {
            let lists_grow = matches!(layer.place, Place::Set(_));
            says(&layer.tree, path, lists_grow)
        };
        self.layers.iter().rev().find(decides)
    }
}

/// Whether a tree has something at a path, or something that is no map above it.
/// `lists_grow` where a list that lacks an item leaves it to the layers below.
pub(super) fn says(tree: &Value, path: &[&str], lists_grow: bool) -> bool {
    let mut place = tree;
    for step in path {
        let below = match place {
            Value::Object(map) => match map.get(*step) {
                Some(below) => below,
                None => return false,
            },
            Value::Array(items) => {
                match yaml::index(step).and_then(|index| items.get(index)) {
                    // The places before an index that was said.
                    Some(Value::Null) | None if lists_grow => return false,
                    Some(below) => below,
                    None => return true,
                }
            }
            _ => return true,
        };
        place = below;
    }
    true
}

/// What is wrong with an argument, without the words of it that may be a secret.
fn shown(argument: &SetArgument, refused: &Refused) -> String {
    let Some(before) = argument.before_secret() else {
        return refused.what.clone();
    };
    let hidden = &argument.text[before.len()..];
    let parts = refused.what.split('`').enumerate();
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

/// Reads what the user said. What cannot be read is told, and left out.
pub(super) fn said(inputs: &Inputs<'_>) -> (Said, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut layers = Vec::new();
    let mut tree = Map::new();
    for file in inputs.files {
        match documents(&file.text) {
            Ok(documents) => {
                merge::maps(&mut tree, one_tree(&documents));
                for mut document in documents {
                    let tree = document.value.take();
                    let place = Place::File {
                        path: file.path.clone(),
                        document,
                    };
                    layers.push(Layer::new(place, tree));
                }
            }
            Err(refused) => problems.push(Problem::new(at(&file.path, refused.line), refused.what)),
        }
    }
    let of_files = tree.clone();
    let mut fitting: Vec<&SetArgument> = Vec::new();
    let (mut room, mut own_room) = (set::Room::default(), set::Room::default());
    for argument in in_order(inputs.sets) {
        if let Err(refused) = lay(argument, &mut tree, &mut room) {
            problems.push(Problem::new(
                argument.to_string(),
                shown(argument, &refused),
            ));
            // What it said before it broke off would be judged as well.
            tree.clone_from(&of_files);
            room = set::Room::default();
            for argument in &fitting {
                let _ = lay(argument, &mut tree, &mut room);
            }
            continue;
        }
        fitting.push(argument);
        let mut own = Map::new();
        // What fits onto the whole fits onto nothing.
        let _ = lay(argument, &mut own, &mut own_room);
        let place = Place::Set(argument.clone());
        layers.push(Layer::new(place, Value::Object(own)));
    }
    let said = Said {
        tree: Value::Object(tree),
        layers,
    };
    (said, problems)
}

/// The user's whole tree, as Helm's `values.Options.MergeValues` makes it.
///
/// # Errors
/// The first thing that cannot be used.
pub fn merged(files: &[KeptFile], sets: &[SetArgument]) -> Result<Value, Refused> {
    let mut tree = Map::new();
    for file in files {
        merge::maps(&mut tree, one_tree(&documents(&file.text)?));
    }
    let mut room = set::Room::default();
    for argument in in_order(sets) {
        lay(argument, &mut tree, &mut room)?;
    }
    Ok(Value::Object(tree))
}

/// Weakest first: each kind in its order.
fn in_order(sets: &[SetArgument]) -> Vec<&SetArgument> {
    let mut sets: Vec<&SetArgument> = sets.iter().collect();
    sets.sort_by_key(|argument| argument.kind);
    sets
}

fn lay(
    argument: &SetArgument,
    tree: &mut Map<String, Value>,
    room: &mut set::Room,
) -> Result<(), Refused> {
    let files = argument.files.iter().map(|file| file.text.len());
    let largest = files.chain([argument.text.len()]).max().unwrap_or_default();
    bounded(largest)?;
    set::onto(argument, tree, room)
}

fn bounded(bytes: usize) -> Result<(), Refused> {
    if bytes <= LARGEST_FILE {
        return Ok(());
    }
    let what = format!("it is larger than {} MiB", LARGEST_FILE >> 20);
    Err(Refused::unlike_helm(Difference::TooLarge, what))
}

/// The documents of a file that say something.
fn documents(text: &str) -> Result<Vec<Located>, Refused> {
    bounded(text.len())?;
    let documents = yaml::located(text).map_err(|unreadable| Refused {
        line: Some(unreadable.line),
        difference: match unreadable.kind {
            Kind::Syntax => Some(Difference::Syntax),
            Kind::Meaning => Some(Difference::Replaced),
            Kind::DuplicateKey => Some(Difference::DuplicateKey),
            Kind::TooLarge => Some(Difference::TooLarge),
            Kind::FractionKey => Some(Difference::FractionKey),
            Kind::Tag => Some(Difference::Tag),
        },
        what: unreadable.what,
    })?;
    let said = documents.into_iter().filter(|one| !one.value.is_null());
    let said: Vec<Located> = said.collect();
    if said.iter().any(|document| !document.value.is_object()) {
        return Err(Refused::new("it holds no keys and values"));
    }
    Ok(said)
}

/// The documents of a file over one another, before they go over other files: text
/// that replaces a map, and is replaced by one again, is forgotten.
fn one_tree(documents: &[Located]) -> Map<String, Value> {
    let mut tree = Map::new();
    for map in documents.iter().filter_map(|one| one.value.as_object()) {
        merge::maps(&mut tree, map.clone());
    }
    tree
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::Profile;
    use crate::release::{Catalogue, DEFAULT};
    use crate::settings::SetKind;

    fn said_of(files: &[&str], sets: &[(SetKind, &str)]) -> (Said, Vec<Problem>) {
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
        said(&Inputs {
            release: &Catalogue::builtin().find(DEFAULT).unwrap(),
            profile: &Profile::for_machine(4_000_000_000),
            files: &files,
            sets: &sets,
            controller: None,
        })
    }

    #[test]
    fn the_order_is_helms_whatever_that_of_the_arguments() {
        let (said, problems) = said_of(
            &["a: 1\nlist: [{x: 1}, {w: 2}]\n", "a: 2\n---\nb: null\n"],
            &[
                (SetKind::String, "a=4"),
                (SetKind::Set, "a=3,list[0].z=3"),
                (SetKind::Json, r#"{"a": 5, "c": {}}"#),
            ],
        );
        assert_eq!(problems, []);
        let list = json!([{"x": 1, "z": 3}, {"w": 2}]);
        assert_eq!(
            said.tree,
            json!({"a": "4", "list": list, "b": null, "c": {}})
        );
    }

    #[test]
    fn the_place_is_the_strongest_that_decides() {
        let (said, _) = said_of(
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
            assert_eq!(said.place(path).as_deref(), place, "{path:?}");
        }
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        let (said, problems) = said_of(
            &["a: 1\nb: 2\na: 3\n", "- a\n"],
            &[(SetKind::Set, "a"), (SetKind::String, "c=1")],
        );
        let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            told,
            [
                "a.yaml:3: the key `a` stands there twice, first in line 1",
                "b.yaml: it holds no keys and values",
                "--set a: `a` has no value: write KEY=VALUE",
            ]
        );
        assert_eq!(said.tree, json!({"c": "1"}));
    }

    #[test]
    fn an_argument_that_is_refused_leaves_nothing() {
        let sets = [(SetKind::Set, "a=1"), (SetKind::Set, "b=2,c={x")];
        let (said, problems) = said_of(&["d: 4\n"], &sets);
        assert_eq!(problems.len(), 1);
        assert_eq!(said.tree, json!({"d": 4, "a": 1}));
    }

    #[test]
    fn large_files_are_not_even_parsed() {
        let large = format!("a: {}", "x".repeat(LARGEST_FILE));
        let (_, problems) = said_of(&[&large], &[]);
        assert_eq!(problems[0].to_string(), "a.yaml: it is larger than 1 MiB");
    }
}

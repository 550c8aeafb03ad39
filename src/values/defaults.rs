//! The commented values file with the defaults of all keys.

use serde_json::{Value, json};

use super::keys::{self, Effect, Entry, Node};
use super::layers::Layers;
use crate::profile::Profile;
use crate::release::Release;
use crate::yaml;

/// The width of comments.
const WIDTH: usize = 80;

const HEAD: &str = "\
# All values of clearml-local with their defaults: those of the `clearml` Helm chart
# 4.0.0 and a few more. Values that depend on the release, the machine or the instance
# are commented out: remove the `#` to set them yourself.
";

/// Returns a values file with the default of every key, for a host with this profile or for
/// an existing cluster.
pub fn default_file(release: &Release, profile: Option<&Profile>) -> String {
    let tree = Layers::defaults(release, profile).merged();
    let mut text = HEAD.to_owned();
    for (name, node) in keys::tree() {
        text.push('\n');
        write(name, &node, &tree[name], Place::default(), &mut text);
    }
    text
}

/// The indentation of a line.
#[derive(Clone, Copy, Default)]
struct Place {
    indent: usize,
    /// The column of the `#` if the section is commented out.
    hash: Option<usize>,
}

impl Place {
    fn line(self, text: &str, file: &mut String) {
        if let Some(hash) = self.hash {
            file.push_str(&" ".repeat(hash));
            file.push('#');
            file.push_str(&" ".repeat(self.indent - hash));
        } else {
            file.push_str(&" ".repeat(self.indent));
        }
        file.push_str(text);
        file.push('\n');
    }

    fn comment(self, text: &str, file: &mut String) {
        for line in wrapped(text, WIDTH.saturating_sub(self.indent + 2)) {
            self.line(&format!("# {line}"), file);
        }
    }

    fn commented_out(self) -> Place {
        Place {
            hash: self.hash.or(Some(self.indent)),
            ..self
        }
    }
}

fn write(name: &str, node: &Node, value: &Value, place: Place, file: &mut String) {
    match node {
        Node::Map(nodes) => {
            // An empty map would be null, which removes everything below it.
            let place = match nodes.iter().all(|(_, node)| depends(node)) {
                true => place.commented_out(),
                false => place,
            };
            place.line(&format!("{name}:"), file);
            let below = Place {
                indent: place.indent + 2,
                ..place
            };
            for (name, node) in nodes {
                write(name, node, &value[*name], below, file);
            }
        }
        Node::Key(key) => {
            comment(key, place, file);
            let place = match key.definition.origin.varies() {
                Some(_) => place.commented_out(),
                None => place,
            };
            let value = match value {
                Value::Null => &key.default,
                value => value,
            };
            for line in yaml::to_string(&json!({ name: value })).lines() {
                place.line(line, file);
            }
        }
    }
}

fn depends(node: &Node) -> bool {
    match node {
        Node::Key(key) => key.definition.origin.varies().is_some(),
        Node::Map(nodes) => nodes.iter().all(|(_, node)| depends(node)),
    }
}

fn comment(key: &Entry, place: Place, file: &mut String) {
    place.comment(&key.doc, file);
    match key.definition.effect {
        Effect::Supported => {}
        Effect::None(why) => place.comment(&format!("no effect: {why}"), file),
        Effect::Unsupported(instead) => place.comment(&format!("only this value: {instead}"), file),
    }
    if let Some(by) = key.definition.origin.varies() {
        place.comment(&format!("default: {by}"), file);
    }
}

/// Wraps a text between words into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

//! What `ctr images pull --local` prints while it downloads: a line for each layer,
//! ten times a second, and at the end why it failed.

use std::collections::{BTreeMap, VecDeque};

use crate::event::Progress;
use crate::quantity::shown_bytes;

/// How many other lines are kept.
const KEPT: usize = 20;

/// The layers of an image that is being pulled.
#[derive(Debug, Default)]
pub(super) struct Layers {
    layers: BTreeMap<String, Layer>,
    /// The digest that the reference leads to: of an index or of a manifest.
    root: Option<String>,
    /// What came after the last end of a line.
    rest: String,
    /// Whether everything is downloaded.
    unpacking: bool,
    /// The last lines that are about no layer.
    said: VecDeque<String>,
}

/// A layer as far as it is known: one that waits has no size yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Layer {
    state: State,
    done: u64,
    total: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    Downloading,
    Done,
    Exists,
}

impl Layers {
    pub(super) fn read(&mut self, piece: &[u8]) {
        self.rest.push_str(&String::from_utf8_lossy(piece));
        let Some(end) = self.rest.rfind(['\n', '\r']) else {
            return;
        };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        for line in lines.split(['\n', '\r']) {
            self.line(&without_escapes(line));
        }
    }

    fn line(&mut self, line: &str) {
        let line = line.trim();
        if let Some((digest, rest)) = named(line, "layer-") {
            self.layers.entry(digest.to_owned()).or_default().read(rest);
        } else if let Some((digest, _)) = named(line, "index-").or_else(|| named(line, "manifest-"))
        {
            self.root.get_or_insert_with(|| digest.to_owned());
        } else if line.starts_with("unpacking ") {
            self.unpacking = true;
        } else if !line.is_empty() && !line.ends_with('|') && !line.starts_with("elapsed: ") {
            self.said.push_back(line.to_owned());
            if self.said.len() > KEPT {
                self.said.pop_front();
            }
        }
    }

    /// How far the download is. The size of an image is known once that of each layer is.
    pub(super) fn progress(&self) -> Progress {
        let new = || {
            let layers = self.layers.values();
            layers.filter(|layer| layer.state != State::Exists)
        };
        let total = new().map(|layer| layer.total).sum();
        Progress {
            done: new().map(|layer| layer.done).sum(),
            total: Some(total).flatten().filter(|_| !self.layers.is_empty()),
            layers: new().filter(|l| l.state == State::Downloading).count(),
        }
    }

    pub(super) fn is_downloading(&self) -> bool {
        let mut layers = self.layers.values();
        layers.any(|layer| layer.state == State::Downloading)
    }

    pub(super) fn is_unpacking(&self) -> bool {
        self.unpacking
    }

    /// The digest that the reference leads to, once its layers are known.
    pub(super) fn root(&self) -> Option<&str> {
        let known = !self.layers.is_empty();
        self.root.as_deref().filter(|_| known)
    }

    /// The last lines that are about no layer.
    pub(super) fn said(&self) -> impl DoubleEndedIterator<Item = &str> {
        let rest = Some(self.rest.trim()).filter(|rest| !rest.is_empty());
        self.said.iter().map(String::as_str).chain(rest)
    }
}

impl Layer {
    /// Reads what follows the name, such as `downloading |++--| 1.5 MiB/9.0 MiB`.
    fn read(&mut self, text: &str) {
        let (state, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        self.state = match state {
            "downloading" => State::Downloading,
            "committing" => self.state,
            "done" => State::Done,
            "exists" => State::Exists,
            _ => State::Waiting,
        };
        let sizes = rest.rsplit('|').next().unwrap_or_default();
        if let Some((done, total)) = sizes.split_once('/') {
            self.done = shown_bytes(done).unwrap_or(self.done);
            self.total = shown_bytes(total).filter(|total| *total > 0).or(self.total);
        }
        if matches!(self.state, State::Done | State::Exists) {
            // Small ones are done before they are seen.
            self.total = self.total.or(Some(0));
            self.done = self.total.unwrap_or_default();
        }
        // Both are rounded.
        self.done = self.total.map_or(self.done, |total| self.done.min(total));
    }
}

/// Digest and rest of a line such as `layer-sha256:0a1b…:  done |+++|`.
fn named<'a>(line: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let (name, rest) = line.strip_prefix(kind)?.split_once(char::is_whitespace)?;
    Some((name.strip_suffix(':')?, rest.trim()))
}

fn without_escapes(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\x1b') {
        text.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &str = "172.20.0.1:5602/hub/a:1: resolved       |\x1b[32m++++++++++++++++++++++\x1b[0m| \n\
manifest-sha256:e91e: done           |++++++++++++++++++++++++++++++++++++++| \n\
config-sha256:5c18:   done           |++++++++++++++++++++++++++++++++++++++| \n\
layer-sha256:eb07:    downloading    |+++++++++++---------------------------|  3.0 MiB/9.5 MiB \n\
layer-sha256:fb76:    downloading    |--------------------------------------|    0.0 B/100.0 MiB \n\
layer-sha256:ba9e:    waiting        |--------------------------------------| \n\
layer-sha256:127e:    exists         |++++++++++++++++++++++++++++++++++++++| \n\
elapsed: 2.1 s                        total:  3.0 Mi (1.4 MiB/s) \n";

    fn read(pieces: &[&str]) -> Layers {
        let mut layers = Layers::default();
        for piece in pieces {
            layers.read(piece.as_bytes());
        }
        layers
    }

    #[test]
    fn bytes_of_layers_are_added_up() {
        let layers = read(&[FRAME]);
        assert_eq!(
            layers.progress(),
            Progress {
                done: 3 << 20,
                total: None,
                layers: 2
            },
            "one waits: nobody knows its size"
        );
        assert!(layers.is_downloading());
        assert_eq!(layers.root(), Some("sha256:e91e"));

        let next = FRAME
            .replace(
                "ba9e:    waiting        |--------------------------------------|",
                "ba9e:    downloading    |-----|  512.0 K/1.0 MiB",
            )
            .replace(
                "downloading    |+++++++++++---------------------------|  3.0 MiB/9.5 MiB",
                "done           |++++++++++++++++++++++++++++++++++++++|",
            )
            .replace('\n', "\r\n");
        // It comes in pieces that end anywhere, with the former frame cleared.
        let (one, two) = next.split_at(500);
        let layers = read(&[FRAME, "\x1b[1A\x1b[2K\r\x1b[1A\x1b[2K\r", one, two]);
        assert_eq!(
            layers.progress(),
            Progress {
                done: (19 << 19) + (1 << 19),
                total: Some((19 << 19) + (101 << 20)),
                layers: 2
            }
        );
        assert!(!layers.is_unpacking());
        let said: Vec<&str> = layers.said().collect();
        assert_eq!(said, [""; 0], "a layer is no message");
    }

    #[test]
    fn what_is_about_no_layer_is_kept_for_the_error() {
        let layers = read(&[
            FRAME,
            "unpacking linux/amd64 sha256:e91e...\n",
            "ctr: failed to resolve reference: 401",
        ]);
        assert!(layers.is_unpacking());
        let last = layers.said().next_back();
        assert_eq!(last, Some("ctr: failed to resolve reference: 401"));
    }
}

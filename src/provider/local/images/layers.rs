//! Parses the output of `ctr images pull --local`: a line for each layer, ten times a
//! second, and at the end the error.

use std::collections::{BTreeMap, VecDeque};

use crate::event::Progress;
use crate::quantity::containerd_bytes;

/// The maximum number of other lines that are kept.
const MAX_MESSAGES: usize = 20;

/// The progress of the layers of an image that is being pulled.
#[derive(Debug, Default)]
pub(super) struct Layers {
    layers: BTreeMap<String, Layer>,
    /// The digest of the reference: of an index or of a manifest.
    root: Option<String>,
    /// The beginning of an incomplete line.
    incomplete: String,
    /// Whether all layers are downloaded.
    unpacking: bool,
    /// The last lines that do not describe a layer.
    messages: VecDeque<String>,
}

/// The progress of a layer. Its size is unknown while it waits.
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
        self.incomplete.push_str(&String::from_utf8_lossy(piece));
        let Some(end) = self.incomplete.rfind(['\n', '\r']) else {
            return;
        };
        let rest = self.incomplete.split_off(end + 1);
        let lines = std::mem::replace(&mut self.incomplete, rest);
        for line in lines.split(['\n', '\r']) {
            self.line(&without_escapes(line));
        }
    }

    fn line(&mut self, line: &str) {
        let line = line.trim();
        if let Some((digest, rest)) = entry(line, "layer-") {
            self.layers.entry(digest.to_owned()).or_default().read(rest);
        } else if let Some((digest, _)) = entry(line, "index-").or_else(|| entry(line, "manifest-"))
        {
            self.root.get_or_insert_with(|| digest.to_owned());
        } else if line.starts_with("unpacking ") {
            self.unpacking = true;
        } else if !line.is_empty() && !line.ends_with('|') && !line.starts_with("elapsed: ") {
            self.messages.push_back(line.to_owned());
            if self.messages.len() > MAX_MESSAGES {
                self.messages.pop_front();
            }
        }
    }

    /// Returns the progress of the download. The total is known once the size of each
    /// layer is.
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

    /// Returns the digest of the reference, once its layers are known.
    pub(super) fn root(&self) -> Option<&str> {
        let has_layers = !self.layers.is_empty();
        self.root.as_deref().filter(|_| has_layers)
    }

    /// Returns the last lines that do not describe a layer.
    pub(super) fn messages(&self) -> impl DoubleEndedIterator<Item = &str> {
        let rest = Some(self.incomplete.trim()).filter(|rest| !rest.is_empty());
        self.messages.iter().map(String::as_str).chain(rest)
    }
}

impl Layer {
    /// Parses the text after the name, such as `downloading |++--| 1.5 MiB/9.0 MiB`.
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
            self.done = containerd_bytes(done).unwrap_or(self.done);
            self.total = containerd_bytes(total)
                .filter(|total| *total > 0)
                .or(self.total);
        }
        if matches!(self.state, State::Done | State::Exists) {
            // Small layers are done before their size is printed.
            self.total = self.total.or(Some(0));
            self.done = self.total.unwrap_or_default();
        }
        // `ctr` rounds both.
        self.done = self.total.map_or(self.done, |total| self.done.min(total));
    }
}

/// Returns the digest and the rest of a line such as `layer-sha256:0a1b…: done |+++|`.
fn entry<'a>(line: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
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
    fn progress_is_the_sum_of_all_layers() {
        let layers = read(&[FRAME]);
        assert_eq!(
            layers.progress(),
            Progress {
                done: 3 << 20,
                total: None,
                layers: 2
            },
            "the size of a waiting layer is unknown"
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
        // The output is split at arbitrary positions, and clears the previous frame.
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
        let messages: Vec<&str> = layers.messages().collect();
        assert_eq!(messages, [""; 0], "lines of layers are not messages");
    }

    #[test]
    fn other_lines_are_kept_for_the_error() {
        let layers = read(&[
            FRAME,
            "unpacking linux/amd64 sha256:e91e...\n",
            "ctr: failed to resolve reference: 401",
        ]);
        assert!(layers.is_unpacking());
        let last = layers.messages().next_back();
        assert_eq!(last, Some("ctr: failed to resolve reference: 401"));
    }
}
